"""What is promised: requirements with the place in Ollama's docs that says so, deviations with their reason.

Every test says by `@shows` which of them it shows, and test_coverage.py holds the two lists and the tests together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

Test = TypeVar("Test", bound=Callable[..., Any])


@dataclass(frozen=True)
class Deviation:
    """Where the embedded server differs by design: what it does, and why."""

    does: str
    reason: str


_API = "docs/api.md"
_ERRORS = "docs/api/errors.mdx"
_CLIENTS = "not in the docs: what clients rely on"

REQUIREMENTS: dict[str, str] = {
    # id: where it is said; ids of one route or subject begin alike
    "root:says-it-runs": _CLIENTS,
    "version:is-told": f"{_API}#version",
    "tags:list": f"{_API}#list-local-models",
    "ps:list": f"{_API}#list-running-models",
    "ps:unloaded-is-gone": f"{_API}#list-running-models",
    "show:known": f"{_API}#show-model-information",
    "show:unknown": _ERRORS,
    "names:latest-is-the-default-tag": f"{_API}#model-names",
    "body:content-type-is-not-asked": f"{_API}, every example is curl -d without a header",
    "chat:whole": f"{_API}#chat-request-no-streaming",
    "chat:stream": f"{_API}#chat-request-streaming",
    "chat:system": f"{_API}#generate-a-chat-completion",
    "chat:history": f"{_API}#chat-request-with-history",
    "chat:load": f"{_API}#load-a-model-1",
    "chat:unload": f"{_API}#unload-a-model-1",
    "generate:whole": f"{_API}#request-no-streaming",
    "generate:stream": f"{_API}#generate-request-streaming",
    "generate:system": f"{_API}#generate-a-completion",
    "generate:raw": f"{_API}#request-raw-mode",
    "generate:load": f"{_API}#load-a-model",
    "generate:unload": f"{_API}#unload-a-model",
    "stream:default": f"{_API}#streaming-responses",
    "stream:ndjson": "docs/api/streaming.mdx",
    "stream:one-done-and-it-is-last": "docs/api/streaming.mdx",
    "stream:usage-is-in-the-last-line": "docs/api/usage.mdx",
    "stream:same-text-as-whole": f"{_API}#request-no-streaming",
    "usage:counts": "docs/api/usage.mdx",
    "usage:durations-are-nanoseconds": f"{_API}#durations",
    "done-reason:stop": f"{_API}#chat-request-streaming-with-tools",
    "done-reason:length": "docs/modelfile.mdx#valid-parameters-and-values, num_predict",
    "options:stop": "docs/modelfile.mdx#valid-parameters-and-values, stop; docs/openapi.yaml, one or a list",
    "options:num-predict": "docs/modelfile.mdx#valid-parameters-and-values, num_predict",
    "options:seed": f"{_API}#request-reproducible-outputs",
    "options:all": f"{_API}#generate-request-with-options",
    "options:wrong-type": _ERRORS,
    "format:json": f"{_API}#json-mode",
    "format:schema": f"{_API}#structured-outputs",
    "format:unknown": f"{_API}#parameters",
    "logprobs:each-token": "docs/openapi.yaml, logprobs",
    "logprobs:top": "docs/openapi.yaml, top_logprobs",
    "logprobs:top-out-of-range": _ERRORS,
    "capabilities:lacking-is-refused": f"{_API}#parameters, tools, suffix and think are for models that support them",
    "keep-alive:zero-unloads-afterwards": "docs/faq.mdx, keep_alive",
    "keep-alive:forms": "docs/faq.mdx, keep_alive",
    "keep-alive:malformed": _ERRORS,
    "embed:text": f"{_API}#generate-embeddings",
    "embed:list": f"{_API}#request-multiple-input",
    "embed:empty-list": f"{_API}#generate-embeddings",
    "embed:unit-length": "docs/capabilities/embeddings.mdx",
    "embed:truncate": f"{_API}#generate-embeddings, truncate",
    "embed:no-truncate": f"{_API}#generate-embeddings, truncate",
    "embed:dimensions": f"{_API}#generate-embeddings, dimensions",
    "embed:keep-alive": f"{_API}#generate-embeddings, keep_alive",
    "embeddings:one-text": f"{_API}#generate-embedding",
    "errors:shape": f"{_ERRORS}#error-messages",
    "errors:unknown-model": _ERRORS,
    "errors:missing-model": _ERRORS,
    "errors:missing-body": _ERRORS,
    "errors:malformed-json": _ERRORS,
    "errors:wrong-type": _ERRORS,
    "errors:wrong-method": "HTTP",
    "errors:unknown-route": "HTTP",
    "errors:the-server-goes-on": "HTTP",
    "blobs:unknown": f"{_API}#check-if-a-blob-exists",
    "disconnect:mid-stream": _CLIENTS,
    "disconnect:waiting-for-the-whole": _CLIENTS,
    "concurrent:answers-are-not-mixed": "docs/faq.mdx, concurrent requests",
    "concurrent:lists-do-not-wait": "docs/faq.mdx, concurrent requests",
}

DEVIATIONS: dict[str, Deviation] = {
    "models-are-read-only": Deviation(
        "pull, push, create, copy, delete and a pushed blob are answered 501",
        "models are files checked against a manifest; `lexiquery models pull` is the one way to them",
    ),
    "stays-loaded": Deviation(
        "keep_alive is read, but only 0 has an effect: a model stays until it or the server goes",
        "the server lives and dies with LexiQuery, and the first question after a pause should not wait for a load",
    ),
    "no-template": Deviation(
        "`template` is refused with 400",
        "llama.cpp applies the template in the model's file; Go's template language is not here",
    ),
    "no-context": Deviation(
        "`context` is refused with 400 and not in the answer", "Ollama calls it deprecated; messages say the same"
    ),
    "text-only": Deviation(
        "tools, images, suffix and think are refused with 400, though Ollama may offer some for the same model",
        "LexiQuery asks in text and reads JSON; what is not served is said, not passed over",
    ),
    "beyond-the-window": Deviation(
        "a prompt longer than num_ctx is refused with 413, Ollama cuts it",
        "an answer to half a prompt looks like an answer",
    ),
    "hardware-is-set-at-start": Deviation(
        "num_gpu, num_thread, num_batch and their like are accepted and change nothing",
        "the server is given its threads once, when it starts",
    ),
    "embeds-with-its-own-models": Deviation(
        "/api/embed with a chat model is refused with 400", "the two kinds run on different engines here"
    ),
    "embed-has-one-window": Deviation(
        "`options` of /api/embed change nothing", "the embedding model has one window, which fits every request"
    ),
    "show-is-short": Deviation(
        "/api/show has neither template nor parameters nor, with verbose, the tokenizer",
        "they lie in the model's file, which no client of LexiQuery reads",
    ),
    "no-openai-routes": Deviation("/v1 is answered 404", "every client of ours speaks Ollama's own API"),
}

SHOWN: defaultdict[str, set[str]] = defaultdict(set)
"""By id, the tests that show it; filled as the test modules are imported."""


def shows(*ids: str) -> Callable[[Test], Test]:
    """Marks a test with what it shows. Raises KeyError for an id that nobody promised."""

    def registered(test: Test) -> Test:
        for name in ids:
            if name not in REQUIREMENTS and name not in DEVIATIONS:
                raise KeyError(f"'{name}' is neither a requirement nor a deviation")
            SHOWN[name].add(f"{test.__module__}.{test.__name__}")
        return test

    return registered

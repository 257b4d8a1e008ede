"""Sentence embeddings with onnxruntime: mean of the token vectors, unit length."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from shared.llm.embedded.int8 import SLOW_TOGETHER, multiplied_as_int8, multiplies_int8
from shared.llm.embedded.wire import ApiError

_RUN_TOKENS = 256
"""Of one run with several texts: short ones share the reading of the weights, and few of them are padded."""
_BEHIND = 5
"""How much nicer than the rest, as Unix counts it, texts in their hundreds are computed: an import that still reads, a
question and an answer come first, and what they leave of the cores is used."""
_CALLS_AT_ONCE = 2
"""Of several texts: what waits has no thread of those that questions, too, are read in."""
_ERRORS = 3
"""The runtime warns of every constant that a rewritten graph needs no more."""
_DECIMALS = 7
"""Of float32 below 1. What stands behind them is no more exact, and twice as long in JSON."""


@dataclass(frozen=True)
class Embedded:
    """vectors: one unit vector a text; tokens: read in all; load_seconds: 0 when the model was loaded."""

    vectors: list[list[float]]
    tokens: int
    load_seconds: float


def import_onnxruntime() -> Any:
    """The module, untyped, in 0.2 s; without its telemetry.

    1.31 on Linux, at its import, keeps a device id in the home directory and queues what machine this is for Microsoft.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # is read at the import only
    return import_module("onnxruntime")


class Embedder:
    """One ONNX sentence model, loaded on first use. It does not wait for the chat model, and its calls share the
    threads; one that is a single run, mostly a question, does not wait for those of many texts."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, "embed", _yield_to_others)
        self._several = asyncio.Semaphore(_CALLS_AT_ONCE)
        self._loading = threading.Lock()
        self._model: _Model | None = None

    @property
    def is_loaded(self) -> bool:
        return self._model is not None

    async def embed(self, locate: Callable[[], list[Path]], texts: list[str], window: int, truncate: bool) -> Embedded:
        """Raises ApiError 400 when a text is longer than `window` tokens and must not be truncated."""
        async with self._several if len(texts) > 1 else nullcontext():
            return await asyncio.to_thread(self._embed, locate, texts, window, truncate)

    async def unload(self) -> None:
        """Calls that are under way end on the model that they began with."""
        self._model = None

    def _embed(self, locate: Callable[[], list[Path]], texts: list[str], window: int, truncate: bool) -> Embedded:
        began = time.monotonic()
        model, load_seconds = self._model, 0.0
        if model is None:
            model = self._loaded(locate, window)
            load_seconds = time.monotonic() - began
        encodings = model.tokenizer.encode_batch(texts)
        if not truncate and any(encoding.overflowing for encoding in encodings):
            raise ApiError(400, f"the input length exceeds the context length of {window} tokens")
        ids: list[list[int]] = [encoding.ids for encoding in encodings]
        return Embedded(self._vectors(model, ids), sum(map(len, ids)), load_seconds)

    def _loaded(self, locate: Callable[[], list[Path]], window: int) -> _Model:
        with self._loading:
            model = self._model
            if model is None:
                path, tokenizer = locate()
                model = self._model = _load(path, tokenizer, window)
            return model

    def _vectors(self, model: _Model, ids: Sequence[Sequence[int]]) -> list[list[float]]:
        runs = _runs([len(tokens) for tokens in ids])
        each = map if len(runs) == 1 else self._pool.map
        done = each(lambda run: model.run([ids[place] for place in run]), runs)
        vectors: list[list[float]] = [[]] * len(ids)
        for run, found in zip(runs, done, strict=True):
            for place, vector in zip(run, found, strict=True):
                vectors[place] = vector
        return vectors


@dataclass(frozen=True)
class _Model:
    """session: multiplies as int8 if the processor is made for it, else as float32."""

    tokenizer: Any
    session: Any

    def run(self, ids: Sequence[Sequence[int]]) -> list[list[float]]:
        """Neighbours move a vector by a rounding: to float32, or to 8 bits of the run's largest value (a cosine of 0.99
        to the exact vector)."""
        import numpy as np

        tokens = np.zeros((len(ids), max(map(len, ids))), dtype=np.int64)
        mask = np.zeros_like(tokens)
        for row, text in enumerate(ids):
            tokens[row, : len(text)], mask[row, : len(text)] = text, 1
        inputs = {"input_ids": tokens, "attention_mask": mask, "token_type_ids": np.zeros_like(tokens)}
        (hidden,) = self.session.run(["last_hidden_state"], inputs)
        means = (hidden * mask[:, :, None]).sum(axis=1)
        unit = (means / np.linalg.norm(means, axis=1, keepdims=True)).astype(np.float64)
        vectors: list[list[float]] = unit.round(_DECIMALS).tolist()
        return vectors


def _load(model: Path, tokenizer_file: Path, window: int) -> _Model:
    onnxruntime = import_onnxruntime()
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    tokenizer.no_padding()
    tokenizer.enable_truncation(window)
    options = onnxruntime.SessionOptions()
    # One thread a run and several runs at once: threads that share a run spin while they wait for one another.
    options.intra_op_num_threads = 1
    options.log_severity_level = _ERRORS
    where: dict[str, Any] = {"providers": ["CPUExecutionProvider"], "disabled_optimizers": [*SLOW_TOGETHER]}
    content = multiplied_as_int8(model.read_bytes()) if multiplies_int8() else None
    return _Model(tokenizer, onnxruntime.InferenceSession(content or model, options, **where))


def _yield_to_others() -> None:
    """This thread alone: Linux has a niceness for each."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), os.nice(0) + _BEHIND)


def _runs(lengths: Sequence[int]) -> list[list[int]]:
    """Places of texts that are run together: alike in length, the longest first, at most _RUN_TOKENS when padded."""
    runs: list[list[int]] = []
    for place in sorted(range(len(lengths)), key=lambda place: -lengths[place]):
        if runs and lengths[runs[-1][0]] * (len(runs[-1]) + 1) <= _RUN_TOKENS:
            runs[-1].append(place)
        else:
            runs.append([place])
    return runs

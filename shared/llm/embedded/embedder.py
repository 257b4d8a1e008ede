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
    threads; one of a single text, mostly a question, does not wait for those of many."""

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
        each = map if len(ids) == 1 else self._pool.map
        return list(each(model.run, ids))


@dataclass(frozen=True)
class _Model:
    """session: multiplies as int8 if the processor is made for it, else as float32."""

    tokenizer: Any
    session: Any

    def run(self, ids: Sequence[int]) -> list[float]:
        """The vector of one text; as int8, at a cosine of 0.99 to the exact one. Several in a run would hardly be
        faster, and each would depend on its neighbours."""
        import numpy as np

        tokens = np.array([ids], dtype=np.int64)
        inputs = {"input_ids": tokens, "attention_mask": np.ones_like(tokens), "token_type_ids": np.zeros_like(tokens)}
        (hidden,) = self.session.run(["last_hidden_state"], inputs)
        mean = hidden[0].mean(axis=0)
        vector: list[float] = (mean / np.linalg.norm(mean)).astype(np.float64).round(_DECIMALS).tolist()
        return vector


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

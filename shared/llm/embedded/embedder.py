"""Sentence embeddings with onnxruntime: mean of the token vectors, unit length."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from shared.llm.embedded.int8 import multiplied_as_int8, multiplies_int8
from shared.llm.embedded.wire import ApiError

_RUN_TOKENS = 256
"""Of one run with several texts: short ones share the reading of the weights, and few of them are padded."""
_EXACT_TOKENS = 32
"""Texts up to it, questions and names, are computed in float32: what takes time, and forgives rounding, is long."""
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
    """One ONNX sentence model, loaded on first use. It does not wait for the chat model."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, "embed")
        self._turn = asyncio.Lock()
        self._session: Any = None
        self._int8: Any = None
        self._tokenizer: Any = None

    @property
    def is_loaded(self) -> bool:
        return self._session is not None

    async def embed(self, locate: Callable[[], list[Path]], texts: list[str], window: int, truncate: bool) -> Embedded:
        """Raises ApiError 400 when a text is longer than `window` tokens and must not be truncated."""
        async with self._turn:
            return await asyncio.to_thread(self._embed, locate, texts, window, truncate)

    async def unload(self) -> None:
        async with self._turn:
            self._session = self._int8 = self._tokenizer = None

    def _embed(self, locate: Callable[[], list[Path]], texts: list[str], window: int, truncate: bool) -> Embedded:
        began = time.monotonic()
        loaded_now = not self.is_loaded
        if loaded_now:
            model, tokenizer = locate()
            self._load(model, tokenizer, window)
        load_seconds = time.monotonic() - began if loaded_now else 0.0
        encodings = self._tokenizer.encode_batch(texts)
        if not truncate and any(encoding.overflowing for encoding in encodings):
            raise ApiError(400, f"the input length exceeds the context length of {window} tokens")
        ids: list[list[int]] = [encoding.ids for encoding in encodings]
        return Embedded(self._vectors(ids), sum(map(len, ids)), load_seconds)

    def _load(self, model: Path, tokenizer: Path, window: int) -> None:
        onnxruntime = import_onnxruntime()
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(tokenizer))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(window)
        options = onnxruntime.SessionOptions()
        # One thread a run and several runs at once: threads that share a run spin while they wait for one another.
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        if multiplies_int8() and (quick := multiplied_as_int8(model.read_bytes())):
            self._int8 = onnxruntime.InferenceSession(quick, options, providers=["CPUExecutionProvider"])

    def _vectors(self, ids: Sequence[Sequence[int]]) -> list[list[float]]:
        lengths = [len(tokens) for tokens in ids]
        short = [place for place, length in enumerate(lengths) if length <= _EXACT_TOKENS]
        long = [place for place, length in enumerate(lengths) if length > _EXACT_TOKENS]
        runs = [*_runs(long, lengths), *_runs(short, lengths)]
        done = self._pool.map(lambda run: self._run([ids[place] for place in run]), runs)
        vectors: list[list[float]] = [[]] * len(ids)
        for run, found in zip(runs, done, strict=True):
            for place, vector in zip(run, found, strict=True):
                vectors[place] = vector
        return vectors

    def _run(self, ids: Sequence[Sequence[int]]) -> list[list[float]]:
        """Neighbours move a vector by a rounding: to float32, and of long texts to 8 bits of the run's largest value
        (a cosine of 0.99 to the exact vector)."""
        import numpy as np

        tokens = np.zeros((len(ids), max(map(len, ids))), dtype=np.int64)
        mask = np.zeros_like(tokens)
        for row, text in enumerate(ids):
            tokens[row, : len(text)], mask[row, : len(text)] = text, 1
        inputs = {"input_ids": tokens, "attention_mask": mask, "token_type_ids": np.zeros_like(tokens)}
        session = self._int8 if self._int8 and tokens.shape[1] > _EXACT_TOKENS else self._session
        (hidden,) = session.run(["last_hidden_state"], inputs)
        means = (hidden * mask[:, :, None]).sum(axis=1)
        unit = (means / np.linalg.norm(means, axis=1, keepdims=True)).astype(np.float64)
        vectors: list[list[float]] = unit.round(_DECIMALS).tolist()
        return vectors


def _runs(places: Sequence[int], lengths: Sequence[int]) -> list[list[int]]:
    """Those of the places that are run together: texts alike in length, the longest first, at most _RUN_TOKENS when
    padded."""
    runs: list[list[int]] = []
    for place in sorted(places, key=lambda place: -lengths[place]):
        if runs and lengths[runs[-1][0]] * (len(runs[-1]) + 1) <= _RUN_TOKENS:
            runs[-1].append(place)
        else:
            runs.append([place])
    return runs

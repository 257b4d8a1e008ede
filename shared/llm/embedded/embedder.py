"""Sentence embeddings with onnxruntime: mean of the token vectors, unit length."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from shared.llm.embedded.wire import ApiError


@dataclass(frozen=True)
class Embedded:
    """vectors: one unit vector a text; tokens: read in all; load_seconds: 0 when the model was loaded."""

    vectors: list[list[float]]
    tokens: int
    load_seconds: float


class Embedder:
    """One ONNX sentence model, loaded on first use. It does not wait for the chat model."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._turn = asyncio.Lock()
        self._session: Any = None
        self._tokenizer: Any = None

    @property
    def is_loaded(self) -> bool:
        return self._session is not None

    async def embed(self, locate: Callable[[], list[Path]], texts: list[str], window: int, truncate: bool) -> Embedded:
        """Raises ApiError 400 when a text is longer than `window` tokens and must not be truncated."""
        async with self._turn:
            return await asyncio.to_thread(self._embed, locate, texts, window, truncate)

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
        # One text a run: int8 quantisation scales by the whole batch, and a text's vector must not depend on others.
        vectors = [self._vector(encoding.ids) for encoding in encodings]
        return Embedded(vectors, sum(len(encoding.ids) for encoding in encodings), load_seconds)

    def _load(self, model: Path, tokenizer: Path, window: int) -> None:
        onnxruntime: Any = import_module("onnxruntime")  # untyped, and 0.2 s
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(tokenizer))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(window)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def _vector(self, ids: list[int]) -> list[float]:
        import numpy as np

        tokens = np.array([ids], dtype=np.int64)
        inputs = {"input_ids": tokens, "attention_mask": np.ones_like(tokens), "token_type_ids": np.zeros_like(tokens)}
        (hidden,) = self._session.run(["last_hidden_state"], inputs)
        mean = hidden[0].mean(axis=0)
        vector: list[float] = (mean / np.linalg.norm(mean)).astype(float).tolist()
        return vector

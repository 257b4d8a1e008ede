"""A LoRA adapter over the embedded model: refused where it can't be used, and really laid over the 0.5B model."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import ollama
import pytest
from numpy.typing import NDArray
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.errors import InvalidInput
from shared.ledger import Ledger
from shared.llm.runtime import EmbeddedServer, open_models
from shared.settings import Settings
from tests.conftest import SMALL_MODEL

_STRING, _FLOAT, _F32, _ALIGNED = 8, 6, 0, 32
_LAYER = "blk.12.ffn_down.weight"
_INNER, _OUTER = 4864, 896  # of that layer in the 0.5B model
ASKED = [{"role": "user", "content": "Count from one to ten in words."}]
OPTIONS = {"num_ctx": 512, "temperature": 0, "seed": 1, "num_predict": 24}


@pytest.mark.parametrize(
    ("content", "message"), [(None, "can't read .*missing.gguf: No such file"), (b"PK\x03\x04", "is no GGUF file")]
)
async def test_an_adapter_that_is_none_is_named_at_the_start(
    settings: Settings, ledger: Ledger, engine: AsyncEngine, tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "missing.gguf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidInput, match=message):
        async with open_models(settings.model_copy(update={"model_adapter": path}), ledger, engine):
            pass


async def test_an_adapter_where_no_embedded_model_is_used_is_refused(
    settings: Settings, ledger: Ledger, engine: AsyncEngine, tmp_path: Path
) -> None:
    changes = {"model_adapter": tmp_path / "a.gguf", "ollama_host": "http://127.0.0.1:11434"}
    with pytest.raises(InvalidInput, match="is for the embedded model") as raised:
        async with open_models(settings.model_copy(update=changes), ledger, engine):
            pass
    assert "Modelfile" in (raised.value.suggestion or "")


@pytest.mark.real_model
def test_an_adapter_changes_what_the_model_writes_and_its_digest(model_dir: Path, tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    noise = (chance.standard_normal((1, _INNER)), chance.standard_normal((_OUTER, 1)))
    adapter = tmp_path / "noise.gguf"
    adapter.write_bytes(_gguf(*(part.astype(np.float32) for part in noise)))
    settings = Settings(data_dir=tmp_path / "data", model_dir=model_dir, model=SMALL_MODEL, model_threads=1)
    plain, plain_digest = _answer(settings)
    tuned, tuned_digest = _answer(settings.model_copy(update={"model_adapter": adapter}))
    assert "one" in plain.lower()
    assert tuned != plain
    assert tuned_digest != plain_digest


@pytest.mark.real_model
def test_an_adapter_of_another_model_is_said_with_its_file(model_dir: Path, tmp_path: Path) -> None:
    adapter = tmp_path / "other.gguf"
    adapter.write_bytes(_gguf(np.ones((1, 16), dtype=np.float32), np.ones((16, 1), dtype=np.float32)))
    settings = Settings(data_dir=tmp_path / "data", model_dir=model_dir, model=SMALL_MODEL, model_threads=1)
    with pytest.raises(ollama.ResponseError, match=r"with the adapter .*other\.gguf"):
        _answer(settings.model_copy(update={"model_adapter": adapter}))


def _answer(settings: Settings) -> tuple[str, str | None]:
    """What the model writes, and its digest."""
    server = EmbeddedServer(settings)
    try:
        client = ollama.Client(server.start())
        text = client.chat(SMALL_MODEL, ASKED, options=OPTIONS).message.content
        listed = {one.model: one.digest for one in client.list().models}
    finally:
        server.stop()
    return text or "", listed[SMALL_MODEL]


def _gguf(lora_a: NDArray[np.float32], lora_b: NDArray[np.float32]) -> bytes:
    """An adapter of one layer, as llama.cpp's GGUF version 3 has it: lora_a (rank, inner), lora_b (outer, rank)."""
    texts = {"general.architecture": "qwen2", "general.type": "adapter", "adapter.type": "lora"}
    head = struct.pack("<4sIQQ", b"GGUF", 3, 2, len(texts) + 1)
    head += b"".join(_text(key) + struct.pack("<I", _STRING) + _text(value) for key, value in texts.items())
    head += _text("adapter.lora.alpha") + struct.pack("<If", _FLOAT, 1.0)
    data = b""
    for name, part in ((f"{_LAYER}.lora_a", lora_a), (f"{_LAYER}.lora_b", lora_b)):
        rows, columns = part.shape
        head += _text(name) + struct.pack("<IQQIQ", 2, columns, rows, _F32, len(data))
        data += _padded(part.tobytes())
    return _padded(head) + data


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()


def _padded(content: bytes) -> bytes:
    return content + b"\0" * (-len(content) % _ALIGNED)

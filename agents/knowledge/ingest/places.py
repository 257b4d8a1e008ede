"""Where documents lie: what a sender may say of it, so that no request takes away what it never had."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath, PurePosixPath, PureWindowsPath

from shared.documents import IngestRequest
from shared.errors import InvalidInput


def printable(text: str) -> str:
    """With bytes of a file's name that are not UTF-8 escaped, as in `n\\udcff.md`."""
    return text.encode("utf-8", errors="backslashreplace").decode()


def check_location(location: str, source: str) -> None:
    """Raises InvalidInput for what is no path of a file that can be cited as `source`: uploads and web addresses are
    known by their names, and nobody sends them by a location."""
    if _path(location) is None or not f"/{location}".endswith(f"/{source}"):
        raise InvalidInput(
            f"the location '{location[:200]}' is no path of a file that ends with '{source[:200]}'",
            suggestion="leave the location out: the document is known by its filename",
        )


def check_folders(request: IngestRequest, gone: Mapping[str, str]) -> None:
    """Raises InvalidInput for a folder that is none, for one that seems empty where documents were read before and the
    request does not allow that, and for one above the folders that they were read from.

    gone: sources by location of what would be removed, unless it was renamed.
    """
    for given in request.folders:
        folder = _path(given.rstrip("/"))
        if folder is None or len(folder.parts) < 2:
            raise InvalidInput(f"'{given[:200]}' is no folder of documents", suggestion="name one below the root")
        below = f"{given.rstrip('/')}/"
        missing = {location: source for location, source in gone.items() if location.startswith(below)}
        if missing and not (request.allow_empty or any(seen.location.startswith(below) for seen in request.seen)):
            raise InvalidInput(
                f"no document is left in {given}, where {len(missing)} were read before",
                suggestion="say --allow-empty (allow_empty over HTTP) to remove them",
            )
        _check_roots(given.rstrip("/"), missing)


def _check_roots(folder: str, missing: Mapping[str, str]) -> None:
    for location, source in missing.items():
        root = root_of(location, source) or _above(location)
        if root.startswith(f"{folder}/"):
            raise InvalidInput(
                f"{location} was read from {root}, and is gone: {folder} does not speak for it",
                suggestion=f"add {root} itself, or remove '{source}' by its name",
            )


def root_of(location: str, source: str) -> str | None:
    """The folder that was added: a source begins with its name. None of a file that was added alone."""
    first, _, rest = source.partition("/")
    return location.removesuffix(f"/{rest}") if rest and location.endswith(f"/{first}/{rest}") else None


def _above(location: str) -> str:
    return location.rsplit("/", 1)[0]


def _path(text: str) -> PurePath | None:
    """None if it does not begin at a root."""
    return next((path for path in (PurePosixPath(text), PureWindowsPath(text)) if path.is_absolute()), None)

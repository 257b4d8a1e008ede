"""Where documents lie: what a sender may say of it, so that no request takes away what it never had."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePath, PurePosixPath, PureWindowsPath

from shared.documents import IngestRequest
from shared.errors import InvalidInput

_UNSHOWN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)
"""Controls, ends of lines, what has no width (but joiners, which some scripts need), turns of direction, and ASCII in
disguise."""


def printable(text: str) -> str:
    """With what does not show escaped, as in `n\\udcff.md`: bytes of a name that are not UTF-8, ends of lines."""
    whole = text.encode("utf-8", errors="backslashreplace").decode()
    return _UNSHOWN.sub(lambda found: found[0].encode("unicode_escape").decode(), whole)


def unnamed(name: str) -> str | None:
    """Why a document can't be cited, sent or stored by this name; None if it can. A line feed in it would begin a line
    of a prompt or of a report, and a turn of direction shows another name than it has."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return "its name is not UTF-8; rename it"
    return "its name has characters that do not show; rename it" if _UNSHOWN.search(name) else None


def check_location(location: str, source: str, *, keeps: bool) -> None:
    """Raises InvalidInput for one of anybody but who keeps the database, and for what is no path of a file that can be
    cited as `source`: uploads and web addresses are known by their names, and nobody sends them by a location."""
    if not keeps:
        raise InvalidInput(
            "where a document lies is said by `lexiquery sop add` alone, which reads it there",
            suggestion="leave the location out: the document is known by its filename",
        )
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
                suggestion="say --allow-empty to remove them",
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

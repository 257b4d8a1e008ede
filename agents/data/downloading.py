"""A catalog from the web: its file, and the files of rows beside it, into a folder."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urljoin, urlsplit

import httpx

from shared.errors import InvalidInput, LexiQueryError, NotFound, SourceUnavailable

_NAME = "catalog"
_MIB = 2**20
_CATALOG_LIMIT, _ROWS_LIMIT = 16 * _MIB, 512 * _MIB
_SECONDS, _ROWS_SECONDS = 60.0, 900.0
_SILENCE_SECONDS = 20.0
_REDIRECTS = 5


async def download_catalog(url: str, folder: Path, suffixes: tuple[str, ...]) -> Path:
    """The file at `url`, in `folder`, with one of the suffixes: its own, else .sql or .yaml by what is in it.

    Raises InvalidInput (too large, a web page), NotFound, SourceUnavailable.
    """
    path = folder / _NAME
    kind = await _download(url, path, _CATALOG_LIMIT, _SECONDS)
    if kind == "text/html":
        raise InvalidInput(
            f"{shown(url)} is a web page, not a catalog", suggestion="give the address of the file itself"
        )
    suffix = PurePosixPath(unquote(urlsplit(url).path)).suffix.lower()
    if suffix not in suffixes:
        suffix = ".sql" if b"CREATE TABLE" in path.read_bytes().upper() else ".yaml"
    return path.rename(path.with_suffix(suffix))


async def download_rows(url: str, rows: str, folder: Path) -> None:
    """The file of rows that the catalog at `url` names, relative to it, into the same place below `folder`.

    Raises InvalidInput for a name that leads out of the catalog's own folder, else as download_catalog.
    """
    name = PurePosixPath(rows)
    if name.is_absolute() or ".." in name.parts or urlsplit(rows).scheme:
        raise InvalidInput(f"{shown(url)} names rows at '{rows}', which is not beside it")
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    await _download(urljoin(url, rows), target, _ROWS_LIMIT, _ROWS_SECONDS)


@contextmanager
def told_of(url: str, folder: Path) -> Iterator[None]:
    """Errors about the files in `folder` name the address that they are from."""
    try:
        yield
    except LexiQueryError as error:
        there = re.sub(re.escape(str(folder / _NAME)) + r"\.\w+", lambda _: shown(url), error.message)
        message = there.replace(str(folder), shown(url).rpartition("/")[0])
        raise type(error)(message, suggestion=error.suggestion) from error


def shown(url: str) -> str:
    """The address without what may be secret in it: user, password, query."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


async def _download(url: str, target: Path, limit: int, seconds: float) -> str:
    """The media type of what was fetched."""
    try:
        async with (
            asyncio.timeout(seconds),
            httpx.AsyncClient(timeout=_SILENCE_SECONDS, follow_redirects=True, max_redirects=_REDIRECTS) as client,
            client.stream("GET", url) as response,
        ):
            _check(response, url)
            await _save(response, target, limit, url)
            return str(response.headers.get("content-type", "")).partition(";")[0].strip().lower()
    except TimeoutError as error:
        raise SourceUnavailable(f"{shown(url)} was not read whole within {seconds:g} s") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise SourceUnavailable(f"can't read {shown(url)}: {error or type(error).__name__}") from error


def _check(response: httpx.Response, url: str) -> None:
    if response.status_code in (404, 410):
        raise NotFound(f"nothing at {shown(url)} (HTTP {response.status_code})")
    if not response.is_success:
        raise SourceUnavailable(f"{shown(url)} answered HTTP {response.status_code} {response.reason_phrase}")


async def _save(response: httpx.Response, target: Path, limit: int, url: str) -> None:
    read = 0
    with target.open("wb") as file:
        async for chunk in response.aiter_bytes():
            read += len(chunk)
            if read > limit:
                raise InvalidInput(f"{shown(url)} is larger than the {limit // _MIB} MiB that are read")
            file.write(chunk)

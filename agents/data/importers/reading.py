"""A catalog from a file or a folder of any kind that is known."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from agents.data.ddl import read_ddl
from agents.data.importers.data_models import models_in
from agents.data.importers.detecting import KINDS, Found, detect
from agents.data.importers.kusto import read_kusto
from agents.data.importers.log_analytics import read_log_analytics
from agents.data.importers.read import Read, group_of, left_out
from agents.data.importers.row_files import read_row_files
from agents.data.importers.splunk import SplunkFiles, read_splunk
from agents.data.spl.conf import read_stanzas
from shared.catalog import Catalog, read_catalog
from shared.errors import InvalidInput, NotFound, SourceUnavailable

_SPLUNK = frozenset(("field_summary", "conf", "data_model"))
_KUSTO = frozenset(("kusto", "log_analytics"))
_MOST_FILES = 2000


@dataclass(frozen=True)
class Asked:
    """What the user asked for, and where files may be written while it is read."""

    group: str | None
    platform: str | None
    scratch: Path
    sample_values: bool = False


def read_path(path: Path, asked: Asked) -> Read:
    """Raises NotFound, SourceUnavailable where it may not be read, and InvalidInput with the kinds that are known."""
    try:
        if path.is_dir():
            return _folder(path, asked)
        if not path.is_file():
            raise NotFound(f"no file or folder at {path}")
        found = detect(path)
        if found is None:
            raise InvalidInput(f"can't read a catalog from {path}", suggestion=f"known: {', '.join(KINDS)}")
        return _file(found, asked)
    except OSError as error:
        raise SourceUnavailable(f"can't read {error.filename or path}: {error.strerror or error}") from error


def _file(found: Found, asked: Asked) -> Read:
    where = str(found.path)
    if found.kind == "catalog":
        return Read(read_catalog(found.path))
    if found.kind == "sql":
        return Read(read_ddl(found.path, group_of(where, asked.group)))
    return _several([found], where, asked)


def _folder(folder: Path, asked: Asked) -> Read:
    found: list[Found] = []
    others: list[str] = []
    for path in _files(folder):
        name = str(path.relative_to(folder))
        try:
            one = detect(path)
        except InvalidInput:
            one = None
        if one is None:
            others.append(name)
        elif one.kind in ("catalog", "sql"):
            raise InvalidInput(f"{folder} holds {name}, which is a catalog by itself", suggestion=f"import {path}")
        else:
            found.append(one)
    if not found:
        raise InvalidInput(f"nothing in {folder} can be imported", suggestion=f"known: {', '.join(KINDS)}")
    read = _several(found, str(folder), asked)
    return replace(read, notes=[*read.notes, *left_out("files of other kinds are", others)])


def _files(folder: Path) -> list[Path]:
    """Those that are not hidden, in order. Raises InvalidInput for a folder of thousands: it is none of data."""
    paths: list[Path] = []
    for base, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths += [Path(base) / name for name in sorted(names) if not name.startswith(".")]
        if len(paths) > _MOST_FILES:
            raise InvalidInput(f"{folder} holds more than {_MOST_FILES:,} files", suggestion="name a folder of data")
    return paths


def _several(found: list[Found], where: str, asked: Asked) -> Read:
    """Files that make one group together."""
    kinds = {one.kind for one in found}
    if kinds <= _KUSTO:
        return _merged([_of_kusto(one, asked) for one in found])
    if kinds & _KUSTO:
        odd = next(one for one in found if one.kind not in _KUSTO)
        raise InvalidInput(f"{where} holds the schema of a Kusto database and {odd.path.name}, which is none")
    if kinds & _SPLUNK:
        return read_splunk(_of_splunk(found), where, asked.group, asked.scratch, sample_values=asked.sample_values)
    return read_row_files([one.path for one in found], where, asked.group, asked.platform, asked.scratch)


def _of_kusto(found: Found, asked: Asked) -> Read:
    read = read_kusto if found.kind == "kusto" else read_log_analytics
    return read(found.content, str(found.path), asked.group)


def _of_splunk(found: Iterable[Found]) -> SplunkFiles:
    files = SplunkFiles()
    for one in found:
        if one.kind == "field_summary":
            files.summaries.append((one.path.name.partition(".")[0], one.content))
        elif one.kind == "data_model":
            files.models += models_in(one.content)
        elif one.kind == "conf":
            files.confs.append(_stanzas(one.path))
        else:
            files.lookups.append(one.path)
    return files


def _stanzas(path: Path) -> dict[str, dict[str, str]]:
    try:
        return read_stanzas(path.read_text(encoding="utf-8"))
    except (InvalidInput, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path}: {error}") from error


def _merged(reads: list[Read]) -> Read:
    """The tables and functions of all, in one group; of the same name those of the first file."""
    first = reads[0].catalog
    tables = {table.name: table for read in reversed(reads) for table in read.catalog.tables}
    functions = {function.name: function for read in reversed(reads) for function in read.catalog.functions}
    catalog = Catalog(
        schema_group=first.schema_group,
        platform="kql",
        tables=list(tables.values()),
        functions=list(functions.values()),
    )
    return Read(catalog, [note for read in reads for note in read.notes])

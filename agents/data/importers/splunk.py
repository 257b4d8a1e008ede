"""What a Splunk says of its data, from several files: indexes with their fields, lookups, data models, macros.

`fieldsummary` says which fields an index has, props.conf which a sourcetype has. A search names an index, so a
sourcetype's fields go to the indexes whose summaries list it, or to the only index there is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agents.data.importers.data_models import tables_of
from agents.data.importers.field_summary import fields_of
from agents.data.importers.read import Read, group_of, left_out
from agents.data.importers.row_files import read_table
from agents.data.importers.splunk_conf import Conf, Stanzas, read_conf
from agents.data.platform import load_platform
from agents.data.spl.check import search_macros
from shared.catalog import Catalog, Column, Table
from shared.errors import InvalidInput

_EVENTS = {"_time": "time", "_raw": "string", "host": "string", "source": "string", "sourcetype": "string"}
_MAIN = "main"  # Splunk's own default
_EVERY = "default"


@dataclass
class SplunkFiles:
    """summaries: rows of `fieldsummary`, by the file's name without its suffix; lookups: files of rows."""

    summaries: list[tuple[str, list[dict[str, Any]]]] = field(default_factory=list)
    confs: list[Stanzas] = field(default_factory=list)
    models: list[dict[str, Any]] = field(default_factory=list)
    lookups: list[Path] = field(default_factory=list)


def read_splunk(files: SplunkFiles, where: str, group: str | None, scratch: Path, *, sample_values: bool) -> Read:
    """Raises InvalidInput where the files make no table."""
    notes: list[str] = []
    conf = read_conf(files.confs)
    indexes = _indexes(files, sample_values=sample_values)
    _add_fields(indexes, conf, notes)
    spl = load_platform("spl")
    read = [read_table(path, spl, scratch, notes) for path in files.lookups]
    rows = {path.name: table for path, table in zip(files.lookups, read, strict=True)}
    tables = [
        *(_index(name, fields) for name, fields in indexes.items()),
        *_lookups(conf, rows),
        *(table for model in files.models for table in tables_of(model)),
    ]
    if not tables:
        raise InvalidInput(f"{where} names no index, lookup or data model")
    macros = search_macros(conf.macros)
    catalog = Catalog(schema_group=group_of(where, group), platform="spl", tables=tables, macros=macros)
    return Read(catalog, notes, scratch if files.lookups else None)


def _indexes(files: SplunkFiles, *, sample_values: bool) -> dict[str, dict[str, Column]]:
    indexes: dict[str, dict[str, Column]] = {}
    for stem, rows in files.summaries:
        name, fields = fields_of(rows, sample_values=sample_values)
        known = indexes.setdefault(name or stem, {})
        known.update({one: column for one, column in fields.items() if one not in known})
    return indexes


def _add_fields(indexes: dict[str, dict[str, Column]], conf: Conf, notes: list[str]) -> None:
    """The fields of props.conf, where they belong."""
    if not indexes and conf.fields:
        indexes[_MAIN] = {}
        notes.append(f"no fieldsummary names an index: the fields of props.conf are taken to be of '{_MAIN}'")
    homeless: list[str] = []
    for stanza, names in conf.fields.items():
        homes = _homes(stanza, indexes)
        if not homes:
            homeless.append(stanza)
        for fields in homes:
            fields.update({name: Column(name=name) for name in names if name not in fields})
    notes += left_out("fields of props.conf that no one index has are", [f"[{name}]" for name in homeless])


def _homes(stanza: str, indexes: Mapping[str, dict[str, Column]]) -> list[dict[str, Column]]:
    if len(indexes) == 1 or stanza == _EVERY:
        return list(indexes.values())
    return [fields for fields in indexes.values() if "sourcetype" in fields and stanza in fields["sourcetype"].values]


def _index(name: str, fields: dict[str, Column]) -> Table:
    """With what every event has."""
    standard = {one: Column(name=one, type=kind) for one, kind in _EVENTS.items()}
    return Table(name=name, kind="index", columns=list({**standard, **fields}.values()))


def _lookups(conf: Conf, rows: Mapping[str, Table]) -> list[Table]:
    """Those with rows by the file's name, and those of transforms.conf by theirs."""
    found = {table.name: table.model_copy(update={"kind": "lookup"}) for table in rows.values()}
    for name, (file, listed) in conf.lookups.items():
        if file and file in rows:
            found[name] = rows[file].model_copy(update={"name": name, "kind": "lookup"})
        elif listed:
            found.setdefault(name, Table(name=name, kind="lookup", columns=[Column(name=one) for one in listed]))
    return list(found.values())

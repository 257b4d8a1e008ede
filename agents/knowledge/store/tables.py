"""The tables of what is known: documents, their passages and versions, known errors, and how folders were labelled."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, Integer, MetaData, String, Table, Text

schema = MetaData()
# What may be empty came later: rows that an older LexiQuery wrote have none of it.
documents = Table(
    "knowledge_documents",
    schema,
    Column("collection", String(32), primary_key=True),
    Column("location", String(1024), primary_key=True, comment="a path, a URL and #MARK, or upload:MARK:NAME"),
    Column("id", String(32), comment="stays when the document is renamed"),
    Column("source", String(1024), nullable=False, comment="how it is cited"),
    Column("title", Text, nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("imported_at", DateTime(timezone=True), nullable=False),
    Column("given", Text, comment="JSON list: labels that came with the import"),
    Column("own", Text, comment="JSON list: labels that it gives itself"),
    Column("revision", String(64), comment="the commit that it was read at"),
    Column("etag", String(256), comment="by which a web server knows whether it changed"),
)
passages = Table(
    "knowledge_passages",
    schema,
    Column("id", String(32), primary_key=True),
    Column("collection", String(32), nullable=False, index=True),
    Column("location", String(1024), nullable=False, index=True),
    Column("position", Integer, nullable=False),
    Column("path", Text, nullable=False, comment="JSON list of the titles above it"),
    Column("kind", String(8), nullable=False),
    Column("language", String(32)),
    Column("text", Text, nullable=False),
    Column("step", String(32), comment="number of the step that it begins with or belongs to: 3.2"),
    Column("lead", Text, comment="the sentence that introduces code or a table"),
)
changes = Table(
    "knowledge_versions",
    schema,
    Column("collection", String(32), primary_key=True),
    Column("version", Integer, nullable=False),
)
emptied = Table(
    "knowledge_emptied_folders",
    schema,
    Column("collection", String(32), primary_key=True),
    Column("folder", String(1024), primary_key=True, comment="nothing that was read there is left"),
    Column("given", Text, nullable=False, comment="JSON list: labels that its last documents came with"),
)
keeper = Table(
    "knowledge_keeper",
    schema,
    Column("id", Integer, primary_key=True, comment="1"),
    Column("key", String(64), nullable=False, comment="hex; who has it keeps the database"),
)
known_errors_table = Table(
    "known_errors",
    schema,
    Column("location", String(1024), primary_key=True, comment="the file and, after #, the id"),
    Column("content", Text, nullable=False, comment="KnownError as JSON"),
)

history = Table(
    "knowledge_history",
    schema,
    Column("collection", String(32), primary_key=True),
    Column("document", String(1024), primary_key=True, comment="id of the document"),
    Column("number", Integer, primary_key=True, comment="counts from 1"),
    Column("location", String(1024), nullable=False),
    Column("source", String(1024), nullable=False),
    Column("title", Text, nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("revision", String(64)),
    Column("read_at", DateTime(timezone=True), nullable=False),
    Column("passages", Integer, nullable=False),
    Column("text", Text, nullable=False),
)

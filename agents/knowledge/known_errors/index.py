"""Known errors: a signature in the logs, what causes it, what fixes it."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

import yaml
from pydantic import Field, ValidationError, field_validator
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.knowledge.ingest.chunks import Chunk
from agents.knowledge.ingest.importing import sync_vectors
from agents.knowledge.known_errors.mining import mine, template_of
from agents.knowledge.known_errors.templates import WILDCARD, words_of
from agents.knowledge.library import Library
from agents.knowledge.search import scoring
from agents.knowledge.search.excerpts import EXCERPT_CHARACTERS, shortened
from agents.knowledge.store.tables import known_errors_table
from agents.knowledge.text import identifiers
from shared.documents import Failure, IngestReport
from shared.errors import InvalidInput, NotFound, did_you_mean
from shared.llm.client import Models
from shared.models import KnowledgeHit, Model
from shared.settings import Settings

_FEW = 2
"""Known errors that may share a code which still tells them apart from the others."""
_GIVEN = "known_errors"
"""Stands for the file of those that were given without one."""


class KnownError(Model):
    """signature: a log line with `<*>` for what varies; see: runbooks, tickets or pages that say more."""

    id: str = Field(min_length=1, max_length=64)
    title: str = Field(min_length=1)
    signature: str = Field(min_length=1)
    services: list[str] = []
    cause: str = Field(min_length=1)
    fix: str = Field(min_length=1)
    see: list[str] = []

    @field_validator("services", "see", mode="before")
    @classmethod
    def _one_or_more(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value or []

    @property
    def passage(self) -> Chunk:
        services = f"Services: {', '.join(self.services)}\n" if self.services else ""
        signature = self.signature.replace(WILDCARD, "…")
        text = f"{signature}\n{services}Cause: {self.cause}\nFix: {self.fix}"
        return Chunk((self.title,), "text", text)

    @property
    def excerpt(self) -> str:
        """Cause and fix, each with its share of the length."""
        cause, fix = f"Cause: {self.cause}", f"Fix: {self.fix}"
        spare = max(0, EXCERPT_CHARACTERS // 2 - len(fix))
        cause = shortened(cause, EXCERPT_CHARACTERS // 2 - 1 + spare)
        return f"{cause} {shortened(fix, EXCERPT_CHARACTERS - 1 - len(cause))}"


class KeepRequest(Model):
    """Skill `keep` of the agent. It answers an IngestReport."""

    errors: list[KnownError]

    @field_validator("errors")
    @classmethod
    def _once(cls, errors: list[KnownError]) -> list[KnownError]:
        for error_id, times in Counter(error.id for error in errors).items():
            if times > 1:
                raise ValueError(f"{times} have the id '{error_id}'")
        return errors


class ForgetRequest(Model):
    """Skill `forget` of the agent. It answers an IngestReport."""

    id: str


@dataclass(frozen=True)
class FoundError:
    """code: the error's id; quoted: the text quotes its signature or names its code, so that logs hold it."""

    hit: KnowledgeHit
    code: str
    quoted: bool


class KnownErrorIndex:
    """The known errors of a data directory. `close` frees the vector store."""

    def __init__(self, engine: AsyncEngine, models: Models, settings: Settings) -> None:
        self._engine = engine
        self._library = Library(engine, models, settings, "known_errors")
        self._changing = asyncio.Lock()

    async def add(self, path: Path) -> IngestReport:
        """Import a YAML file: a list of KnownError, or {known_errors: [...]}. One of an earlier import of the file that
        is no longer in it is removed; a broken one is reported and skipped; what `keep` was given under one of its ids
        stays.

        Raises NotFound, or InvalidInput when the file as a whole can't be read.
        """
        file = await asyncio.to_thread(lambda: path.expanduser().resolve())
        errors, failed = await asyncio.to_thread(read_known_errors, file, set())
        report = IngestReport(failed=failed)
        async with self._changing:
            known = await self._library.hashes()
            for error in errors:
                if _location(_GIVEN, error.id) in known:
                    report.unchanged.append(_source(file.as_posix(), error.id))
                else:
                    await self._put(error, file.as_posix(), known, report)
            there = {error.id for error in errors}
            await self._remove({place for place in known if _is_gone(place, file, there)}, report)
            await sync_vectors(self._library, report)
        return report

    async def keep(self, errors: Sequence[KnownError]) -> IngestReport:
        """Add these, whose ids differ. Each replaces what has its id, also what a file brought; all others stay."""
        report = IngestReport()
        async with self._changing:
            known, stored = await self._library.hashes(), await stored_errors(self._engine)
            given = {_location(_GIVEN, error.id) for error in errors}
            ids = {error.id for error in errors}
            replaced = {at: old.id for at, old in stored.items() if old.id in ids and at not in given}
            known |= {_location(_GIVEN, old): "" for old in replaced.values()}
            for error in errors:
                await self._put(error, _GIVEN, known, report)
            await self._remove(replaced, IngestReport())
            await sync_vectors(self._library, report, given)
        return report

    async def forget(self, error_id: str) -> IngestReport:
        """Remove what has the id; one that a file brought is back with its next import. Raises NotFound with the
        nearest id."""
        report = IngestReport()
        async with self._changing:
            stored = await stored_errors(self._engine)
            gone = [location for location, error in stored.items() if error.id == error_id]
            if not gone:
                raise NotFound.named("known error", error_id, [error.id for error in stored.values()])
            await self._remove(gone, report)
            await sync_vectors(self._library, report, [])
        return report

    async def search(self, text: str, limit: int = 5) -> list[FoundError]:
        """Known errors that bear on the text: those whose signature it quotes first, then by words and meaning."""
        matches = await self._library.search(text, limit)
        known = await stored_errors(self._engine)
        ranked = {one.passage.location: (one.score, one.reason) for one in matches if one.passage.location in known}
        quoted = {at: (max(score, ranked.get(at, (0.0, ""))[0]), why) for at, score, why in _quoted(text, known)}
        ranked |= quoted
        best = sorted(ranked, key=lambda at: (at not in quoted, -ranked[at][0], at))[:limit]
        return [FoundError(_hit(at, known[at], *ranked[at]), known[at].id, at in quoted) for at in best]

    async def close(self) -> None:
        await self._library.close()

    async def _put(self, error: KnownError, file: str, known: dict[str, str], report: IngestReport) -> None:
        location, source = _location(file, error.id), _source(file, error.id)
        content = error.model_dump_json()
        content_hash = hashlib.sha256(content.encode()).hexdigest()
        if known.get(location) == content_hash:
            report.unchanged.append(source)
            return
        async with self._engine.begin() as connection:
            await connection.execute(delete(known_errors_table).where(known_errors_table.c.location == location))
            await connection.execute(known_errors_table.insert().values(location=location, content=content))
        # Last, for it keeps the hash: after a crash in between the next import does both again.
        await self._library.put(location, source, error.title, content_hash, [error.passage])
        (report.updated if location in known else report.added).append(source)

    async def _remove(self, locations: Collection[str], report: IngestReport) -> None:
        if not locations:
            return
        await self._library.remove(locations)
        async with self._engine.begin() as connection:
            for location in locations:
                await connection.execute(delete(known_errors_table).where(known_errors_table.c.location == location))
        report.removed.extend(sorted(location.rsplit("/", 1)[-1] for location in locations))


async def stored_errors(engine: AsyncEngine) -> dict[str, KnownError]:
    """Every known error, by location: its file, if it has one, and after # its id."""
    async with engine.connect() as connection:
        rows = (await connection.execute(select(known_errors_table))).all()
    return {row.location: KnownError.model_validate_json(row.content) for row in rows}


def read_known_errors(file: Path, taken: set[str]) -> tuple[list[KnownError], list[Failure]]:
    """What a YAML file holds, and which of its entries are no known errors. taken: ids that are not free; those of the
    file are added.

    Raises NotFound, or InvalidInput when the file as a whole can't be read.
    """
    errors: list[KnownError] = []
    failed: list[Failure] = []
    for number, entry in enumerate(_entries(file), start=1):
        try:
            error = _known_error(entry, number, taken)
        except InvalidInput as problem:
            failed.append(Failure(source=f"{file.name}#{number}", reason=str(problem)))
            continue
        taken.add(error.id)
        errors.append(error)
    return errors, failed


def _entries(file: Path) -> list[object]:
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except FileNotFoundError:
        raise NotFound(f"no file of known errors at {file}") from None
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise InvalidInput(f"{file} is not readable YAML: {error}") from error
    entries = content.get("known_errors") if isinstance(content, dict) else content
    if not isinstance(entries, list):
        raise InvalidInput(f"{file}: expected a list of known errors, or 'known_errors:' with one")
    return entries


def _known_error(entry: object, number: int, taken: set[str]) -> KnownError:
    try:
        error = KnownError.model_validate(entry)
    except ValidationError as problem:
        # What is unknown is often what is missing, misspelt.
        first = min(problem.errors(), key=lambda one: one["type"] != "extra_forbidden")
        place = ".".join(str(part) for part in first["loc"])
        said = f"entry {number}: {place}: {first['msg']}" if place else f"entry {number}: {first['msg']}"
        unknown = first["type"] == "extra_forbidden"
        raise InvalidInput(said, suggestion=did_you_mean(place, KnownError.model_fields) if unknown else None) from None
    if error.id in taken:
        raise InvalidInput(f"entry {number}: the id '{error.id}' is taken by an entry above")
    return error


def _location(file: str, error_id: str) -> str:
    return f"{file}#{error_id}"


def _source(file: str, error_id: str) -> str:
    return f"{PurePath(file).name}#{error_id}"


def _is_gone(location: str, file: Path, there: set[str]) -> bool:
    path, _, error_id = location.rpartition("#")
    return path == file.as_posix() and error_id not in there


def _quoted(text: str, known: dict[str, KnownError]) -> Iterator[tuple[str, float, str]]:
    """(location, score, why) of those whose signature the text quotes, or whose signature or title holds a code of the
    text that few others hold. Of a pasted log one line of each template is compared."""
    quotes, names = [words_of(one.line) for one in mine(text.splitlines())], identifiers(text)
    codes = {location: identifiers(f"{error.id} {error.title} {error.signature}") for location, error in known.items()}
    held = Counter(name for others in codes.values() for name in others)
    for location, error in known.items():
        rare = sorted(name for name in names & codes[location] if held[name] <= _FEW)
        signature = template_of(error.signature)
        share = max((signature.quoted_in(words) for words in quotes), default=0.0)
        if rare:
            yield location, scoring.NAMED, shortened(f"names {', '.join(name.upper() for name in rare)}", 1000)
        elif share:
            yield location, round(scoring.NAMED * share, 3), f"quotes its signature: {shortened(error.signature, 100)}"


def _hit(location: str, error: KnownError, score: float, reason: str) -> KnowledgeHit:
    source = location.rsplit("/", 1)[-1]
    title = f"{error.id}: {error.title}"
    return KnowledgeHit(
        agent="known_errors", title=title, source=source, excerpt=error.excerpt, score=score, reason=reason
    )

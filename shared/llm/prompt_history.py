"""The text of every prompt that was ever used, by its version: what the ledger's `prompt_version` stands for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Column, String, Table, Text, select
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.database import insert_on
from shared.errors import InvalidInput, NotFound, did_you_mean
from shared.ledger import schema
from shared.ledger.tables import UtcDateTime
from shared.llm.prompts import Prompt
from shared.models import Model

_prompts = Table(
    "prompts",
    schema,
    Column("name", String(64), primary_key=True),
    Column("version", String(64), primary_key=True, comment="the first 12 hex digits of the text's sha256"),
    Column("text", Text, nullable=False, comment="the template, without any value"),
    Column("first_used_at", UtcDateTime, nullable=False),
)


class PromptVersion(Model):
    """One text of a prompt. first_used_at: None where no call of this database used it."""

    name: str
    version: str
    text: str
    first_used_at: datetime | None = None


class PromptHistory:
    """Keeps prompts in `prompts` of the process's database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._kept: set[tuple[str, str]] = set()

    async def keep(self, prompt: Prompt) -> None:
        """Write down that this version is used: once a process, and only the first time for good."""
        key = (prompt.name, prompt.version)
        if key in self._kept:
            return
        row = insert_on(self._engine.dialect, _prompts).values(
            name=prompt.name, version=prompt.version, text=prompt.text, first_used_at=datetime.now(UTC)
        )
        async with self._engine.begin() as connection:
            await connection.execute(row.on_conflict_do_nothing())
        self._kept.add(key)

    async def versions(self, name: str | None = None) -> list[PromptVersion]:
        """Those of one prompt, or of all, the newest first."""
        query = select(_prompts).order_by(_prompts.c.first_used_at.desc(), _prompts.c.name, _prompts.c.version)
        if name is not None:
            query = query.where(_prompts.c.name == name)
        async with self._engine.connect() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [PromptVersion.model_validate(dict(row)) for row in rows]

    async def text(self, name: str, version: str) -> str:
        """version: or the first digits of it. Raises NotFound with the nearest, InvalidInput where several fit."""
        return pick_version(name, version, await self.versions(name)).text


def pick_version(name: str, version: str, known: Sequence[PromptVersion]) -> PromptVersion:
    """The one of `known`, the versions of prompt `name`, that is or begins with `version`.

    Raises NotFound with the nearest, InvalidInput where several fit.
    """
    fitting = [one for one in known if version and one.version.startswith(version.lower())]
    if len(fitting) > 1:
        said = f"several versions of prompt '{name}' begin with '{version}'"
        raise InvalidInput(said, suggestion=f"one of {', '.join(one.version for one in fitting)}")
    if not fitting:
        nearest = did_you_mean(version, [one.version for one in known])
        raise NotFound(f"unknown version '{version}' of prompt '{name}'", suggestion=nearest)
    return fitting[0]

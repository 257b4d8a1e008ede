"""What knowledge agents tell: passages, and hints."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from shared.base import Model


class KnowledgeHit(Model):
    """A passage of a runbook, or a known error, that bears on the question. score: 0 to 1, higher is nearer; reason:
    what it has of the question; next: the steps that follow those of the excerpt."""

    agent: str
    title: str = Field(max_length=1000)
    source: str = Field(max_length=1000)
    excerpt: str = Field(max_length=4000)
    score: float = Field(ge=0, le=1)
    reason: str = Field(default="", max_length=1000)
    next: list[Annotated[str, Field(max_length=1000)]] = Field(default=[], max_length=10)


class KnowledgeHint(Model):
    """What a knowledge agent tells a data agent beside passages, and where it says so. Nobody has confirmed it: it is
    told to the model as such, and is never made a condition by code.

    kind: `term` (the question says `subject`, which means `text`), `table` (the procedure about it reads the table
    `subject` of the schema group), `value` (a known error's logs say `subject`, a code).
    """

    kind: Literal["term", "table", "value"]
    subject: str = Field(max_length=200)
    text: str = Field(default="", max_length=500)
    source: str = Field(max_length=1000)
    schema_group: str | None = Field(default=None, max_length=64)

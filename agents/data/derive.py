"""From what was linked to a query: what the model is shown, and how its answer is read.

Route `direct`: the model writes the platform's language, with the nearest solved questions as earlier turns of the
conversation. The stable part (language, then tables) comes first, so that the runtime's prefix cache serves it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from agents.data.examples import Scored, choose
from agents.data.linking import Linked
from agents.data.outline import outline_schema
from agents.data.platform import Platform
from agents.data.runbook_text import as_hit, hint_lines, rule_lines, said_terms
from agents.data.schema_text import mention_text, offered, schema_text
from agents.data.times import speaks_of_time
from shared.catalog import Table
from shared.llm.client import Completion, Models
from shared.llm.prompts import Prompt, load_prompts
from shared.llm.providers.base import Likelihood
from shared.models import KnowledgeHint, KnowledgeHit, Problem

_EXAMPLES = 4
_MAX_TOKENS = 256  # five times the usual answer: what is longer lists or repeats
_PROBLEMS = 3
_OTHERWISE = "ask for less at a time, or name another model with LEXIQUERY_MODEL"
_STOP = ["\nQuestion:", "\n\n\n"]
_FENCE = re.compile(r"```[\w+-]*[ \t]*\n?(.*?)(?:```|\Z)", re.DOTALL)
_LABEL = re.compile(
    r"^\s*(?:here is[^\n]*:\s*\n|answer\s*:|query\s*:|(?:kql|spl|sql)\s*(?:query)?\s*:)\s*", re.IGNORECASE
)
_PROSE = re.compile(r"\n\s*\n(?=(?:This|The|Note|Explanation|In this|Here|It |You )\b)")
_SENTENCE = re.compile(r"[a-z]+ ")  # advice in words, not what to write
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")

Message = dict[str, str]


@dataclass(frozen=True)
class Brief:
    """One question, and what the model is shown for it. rejected: (query, reason) that the user did not accept;
    knowledge: the passages that were found for it, and the hints as such; hints: what runbooks say its words mean,
    unconfirmed."""

    question: str
    linked: Linked
    tables: list[Table]
    examples: list[Scored]
    rejected: list[tuple[str, str]] = field(default_factory=list)
    knowledge: Sequence[KnowledgeHit] = ()
    hints: Sequence[KnowledgeHint] = ()


def make_brief(
    question: str,
    linked: Linked,
    rejected: Sequence[tuple[str, str]] = (),
    knowledge: Sequence[KnowledgeHit] = (),
    hints: Sequence[KnowledgeHint] = (),
) -> Brief:
    tables = offered(linked)
    examples = choose(linked.examples, question, {table.name for table in tables}, _EXAMPLES)
    said = said_terms(question, linked, hints)
    told = [*knowledge, *(as_hit(one) for one in said)]
    return Brief(question, linked, tables, examples, list(rejected), told, said)


@dataclass(frozen=True)
class Draft:
    """What a model wrote. likelihood: None where the server does not tell how likely it was to the model; fault: why it
    can't be an answer at all."""

    text: str
    likelihood: Likelihood | None = None
    fault: Problem | None = None


class Deriver:
    """Asks the model for a query. prompts_dir: prompts of the operator's own."""

    def __init__(self, platform: Platform, models: Models, prompts_dir: Path | None = None) -> None:
        self._platform = platform
        self._models = models
        self._prompts = load_prompts(prompts_dir)

    async def draft(self, brief: Brief) -> Draft:
        """The model's query for the question: one call."""
        return await self._ask(self.messages(brief), "derive", self._prompts["derive_direct"])

    async def repair(self, brief: Brief, query: str, problems: Sequence[Problem]) -> Draft:
        """The model's query after being shown what is wrong with `query`: one call."""
        messages = [*self.messages(brief), *self._refused(query, problem_text(problems))]
        return await self._ask(messages, "repair", self._prompts["derive_repair"])

    async def outline(self, brief: Brief, query: str) -> Draft:
        """The form of outline.py, filled in after `query` could not be proven: one call."""
        form = self._prompts["derive_outline"]
        messages = [*self.messages(brief), _said("assistant", query), _said("user", form.render())]
        completion = await self._models.chat(
            messages, purpose="repair", prompt=form, format=outline_schema(brief.tables), max_tokens=_MAX_TOKENS
        )
        return Draft(completion.text, completion.likelihood)

    def messages(self, brief: Brief) -> list[Message]:
        """What the model is shown, the stable part first, the nearest example last."""
        used = {name for scored in brief.examples for name in _IDENTIFIER.findall(scored.example.query)}
        system = self._prompts["derive_direct"].render(
            language=self._platform.language,
            notes=self._platform.dialect_notes,
            schema=schema_text(brief.linked, brief.tables, brief.question, used),
        )
        turns = [
            turn
            for scored in reversed(brief.examples)
            for turn in (self._asked(scored.example.question), _said("assistant", scored.example.query.strip()))
        ]
        return [_said("system", system), *turns, self._asked(brief.question, _known(brief)), *self._not_accepted(brief)]

    async def _ask(self, messages: list[Message], purpose: str, prompt: Prompt) -> Draft:
        completion = await self._models.chat(
            messages, purpose=purpose, prompt=prompt, max_tokens=_MAX_TOKENS, stop=_STOP
        )
        return Draft(extract_query(completion.text), completion.likelihood, _fault(completion))

    def _asked(self, question: str, known: str = "") -> Message:
        return _said("user", self._prompts["derive_question"].render(question=question.strip(), known=known))

    def _refused(self, query: str, problems: str) -> list[Message]:
        """A query as the model's turn, and what is wrong with it as the next one."""
        return [_said("assistant", query), _said("user", self._prompts["derive_repair"].render(problems=problems))]

    def _not_accepted(self, brief: Brief) -> list[Message]:
        """Earlier attempts and the user's reasons, as turns of the same conversation."""
        return [
            turn
            for query, reason in brief.rejected[-2:]
            for turn in self._refused(query, f"- {reason or 'the user did not accept it'}")
        ]


def _fault(completion: Completion) -> Problem | None:
    if completion.repeats:
        message = "the model repeated itself until it was stopped"
        return Problem(code="repeated_itself", message=message, suggestion=_OTHERWISE)
    if not completion.text.strip():
        return Problem(code="no_answer", message="the model answered nothing", suggestion=_OTHERWISE)
    return None


def extract_query(text: str) -> str:
    """The query in a model's answer: the first fenced block if there is one, without labels and prose around it."""
    if fenced := _FENCE.search(text):
        text = fenced[1]
    text = _LABEL.sub("", text)
    return _PROSE.split(text)[0].strip().strip("`").rstrip(";").strip()


def problem_text(problems: Sequence[Problem]) -> str:
    """The first problems as the model reads them: place, message and the nearest real name."""
    return "\n".join(_problem_line(problem) for problem in problems[:_PROBLEMS])


def _problem_line(problem: Problem) -> str:
    place = f"line {problem.line}: " if problem.line else ""
    hint = f" ({_advice(problem.suggestion)})" if problem.suggestion else ""
    return f"- {place}{problem.message}{hint}"


def _advice(suggestion: str) -> str:
    return suggestion if _SENTENCE.match(suggestion) else f"use {suggestion}"


def _said(role: str, content: str) -> Message:
    return {"role": role, "content": content}


def _known(brief: Brief) -> str:
    """Today's date where the question speaks of a time, and what words of the question mean here."""
    now = brief.linked.catalog.clock or datetime.now(UTC)
    today = f"Today is {now:%A, %Y-%m-%d}." if speaks_of_time(brief.question) else ""
    said = mention_text(brief.linked.mentions, brief.tables)
    parts = [part for part in (today, said, *rule_lines(brief.linked, brief.tables), *hint_lines(brief.hints)) if part]
    return "".join(f"{part}\n" for part in parts)

"""What would save most: where the ledger's calls took tokens, seconds and money that they need not have taken.

Each saving says how it is counted; docs/costs.md has the definitions. Savings overlap: a repeated call may be slow too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncEngine

from core_engine.cost_figures import COLD, FAR, Figure, open_figures
from shared.models import Model

Kind = Literal["repeated", "oversized", "slow", "cold", "failed", "retried", "truncated", "repaired"]


class Saving(Model):
    """What could be saved at most, and how. tokens: prompt plus completion; seconds: of model time; None where the
    ledger tells none. cost: in `currency`, of the calls whose cost is told in it; of unpriced_calls it isn't, nor the
    tokens of uncounted_calls."""

    kind: Kind
    what: str
    calls: int
    tokens: int | None
    seconds: float | None
    cost: float | None
    currency: str | None
    unpriced_calls: int
    uncounted_calls: int
    advice: str


async def analyse(engine: AsyncEngine, days: int = 30, *, limit: int = 20, now: datetime | None = None) -> list[Saving]:
    """The greatest savings among the calls of the last `days` days, at most `limit`.

    The greatest first, by seconds: nearly every call tells them, and few a price. One analysis is some passes over the
    calls, in the database.
    """
    since = (now or datetime.now(UTC)) - timedelta(days=days)
    async with open_figures(engine, since) as figures:
        seconds = await figures.seconds()
        found = [
            *_savings("repeated", await figures.repeated(), _repeated),
            *_savings("slow", await figures.slow(), _slow),
            *_savings("failed", await figures.failed(), _failed),
            *_savings("retried", await figures.retried(), _retried),
            *_savings("truncated", await figures.truncated(), _truncated),
            *_of_prompts(await figures.oversized(), await figures.by_prompt()),
            *_of_total("cold", await figures.loads(), seconds, _cold),
            *_of_total("repaired", await figures.repairs(), seconds, _repaired),
        ]
    return sorted(found, key=lambda one: (one.seconds or 0.0, one.tokens or 0), reverse=True)[:limit]


Words = tuple[str, str]
"""What is the matter, and what to do."""


def _savings(kind: Kind, rows: Iterable[Figure], words: Callable[[Figure], Words]) -> Iterator[Saving]:
    return (_saving(kind, row, words(row)) for row in rows)


def _of_total(
    kind: Kind, rows: Iterable[Figure], seconds: float | None, words: Callable[[Figure, float | None], Words]
) -> Iterator[Saving]:
    return (_saving(kind, row, words(row, seconds)) for row in rows)


def _of_prompts(rows: Iterable[Figure], prompts: Sequence[Figure]) -> Iterator[Saving]:
    every = sum(int(prompt["prompt_tokens"] or 0) for prompt in prompts)
    by_key = {_prompt_key(prompt): prompt for prompt in prompts}
    return (_saving("oversized", row, _oversized(row, by_key[_prompt_key(row)], every)) for row in rows)


def _saving(kind: Kind, row: Figure, words: Words) -> Saving:
    counts = [int(count) for count in (row["prompt_tokens"], row["completion_tokens"]) if count is not None]
    return Saving(
        kind=kind,
        what=words[0],
        calls=row["calls"],
        tokens=sum(counts) if counts else None,
        seconds=None if row["seconds"] is None else float(row["seconds"]),
        cost=row["cost"],
        currency=row["currency"],
        unpriced_calls=row["unpriced"],
        uncounted_calls=row["uncounted"],
        advice=words[1],
    )


def _repeated(row: Figure) -> Words:
    what = f"{_whose(row)}: {_plural(row['calls'], 'call')} asked again what had been answered before"
    return (
        f"{what} ({row['contents']} different)",
        "let the cache answer them: it keeps what is deterministic, for LEXIQUERY_RESPONSE_CACHE_DAYS",
    )


def _slow(row: Figure) -> Words:
    median, p95 = float(row["median"]), float(row["p95"])
    what = (
        f"{row['purpose']} on {row['model']} ({row['provider']}): {_plural(row['calls'], 'call')} took more than {FAR} "
        f"times the median of {median:.1f} s (p95 {p95:.1f} s)"
    )
    parts = {name: float(row[name] or 0) for name in ("load", *_WHEN_SLOW)}
    most = max(parts, key=lambda name: parts[name])
    if not parts[most]:
        return what, "the server tells no times of its own: see whether the machine does other work"
    share = parts[most] / sum(parts.values())
    return f"{what}, {share:.0%} of it {most}", _when_loading(row) if most == "load" else _WHEN_SLOW[most]


_WHEN_SLOW = {
    "queue": "let the server take more calls at a time (LEXIQUERY_MODEL_CONCURRENCY), or give it a machine more",
    "prompt": "smaller prompts: describe fewer tables and columns in the catalog, or split the schema group",
    "generation": "a smaller model where `lexiquery eval` shows that it is as good, or a faster machine",
}


_WHEN_LOADING = {
    "embedded": "let a server stay, which keeps what it has loaded: `lexiquery up`; a command by itself loads it anew",
    "ollama": "LexiQuery asks Ollama to keep a model for half an hour after a call, whatever OLLAMA_KEEP_ALIVE says: "
    "see by `ollama ps` which model takes its place, and give both room (OLLAMA_MAX_LOADED_MODELS, a smaller "
    "LEXIQUERY_NUM_CTX); after longer pauses ask once before people do",
}


def _when_loading(row: Figure) -> str:
    return _WHEN_LOADING.get(row["provider"], "keep the model loaded on that server, and fewer models beside it")


def _failed(row: Figure) -> Words:
    how = {"error": "failed", "cancelled": "cancelled", "lost": "lost with the process"}[row["status"]]
    cause = f" with {row['cause']}" if row["status"] == "error" and row["cause"] else ""
    what = f"{row['model']} ({row['provider']}): {_plural(row['calls'], 'call')} {how}{cause}"
    advice = {
        "error": "`lexiquery cost calls` shows each with its error",
        "cancelled": "see which budget, timeout or client ends journeys early",
        "lost": "see why the process died: memory, a restart in the middle of work",
    }
    return what, advice[row["status"]]


def _retried(row: Figure) -> Words:
    what = f"{row['model']} ({row['provider']}): {_plural(row['calls'], 'call')} took {row['tries']} further tries"
    return what, "see the server's log for why it refused or broke off; fewer calls at a time may be quicker"


def _truncated(row: Figure) -> Words:
    what = f"{_whose(row)}{_prompt(row)}: {_plural(row['calls'], 'answer')} stopped at the most tokens allowed"
    return (
        what,
        "such an answer is asked for again or repaired: see what it repeats, and use a model that comes to an end",
    )


def _oversized(row: Figure, prompt: Figure, every: int) -> Words:
    share = int(prompt["prompt_tokens"]) / every
    used = int(prompt["prompt_tokens"]) + int(prompt["completion_tokens"] or 0)
    what = (
        f"{_whose(row)}{_prompt(row)}: {_plural(row['calls'], 'prompt')} of more than {FAR} times the median of "
        f"{int(row['median'])} tokens; all of them are {share:.0%} of the prompt tokens, "
        f"{used // int(prompt['successes'])} tokens an answer"
    )
    return what, "split the schema group, or leave columns that nobody asks for out of the catalog"


def _cold(row: Figure, all_seconds: float | None) -> Words:
    what = (
        f"{row['model']} ({row['provider']}): {_plural(row['calls'], 'call')} waited {COLD:g} s or more for the model"
    )
    return f"{what} to be loaded, {_share(row, all_seconds)}", _when_loading(row)


def _repaired(row: Figure, all_seconds: float | None) -> Words:
    what = f"{row['agent']} on {row['model']}: {_plural(row['calls'], 'call')} repaired an earlier answer"
    advice = "accept right answers, so that they become examples, and describe what was misnamed in the catalog"
    return f"{what}, {_share(row, all_seconds)}", advice


def _share(row: Figure, all_seconds: float | None) -> str:
    if not row["seconds"] or not all_seconds:
        return "seconds unknown"
    return f"{row['seconds'] / all_seconds:.0%} of all seconds"


def _whose(row: Figure) -> str:
    return f"{row['agent']}, {row['purpose']} on {row['model']}"


def _prompt(row: Figure) -> str:
    return f" (prompt {row['prompt_name']})" if row["prompt_name"] else ""


def _prompt_key(row: Figure) -> tuple[str, ...]:
    return tuple(row[name] for name in ("agent", "purpose", "prompt_name", "model"))


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"

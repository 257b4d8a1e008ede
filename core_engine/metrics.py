"""What Prometheus scrapes: journeys by status, and what model calls took. Nothing unknown is shown as 0."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from operator import attrgetter

from shared.ledger.latency import seconds_of
from shared.ledger.statistics import KindTotals

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0)
"""Seconds, of the buckets of call durations."""
_NAMES = ("agent", "provider", "model", "operation", "purpose", "status", "currency")
Sample = tuple[str, dict[str, str], float]
"""What follows the family's name, labels, value."""


def exposition(
    journeys: Mapping[str, int], kinds: Sequence[KindTotals], latencies: Mapping[str, Mapping[int, int]]
) -> str:
    """Prometheus' text format 0.0.4. journeys: how many have each status; latencies: of each model, calls by bin."""
    by_status: list[Sample] = [("", {"status": status}, count) for status, count in sorted(journeys.items())]
    families: list[tuple[str, str, str, Iterable[Sample]]] = [
        ("lexiquery_journeys", "gauge", "Journeys by status.", by_status),
        ("lexiquery_model_calls_total", "counter", "Model calls.", _each(kinds, attrgetter("calls"))),
        (
            "lexiquery_model_tokens_total",
            "counter",
            "Tokens, as the model server counted them; those it had cached are among those of prompts.",
            _tokens(kinds),
        ),
        (
            "lexiquery_model_uncounted_calls_total",
            "counter",
            "Calls whose tokens nobody counted.",
            _each(kinds, attrgetter("uncounted")),
        ),
        ("lexiquery_model_seconds_total", "counter", "Time of model calls.", _some(kinds, _seconds)),
        (
            "lexiquery_model_cost_total",
            "counter",
            "Cost of the calls that have a price.",
            _each([one for one in kinds if one.currency and one.status != "cached"], attrgetter("cost")),
        ),
        (
            "lexiquery_model_unpriced_calls_total",
            "counter",
            "Calls without a price.",
            _each(kinds, attrgetter("unpriced")),
        ),
        (
            "lexiquery_model_saved_tokens_total",
            "counter",
            "Tokens that answers from the caches had taken when a model gave them.",
            _some(kinds, attrgetter("saved_tokens")),
        ),
        (
            "lexiquery_model_saved_cost_total",
            "counter",
            "Cost that they had.",
            _some(kinds, attrgetter("saved_cost")),
        ),
        (
            "lexiquery_model_call_duration_seconds",
            "histogram",
            "Time of model calls, without those that a cache answered. A call is counted by its time to one part in a "
            "hundred, so one that took within 1 % of a bound may be on its other side; the sum is exact.",
            _durations(kinds, latencies),
        ),
    ]
    return "".join(line for family in families for line in _family(*family))


def runbooks_exposition(queries: Mapping[str, int], checked_at: datetime | None) -> str:
    """queries: how many of those in runbooks have each status; checked_at: None before the first check."""
    if checked_at is None:
        return ""
    by_status: list[Sample] = [("", {"status": status}, count) for status, count in queries.items()]
    name = "lexiquery_runbook_check_timestamp_seconds"
    return "".join(
        [
            *_family("lexiquery_runbook_queries", "gauge", "Queries in runbooks by status.", by_status),
            *_family(name, "gauge", "When they were last checked.", [("", {}, checked_at.timestamp())]),
        ]
    )


def _each(kinds: Iterable[KindTotals], value: Callable[[KindTotals], float]) -> list[Sample]:
    return [("", _labels(one), value(one)) for one in kinds]


def _some(kinds: Iterable[KindTotals], value: Callable[[KindTotals], float]) -> list[Sample]:
    """Only where there is any: of these sums 0 and unknown are one."""
    return [sample for sample in _each(kinds, value) if sample[2]]


def _seconds(one: KindTotals) -> float:
    return one.seconds if one.status != "cached" else 0.0


def _tokens(kinds: Sequence[KindTotals]) -> Iterator[Sample]:
    for kind in ("prompt", "cached", "completion"):
        for _, labels, value in _some(kinds, attrgetter(f"{kind}_tokens")):
            yield "", {**labels, "kind": kind}, value


def _durations(kinds: Sequence[KindTotals], latencies: Mapping[str, Mapping[int, int]]) -> Iterator[Sample]:
    for model, bins in sorted(latencies.items()):
        for bound in BOUNDS:
            below = sum(calls for number, calls in bins.items() if seconds_of(number) <= bound)
            yield "_bucket", {"model": model, "le": f"{bound:g}"}, below
        count = sum(bins.values())
        yield "_bucket", {"model": model, "le": "+Inf"}, count
        yield "_sum", {"model": model}, sum(_seconds(one) for one in kinds if one.model == model)
        yield "_count", {"model": model}, count


def _labels(one: KindTotals) -> dict[str, str]:
    return {name: value for name in _NAMES if (value := getattr(one, name)) is not None}


def _family(name: str, kind: str, text: str, samples: Iterable[Sample]) -> Iterator[str]:
    yield f"# HELP {name} {text}\n# TYPE {name} {kind}\n"
    for suffix, labels, value in samples:
        told = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
        yield f"{name}{suffix}{f'{{{told}}}' if told else ''} {value}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")

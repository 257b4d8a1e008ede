"""What Prometheus scrapes: journeys by status, and what model calls took. Nothing unknown is shown as 0."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from shared.accounts import Totals

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
Sample = tuple[dict[str, str], float]


def exposition(journeys: Mapping[str, int], totals: Sequence[Totals]) -> str:
    """Prometheus' text format 0.0.4. journeys: how many have each status."""
    by_status: list[Sample] = [({"status": status}, count) for status, count in sorted(journeys.items())]
    families: list[tuple[str, str, str, list[Sample]]] = [
        ("lexiquery_journeys", "gauge", "Journeys by status.", by_status),
        ("lexiquery_model_calls_total", "counter", "Model calls.", _sum(totals, "calls")),
        ("lexiquery_model_tokens_total", "counter", "Tokens, as the model server counted them.", _tokens(totals)),
        ("lexiquery_model_seconds_total", "counter", "Time of model calls.", _sum(totals, "seconds")),
        ("lexiquery_model_cost_total", "counter", "Cost of the calls that have a price.", _sum(totals, "cost")),
        ("lexiquery_model_unpriced_calls_total", "counter", "Calls without a price.", _sum(totals, "unpriced_calls")),
    ]
    return "".join(line for family in families for line in _family(*family))


def _sum(totals: Sequence[Totals], field: str) -> list[Sample]:
    values = ((_labels(one), getattr(one, field)) for one in totals)
    return [(labels, value) for labels, value in values if value is not None]


def _tokens(totals: Sequence[Totals]) -> list[Sample]:
    return [
        ({**labels, "kind": kind}, value)
        for kind in ("prompt", "completion")
        for labels, value in _sum(totals, f"{kind}_tokens")
    ]


def _labels(one: Totals) -> dict[str, str]:
    labels = {"agent": one.agent, "model": one.model, "operation": one.operation, "status": one.status}
    return labels | ({"currency": one.currency} if one.currency else {})


def _family(name: str, kind: str, text: str, samples: Iterable[Sample]) -> Iterable[str]:
    yield f"# HELP {name} {text}\n# TYPE {name} {kind}\n"
    for labels, value in samples:
        told = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
        yield f"{name}{{{told}}} {value}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")

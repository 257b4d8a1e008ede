"""An Answer as text that people and models read: the same on the command line, in MCP and in A2A."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from shared.models import (
    Answer,
    Check,
    Clarification,
    JourneyCostSummary,
    KnowledgeHit,
    LinkedTable,
    Plan,
    Problem,
    ProblemDetail,
    Proof,
    QueryAnswer,
    Rows,
)

_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"}
_ROWS_SHOWN = 20
_CELL_WIDTH = 40
_EXCERPT_WIDTH = 300
_SMALL_AMOUNT = 0.1  # below which four decimals would leave out digits that tell
_UNLIKELY = 0.25  # confidence below which an answer is called so


def render_answer(answer: Answer) -> str:
    """Every part of the answer that there is, one block each, the cost last."""
    blocks = [
        f"{answer.question}\njourney {answer.journey_id}: {answer.status.replace('_', ' ')}",
        _problem(answer.problem) if answer.problem else "",
        render_clarification(answer.clarification) if answer.clarification else "",
        _plan(answer.plan),
        render_hits(answer.knowledge, "Knowledge") if answer.knowledge else "",
        *(_query_answer(query) for query in answer.answers),
        _missing(answer),
        render_cost(answer.cost),
    ]
    return "\n\n".join(block for block in blocks if block)


def render_proof(proof: Proof) -> str:
    """The verdict, what a plan is as a query, and a line for each check and each of its problems."""
    query = [f"query: {proof.query}"] if proof.query else []
    return "\n".join([f"proof: {proof.verdict}", *query, *(line for check in proof.checks for line in _check(check))])


def render_hits(hits: Sequence[KnowledgeHit], heading: str = "Found") -> str:
    lines = (
        f"{hit.title} ({hit.source}, {hit.score:.2f}{f': {hit.reason}' if hit.reason else ''})\n"
        f"    {cut(hit.excerpt, _EXCERPT_WIDTH)}"
        + "".join(f"\n    next: {cut(step, _EXCERPT_WIDTH)}" for step in hit.next)
        for hit in hits
    )
    return _block(heading, lines) or "nothing found"


def render_links(tables: Sequence[LinkedTable], heading: str = "Tables") -> str:
    lines = (
        f"{one.table} of {one.schema_group} ({one.platform}, {one.score:.2f}){f': {one.why}' if one.why else ''}"
        for one in tables
    )
    return _block(heading, lines) or "no table fits"


def render_clarification(clarification: Clarification) -> str:
    return "\n".join([f"Please say: {clarification.question}", *(f"  - {option}" for option in clarification.options)])


def render_rows(rows: Rows) -> str:
    """A table of the first 20 rows, cells cut at 40 characters, and how many rows there are."""
    if not rows.rows:
        return f"no rows ({', '.join(rows.columns)})"
    cells = [[_cell(value) for value in row] for row in [rows.columns, *rows.rows[:_ROWS_SHOWN]]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(rows.columns))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join([*lines, _row_count(rows)])


def render_cost(cost: JourneyCostSummary) -> str:
    """`2 model calls, 811 prompt + 64 completion tokens, 3.2 s; cost unknown: no price for 2 of 2 calls`."""
    kept = f", {cost.cached_calls} answered from a cache" if cost.cached_calls else ""
    if not cost.calls:
        return f"no model calls{kept}"
    calls = f"{cost.calls} model call{'s' * (cost.calls != 1)}"
    failed = f" ({cost.failed_calls} failed)" if cost.failed_calls else ""
    return f"{calls}{failed}{kept}, {_tokens(cost)}, {cost.seconds:.1f} s; {_money(cost)}"


def _tokens(cost: JourneyCostSummary) -> str:
    if cost.prompt_tokens is None and cost.completion_tokens is None:
        return "tokens unknown"
    known = f"{_count(cost.prompt_tokens)} prompt + {_count(cost.completion_tokens)} completion tokens"
    return f"{known} (without {cost.uncounted_calls} uncounted)" if cost.uncounted_calls else known


def _count(tokens: int | None) -> str:
    return "unknown" if tokens is None else str(tokens)


def _money(cost: JourneyCostSummary) -> str:
    gap = f"no price for {cost.unpriced_calls} of {cost.calls} calls" if cost.unpriced_calls else ""
    if cost.cost is None:
        return f"cost unknown: {gap}" if gap else "cost unknown"
    money = f"cost {render_amount(cost.cost, cost.currency)}"
    return f"{money}, {gap}" if gap else money


def render_amount(amount: float, currency: str | None) -> str:
    """`0.5000 EUR`, `0.00123 EUR`, `2.437e-06 EUR`: four digits that tell, so that only nothing reads as 0."""
    is_small = amount and abs(amount) < _SMALL_AMOUNT
    return f"{amount:{'.4g' if is_small else '.4f'}} {currency or ''}".rstrip()


def _plan(plan: Plan) -> str:
    steps = (f"{step.agent}.{step.skill}: {step.reason}" for step in plan.steps)
    return _block("Plan", [*steps, *(f"note: {note}" for note in plan.notes)])


def _query_answer(answer: QueryAnswer) -> str:
    confidence = "" if answer.confidence is None else f", confidence {answer.confidence:.2f}"
    if answer.confidence is not None and answer.confidence < _UNLIKELY:
        confidence += ": unlikely to be right, check the query"
    lines = [f"{answer.platform} on {answer.schema_group} (route {answer.route}{confidence})", _indented(answer.query)]
    if answer.explanation:
        lines.append(answer.explanation)
    lines += [f"assumed: {assumption}" for assumption in answer.assumptions]
    lines.append(render_proof(answer.proof))
    lines.append(render_rows(answer.result) if answer.result else "not run")
    return "\n".join(lines)


def _check(check: Check) -> Iterator[str]:
    detail = f": {check.detail}" if check.detail else ""
    yield f"  {check.name} {check.status} ({check.prover}){detail}"
    yield from (f"    {_place(problem)}{_with_fix(problem.message, problem.suggestion)}" for problem in check.problems)


def _place(problem: Problem) -> str:
    if problem.line is None:
        return ""
    return f"line {problem.line}" + (f", column {problem.column}: " if problem.column is not None else ": ")


def _problem(problem: ProblemDetail) -> str:
    return f"Problem: {_one_line(problem)}"


def _missing(answer: Answer) -> str:
    """What was not given, each reason once: several agents may lack the same, and the problem may be one of them."""
    said = _one_line(answer.problem) if answer.problem else ""
    reasons = dict.fromkeys(_one_line(detail) for detail in answer.missing)
    return _block("Missing", [reason for reason in reasons if reason != said])


def _one_line(problem: ProblemDetail) -> str:
    return f"{problem.code}: {_with_fix(problem.detail, problem.suggestion)}"


def _with_fix(message: str, suggestion: str | None) -> str:
    if not suggestion or suggestion in message:  # some messages already end with their suggestion
        return message
    is_name = re.fullmatch(r"[\w.:$-]+", suggestion) is not None
    return f"{message}; did you mean '{suggestion}'?" if is_name else f"{message}; {suggestion}"


def _row_count(rows: Rows) -> str:
    shown, known = min(len(rows.rows), _ROWS_SHOWN), len(rows.rows)
    if rows.truncated:
        return f"(first {shown}; there are more than {known} rows)"
    return f"({shown} of {known} rows)" if shown < known else f"({known} row{'s' * (known != 1)})"


def _cell(value: object) -> str:
    return "null" if value is None else cut(str(value), _CELL_WIDTH)


def cut(text: str, width: int) -> str:
    """On one line, of at most `width` characters."""
    flat = " ".join(text.split())
    return flat if len(flat) <= width else flat[: width - 3] + "..."


def _block(heading: str, lines: Iterator[str] | Sequence[str]) -> str:
    listed = [f"  {line}" for line in lines]
    return "\n".join([f"{heading}:", *listed]) if listed else ""


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())


def visible(text: str) -> str:
    """The text with its control characters written out: what a log line holds must not steer its reader's terminal."""
    return text.translate(_CONTROLS)

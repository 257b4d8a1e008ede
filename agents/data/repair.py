"""Snap: mend a rejected query by its proof's own words, without a model. Every mend is told as an assumption."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from agents.data.literals import comparisons, same_value
from agents.data.platform import Platform
from agents.data.roles import rows_called
from shared.catalog import Catalog, Table
from shared.models import Problem, Proof

_QUOTED = re.compile(r"'([^']+)'")
_NAME = re.compile(r"[A-Za-z_]\w*")
_HINT = re.compile(r"^did you mean '(?P<quoted>[^']+)'\??$|^(?P<bare>[A-Za-z_][\w.:*-]*)$")
_CLAUSES = "where|join|inner|left|right|full|cross|on|using|group|order|having|limit|union|qualify"
_ALIAS = re.compile(rf"\s+(?:as\s+\w|(?!(?:{_CLAUSES})\b)\w)", re.IGNORECASE)
_STRINGS = re.compile(r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'")


@dataclass(frozen=True)
class Mended:
    """A query after mending, and what was changed, in words; the same query and no notes when nothing could be."""

    query: str
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Change:
    start: int
    end: int
    text: str
    note: str


def snap(query: str, proof: Proof, offered: Sequence[Table]) -> Mended:
    """Replace each unknown name of the proof's problems by its suggestion; an unknown table without one by the best
    linked table. One round: the caller proves the result and may snap again."""
    changes = [change for problem in proof.problems if (change := _change(query, problem, offered))]
    return _applied(query, changes)


def swap_table(query: str, proof: Proof, read: Sequence[Table], offered: Sequence[Table]) -> Mended:
    """A query of one table that wants a column which only another linked table has, together with all the others it
    uses, is about that other table. Tables: those it reads now, and those that were linked."""
    wanted = {name for problem in proof.problems if problem.code == "unknown_column" and (name := wrong_name(problem))}
    if len(read) != 1 or not wanted:
        return Mended(query)
    needed = wanted | (_names(query) & set(read[0].by_name))
    for table in offered:
        if table != read[0] and needed <= set(table.by_name):
            note = f"used table '{table.name}', which has {listed(wanted)}, for '{read[0].name}'"
            places = _all_places(query, read[0].name)
            return _applied(query, [_Change(start, start + len(read[0].name), table.name, note) for start in places])
    return Mended(query)


def read_rows_called(query: str, proof: Proof, offered: Sequence[Table]) -> Mended:
    """SQL that reads a table `incidents` where incidents are the tickets of that kind reads those tickets."""
    changes = []
    for problem in proof.problems:
        wrong = wrong_name(problem) if problem.code == "unknown_table" else None
        start = _place(query, wrong, problem) if wrong else None
        if wrong is None or start is None or (found := rows_called(wrong, offered)) is None:
            continue
        table, column, value = found
        kind = exp.column(column.name).eq(exp.Literal.string(value))
        rows = f"({exp.select('*').from_(table.name).where(kind).sql()})"
        named = rows if _ALIAS.match(query, start + len(wrong)) else f"{rows} AS {wrong}"
        note = f"read '{wrong}' as the rows of '{table.name}' with {column.name} = '{value}'"
        changes.append(_Change(start, start + len(wrong), named, note))
    return _applied(query, changes)


def with_suggestions(proof: Proof, better: Mapping[str, str]) -> Proof:
    """The proof with suggestions for unknown names that had none: wrong name to real one."""

    def told(problem: Problem) -> Problem:
        known = better.get(wrong_name(problem) or "")
        return problem.model_copy(update={"suggestion": known}) if known and not problem.suggestion else problem

    checks = [check.model_copy(update={"problems": list(map(told, check.problems))}) for check in proof.checks]
    return proof.model_copy(update={"checks": checks})


def told_where(problems: Sequence[Problem], offered: Sequence[Table]) -> list[Problem]:
    """The problems, saying of an unknown column which linked tables do have it: there it is read, or joined."""

    def told(problem: Problem) -> Problem:
        name = wrong_name(problem) if problem.code == "unknown_column" else None
        owners = [table.name for table in offered if name in table.by_name]
        more = f" at this place; it is a column of {' and '.join(owners)}" if owners else ""
        return problem.model_copy(update={"message": problem.message + more})

    return list(map(told, problems))


def unknown_columns(proof: Proof) -> list[str]:
    """Names of unknown columns that nothing near was found for."""
    found = [wrong_name(one) for one in proof.problems if one.code == "unknown_column" and not one.suggestion]
    return [name for name in dict.fromkeys(found) if name]


def snap_values(query: str, platform: Platform, catalog: Catalog) -> Mended:
    """Spell literals as the catalog's known values are spelt: `status = 'failed'` where the column holds `Failed`."""
    columns = {column.name: column for table in platform.tables_of(query, catalog) for column in table.columns}
    changes = []
    for one in comparisons(query):
        known = columns[one.column].values if one.column in columns else []
        if not known or one.literal in known or one.partial:
            continue
        if value := next((value for value in known if same_value(one.literal, value)), None):
            note = f"used '{value}' for '{one.literal}', as {one.column} spells it"
            changes.append(_Change(one.start, one.end, value, note))
    return _applied(query, changes)


def _change(query: str, problem: Problem, offered: Sequence[Table]) -> _Change | None:
    wrong = wrong_name(problem)
    right = suggested_name(problem)
    if right is None and problem.code == "unknown_table" and offered:
        right = offered[0].name
    if wrong is None or right is None or wrong == right:
        return None
    start = _place(query, wrong, problem)
    if start is None:
        return None
    return _Change(start, start + len(wrong), right, _note(wrong, right, problem))


def suggested_name(problem: Problem) -> str | None:
    """The bare name in a problem's suggestion; None where it is no name but advice."""
    found = _HINT.match(problem.suggestion.strip()) if problem.suggestion else None
    return (found["quoted"] or found["bare"]) if found else None


def wrong_name(problem: Problem) -> str | None:
    """The name that a problem says is unknown; None for other problems."""
    if not problem.code.startswith("unknown_"):
        return None
    found = _QUOTED.search(problem.message)
    return found[1] if found else None


def _note(wrong: str, right: str, problem: Problem) -> str:
    kind = problem.code.removeprefix("unknown_").replace("_", " ")
    return f"used {kind} '{right}' for '{wrong}', which does not exist here"


def _place(query: str, wrong: str, problem: Problem) -> int | None:
    """Where the wrong name stands: at the problem's place, else its first occurrence outside of strings."""
    if problem.line is not None and problem.column is not None:
        at = _offset(query, problem.line, problem.column)
        for start in (at, at + 1):  # a quoted name begins one later
            if query[start : start + len(wrong)].lower() == wrong.lower():
                return start
    return next(iter(_all_places(query, wrong)), None)


def _all_places(query: str, name: str) -> list[int]:
    """Where a name stands outside of strings, case ignored."""
    strings = [match.span() for match in _STRINGS.finditer(query)]
    found = re.finditer(rf"(?<![\w.]){re.escape(name)}(?!\w)", query, re.IGNORECASE)
    return [match.start() for match in found if not any(start <= match.start() < end for start, end in strings)]


def _names(query: str) -> set[str]:
    return set(_NAME.findall(_STRINGS.sub(" ", query)))


def listed(names: Iterable[str]) -> str:
    """`'a' and 'b'`, in order of the alphabet."""
    return " and ".join(f"'{name}'" for name in sorted(names))


def _offset(query: str, line: int, column: int) -> int:
    lines = query.split("\n")
    return sum(len(text) + 1 for text in lines[: line - 1]) + column - 1


def _applied(query: str, changes: Iterable[_Change]) -> Mended:
    """The last change first, so that places stay right; changes that overlap an applied one wait for the next round."""
    notes: list[str] = []
    before = len(query) + 1
    for change in sorted(changes, key=lambda change: -change.start):
        if change.end <= before:
            query = query[: change.start] + change.text + query[change.end :]
            before = change.start
            notes.append(change.note)
    return Mended(query, list(dict.fromkeys(reversed(notes))))

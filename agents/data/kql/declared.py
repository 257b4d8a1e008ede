"""What a catalog declares for KQL beside its tables: stored functions and watchlists.

A function with a body is bound by its name, and judged and run as a `let` before the query that calls it: so what its
body reads or does counts as the query's own. A function without one is bound by what it is said to return.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from agents.data.kql.tokens import Token, tokens
from agents.data.kql.types import kusto_type
from agents.data.platform import NotExecutable
from agents.data.proof import position
from shared.catalog import Catalog, Table, UserFunction
from shared.errors import InvalidInput
from shared.models import Problem

WATCHLIST = "_GetWatchlist"

Known = Mapping[str, UserFunction]


def watchlists(catalog: Catalog) -> list[Table]:
    return [table for table in catalog.tables if table.kind == "watchlist"]


def plain_tables(catalog: Catalog) -> list[Table]:
    """Those that a query reads by their name alone."""
    return [table for table in catalog.tables if table.kind != "watchlist"]


def call_of(table: Table) -> str:
    """How a query reads a table: a watchlist by its function."""
    quoted = table.name.replace("\\", "\\\\").replace("'", "\\'")
    return f"{WATCHLIST}('{quoted}')" if table.kind == "watchlist" else table.name


def body_of(function: UserFunction) -> str:
    """Without the braces that `.show functions` has around it."""
    text = function.body.strip()
    return text[1:-1].strip() if text.startswith("{") and text.endswith("}") else text


def parameters_of(function: UserFunction) -> str:
    """`(day: datetime, top: long = 5)`."""
    written = (
        f"{one.name}: {one.type}" + (f" = {one.default}" if one.default is not None else "")
        for one in function.parameters
    )
    return f"({', '.join(written)})"


@dataclass(frozen=True)
class Inlined:
    """A query after the declared functions that it calls, as lets: `text` is what is judged and run."""

    query: str
    functions: tuple[UserFunction, ...] = ()

    @property
    def text(self) -> str:
        return "".join(map(_as_let, self.functions)) + self.query

    def problem(self, problem: Problem) -> Problem:
        """A problem of the text as one of the query: what is wrong in a function's body is so where it is called."""
        if problem.line is None:
            return problem
        line = problem.line
        for function in self.functions:
            lines = _as_let(function).count("\n")
            if line <= lines:
                return self._at_call(function.name, problem)
            line -= lines
        return problem.model_copy(update={"line": line})

    def _at_call(self, name: str, problem: Problem) -> Problem:
        found = re.search(rf"\b{name}\b", self.query)  # a function that another one calls is not in the query
        line, column = position(self.query, found.start()) if found else (1, 1)
        advice = f" (did you mean '{problem.suggestion}'?)" if problem.suggestion else ""
        message = f"in the function '{name}': {problem.message}{advice}"
        return Problem(code=problem.code, message=message, line=line, column=column)

    def hidden_name(self) -> str | None:
        """A name that a let of the query gives and a function's body means otherwise: written out where it is called,
        the body would read the query's."""
        given = _given(tokens(self.query))
        for function in self.functions if given else ():
            body = tokens(body_of(function))
            own = {parameter.name for parameter in function.parameters} | _given(body)
            if clash := ({text for kind, text, _ in body if kind == "word"} - own) & given:
                return min(clash)
        return None


def inlined(query: str, catalog: Catalog) -> Inlined:
    """With the functions that the query calls and those that these call, called ones first. A name that a let of the
    query gives is not the catalog's."""
    known = catalog.functions_by_name
    if not known:
        return Inlined(query)
    found = tokens(query)
    called = dict.fromkeys(_called(found, known))
    shadowed = _shadowed(found) if called else frozenset[str]()
    ordered: dict[str, UserFunction] = {}
    for name in called:
        if name not in shadowed:
            _collect(known[name], known, ordered, ())
    return Inlined(query, tuple(ordered.values()))


def _collect(function: UserFunction, known: Known, ordered: dict[str, UserFunction], within: tuple[str, ...]) -> None:
    if not function.body or function.name in ordered or function.name in within:
        return
    for name in _called(tokens(body_of(function)), known):
        _collect(known[name], known, ordered, (*within, function.name))
    ordered[function.name] = function


def _as_let(function: UserFunction) -> str:
    return f"let {function.name} = {parameters_of(function)} {{\n{body_of(function)}\n}};\n"


def runnable(query: str, catalog: Catalog) -> str:
    """The query with the functions that it calls. Raises NotExecutable."""
    known = catalog.functions_by_name
    if not known:
        return query
    text = inlined(query, catalog)
    if name := next((name for name in _called(tokens(text.text), known) if not known[name].body), None):
        raise NotExecutable(f"the catalog has no body of the function '{name}'")
    if name := text.hidden_name():
        raise NotExecutable(f"the query gives '{name}' another meaning than a function that it calls")
    return text.text


def function_problems(catalog: Catalog) -> Iterator[str]:
    """Functions of one name, of unknown types, and those that would never end."""
    counted = Counter(function.name for function in catalog.functions)
    yield from (f"two functions are named '{name}'" for name, times in counted.items() if times > 1)
    for function in catalog.functions:
        returned = function.returns
        of_rows = [] if isinstance(returned, str) else [(one.name, one.type) for one in returned]
        of_value = [("its value", returned)] if isinstance(returned, str) and returned else []
        given = [(one.name, one.type) for one in function.parameters if not one.type.lstrip().startswith("(")]
        for name, type_name in (*given, *of_rows, *of_value):
            try:
                kusto_type(type_name)
            except InvalidInput as error:
                yield f"function '{function.name}', {name}: {error}"
    known = catalog.functions_by_name
    calls = {name: set(_called(tokens(body_of(one)), known)) for name, one in known.items()}
    for name in calls:
        if name in _reached(calls, name):
            yield f"function '{name}' calls itself"


def _reached(calls: dict[str, set[str]], start: str) -> set[str]:
    reached, left = set[str](), list(calls[start])
    while left:
        if (name := left.pop()) not in reached:
            reached.add(name)
            left += calls.get(name, ())
    return reached


def _called(found: list[Token], known: Known) -> Iterator[str]:
    """The known names before an opening bracket, as they are written or in `['…']`; and, since a function without
    arguments needs no brackets, every word that is the name of such a one."""
    for number, (kind, text, _) in enumerate(found):
        if kind == "word":
            names, after = text.split("-"), number + 1  # `a-f(x)` is a difference
        elif kind == "string" and _mark(found, number + 1) == "]":
            names, after = [text.strip("'\"")], number + 2
        else:
            continue
        for name in names:
            function = known.get(name)
            if function and (_needs_no_brackets(function) or (name == names[-1] and _mark(found, after) == "(")):
                yield name


def _mark(found: list[Token], number: int) -> str:
    return found[number][1] if number < len(found) else ""


def _needs_no_brackets(function: UserFunction) -> bool:
    return all(parameter.default is not None for parameter in function.parameters)


def _given(found: list[Token]) -> set[str]:
    """The names of lets."""
    return {name for name, _ in _lets(found)}


def _shadowed(found: list[Token]) -> set[str]:
    """The names that mean the query's own let wherever they stand: first said by a let of the query itself."""
    return {
        name
        for name, at in _lets(found)
        if not _depth(found[:at]) and all(name not in text for _, text, _ in found[:at])
    }


def _lets(found: list[Token]) -> Iterator[tuple[str, int]]:
    for at, (_, word, _) in enumerate(found):
        if word == "let":
            for kind, name, _ in found[at + 1 : at + 3]:
                if kind in ("word", "string"):
                    yield name.strip("'\""), at


def _depth(found: list[Token]) -> int:
    marks = [text for kind, text, _ in found if kind == "mark"]
    return marks.count("{") - marks.count("}")

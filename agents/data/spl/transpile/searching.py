"""Search expressions to SQL conditions that are never NULL, so that NOT keeps the events without the field."""

# ruff: noqa: S608 - a translation into SQL writes SQL; names pass quote(), values string().

from __future__ import annotations

import re
from collections.abc import Callable

from agents.data.platform import NotExecutable
from agents.data.spl.ast import (
    All,
    Any,
    Comparison,
    FieldRef,
    MacroCall,
    Not,
    SearchExpression,
    Subsearch,
    Term,
    Value,
    Within,
)
from agents.data.spl.sources import TIME_MODIFIERS, shallow
from agents.data.spl.transpile.expressions import any_element
from agents.data.spl.transpile.functions import in_network
from agents.data.spl.transpile.patterns import free_text, wildcard_like
from agents.data.spl.transpile.relation import Relation
from agents.data.spl.transpile.times import moment
from agents.data.spl.transpile.values import Sql, as_num, as_str, is_number, quote, string

_NETWORK = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}/\d{1,2}")
_SQL_OPERATORS = {"=": "=", "!=": "<>", "<": "<", ">": ">", "<=": "<=", ">=": ">="}


class Condition:
    """Conditions over one relation. subsearch: translates a subsearch to a relation; index: the constant that
    `index` is here, where events come from one table that has no such column."""

    def __init__(
        self, relation: Relation, now: str, subsearch: Callable[[Subsearch], Relation], index: str | None = None
    ) -> None:
        self.relation, self.now, self.subsearch, self.index = relation, now, subsearch, index

    def compile(self, node: SearchExpression | None) -> str:
        if node is None:
            return "true"
        if isinstance(node, All | Any):
            joint = " AND " if isinstance(node, All) else " OR "
            return "(" + joint.join(self.compile(item) for item in node.items) + ")"
        if isinstance(node, Not):
            return f"(NOT {self.compile(node.item)})"
        if isinstance(node, Term):
            return self._term(node)
        if isinstance(node, Within):
            return "(" + " OR ".join(self._equals(node.field, value) for value in node.values) + ")"
        if isinstance(node, Comparison):
            return self._comparison(node)
        if isinstance(node, Subsearch):
            return self._exists(node)
        assert isinstance(node, MacroCall)
        raise NotExecutable(f"macro '{node.name}' has no definition")

    # --- terms ------------------------------------------------------------------------------------------------

    def _term(self, node: Term) -> str:
        text = node.text.replace('"', "") if node.whole else node.text
        if text.strip("*") == "":
            return "true"
        return f"coalesce(regexp_matches({self._text()}, {string(free_text(text, node.quoted))}), false)"

    def _text(self) -> str:
        """What free text is looked for in: the raw event, or all fields where there is none."""
        raw = self.relation.columns.get("_raw")
        if raw:
            return as_str(Sql(quote("_raw"), raw))
        fields = [as_str(Sql(quote(name), kind)) for name, kind in self.relation.columns.items() if name != "_time"]
        if not fields:
            raise NotExecutable("there is no text to search in")
        return f"concat_ws(' ', {', '.join(fields)})"

    # --- comparisons ------------------------------------------------------------------------------------------

    def _comparison(self, node: Comparison) -> str:
        if not isinstance(node.value, Value):
            raise NotExecutable("a comparison with a subsearch or an unknown macro is not translated")
        name = node.field.name.lower()
        if name in TIME_MODIFIERS:
            return self._time_modifier(name, node.value.text)
        if node.op == "=":
            return self._equals(node.field, node.value)
        if node.op == "!=":
            field = self._field(node.field)
            return f"({field.text} IS NOT NULL AND NOT {self._equals(node.field, node.value)})" if field else "false"
        return self._order(node)

    def _time_modifier(self, name: str, text: str) -> str:
        if (
            name not in ("earliest", "latest", "_index_earliest", "_index_latest")
            or "_time" not in self.relation.columns
        ):
            raise NotExecutable(f"the time modifier {name} is not translated")
        op = ">=" if name.endswith("earliest") else "<"
        return f"coalesce({quote('_time')} {op} {moment(text, self.now)}, false)"

    def _field(self, field: FieldRef) -> Sql | None:
        if field.name.lower() == "index" and self.index is not None:
            return Sql(string(self.index), "str")
        return self.relation.get(field.name)

    def _equals(self, ref: FieldRef, value: Value) -> str:
        field = self._field(ref)
        if field is None:
            return "false"
        if value.text == "*":
            return f"({field.text} IS NOT NULL)"
        if field.kind == "mv":
            return f"coalesce({any_element(field, lambda item: _same(Sql(item, 'str'), value.text))}, false)"
        if field.kind == "time" and not is_number(value.text):
            return f"coalesce({field.text} = {moment(value.text, self.now)}, false)"
        return f"coalesce({_same(field, value.text)}, false)"

    def _order(self, node: Comparison) -> str:
        field, text = self._field(node.field), node.value.text if isinstance(node.value, Value) else ""
        if field is None:
            return "false"
        op = _SQL_OPERATORS[node.op]
        if field.kind == "mv":
            return f"coalesce({any_element(field, lambda item: _ordered(Sql(item, 'str'), op, text))}, false)"
        if field.kind == "time" and not is_number(text):
            return f"coalesce({field.text} {op} {moment(text, self.now)}, false)"
        return f"coalesce({_ordered(field, op, text)}, false)"

    # --- subsearches ------------------------------------------------------------------------------------------

    def _exists(self, node: Subsearch) -> str:
        """A subsearch stands for `(a=1 b=2) OR (a=3 b=4)`, one bracket a row of it; none if it has no rows."""
        found = self.subsearch(node)
        names = [name for name in found.columns if not name.startswith("_")]
        if not names or {"search", "query"} & set(names):
            raise NotExecutable("this subsearch makes search terms only its rows can tell")
        tests = []
        for name in names:
            theirs = Sql(f"q.{quote(name)}", found.columns[name])
            ours = self.relation.get(name)
            same = _alike(Sql(f"r.{quote(name)}", ours.kind), theirs) if ours else "false"
            tests.append(f"({theirs.text} IS NULL OR coalesce({same}, false))")
        return f"EXISTS (SELECT 1 FROM {found.name} AS q WHERE {' AND '.join(tests)})"


def _alike(ours: Sql, theirs: Sql) -> str:
    if theirs.kind == "mv" or ours.kind == "mv":
        raise NotExecutable("a subsearch over multivalue fields is not translated")
    return f"lower({as_str(ours)}) = lower({as_str(theirs)})"


def _same(field: Sql, text: str) -> str:
    """Case ignored, `*` for any text; numbers as numbers; `a.b.c.d/n` also as a network."""
    if "*" in text:
        return f"{as_str(field)} ILIKE {string(wildcard_like(text))} ESCAPE '\\'"
    if field.kind in ("num", "int", "time") and is_number(text):
        return f"{as_num(field)} = {text.strip()}"
    plain = f"lower({as_str(field)}) = {string(text.lower())}"
    if _NETWORK.fullmatch(text):
        return f"({plain} OR {in_network(text, as_str(field))})"
    return plain


def _ordered(field: Sql, op: str, text: str) -> str:
    if is_number(text):
        return f"{as_num(field)} {op} {text.strip()}"
    return f"lower({as_str(field)}) {op} {string(text.lower())}"


def time_range(node: SearchExpression | None, now: str) -> tuple[str | None, str | None]:
    """The range a search asks for, as TIMESTAMPs; what chart commands fill with empty buckets."""
    bounds: dict[str, str] = {}
    for item in shallow(node):
        if (
            isinstance(item, Comparison)
            and isinstance(item.value, Value)
            and item.field.name.lower()
            in (
                "earliest",
                "latest",
            )
        ):
            bounds[item.field.name.lower()] = moment(item.value.text, now)
    if "earliest" in bounds and "latest" not in bounds:
        bounds["latest"] = now
    return bounds.get("earliest"), bounds.get("latest")

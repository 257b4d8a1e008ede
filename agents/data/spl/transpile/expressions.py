"""Eval expressions to SQL."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from agents.data.platform import NotExecutable
from agents.data.spl.ast import Binary, Call, Expression, Literal, MacroCall, Name, Unary
from agents.data.spl.transpile.relation import Relation
from agents.data.spl.transpile.values import NULL, Sql, as_bool, as_num, as_str, is_number, string

# Some functions write their argument twice, so nesting them doubles the text each time.
LONGEST_EXPRESSION = 50_000
Search = Callable[[str], str]


class Compiler:
    """Expressions over one relation. bound: names that stand for something else (mvfilter's element); search:
    compiles searchmatch's text; now: a TIMESTAMP."""

    def __init__(
        self, relation: Relation, now: str, search: Search | None = None, bound: Mapping[str, Sql] | None = None
    ) -> None:
        self.relation, self.now, self.search = relation, now, search
        self.bound = bound or {}

    def binding(self, name: str, value: Sql) -> Compiler:
        return Compiler(self.relation, self.now, self.search, {**self.bound, name: value})

    def compile(self, node: Expression) -> Sql:
        """Raises NotExecutable for what has no translation, or one that grows beyond all measure."""
        value = self._compiled(node)
        if len(value.text) > LONGEST_EXPRESSION:
            raise NotExecutable(f"the expression's translation has more than {LONGEST_EXPRESSION:,} characters")
        return value

    def _compiled(self, node: Expression) -> Sql:
        if isinstance(node, Literal):
            return _literal(node)
        if isinstance(node, Name):
            return self.name(node)
        if isinstance(node, Call):
            return self._call(node)
        if isinstance(node, Unary):
            return self._unary(node)
        if isinstance(node, Binary):
            return self._binary(node)
        assert isinstance(node, MacroCall)
        raise NotExecutable(f"macro '{node.name}' has no definition")

    def condition(self, node: Expression) -> str:
        return as_bool(self.compile(node))

    def name(self, node: Name) -> Sql:
        """A field; a missing one is null. `a.b` is the field if there is one, else a and b joined."""
        if node.name in self.bound:
            return self.bound[node.name]
        known = node.name in self.relation.columns
        if node.dotted and not known and any(part in self.relation.columns for part in node.name.split(".")):
            parts = [self.name(Name(part, node.at)) for part in node.name.split(".")]
            return Sql(f"({' || '.join(map(as_str, parts))})", "str")
        return self.relation.get(node.name) or NULL

    def _call(self, node: Call) -> Sql:
        from agents.data.spl.transpile.functions import FUNCTIONS  # the functions compile their arguments with this

        function = FUNCTIONS.get(node.name)
        if function is None:
            raise NotExecutable(f"the function {node.name} is not translated")
        return function(self, node.args)

    def _unary(self, node: Unary) -> Sql:
        value = self.compile(node.operand)
        if node.op == "not":
            return Sql(f"(NOT {as_bool(value)})", "bool")
        kind = "int" if value.kind == "int" else "num"
        return Sql(f"({node.op}{as_num(value)})", "int" if kind == "int" else "num")

    def _binary(self, node: Binary) -> Sql:
        if node.op in ("and", "or"):
            return Sql(f"({self.condition(node.left)} {node.op.upper()} {self.condition(node.right)})", "bool")
        if node.op == "xor":
            return Sql(f"({self.condition(node.left)} <> {self.condition(node.right)})", "bool")
        left, right = self.compile(node.left), self.compile(node.right)
        if node.op in ("=", "!=", "<", ">", "<=", ">="):
            return Sql(compare(node.op, left, right), "bool")
        if node.op == "like":
            return like(left, right)
        if node.op == ".":
            return Sql(f"({as_str(left)} || {as_str(right)})", "str")
        return arithmetic(node.op, left, right)


def _literal(node: Literal) -> Sql:
    if isinstance(node.value, str):
        return Sql(string(node.value), "str", node.value)
    if isinstance(node.value, int):
        return Sql(f"{node.value}::BIGINT", "int") if abs(node.value) < 2**63 else Sql(str(node.value), "num")
    return Sql(f"CAST({node.value!r} AS DOUBLE)", "num")


def literal(value: Sql, what: str) -> str:
    """The text of a string in quotes. Raises NotExecutable for another expression."""
    if value.literal is None:
        raise NotExecutable(f"{what} must be a string in quotes to be translated")
    return value.literal


def like(left: Sql, right: Sql) -> Sql:
    if left.kind == "mv":
        return Sql(any_element(left, lambda item: f"{item} LIKE {as_str(right)}"), "bool")
    return Sql(f"({as_str(left)} LIKE {as_str(right)})", "bool")


def any_element(value: Sql, test: Callable[[str], str], name: str = "e") -> str:
    """Does a multivalue field have a value for which the test holds. name: the value's, free in the test's text."""
    return f"(len(list_filter({value.text}, lambda {name}: {test(name)})) > 0)"


def arithmetic(op: str, left: Sql, right: Sql) -> Sql:
    if op == "+" and (_textual(left) or _textual(right)):
        return Sql(f"({as_str(left)} || {as_str(right)})", "str", wordy=True)
    if op == "+" and "str" in (left.kind, right.kind) and not (_numeric(left) or _numeric(right)):
        return _added_or_joined([*(left.terms or [left]), *(right.terms or [right])])
    a, b = as_num(left), as_num(right)
    if op in ("/", "%"):
        b = f"nullif({b}, 0)"
    whole = left.kind == right.kind == "int" and op != "/"
    return Sql(f"({a} {op} {b})", "int" if whole else "num")


def _added_or_joined(terms: list[Sql]) -> Sql:
    """A sum if every field is a number, else their texts joined. Each is written twice, however many there are."""
    total = as_str(Sql(f"({' + '.join(map(as_num, terms))})", "num"))
    return Sql(f"coalesce({total}, {' || '.join(map(as_str, terms))})", "str", terms=tuple(terms))


def compare(op: str, left: Sql, right: Sql) -> str:
    """SPL's rule: as numbers if both are numbers, else as text, case kept. NULL if either side is null."""
    if "null" in (left.kind, right.kind):
        return "CAST(NULL AS BOOLEAN)"
    if left.kind == "mv":
        return any_element(left, lambda item: compare(op, Sql(item, "str"), right))
    if right.kind == "mv":
        return any_element(right, lambda item: compare(op, left, Sql(item, "str")), "f")
    sql = "<>" if op == "!=" else op
    numeric = [_numeric(side) for side in (left, right)]
    if left.kind == right.kind == "time":
        return f"({left.text} {sql} {right.text})"
    if all(numeric):
        return f"({as_num(left)} {sql} {as_num(right)})"
    plain = f"({as_str(left)} {sql} {as_str(right)})"
    if _textual(left) or _textual(right) or (op in ("=", "!=") and not any(numeric)):
        return plain
    return f"coalesce({as_num(left)} {sql} {as_num(right)}, {plain})"


def _numeric(value: Sql) -> bool:
    return value.kind in ("num", "int", "time") or (value.literal is not None and is_number(value.literal))


def _textual(value: Sql) -> bool:
    """Never a number."""
    return value.wordy or value.kind == "bool" or (value.literal is not None and not is_number(value.literal))

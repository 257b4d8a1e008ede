"""What binding knows and has found; the checks that all commands share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from agents.data.names import nearest_name
from agents.data.spl.ast import Binary, Call, Expression, FieldRef, MacroCall, Name, Unary
from agents.data.spl.binder.scope import Scope
from agents.data.spl.dates import impossible_text
from agents.data.spl.functions import CONDITIONS, EVAL_FUNCTIONS, OTHER_WORDS, UNLIMITED, is_stats_function
from agents.data.spl.source import Macro, SplError, unknown, unknown_macro
from shared.catalog import Catalog

_MAX_PROBLEMS = 20
_CONDITIONS = frozenset(("and", "or", "xor", "like", "=", "!=", "<", ">", "<=", ">="))


class Binding:
    """One run of the binder. problems: in the order found, each name of a scope reported once."""

    def __init__(self, catalog: Catalog | None, macros: Mapping[str, Macro]) -> None:
        self.catalog, self.macros = catalog, macros
        self.problems: list[SplError] = []

    def problem(self, code: str, message: str, at: int, suggestion: str | None = None) -> None:
        if len(self.problems) < _MAX_PROBLEMS:
            self.problems.append(SplError(code, message, at, suggestion))

    def macro(self, name: str, at: int) -> None:
        if self.catalog is not None:
            error = unknown_macro(name, at, self.macros)
            self.problem(error.code, error.message, at, error.suggestion)

    def use(self, scope: Scope, field: FieldRef | Name) -> None:
        """The field must exist. A wrong one is reported once and taken to exist from there on."""
        name = field.name
        if "`" in name or "<<" in name or name.lower() == "null" or scope.has(name):
            return
        if isinstance(field, Name) and field.dotted and any(part in scope.fields for part in name.split(".")):
            for part in name.split("."):
                self.use(scope, FieldRef(part, field.at))
            return
        error = unknown("field", name, field.at, scope.fields)
        if name in scope.lost:
            message = f"field '{name}' no longer exists after '{scope.lost[name]}'"
            error = SplError(error.code, message, field.at, error.suggestion)
        self.problem(error.code, error.message, field.at, error.suggestion)
        scope.add(name)

    def use_all(self, scope: Scope, fields: list[FieldRef]) -> None:
        for field in fields:
            self.use(scope, field)

    def expression(self, scope: Scope, node: Expression) -> None:
        """Names and functions of an eval expression."""
        if isinstance(node, Name):
            self.use(scope, node)
        elif isinstance(node, Call):
            self._call(scope, node)
        elif isinstance(node, Unary):
            self.expression(scope, node.operand)
        elif isinstance(node, Binary):
            self.expression(scope, node.left)
            self.expression(scope, node.right)
        elif isinstance(node, MacroCall):
            self.macro(node.name, node.at)

    def _call(self, scope: Scope, node: Call) -> None:
        known = EVAL_FUNCTIONS.get(node.name)
        if known is None:
            self._unknown_function(node)
        elif not known[0] <= len(node.args) <= known[1]:
            message = f"{node.name} takes {_arity(*known)}, not {len(node.args)}"
            self.problem("wrong_arguments", message, node.at)
        elif node.name == "case" and len(node.args) % 2:
            self.problem(
                "wrong_arguments",
                "case takes pairs of condition and value",
                node.at,
                "end with true(), default",
            )
        if error := impossible_text(node):
            self.problem(error.code, error.message, error.at, error.suggestion)
        for argument in self._arguments(scope, node):
            self.expression(scope, argument)

    def _arguments(self, scope: Scope, node: Call) -> list[Expression]:
        """The arguments to check: coalesce and the null tests are how SPL asks whether a field exists at all.

        `case(isnotnull(src), src, isnotnull(dest), dest)` asks the same.
        """
        if node.name in ("case", "if"):
            asked = {name.name for test in node.args for name in _asked_for(test)}
            if any(scope.has(name) for name in asked):
                return [argument for argument in node.args if not _asks_or_is(argument, asked)]
        if node.name in ("coalesce", "isnull", "isnotnull") and node.args:
            names = [argument for argument in node.args if isinstance(argument, Name)]
            if any(scope.has(name.name) for name in names):
                return [argument for argument in node.args if not isinstance(argument, Name)]
        if node.name == "mvmap" and len(node.args) == 3 and isinstance(node.args[1], Name):
            return [node.args[0]]
        return node.args

    def _unknown_function(self, node: Call) -> None:
        if is_stats_function(node.name):
            self.problem(
                "unknown_function",
                f"'{node.name}' is a function of stats, not of eval",
                node.at,
                "compute it with stats or eventstats first",
            )
        else:
            near = function_suggestion(node.name, EVAL_FUNCTIONS)
            self.problem("unknown_function", f"unknown function '{node.name}'", node.at, near)


def _asked_for(test: Expression) -> list[Name]:
    """The fields of a null test."""
    if isinstance(test, Call) and test.name in ("isnull", "isnotnull"):
        return [argument for argument in test.args if isinstance(argument, Name)]
    return []


def _asks_or_is(node: Expression, asked: set[str]) -> bool:
    return bool(_asked_for(node)) or (isinstance(node, Name) and node.name in asked)


def is_condition(node: Expression) -> bool:
    """Is the result true or false, which Splunk lets no field hold."""
    if isinstance(node, Call):
        return node.name in CONDITIONS
    if isinstance(node, Unary):
        return node.op == "not"
    return isinstance(node, Binary) and node.op in _CONDITIONS


def function_suggestion(name: str, known: Iterable[str]) -> str | None:
    """The function of that meaning in SPL, or the nearest in spelling."""
    other = OTHER_WORDS.get(name.lower())
    return other or nearest_name(name, known)


def _arity(least: int, most: int) -> str:
    if most == UNLIMITED:
        return f"at least {least} arguments"
    return f"{least} arguments" if least == most else f"{least} to {most} arguments"

"""Names that stand for rows: functions of a `let` are written out where they are called, `as` becomes a `let`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agents.data.kql.rewriting.edits import Edit, Source, items, nodes_in, replaced
from agents.data.platform import NotExecutable


def written_out(let: Any, source: Source) -> Iterator[Edit]:
    """A `let` function that gives rows: its calls become its body, and then it is no longer needed.

    duckdb-kql knows functions that give a value; those are left to it.
    """
    declared = let.Expression
    if str(declared.Kind) != "FunctionDeclaration" or not _gives_rows(declared):
        return
    name = str(let.Name.SimpleName)
    calls = [
        node for node in nodes_in(_root(let), "NameReference") if str(node.SimpleName) == name and _outside(node, let)
    ]
    if not calls:
        yield Edit(int(let.TextStart), int(let.Parent.End), "")
    for reference in calls:
        yield _call(reference, declared, source)


def _gives_rows(declared: Any) -> bool:
    result = declared.Body.Expression.ResultType if declared.Body.Expression is not None else None
    tabular = any(
        str(one.NameAndType.Type.Kind) == "SchemaTypeExpression" for one in items(declared.Parameters.Parameters)
    )
    return tabular or (result is not None and str(result.Kind) == "Table")


def _root(node: Any) -> Any:
    while node.Parent is not None:
        node = node.Parent
    return node


def _outside(node: Any, let: Any) -> bool:
    return not int(let.TextStart) <= int(node.TextStart) < int(let.End)


def _call(reference: Any, declared: Any, source: Source) -> Edit:
    call, given, by_name = reference, list[str](), dict[str, str]()
    if str(reference.Parent.Kind) == "FunctionCallExpression":
        call = reference.Parent
        for argument in items(call.ArgumentList.Expressions):
            if str(argument.Kind) == "SimpleNamedExpression":
                by_name[str(argument.Name.SimpleName)] = f"({source.of(argument.Expression)})"
            else:
                given.append(f"({source.of(argument)})")
    if str(call.Parent.Kind) == "InvokeOperator":
        call = call.Parent.Parent  # the pipe: what is piped in is the first argument
        given = [f"({source.of(call.Expression)})", *given]
    return replaced(call, f"({_body(declared, given, by_name, source)})")


def _body(declared: Any, given: list[str], by_name: dict[str, str], source: Source) -> str:
    """The body with the arguments in the parameters' places, and its own lets in theirs."""
    values: dict[str, str] = {}
    places = iter(given)
    for parameter in items(declared.Parameters.Parameters):
        name = str(parameter.NameAndType.Name.SimpleName)
        default = source.of(parameter.DefaultValue.Value) if parameter.DefaultValue is not None else None
        value = by_name[name] if name in by_name else next(places, default)
        if value is None:
            raise NotExecutable("a function called with too few arguments")
        values[name] = value
    for statement in items(declared.Body.Statements):
        if str(statement.Kind) != "LetStatement" or str(statement.Expression.Kind) == "FunctionDeclaration":
            raise NotExecutable("a function with functions in it")
        values[str(statement.Name.SimpleName)] = f"({_filled(statement.Expression, values, source)})"
    return _filled(declared.Body.Expression, values, source)


def _filled(node: Any, values: dict[str, str], source: Source) -> str:
    edits = [
        replaced(reference, values[name])
        for reference in [*nodes_in(node, "NameReference"), *([node] if str(node.Kind) == "NameReference" else [])]
        if (name := str(reference.SimpleName)) in values and not _is_column(reference)
    ]
    return source.of(node, edits)


def _is_column(reference: Any) -> bool:
    symbol = reference.ReferencedSymbol
    return symbol is not None and str(symbol.Kind) == "Column"


def named_by_as(operator: Any, source: Source) -> Iterator[Edit]:
    """`T | as X | union X` is `let X = materialize(T); X | union X`; a name nobody reads is left out."""
    pipe = operator.Parent
    name = source.of(operator.Name)
    root = _root(operator)
    if not any(str(node.SimpleName) == name for node in nodes_in(root, "NameReference")):
        yield replaced(pipe, source.of(pipe.Expression))
        return
    statement = pipe
    while str(statement.Kind) == "PipeExpression":
        statement = statement.Parent
    if str(statement.Kind) != "ExpressionStatement":
        raise NotExecutable("as within brackets")
    start = int(statement.TextStart)
    yield Edit(start, int(pipe.End), f"let {name} = materialize({source.of(pipe.Expression)}); {name}")

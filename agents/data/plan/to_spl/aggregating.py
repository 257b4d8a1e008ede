"""Aggregates as stats."""

from __future__ import annotations

from agents.data.plan.model import (
    Aggregate,
    Call,
    Case,
    Cast,
    Column,
    Constant,
    Duration,
    Expr,
    IsNull,
    Measure,
    Named,
    Not,
    SortKey,
    Unsayable,
    When,
)
from agents.data.plan.read_spl.times import SECONDS, offset
from agents.data.plan.to_spl import moments
from agents.data.plan.to_spl.extracting import extracted
from agents.data.plan.to_spl.names import argument, eval_name, field, number
from agents.data.plan.to_spl.writer import Writer
from agents.data.plan.walk import columns_in

_FUNCTIONS = {
    "count": "count", "count_distinct": "dc", "sum": "sum", "avg": "avg", "min": "min", "max": "max",
    "stddev": "stdev", "variance": "var", "median": "median", "list": "list", "set": "values", "any": "first",
}  # fmt: skip

_ONE, _ZERO = Constant(type="int", value=1), Constant(type="int", value=0)


def aggregate(w: Writer, step: Aggregate) -> None:
    keys = _groups(w, step)
    order = _order_of_rows(w, step)
    measures = [_measure(w, _counted(one) if keys else one, order) for one in step.measures] or ["count"]
    if order is not None:
        from agents.data.plan.to_spl.steps import sort  # steps aggregate with this

        sort(w, [order])
    by = f" by {' '.join(field(key) for key in keys.values())}" if keys else ""
    w.add(f"stats {' '.join(measures)}{by}")
    renamed = {name: key for name, key in keys.items() if key not in ("_time", name)}
    if renamed:
        w.add("rename " + ", ".join(f"{field(key)} AS {field(name)}" for name, key in renamed.items()))
    w.fields = {name: "_time" if key == "_time" else name for name, key in keys.items()}
    w.fields |= {one.name: one.name for one in step.measures}
    if not step.measures:
        w.add("fields - count")
    w.shown = list(w.fields.values())
    w.newest, w.few, w.order = False, True, ()


# --- groups -------------------------------------------------------------------------------------------------------


def _groups(w: Writer, step: Aggregate) -> dict[str, str]:
    """Each group's name and the field that stats is by; computed ones are set before."""
    fields: dict[str, str] = {}
    computed: list[Named] = []
    read = {w.fields[name] for name in _read(step) if name in w.fields}
    bucket = next((one for one in step.groups if is_bucket(w, one.value)), None)
    for one in step.groups:
        if isinstance(one.value, Column):
            w.require([one.value.name])
            fields[one.name] = w.fields[one.value.name]
        elif one is bucket and "_time" not in read:
            fields[one.name] = "_time"
        else:
            name = w.new_name(one.name) if one.name in read or one.name in fields.values() else one.name
            fields[one.name] = name
            computed.append(Named(name=name, value=one.value))
    w.assign(extracted(w, computed))
    if bucket is not None and fields[bucket.name] == "_time":
        w.add(bin_command(bucket.value))
    return fields


def _read(step: Aggregate) -> set[str]:
    """The columns that measures read, and groups as they are."""
    read = {name for one in step.measures for name in columns_in(one)}
    return read | {one.value.name for one in step.groups if isinstance(one.value, Column)}


def is_bucket(w: Writer, value: Expr) -> bool:
    """A bucket of the event's time."""
    if isinstance(value, Call) and value.function == "bin" and isinstance(value.args[1], Duration):
        when, size = value.args[0], value.args[1]
        if size.unit in SECONDS and offset(size) and (size.amount, size.unit) != (1, "week"):
            return False
    else:
        found = moments.snap(value)
        when = found[1] if found else value
        if found is None:
            return False
    if isinstance(when, Cast) and when.to == "datetime":
        when = when.operand
    return isinstance(when, Column) and w.fields.get(when.name) == "_time"


def bin_command(value: Expr, alias: str = "_time") -> str:
    """`bin _time span=1h`; weeks, which bin counts from a Thursday, and quarters by eval."""
    size = _size(value)
    named = "" if alias == "_time" else f" as {field(alias)}"
    if size is None or size.unit in ("week", "quarter"):
        snapped = moments.snap(value)
        if snapped is None:
            raise Unsayable("buckets of several weeks or quarters", "SPL")
        return f'eval {eval_name(alias)}=relative_time(_time, "{snapped[0]}")'
    return f"bin _time span={moments.span(size)}{named}"


def _size(value: Expr) -> Duration | None:
    if isinstance(value, Cast):
        return Duration(amount=1, unit="day")
    if isinstance(value, Call) and value.function == "bin" and isinstance(value.args[1], Duration):
        return value.args[1]
    if isinstance(value, Call) and isinstance(value.args[0], Constant):
        unit = next((unit for unit in moments.UNITS if unit == value.args[0].value), None)
        return Duration(amount=1, unit=unit) if unit else None
    return None


# --- measures -----------------------------------------------------------------------------------------------------


def _measure(w: Writer, one: Measure, order: SortKey | None) -> str:
    text = call(w, one, order)
    return text if text == one.name else f"{text} as {field(one.name)}"


def _counted(one: Measure) -> Measure:
    """`sum(case when x then 1 else 0 end)` of rows that there are is how many of them x holds for."""
    value = one.args[0] if one.args else None
    if one.function != "sum" or one.where is not None or not isinstance(value, Case) or len(value.whens) != 1:
        return one
    if value.whens[0].result != _ONE or value.otherwise != _ZERO:
        return one
    return Measure(name=one.name, function="count", where=value.whens[0].condition)


def call(w: Writer, one: Measure, order: SortKey | None) -> str:
    if one.function == "count" and not one.args:
        return f"count(eval({w.condition(one.where)}))" if one.where is not None else "count"
    if one.function in ("arg_max", "arg_min"):
        return _of_row(w, one, order)
    if one.function in ("percentile", "percentile_disc"):
        return f"perc{_percent(one.args[1])}({_argument(w, one)})"
    if one.function not in _FUNCTIONS:
        raise Unsayable(f"the aggregate {one.function}", "SPL")
    return f"{_FUNCTIONS[one.function]}({_argument(w, one)})"


def _percent(share: Expr) -> str:
    if not isinstance(share, Constant) or not isinstance(share.value, int | float):
        raise Unsayable("a computed percentile", "SPL")
    return number(round(share.value * 100, 6))


def _argument(w: Writer, one: Measure) -> str:
    value = one.args[0]
    if len(one.args) > 1 and one.function not in ("percentile", "percentile_disc", "arg_max", "arg_min"):
        value = _combined(one)
    if one.where is not None:
        value = Case(whens=(When(condition=one.where, result=value),))
    if isinstance(value, Column):
        w.require([value.name])
        return argument(w.fields[value.name])
    return f"eval({w.value(value)})"


def _combined(one: Measure) -> Expr:
    """Several values as one text, for dc."""
    if one.function != "count_distinct":
        raise Unsayable(f"{one.function} of several values", "SPL")
    pieces: list[Expr] = [Cast(operand=one.args[0], to="string")]
    for value in one.args[1:]:
        pieces += [Constant(type="string", value="|"), Cast(operand=value, to="string")]
    return Call(function="append", args=tuple(pieces))


def _of_row(w: Writer, one: Measure, order: SortKey | None) -> str:
    """latest and earliest by time; by another value the first once rows are sorted by it. All pass over nulls."""
    if one.where == Not(operand=IsNull(operand=one.args[0])):
        one = one.model_copy(update={"where": None})
    if order is not None:
        return f"first({_argument(w, one)})"
    return f"{'latest' if one.function == 'arg_max' else 'earliest'}({_argument(w, one)})"


def _order_of_rows(w: Writer, step: Aggregate) -> SortKey | None:
    """The sort that arg_max and arg_min need, if it is not by time."""
    found = {
        SortKey(value=one.args[1], descending=one.function == "arg_max")
        for one in step.measures
        if one.function in ("arg_max", "arg_min") and not _is_time(w, one.args[1])
    }
    if not found:
        return None
    if len(found) > 1 or any(
        one.function in ("arg_max", "arg_min") and _is_time(w, one.args[1]) for one in step.measures
    ):
        raise Unsayable("values of several extreme rows at once", "SPL")
    return found.pop()


def _is_time(w: Writer, value: Expr) -> bool:
    return isinstance(value, Column) and w.fields.get(value.name) == "_time"

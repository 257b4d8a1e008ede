"""What the parser makes of a search: a pipeline of commands over two expression languages, eval's and search's.

`at` is an offset into the expanded text (source.py turns it into a line and column of what the user wrote).
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Value:
    """A word or quoted string; `text` is unescaped for quoted ones."""

    text: str
    quoted: bool
    at: int


@dataclass(slots=True)
class FieldRef:
    """A field where SPL wants a field; may hold `*`."""

    name: str
    at: int


# --- eval expressions ---------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Literal:
    value: str | int | float
    at: int


@dataclass(slots=True)
class Name:
    """A field in an eval expression. dotted: written `a.b` without quotes, so either the field or a concatenation."""

    name: str
    at: int
    dotted: bool = False


@dataclass(slots=True)
class Call:
    name: str
    args: list[Expression]
    at: int


@dataclass(slots=True)
class Unary:
    op: str
    operand: Expression
    at: int


@dataclass(slots=True)
class Binary:
    op: str
    left: Expression
    right: Expression
    at: int


@dataclass(slots=True)
class MacroCall:
    """A macro without a known definition: as an expression, a search term, an argument or a whole command."""

    name: str
    at: int


Expression = Literal | Name | Call | Unary | Binary | MacroCall


# --- search expressions -------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Term:
    """Free text, looked for in the raw event. whole: TERM(...) or CASE(...)."""

    text: str
    quoted: bool
    at: int
    whole: str | None = None


@dataclass(slots=True)
class Comparison:
    field: FieldRef
    op: str
    value: Value | Subsearch | MacroCall
    at: int


@dataclass(slots=True)
class Within:
    field: FieldRef
    values: list[Value]
    at: int


@dataclass(slots=True)
class Not:
    item: SearchExpression
    at: int


@dataclass(slots=True)
class All:
    items: list[SearchExpression]
    at: int


@dataclass(slots=True)
class Any:
    items: list[SearchExpression]
    at: int


@dataclass(slots=True)
class Subsearch:
    pipeline: Pipeline
    at: int


SearchExpression = Term | Comparison | Within | Not | All | Any | Subsearch | MacroCall


# --- commands -----------------------------------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class Command:
    """Any command; the subclasses are those whose parts binding or translation needs. Option names are lower case."""

    name: str
    at: int
    options: dict[str, Value] = field(default_factory=dict)

    def option(self, name: str, default: str = "") -> str:
        return self.options[name].text if name in self.options else default

    def flag(self, name: str, default: bool = False) -> bool:
        return self.option(name).lower() in ("t", "true", "1", "yes") if name in self.options else default


@dataclass(slots=True, kw_only=True)
class MacroCommand(Command):
    """A whole stage (or the head of one) written as an unknown macro."""


@dataclass(slots=True, kw_only=True)
class Generic(Command):
    """A command known by its table entry only: the words after its options, and its subsearches."""

    words: list[Value] = field(default_factory=list)
    subsearches: list[Subsearch] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Search(Command):
    """`search`, also the implied one. expression: None searches everything."""

    expression: SearchExpression | None


@dataclass(slots=True, kw_only=True)
class Where(Command):
    expression: Expression


@dataclass(slots=True, kw_only=True)
class Eval(Command):
    assignments: list[tuple[FieldRef, Expression]]


@dataclass(slots=True)
class Aggregation:
    """`sum(bytes) as total`. argument: a field, an eval expression, or None (`count`). macro: an opaque macro."""

    function: str
    argument: FieldRef | Expression | None
    alias: FieldRef | None
    at: int
    text: str
    macro: bool = False

    @property
    def output(self) -> str:
        return self.alias.name if self.alias else self.text


@dataclass(slots=True)
class SeriesChoice:
    """chart's `where sum in top5`, `where max>10`. comparison: in, notin, < or >; value: `top5`, `10`."""

    function: str
    comparison: str
    value: str


@dataclass(slots=True, kw_only=True)
class Aggregate(Command):
    """stats, eventstats, streamstats, chart, timechart, tstats, mstats and the si* ones.

    over: chart's row field; spans: by-field name → its span; series: which columns chart makes; dataset and where:
    tstats' and mstats'.
    """

    aggregations: list[Aggregation]
    by: list[FieldRef] = field(default_factory=list)
    over: FieldRef | None = None
    spans: dict[str, Value] = field(default_factory=dict)
    series: SeriesChoice | None = None
    dataset: Value | None = None
    where: SearchExpression | None = None


@dataclass(slots=True, kw_only=True)
class Rename(Command):
    pairs: list[tuple[FieldRef, FieldRef]]


@dataclass(slots=True, kw_only=True)
class Fields(Command):
    """fields, table, and the commands that take only fields. remove: `fields -`."""

    fields: list[FieldRef]
    remove: bool = False


@dataclass(slots=True, kw_only=True)
class Top(Command):
    limit: int
    fields: list[FieldRef]
    by: list[FieldRef]


@dataclass(slots=True)
class SortKey:
    field: FieldRef
    descending: bool
    cast: str


@dataclass(slots=True, kw_only=True)
class Sort(Command):
    """limit: 0 is all."""

    limit: int
    keys: list[SortKey]


@dataclass(slots=True, kw_only=True)
class Dedup(Command):
    count: int
    fields: list[FieldRef]
    keys: list[SortKey]


@dataclass(slots=True, kw_only=True)
class Head(Command):
    """head and tail. condition: `head (expression)`."""

    count: int
    condition: Expression | None = None


@dataclass(slots=True, kw_only=True)
class Bin(Command):
    field: FieldRef
    alias: FieldRef | None


@dataclass(slots=True, kw_only=True)
class Rex(Command):
    """rex and regex. negated: `regex field!="..."`."""

    field: FieldRef
    pattern: Value
    negated: bool = False


@dataclass(slots=True, kw_only=True)
class Lookup(Command):
    """pairs and outputs: (field of the lookup, field of the event)."""

    table: FieldRef
    pairs: list[tuple[FieldRef, FieldRef]]
    outputs: list[tuple[FieldRef, FieldRef]]
    overwrite: bool = True


@dataclass(slots=True, kw_only=True)
class InputLookup(Command):
    table: FieldRef
    where: SearchExpression | None = None


@dataclass(slots=True, kw_only=True)
class From(Command):
    """`from datamodel:Web.Web`, `from lookup:hosts`, and `datamodel Web Web search`. kind: `datamodel`, `lookup` or
    what else was said; prefixed: its fields have the dataset's name before them."""

    kind: str
    source: FieldRef
    prefixed: bool = False


@dataclass(slots=True, kw_only=True)
class Combine(Command):
    """join, append, appendcols, appendpipe, foreach, union, multisearch: fields and subsearches."""

    fields: list[FieldRef]
    subsearches: list[Subsearch]


@dataclass(slots=True, kw_only=True)
class Transaction(Command):
    fields: list[FieldRef]
    starts: Expression | SearchExpression | None = None
    ends: Expression | SearchExpression | None = None


@dataclass(slots=True, kw_only=True)
class Convert(Command):
    conversions: list[tuple[str, FieldRef, FieldRef]]


@dataclass(slots=True, kw_only=True)
class Replace(Command):
    pairs: list[tuple[Value, Value]]
    fields: list[FieldRef]


@dataclass(slots=True)
class Pipeline:
    commands: list[Command]
    at: int

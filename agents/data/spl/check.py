"""The documented face of the language: parse, bind and judge a search, with or without a catalog."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from agents.data.spl.ast import Pipeline
from agents.data.spl.binder import bind_pipeline
from agents.data.spl.parser import parse_pipeline
from agents.data.spl.safety import check_safety
from agents.data.spl.source import Macro, Source, SplError, read_source, unknown_macro
from shared.catalog import Catalog, SearchMacro
from shared.models import Check, CheckName

PROVER = "lexiquery-spl"
NO_MACROS: Mapping[str, Macro] = {}
# Those every Splunk with the Common Information Model has; a group's own of the same name win.
_BUILT_IN: Mapping[str, Macro] = {
    "drop_dm_object_name(1)": Macro("rename $object_name$.* AS *", ("object_name",)),
    "comment(1)": Macro("", ("text",)),
}


def known_macros(catalog: Catalog | None) -> dict[str, Macro]:
    """The macros that a group's searches may call, by name: Splunk's own, and the group's."""
    own = catalog.macros if catalog else []
    return {**_BUILT_IN, **{item.name: Macro(item.definition, tuple(item.arguments)) for item in own}}


def search_macros(macros: Mapping[str, Macro]) -> list[SearchMacro]:
    """The same macros as a catalog has them."""
    return [
        SearchMacro(name=name, definition=macro.definition, arguments=list(macro.arguments))
        for name, macro in macros.items()
    ]


class Parsed:
    """A search read once: its source for places, and its pipeline or the first error."""

    def __init__(self, query: str, macros: Mapping[str, Macro] = NO_MACROS) -> None:
        self.macros = macros
        self.source = Source(query)
        self.pipeline: Pipeline | None = None
        self.error: SplError | None = None
        try:
            self.source = read_source(query, macros)
            self.pipeline = parse_pipeline(self.source.text)
        except SplError as error:
            self.error = error

    def parse(self) -> Check:
        return self._check("parse", [self.error] if self.error else [])

    def bind(self, catalog: Catalog | None) -> Check:
        return self._judged("bind", lambda pipeline: self._bound(pipeline, catalog))

    def safety(self, catalog: Catalog | None) -> Check:
        return self._judged("safety", lambda pipeline: check_safety(pipeline, catalog, self.source.hidden))

    def _bound(self, pipeline: Pipeline, catalog: Catalog | None) -> list[SplError]:
        errors = bind_pipeline(pipeline, catalog, self.macros)
        told = {error.at for error in errors}
        hidden = self.source.hidden if catalog is not None else []
        errors += [unknown_macro(macro.name, macro.at, self.macros) for macro in hidden if macro.at not in told]
        return sorted(errors, key=lambda error: error.at)

    def _judged(self, name: CheckName, judge: Callable[[Pipeline], list[SplError]]) -> Check:
        if self.pipeline is None:
            return Check(name=name, status="skipped", prover=PROVER, detail="the search does not parse")
        return self._check(name, judge(self.pipeline))

    def _check(self, name: CheckName, errors: list[SplError]) -> Check:
        problems = [self.source.problem(error) for error in errors]
        return Check(name=name, status="failed" if problems else "passed", prover=PROVER, problems=problems)


def check_spl(query: str, catalog: Catalog | None = None, macros: Mapping[str, Macro] = NO_MACROS) -> list[Check]:
    """Parse, bind and safety of one search; the last two are skipped if it does not parse.

    catalog: None knows no index: fields of base searches are then unknown and never wrong, and unknown macros pass.
    macros: more than the catalog's own.
    """
    parsed = Parsed(query, {**known_macros(catalog), **macros} if catalog else macros)
    return [parsed.parse(), parsed.bind(catalog), parsed.safety(catalog)]

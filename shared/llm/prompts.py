"""Prompts are files, `shared/llm/prompts/NAME.md`; the ledger names the version that a call used."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template

from shared.errors import InvalidInput, NotFound

_FOLDER = Path(__file__).parent / "prompts"


@dataclass(frozen=True)
class Prompt:
    """text: `$name` and `${name}` stand for values, `$$` for a dollar sign. version: hash of the text."""

    name: str
    text: str

    @property
    def version(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()[:12]

    @property
    def variables(self) -> list[str]:
        return Template(self.text).get_identifiers()

    def render(self, **values: object) -> str:
        """The text with every variable filled. Raises InvalidInput on a missing value, and on one too many."""
        missing, unknown = set(self.variables) - values.keys(), values.keys() - set(self.variables)
        for kind, names in (("has no value for", missing), ("has no variable", unknown)):
            if names:
                raise InvalidInput(f"prompt '{self.name}' {kind} {', '.join(sorted(names))}")
        return Template(self.text).substitute(values)


@cache
def load_prompt(name: str) -> Prompt:
    """The prompt of that name. Raises NotFound with the nearest name."""
    known = {path.stem: path for path in _FOLDER.glob("*.md")}
    if name not in known:
        raise NotFound.named("prompt", name, known)
    return Prompt(name, known[name].read_text(encoding="utf-8").rstrip("\n"))

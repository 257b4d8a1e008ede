"""Prompts are files, `shared/llm/prompts/NAME.md.j2`: YAML that describes it, then a Jinja2 template (docs/prompts.md).

The ledger names the version that a call used; prompt_history.py keeps the text of every version that was.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType

import yaml
from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError
from jinja2.meta import find_referenced_templates, find_undeclared_variables
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import ValidationError

from shared.errors import InvalidInput, NotFound, did_you_mean, first_problem
from shared.models import Model

_FOLDER = Path(__file__).parent / "prompts"
_ENDING = ".md.j2"
_PARTS = re.compile(r"---\n(?P<front>.*?)^---\n(?P<text>.*)", re.DOTALL | re.MULTILINE)
_VERSION_DIGITS = 12
_UNFILLED = (TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What a template can raise on values that its filters and operators are not made for."""

# A model reads text, not HTML, so nothing is escaped. The sandbox: who may edit an operator's prompts may not run code.
_JINJA = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)
_JINJA.globals.clear()  # `range` and `dict` would be names that a template uses and nobody declares


class _Front(Model):
    """The YAML at the beginning of a prompt's file. version: a number for people; the ledger has the text's hash."""

    description: str
    variables: dict[str, str] = {}
    version: int | None = None


@dataclass(frozen=True)
class Prompt:
    """text: a Jinja2 template, in which `{{ name }}` stands for a value. variables: what each holds, by name.
    number: its front matter's `version`; file: where it was read.

    Raises InvalidInput for a text that is no template, and where it uses other variables than those.
    """

    name: str
    text: str
    variables: Mapping[str, str] = field(default_factory=dict, hash=False)
    description: str = ""
    number: int | None = None
    file: Path | None = None

    def __post_init__(self) -> None:
        used = self._used()
        for kind, names in (
            ("uses undeclared", used - self.variables.keys()),
            ("declares, and does not use,", self.variables.keys() - used),
        ):
            if names:
                raise InvalidInput(f"prompt '{self.name}' {kind} {', '.join(sorted(names))}")

    @property
    def version(self) -> str:
        """The first 12 hex digits of the text's sha256."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:_VERSION_DIGITS]

    def render(self, **values: object) -> str:
        """The text with every variable filled; what a value says is never read as a template.

        Raises InvalidInput on a missing value, on one too many, and on one that the template can't use.
        """
        missing, unknown = self.variables.keys() - values.keys(), values.keys() - self.variables.keys()
        for kind, names in (("has no value for", missing), ("has no variable", unknown)):
            if names:
                raise InvalidInput(f"prompt '{self.name}' {kind} {', '.join(sorted(names))}")
        try:
            return self._template.render(values)
        except _UNFILLED as error:
            raise InvalidInput(f"prompt '{self.name}' can't be filled: {error}") from error

    @cached_property
    def _template(self) -> Template:
        return _JINJA.from_string(self.text)

    def _used(self) -> set[str]:
        """The variables that the text uses."""
        try:
            parsed = _JINJA.parse(self.text)
            others = list(find_referenced_templates(parsed))
            used = find_undeclared_variables(parsed)
        except TemplateSyntaxError as error:
            place = f"line {error.lineno} of its template: {error.message}"
            raise InvalidInput(f"prompt '{self.name}' can't be read: {place}") from error
        if others:
            raise InvalidInput(f"prompt '{self.name}' can't include, import or extend another")
        return used


def load_prompt(name: str, folder: Path | None = None) -> Prompt:
    """The prompt of that name. Raises NotFound with the nearest name, and what load_prompts raises."""
    known = load_prompts(folder)
    if name not in known:
        raise NotFound.named("prompt", name, known)
    return known[name]


@cache
def load_prompts(folder: Path | None = None) -> Mapping[str, Prompt]:
    """Every prompt by name, read once; a file in `folder`, the setting `prompts_dir`, stands for ours of its name.

    Raises InvalidInput for a file that is no prompt, or has another name or other variables than any of ours.
    """
    ours = {prompt.name: prompt for prompt in _prompts_in(_FOLDER)}
    return MappingProxyType(ours | (_operators(folder, ours) if folder else {}))


def _operators(folder: Path, ours: Mapping[str, Prompt]) -> dict[str, Prompt]:
    if not folder.is_dir():
        raise InvalidInput(f"LEXIQUERY_PROMPTS_DIR: there is no folder {folder}")
    names = [f"{name}{_ENDING}" for name in ours]
    for path in sorted(folder.iterdir()):
        if path.name not in names and not path.name.startswith("."):
            raise InvalidInput(f"{path} has the name of no prompt", suggestion=did_you_mean(path.name, names))
    found = {prompt.name: prompt for prompt in _prompts_in(folder)}
    for name, prompt in found.items():
        wanted = ours[name].variables
        if prompt.variables.keys() != wanted.keys():
            raise InvalidInput(f"{prompt.file} must declare the variables of '{name}': {', '.join(wanted) or 'none'}")
    return found


def _prompts_in(folder: Path) -> Iterator[Prompt]:
    return (_read(path) for path in sorted(folder.glob(f"[!.]*{_ENDING}")))


def _read(path: Path) -> Prompt:
    """Raises InvalidInput, naming the file. A template ends before the newlines at its end."""
    try:
        content = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"can't read the prompt {path}: {error}") from error
    parts = _PARTS.fullmatch(content)
    if not parts:
        raise InvalidInput(f"{path} has no front matter", suggestion="begin it with YAML between two lines of ---")
    try:
        front = _Front.model_validate(yaml.safe_load(parts["front"]))
    except yaml.YAMLError as error:
        raise InvalidInput(f"the front matter of {path} is not YAML: {error}") from error
    except ValidationError as error:
        raise InvalidInput(f"the front matter of {path}: {first_problem(error)}") from error
    name, text = path.name.removesuffix(_ENDING), parts["text"].rstrip("\n")
    try:
        return Prompt(name, text, front.variables, front.description, front.version, path)
    except InvalidInput as error:
        raise InvalidInput(f"{path}: {error}") from error

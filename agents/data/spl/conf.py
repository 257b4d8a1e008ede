"""Splunk's own configuration files: stanzas of settings, and the macros of macros.conf."""

from __future__ import annotations

import configparser
import re
from collections.abc import Mapping

from agents.data.spl.source import Macro
from shared.errors import InvalidInput

_CONTINUED = re.compile(r"\\\r?\n")


def read_stanzas(text: str, what: str = "conf file") -> dict[str, dict[str, str]]:
    """Of each stanza its settings, their names in the case they are written in. Continued lines are joined.

    Raises InvalidInput, with the line, for what is no such file. what: what it is said not to be.
    """
    parser = configparser.RawConfigParser(strict=False, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(_CONTINUED.sub("\n ", text.lstrip("\ufeff")))
    except configparser.Error as error:
        raise InvalidInput(f"not a {what}: {str(error).splitlines()[0]}") from error
    return {name: dict(stanza) for name, stanza in parser.items() if name != parser.default_section}


def read_macros(text: str) -> dict[str, Macro]:
    """The macros of a macros.conf: a stanza is named `name` or `name(2)`, by its number of arguments.

    Raises InvalidInput, with the line, for what is no such file.
    """
    return {name: macro_of(stanza) for name, stanza in read_stanzas(text, "macros.conf").items()}


def macro_of(stanza: Mapping[str, str]) -> Macro:
    settings = {name.lower(): value for name, value in stanza.items()}
    return Macro(settings.get("definition", "").strip(), _arguments(settings.get("args", "")))


def _arguments(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())

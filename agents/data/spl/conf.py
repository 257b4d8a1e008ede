"""Splunk's own configuration files: macros.conf."""

from __future__ import annotations

import configparser
import re

from agents.data.spl.source import Macro
from shared.errors import InvalidInput

_CONTINUED = re.compile(r"\\\r?\n")


def read_macros(text: str) -> dict[str, Macro]:
    """The macros of a macros.conf: a stanza is named `name` or `name(2)`, by its number of arguments.

    Raises InvalidInput, with the line, for what is no such file.
    """
    parser = configparser.RawConfigParser(strict=False, delimiters=("=",), comment_prefixes=("#",))
    try:
        parser.read_string(_CONTINUED.sub("\n ", text))
    except configparser.Error as error:
        raise InvalidInput(f"not a macros.conf: {str(error).splitlines()[0]}") from error
    return {
        name: Macro(stanza.get("definition", "").strip(), _arguments(stanza.get("args", "")))
        for name, stanza in parser.items()
        if name != parser.default_section
    }


def _arguments(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())

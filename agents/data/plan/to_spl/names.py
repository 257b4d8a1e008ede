"""How SPL writes names and text: differently in search, in eval and in lists of fields."""

from __future__ import annotations

import re

from agents.data.plan.model import Unsayable

_PLAIN_FIELD = re.compile(r"[A-Za-z_][\w.:-]*")
_EVAL_NAME = re.compile(r"[A-Za-z_]\w*")
_PLAIN_VALUE = re.compile(r"\w+|[A-Za-z][\w-]*")
_BACKSLASH = re.compile(r'\\(?=[\\"]|$)')
_KEYWORDS = frozenset(("and", "or", "not", "xor", "in", "like", "as", "by", "over", "where", "output", "outputnew"))


def field(name: str) -> str:
    """In search, by-lists and the other commands that take fields."""
    if _PLAIN_FIELD.fullmatch(name) and name.lower() not in _KEYWORDS:
        return name
    if '"' in name:
        raise Unsayable(f"the field name {name}", "SPL")
    return f'"{name}"'


def argument(name: str) -> str:
    """Between the brackets of a function of stats."""
    if not _PLAIN_FIELD.fullmatch(name):
        raise Unsayable(f"stats of the field name {name}; rename it before", "SPL")
    return name


def eval_name(name: str) -> str:
    if _EVAL_NAME.fullmatch(name) and name.lower() not in _KEYWORDS:
        return name
    if "'" in name:
        raise Unsayable(f"the field name {name}", "SPL")
    return f"'{name}'"


def quoted(text: str) -> str:
    r"""Text in double quotes; SPL keeps backslashes but before quotes and backslashes."""
    return '"' + _BACKSLASH.sub(r"\\\\", text).replace('"', '\\"') + '"'


def value(text: str) -> str:
    """A value in search."""
    return text if _PLAIN_VALUE.fullmatch(text) and text.lower() not in _KEYWORDS else quoted(text)


def number(value_: float) -> str:
    return str(int(value_)) if float(value_).is_integer() and abs(value_) < 1e15 else repr(value_)

"""Patterns: PCRE for DuckDB's RE2, search's wildcards, and words of free text."""

from __future__ import annotations

import re

from agents.data.platform import NotExecutable

_BEYOND_RE2 = re.compile(r"\(\?(?:=|!|<=|<!|>|\(|R|&|\|)|(?<!\\)(?:\\\\)*\\(?:[1-9]|k[<{'])|[*+?}]\+")
_GROUP = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]|\((?:\?P?<(?P<name>[A-Za-z_][\w.\-]*)>|(?P<other>\?))?", re.DOTALL)
_CODE_POINT = re.compile(r"\\x\{[0-9A-Fa-f]+\}")
_EDGE = "[^A-Za-z0-9]"


def regular_expression(pattern: str) -> str:
    """The pattern for RE2. Raises NotExecutable for what RE2 can't do: look-around, back-references, possessives."""
    if found := _BEYOND_RE2.search(pattern):
        raise NotExecutable(f"regular expressions with {found.group()} can't be run here")
    try:
        re.compile(_CODE_POINT.sub("x", without_names(pattern)))
    except re.error as error:
        raise NotExecutable(f"the regular expression is not valid: {error}") from error
    return without_names(pattern)


def without_names(pattern: str) -> str:
    """Named groups as plain ones: RE2 refuses some of SPL's names."""
    return _GROUP.sub(lambda match: "(" if match.group("name") else match.group(), pattern)


def patterns_by_group(pattern: str) -> dict[str, str]:
    """For each named group the pattern with that one as its only capturing group: DuckDB knows no more than nine."""
    names = dict.fromkeys(match.group("name") for match in _GROUP.finditer(pattern) if match.group("name"))
    return {name: _only_group(pattern, name) for name in names}


def _only_group(pattern: str, name: str) -> str:
    def one(match: re.Match[str]) -> str:
        if not match.group().startswith("(") or match.group("other"):
            return match.group()
        return "(" if match.group("name") == name else "(?:"

    return _GROUP.sub(one, pattern)


def wildcard_like(value: str) -> str:
    r"""Search's `*` as a LIKE pattern, escaped with `\`."""
    escaped = value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%")


def free_text(term: str, quoted: bool) -> str:
    """A regular expression that finds a term in a raw event, between breakers, case ignored."""
    body = re.escape(term.strip("*")).replace(r"\*", ".*" if quoted else r"\S*").replace(r"\ ", " ")
    start = "" if term.startswith("*") or not term[:1].isalnum() else f"(?:^|{_EDGE})"
    end = "" if term.endswith("*") or not term[-1:].isalnum() else f"(?:$|{_EDGE})"
    return f"(?is){start}{body}{end}"

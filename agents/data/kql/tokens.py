"""The words, strings, numbers and marks of a KQL query, where no syntax tree is at hand."""

from __future__ import annotations

import re

# (kind, text, offset); kind is word, string, number or mark.
Token = tuple[str, str, int]
_TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*)|(?P<string>[hH]?(?:```.*?```|~~~.*?~~~|@"(?:[^"]|"")*"|@'(?:[^']|'')*'
    |"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'))|(?P<word>[A-Za-z_][\w-]*)|(?P<number>\d\w*(?:\.\d\w*)?)|(?P<mark>\S)""",
    re.VERBOSE | re.DOTALL,
)


def tokens(query: str) -> list[Token]:
    """Comments are left out."""
    found = [(match.lastgroup or "", match.group(), match.start()) for match in _TOKEN.finditer(query)]
    return [token for token in found if token[0] != "comment"]

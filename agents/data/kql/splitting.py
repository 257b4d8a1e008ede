"""A file of several KQL queries, as people keep them: parted by blank lines, comments before each."""

from __future__ import annotations

import re
from collections.abc import Callable

_BLANK = re.compile(r"\n[ \t]*\n")
_COMMENT_ONLY = re.compile(r"(?:\s|//[^\n]*(?:\n|$))*")


def split_queries(text: str, parses: Callable[[str], bool]) -> list[str]:
    """The text's queries in order: the text itself if it parses, else the longest runs of paragraphs that do.

    parses: whether Kusto's parser takes a text for queries. Paragraphs that are no query stay as they are, each one by
    itself; those that are only comments go with the query after them.
    """
    if parses(text):
        return [text]
    paragraphs = _with_their_comments([part for part in _BLANK.split(text) if part.strip()])
    queries: list[str] = []
    start = 0
    while start < len(paragraphs):
        ends = range(len(paragraphs), start, -1)
        end = next((end for end in ends if parses("\n\n".join(paragraphs[start:end]))), start + 1)
        queries.append("\n\n".join(paragraphs[start:end]))
        start = end
    return queries


def _with_their_comments(paragraphs: list[str]) -> list[str]:
    joined: list[str] = []
    comments = ""
    for paragraph in paragraphs:
        if _COMMENT_ONLY.fullmatch(paragraph):
            comments += paragraph + "\n\n"
        else:
            joined.append(comments + paragraph)
            comments = ""
    return joined

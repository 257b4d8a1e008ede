"""Which language a piece of code is in: by what it is called, else by how it looks."""

from __future__ import annotations

import re

from agents.knowledge.documents.document import Block

_NAMES = {
    "kusto": "kql",
    "kql": "kql",
    "splunk": "spl",
    "splunk-spl": "spl",
    "spl": "spl",
    "postgresql": "sql",
    "postgres": "sql",
    "pgsql": "sql",
    "psql": "sql",
    "mysql": "sql",
    "tsql": "sql",
    "sqlite": "sql",
    "duckdb": "sql",
    "sh": "shell",
    "bash": "shell",
    "zsh": "shell",
    "ksh": "shell",
    "console": "shell",
    "terminal": "shell",
    "shell-session": "shell",
    "shellsession": "shell",
    "prometheus": "promql",
    "yml": "yaml",
    "jsonc": "json",
    "json5": "json",
}
_MONOSPACED = re.compile(
    r"mono(?!type)|courier|consol|typewriter|cmtt|inconsolata|menlo|monaco|source\s?code|fixed|cascadia|(fira|jetbrains|sf)\s?code",
    re.IGNORECASE,
)
_PROSE = r"(?!\w+\s+(?:the|your|each|any|an|this|these|those|which|one of|a (?!from\b|as\b))\b)"
"""`Select the host from the list` begins as a query does."""
_LOOKED_AT = 4000
"""Characters of a piece of code that are looked at."""
_COMMANDS = (
    "sudo|kubectl|curl|systemctl|journalctl|docker|aws|ssh|grep|df|du|cat|etcdctl|apt|apt-get|yum|dnf|pip|helm|git|cd|ls|"
    "az|gcloud|oc|ping|dig|nslookup|openssl|psql|promtool|amtool|ceph|export|echo|chmod|mkdir|rm|mv|cp|service|tail"
)
_LOOKS_LIKE = (
    ("json", re.compile(r"\s*(\{\s*(\"|\})|\[\s*[\[{\"])")),
    (
        "sql",
        re.compile(
            rf"(\s*--[^\n]*\n)*\s*{_PROSE}(select|with|insert|explain|update|delete)\b(?=.*\b(from|as|into|set)\b)",
            re.I | re.S,
        ),
    ),
    ("spl", re.compile(r"\s*(search\s+)?index\s*=|\s*\|\s*(tstats|inputlookup|makeresults|rest)\b", re.I)),
    (
        "kql",
        re.compile(
            r"(\s*//[^\n]*\n)*\s*(let\s+\w+\s*=|"
            r"(union\s+(\w+\s*=\s*\w+\s+){0,3}[\w*]+(\s*,\s*[\w*]+)*|\w+)\s*(//[^\n]*\n\s*)*\|\s*"
            r"(where|summarize|extend|project|take|join|count|top|distinct|mv-expand|parse|render|search|union|evaluate)\b)",
            re.I,
        ),
    ),
    ("shell", re.compile(rf"\s*(\$ |#!|({_COMMANDS})\s)")),
    (
        "promql",
        re.compile(
            r"\s*((sum|avg|max|min|count|topk|bottomk|quantile)\s*(by|without)?\s*\(|(rate|irate|increase|absent|"
            r"histogram_quantile|predict_linear|changes|delta)\s*\(|[a-z_:][a-z0-9_:]*\{[^{}\n]*=)"
        ),
    ),
    (
        "yaml",
        re.compile(r"(\s*#[^\n]*\n|---\s*\n)*\s*[A-Za-z_][\w.-]*:([ \t]*[|>&]?-?[ \t]*\n[ \t]+|\s[^\n]*\n[\w-]+:\s)"),
    ),
)


def code_block(text: str, language: str | None = None) -> Block:
    """A block of code; language: what its writer called it. `sh` is shell, `kusto` is kql."""
    if named := (language or "").strip():
        return Block("code", text, language=language_of(named))
    start = text[:_LOOKED_AT]
    return Block("code", text, language=next((name for name, form in _LOOKS_LIKE if form.match(start)), None))


def is_monospaced(font: str) -> bool:
    """Whether the letters of a font with such a name are all of one width."""
    return _MONOSPACED.search(font) is not None


def language_of(name: str) -> str:
    """The language that people call so: `Kusto` is kql; a name that nobody knows is its own, 32 letters of it."""
    named = name.strip().lower()
    return _NAMES.get(named, named)[:32]

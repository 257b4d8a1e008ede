"""Credentials of a connection: its URL names their environment variables, `${PGPASSWORD}`; none is kept or shown."""

from __future__ import annotations

import os
import re

from shared.errors import InvalidInput

_NAMED = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def filled(text: str) -> str:
    """The text with each `${NAME}` as that environment variable says. Raises InvalidInput for one that is not set."""
    return _NAMED.sub(lambda found: _value(found[1]), text)


def _value(name: str) -> str:
    if not (value := os.environ.get(name)):
        where = "set it where LexiQuery's agents run"
        raise InvalidInput(f"the connection needs the environment variable {name}, which is not set", suggestion=where)
    return value


def is_set(text: str) -> bool:
    """Whether every variable that the text names has a value."""
    return all(os.environ.get(name) for name in _NAMED.findall(text))


def check_named(what: str, text: str | None) -> None:
    """Raises InvalidInput for a secret that is written out; the message does not repeat it."""
    if text and not _NAMED.fullmatch(text):
        advice = f"write the name of an environment variable, such as ${{{what.upper()}}}, in single quotes"
        raise InvalidInput(f"the URL holds a {what} itself, which would be kept", suggestion=advice)

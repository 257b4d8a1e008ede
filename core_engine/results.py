"""What a command gives, and how it is shown: text for people, JSON with --json; errors on standard error."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import to_jsonable_python
from sqlalchemy.exc import DatabaseError

from core_engine.state import State, open_state
from shared.database import storage_failure
from shared.errors import (
    InvalidInput,
    LexiQueryError,
    NotFound,
    StorageFailed,
    Unauthorized,
    first_problem,
    problem_detail,
)
from shared.ledger import alerts
from shared.render import render_amount, visible
from shared.settings import Settings

DONE, FAILED, USAGE, ASKED_BACK = 0, 1, 2, 3
_INTERRUPTED = 130


@dataclass(frozen=True)
class Result:
    """value: what --json prints; text: the same for people; code: the process's exit code."""

    value: Any
    text: str
    code: int = DONE


def run(work: Coroutine[Any, Any, Result | None], *, as_json: bool = False) -> int:
    """Run a command and print its result; its exit code. An error is a line on stderr, and a problem with --json."""
    try:
        result = asyncio.run(work)
    except LexiQueryError as error:
        return _fail(error, as_json)
    except ValidationError as error:
        return _fail(LexiQueryError(f"{error.title} is not what LexiQuery expects: {first_problem(error)}"), as_json)
    except (DatabaseError, OSError) as error:
        return _fail(storage_failure(error), as_json)
    except KeyboardInterrupt:
        return _INTERRUPTED
    return DONE if result is None else _shown(result, as_json)


def _shown(result: Result, as_json: bool) -> int:
    try:
        _print(_json(result.value) if as_json else result.text)
        return result.code
    except OSError as error:
        # Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):  # whoever read the output has seen enough, as `head` does
            return FAILED
        return _fail(StorageFailed(f"can't write the output: {error.strerror or error}"), as_json=False)


def _fail(error: LexiQueryError, as_json: bool) -> int:
    if as_json:
        _print(_json(problem_detail(error).model_dump(exclude_none=True)))
    print(f"lexiquery: {visible(str(error))}", file=sys.stderr)
    return USAGE if isinstance(error, InvalidInput | NotFound | Unauthorized) else FAILED


def _print(text: str) -> None:
    if text:
        print(visible(text), flush=True)


def _json(value: Any) -> str:
    return json.dumps(to_jsonable_python(value, by_alias=True), indent=2, ensure_ascii=False)


def as_table(rows: Sequence[Sequence[Any]], header: Sequence[str]) -> str:
    cells = [header, *[[_cell(cell) for cell in row] for row in rows]]
    widths = [max(len(row[index]) for row in cells) for index in range(len(header))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)
    return "\n".join(line.rstrip() for line in lines)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return str(round(value, 2) if isinstance(value, float) else value)


def money(amount: float | None, currency: str | None) -> str:
    return "-" if amount is None else render_amount(amount, currency)


def listed(lines: Sequence[dict[str, Any]], otherwise: str) -> Result:
    """Lines of the same fields as a table, or `otherwise` when there is none."""
    return Result(lines, as_table([list(line.values()) for line in lines], list(lines[0])) if lines else otherwise)


def make_settings(**changes: Any) -> Settings:
    """The settings, with what the command line changes; logging is set up by them.

    Raises InvalidInput naming the option or the variable that is wrong.
    """
    from shared.logging import configure_logging

    given = {name: value for name, value in changes.items() if value is not None}
    try:
        settings = Settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0])
        name = f"--{field}" if field in given else f"LEXIQUERY_{field.upper().removeprefix('LEXIQUERY_')}"
        raise InvalidInput(f"{name}: {first['msg'].removeprefix('Value error, ')}") from error
    configure_logging(settings)
    _warn_of_misspelt()
    return settings


def _warn_of_misspelt() -> None:
    """A variable that nothing reads would leave on what an operator means to have off. One that is near no setting may
    be a connection's own."""
    known = [name.upper() for name in Settings.model_fields]
    for variable in os.environ:
        prefix, _, name = variable.partition("_")
        meant = get_close_matches(name, known, n=1, cutoff=0.75) if prefix == "LEXIQUERY" and name not in known else []
        if meant:
            print(f"lexiquery: nothing reads {variable}; did you mean LEXIQUERY_{meant[0]}?", file=sys.stderr)


def quiet_settings(**changes: Any) -> Settings:
    """For commands that people read: only errors and alerts of budgets are logged unless they asked for more."""
    asked = any(name.upper() == "LEXIQUERY_LOG_LEVEL" for name in os.environ)
    settings = make_settings(**({} if asked else {"log_level": "error", "log_format": "console"}), **changes)
    if not asked:
        logging.getLogger(alerts.__name__).setLevel(logging.WARNING)
        _warn_of_open_key(settings)
    return settings


def _warn_of_open_key(settings: Settings) -> None:
    """What shared/llm/keys.py logs as a warning, where no warning is logged."""
    path = settings.key_path
    with suppress(OSError):  # there is none, or it is not ours to see
        if settings.secret_key is None and path.stat().st_mode & 0o077:
            print(f"lexiquery: others may read the key of the providers' keys; chmod 600 {path}", file=sys.stderr)


def opened_state() -> AbstractAsyncContextManager[State]:
    return open_state(quiet_settings())


async def write_text(out: str, text: str) -> None:
    try:
        await asyncio.to_thread(Path(out).write_text, text, encoding="utf-8", newline="")
    except OSError as error:
        raise InvalidInput(f"can't write {out}: {error.strerror}") from error

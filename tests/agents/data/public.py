"""The public data sets; each function skips the test, with the reason, without them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import pytest

from agents.data import corpora
from agents.data.corpora import ROOT, accepted_sql
from shared.errors import NotFound

__all__ = [
    "ROOT",
    "accepted_sql",
    "hunting_files",
    "items",
    "kql_catalog",
    "kql_gold",
    "public",
    "sql_catalog",
    "sql_gold",
]

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


def _or_skip(read: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
    @wraps(read)
    def reading(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
        try:
            return read(*args, **kwargs)
        except NotFound as error:
            pytest.skip(str(error))

    return reading


public = _or_skip(corpora.public)
items = _or_skip(corpora.items)
kql_catalog = _or_skip(corpora.kql_catalog)
sql_catalog = _or_skip(corpora.sql_catalog)
kql_gold = _or_skip(lambda: list(corpora.kql_gold()))
sql_gold = _or_skip(lambda: list(corpora.sql_gold()))
hunting_files = _or_skip(corpora.hunting_files)

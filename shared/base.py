"""The base of every type that crosses a process boundary."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, model_validator


class Model(BaseModel):
    """Base of all: unknown fields are errors, and so is text that is not Unicode (a lone surrogate)."""

    model_config = ConfigDict(extra="forbid")

    @classmethod
    def heard(cls, told: Any) -> Self:
        """What another process tells, JSON as Python reads it, without fields that only its version knows.

        Raises ValidationError for what is not of this shape otherwise.
        """
        return cls.model_validate(told, extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _is_unicode(cls, value: Any) -> Any:
        for name, held in value.items() if isinstance(value, dict) else ():
            if isinstance(held, str) and held.isascii():
                continue  # nearly all of them, and sooner told
            if any("\ud800" <= mark <= "\udfff" for text in _texts(held) if not text.isascii() for mark in text):
                raise ValueError(f"{name} holds a lone surrogate, which is no character")
        return value


def _texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value, however deep, in no order. What YAML's aliases name again is not read again."""
    waiting, read = [value], set()
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict | list) and id(one) not in read:
            read.add(id(one))
            waiting += [*one, *one.values()] if isinstance(one, dict) else one

"""Which fields exist at a point of the pipeline."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable


class Scope:
    """fields: the known ones, in order; open: more may exist that can't be known (then no field is wrong).

    lost: fields that did exist, and the command that dropped them: the commonest mistake after stats.
    """

    def __init__(self, fields: Iterable[str] = (), *, open: bool = False, lost: dict[str, str] | None = None) -> None:
        self.fields = dict.fromkeys(fields)
        self.open = open
        self.lost = lost or {}

    def has(self, name: str) -> bool:
        return self.open or name in self.fields or ("*" in name and bool(self.matching(name)))

    def matching(self, pattern: str) -> list[str]:
        """The known fields a name with `*` stands for."""
        if "*" not in pattern:
            return [pattern] if pattern in self.fields else []
        return [name for name in self.fields if wildcard(name, pattern)]

    def add(self, *names: str) -> None:
        for name in names:
            if "`" in name or "<<" in name or "{" in name.replace("{}", ""):
                self.open = True
            else:
                self.fields[name] = None

    def replaced(self, fields: Iterable[str], by: str, *, open: bool = False) -> Scope:
        """The scope after a command that keeps only `fields`."""
        kept = list(fields)
        opened = open or any("`" in name for name in kept)
        lost = {**self.lost, **dict.fromkeys(self.fields, by)}
        return Scope((name for name in kept if "`" not in name), open=opened, lost=lost)

    def copy(self) -> Scope:
        return Scope(self.fields, open=self.open, lost=dict(self.lost))

    def merge(self, other: Scope) -> None:
        self.fields.update(other.fields)
        self.open = self.open or other.open


def wildcard(name: str, pattern: str) -> bool:
    """Only `*` is special; `[` and `?` are not."""
    return fnmatch.fnmatchcase(name, pattern.replace("[", "[[]").replace("?", "[?]"))


def rename_by_wildcard(name: str, old: str, new: str) -> str:
    """`Processes.user`, `Processes.*`, `*` → `user`. Each `*` of `new` takes what that of `old` matched."""
    head, _, tail = old.partition("*")
    middle = name[len(head) : len(name) - len(tail)] if tail else name[len(head) :]
    return new.replace("*", middle, 1)

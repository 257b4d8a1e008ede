"""What git knows of a folder: which files it tracks, and which of them are as the commit has them.

A working copy may come from anywhere, and its own configuration names programs to run. Only commands that run none are
used, without hooks and file system monitors, without the user's and the machine's configuration, and offline.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

_SECONDS = 60.0
_OPTIONS = (
    "--no-optional-locks",
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.quotePath=false"),
    # Nothing of what follows obeys the owner's configuration, whoever he is.
    *("-c", "safe.directory=*"),
)
_ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}


@dataclass(frozen=True)
class WorkingCopy:
    """tracked: files below the folder, None if git can't say; commit: hex; blobs: git's hash of each file in it."""

    tracked: frozenset[Path] | None = None
    commit: str | None = None
    blobs: dict[Path, str] = field(default_factory=dict)
    note: str | None = None

    def revision(self, path: Path, content: bytes) -> str | None:
        """The commit that has this content of the file; `COMMIT+` when it was changed since."""
        if self.commit is None:
            return None
        blob = self.blobs.get(path, "")
        algorithm = "sha256" if len(blob) == 64 else "sha1"
        same = hashlib.new(algorithm, b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest() == blob
        return self.commit[:40] if same else f"{self.commit[:40]}+"


def working_copy(folder: Path) -> WorkingCopy | None:
    """None for a folder outside of every working copy, and for one of which git tracks nothing."""
    if not any((place / ".git").exists() for place in (folder, *folder.parents)):
        return None
    git = shutil.which("git")
    if git is None:
        return WorkingCopy(note=f"git is not installed: what {folder.name} ignores was read too")
    listed = _run(git, folder, "ls-files", "-z", "--cached")
    if listed is None:
        return WorkingCopy(note=f"git can't read the working copy of {folder.name}: every file was read")
    tracked = frozenset(folder / name for name in listed.split("\0") if name)
    if not tracked:
        return None
    commit = (_run(git, folder, "rev-parse", "--verify", "HEAD") or "").strip() or None
    tree = _run(git, folder, "ls-tree", "-r", "-z", "HEAD") if commit else None
    return WorkingCopy(tracked, commit, dict(_blobs(folder, tree or "")))


def _blobs(folder: Path, tree: str) -> list[tuple[Path, str]]:
    """Of `MODE TYPE HASH<tab>NAME`, each ended by a zero."""
    entries = (entry.split("\t", 1) for entry in tree.split("\0") if "\t" in entry)
    return [(folder / name, about.split(" ")[2]) for about, name in entries]


def _run(git: str, folder: Path, *command: str) -> str | None:
    """What git prints; None when it fails."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "TMPDIR") if name in os.environ}
    try:
        done = subprocess.run(  # noqa: S603 -- commands that run nothing of the folder's
            [git, *_OPTIONS, "-C", str(folder), *command],
            env=kept | _ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return os.fsdecode(done.stdout) if done.returncode == 0 else None

"""Git working copies: what git tracks, the commit it was read at, and nothing of what their configuration asks for."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.knowledge.ingest.files import add_files
from agents.knowledge.ingest.working_copy import working_copy
from agents.knowledge.procedures import Procedures
from agents.knowledge.store.passages import KnowledgeStore
from shared.documents import IngestReport, IngestRequest
from shared.ledger import Ledger

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def git(folder: Path, *words: str) -> str:
    identity = {f"GIT_{who}_{what}": "x@y" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    environment = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", **identity}
    done = subprocess.run(["git", "-C", str(folder), *words], env=environment, capture_output=True, check=True)
    return done.stdout.decode().strip()


@pytest.fixture
def repository(folder: Path) -> Path:
    """The three runbooks committed, and two files that git does not track."""
    git(folder, "init", "-q")
    (folder / ".gitignore").write_text("drafts/\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "Runbooks")
    (folder / "drafts").mkdir()
    (folder / "drafts" / "idea.md").write_text("# Idea")
    (folder / "new.md").write_text("# New")
    return folder


class Keeper:
    """Takes what it is sent, and wants everything."""

    def __init__(self) -> None:
        self.requests: list[IngestRequest] = []

    async def add(self, request: IngestRequest) -> IngestReport:
        self.requests.append(request)
        return IngestReport(wanted=[one.location for one in request.seen])

    @property
    def revisions(self) -> dict[str, str | None]:
        return {one.filename: one.revision for request in self.requests for one in request.documents}


async def test_what_git_tracks_is_sent_with_the_commit_that_has_it(repository: Path) -> None:
    commit = git(repository, "rev-parse", "HEAD")
    (repository / "disk.md").write_text("# Disk\n\nChanged since.\n")
    keeper = Keeper()
    report = await add_files([repository], keeper.add)
    assert keeper.revisions == {
        "runbooks/certificate.md": commit,
        "runbooks/disk.md": f"{commit}+",
        "runbooks/sign-in.md": commit,
    }
    assert report.notes == ["left alone, for git does not track them: 2 below runbooks"]


async def test_what_is_committed_as_it_was_read_gets_its_commit(
    repository: Path, procedures: Procedures, tables: AsyncEngine, ledger: Ledger
) -> None:
    first = git(repository, "rev-parse", "HEAD")
    (repository / "disk.md").write_text("# Disk\n\nChanged since.\n")
    git(repository, "mv", "sign-in.md", "accounts.md")
    await procedures.add([repository])
    calls = len([call async for call in ledger.every_call()])
    git(repository, "mv", "accounts.md", "sign-ins.md")
    git(repository, "commit", "-q", "-a", "-m", "Disk, accounts")
    report = await procedures.add([repository])
    assert (report.updated, report.renamed) == ([], ["runbooks/accounts.md → runbooks/sign-ins.md"])
    second, store = git(repository, "rev-parse", "HEAD"), KnowledgeStore(tables, "procedures")
    kept = {one.source: one for one in await store.documents()}
    commits = {"runbooks/certificate.md": first, "runbooks/disk.md": second, "runbooks/sign-ins.md": second}
    assert {source: one.revision for source, one in kept.items()} == commits
    assert [one.revision for one in await store.history(kept["runbooks/disk.md"].id)] == [second]
    assert len([call async for call in ledger.every_call()]) == calls


async def test_a_commit_is_kept_while_the_document_is_as_it_has_it(
    repository: Path, procedures: Procedures, tables: AsyncEngine
) -> None:
    first = git(repository, "rev-parse", "HEAD")
    await procedures.add([repository])
    git(repository, "rm", "-q", "--cached", "disk.md")
    git(repository, "commit", "-q", "-m", "No disk")
    git(repository, "add", "disk.md")
    assert len((await procedures.add([repository])).unchanged) == 3
    assert {one.revision for one in await KnowledgeStore(tables, "procedures").documents()} == {first}


async def test_a_folder_in_a_working_copy_is_one_too(repository: Path) -> None:
    below = repository / "net"
    below.mkdir()
    (below / "vpn.md").write_text("# VPN")
    (below / "todo.md").write_text("# To do")
    git(repository, "add", "net/vpn.md")
    keeper = Keeper()
    await add_files([below], keeper.add)
    assert list(keeper.revisions) == ["net/vpn.md"]


async def test_a_folder_of_which_git_tracks_nothing_is_a_folder(repository: Path) -> None:
    keeper = Keeper()
    await add_files([repository / "drafts"], keeper.add)
    assert keeper.revisions == {"drafts/idea.md": None}


def test_nothing_that_the_working_copy_asks_for_is_run(repository: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {ran}\n")
    program.chmod(0o755)
    for name in ("core.fsmonitor", "core.sshCommand", "core.pager", "core.editor", "filter.x.clean", "filter.x.smudge"):
        git(repository, "config", name, str(program))
    (repository / ".git" / "info" / "attributes").write_text("*.md filter=x\n")
    hook = repository / ".git" / "hooks" / "post-index-change"
    hook.parent.mkdir(exist_ok=True)
    shutil.copy(program, hook)
    found = working_copy(repository)
    assert found
    assert found.tracked
    assert len(found.tracked) == 4
    assert not ran.exists()


def test_a_damaged_working_copy_is_said(folder: Path) -> None:
    (folder / ".git").mkdir()
    found = working_copy(folder)
    assert found
    assert found.note == "git can't read the working copy of runbooks: every file was read"

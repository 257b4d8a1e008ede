"""The quickstart's commands work as they are written: each is run, and its output has the lines that the page shows."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from core_engine import seeding
from core_engine.fetching import pull_missing
from shared.llm import models
from shared.settings import Settings
from tests.core_engine.processes import Command
from tests.scripted_ollama import scripted_server

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "quickstart.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"```console\n\$ (?P<command>[^\n]+)\n(?P<output>.*?)```", re.DOTALL)
KNOWLEDGE = re.compile(r"^Knowledge:\n(?:  .+\n)+", re.MULTILINE)
DEMO = ".venv/bin/lexiquery demo"
SQL = """
SELECT IPAddress, COUNT(*) AS FailedSignIns
FROM SigninLogs
WHERE TimeGenerated > now() - INTERVAL 24 HOUR AND ResultType = 50126
GROUP BY IPAddress
ORDER BY FailedSignIns DESC
"""
"""What the model of 1.5 billion parameters wrote when the page's transcript was made."""


def blocks() -> list[tuple[str, str]]:
    return [(found["command"].replace("make demo", DEMO), found["output"]) for found in BLOCK.finditer(PAGE)]


@pytest.fixture(scope="module")
def lexiquery(tmp_path_factory: pytest.TempPathFactory, encoding_dir: Path) -> Iterator[Command]:
    """On a scripted Ollama; the files that estimate tokens are fetched where they are missing."""
    with scripted_server(SQL) as ollama:
        command = Command(tmp_path_factory.mktemp("quickstart"), ollama.url)
        command.environment["LEXIQUERY_MODEL_DIR"] = str(encoding_dir)
        yield command


def test_the_page_has_commands_of_lexiquery_only() -> None:
    assert len(blocks()) >= 5
    assert [command for command, _ in blocks() if "lexiquery" not in command] == []


def test_make_demo_installs_and_runs_the_demo() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(r"^demo: install\b.*\n\t\$\(BIN\)/lexiquery demo$", makefile, re.MULTILINE)
    assert "BIN := .venv/bin\n" in makefile


@pytest.mark.parametrize(("line", "output"), blocks())
def test_a_documented_command_prints_what_the_page_shows(lexiquery: Command, line: str, output: str) -> None:
    piped, _, command = line.rpartition("| ")
    stdin = shlex.split(piped)[1] if piped else None
    words = shlex.split(command)
    assert words[0].endswith("lexiquery")
    done = lexiquery.run(*words[1:], stdin=stdin)
    printed = [text.strip() for text in (done.stdout + done.stderr).splitlines()]
    shown = KNOWLEDGE.sub("", output)  # only a real embedding model finds it
    missing = [text for text in map(str.strip, shown.splitlines()) if text and not any(is_shown(text, printed))]
    assert missing == [], done.stdout + done.stderr


def test_the_passage_that_the_page_shows_is_in_its_runbook() -> None:
    [section] = KNOWLEDGE.findall(PAGE)
    title, source, excerpt = re.findall(r"  (.+) \((\S+), …\)\n    (.+) …", section)[0]
    runbook = (ROOT / "data" / "seed" / source).read_text(encoding="utf-8")
    assert f"# {title}\n" in runbook
    assert excerpt in " ".join(runbook.replace("*", "").split())


async def test_a_second_run_reads_no_model_file_and_embeds_no_group_again(
    lexiquery: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the demo above: what is here is known by its version, so the question comes within seconds."""

    def again(*_: object) -> None:
        raise AssertionError("done again")

    monkeypatch.setattr(models, "_sha256", again)
    monkeypatch.setattr(seeding, "index_groups", again)
    environment = lexiquery.environment
    settings = Settings(
        data_dir=Path(environment["LEXIQUERY_DATA_DIR"]),
        model_dir=Path(environment["LEXIQUERY_MODEL_DIR"]),
        ollama_host=environment["OLLAMA_HOST"],
    )
    await pull_missing(settings)
    report = await seeding.load_seed(settings)
    assert set(report.groups.values()) == {"up to date"}
    assert report.procedures.added == report.procedures.updated == []


def is_shown(text: str, printed: list[str]) -> Iterator[bool]:
    """Whether a line of the output is that text; … stands for what differs from run to run."""
    pattern = re.compile(".*".join(re.escape(part) for part in text.split("…")) + (".*" if text.endswith("…") else ""))
    return (pattern.fullmatch(line) is not None for line in printed)

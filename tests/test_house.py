"""The house stays in order: who may import whom, and what no file may hold."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from shared import __version__

ROOT = Path(__file__).parent.parent
OURS = {"core_engine", "protocol_interface", "agents", "shared", "data", "benchmarks", "tests"}
MAY_IMPORT = {
    "shared": {"shared"},
    "agents": {"shared", "agents"},
    "protocol_interface": {"shared", "agents", "protocol_interface"},
    "core_engine": {"shared", "agents", "protocol_interface", "core_engine", "data"},
    "data": {"data"},
    "benchmarks": {"shared", "agents", "protocol_interface", "benchmarks"},
}
ONLY_HERE = {
    "crewai": "agents/planner",
    "ollama": "shared/llm",
    "chromadb": "agents/knowledge",
    "unstructured": "agents/knowledge",
    "mcp": "protocol_interface",
    "dbos": "core_engine",
    "kustology": "agents/data/kql",
    "xllamacpp": "shared/llm",
}


@cache
def imports_of(path: Path) -> frozenset[str]:
    return frozenset(_imports_of(path))


def _imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            texts = (word.value for word in node.args if isinstance(word, ast.Constant))
            yield from (text.partition(".")[0] for text in texts if isinstance(text, str))


def sources(folder: str) -> list[Path]:
    return [path for path in (ROOT / folder).rglob("*.py") if "runtime" not in path.parts]


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_a_folder_imports_only_what_lies_below_it(folder: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sources(folder)
        for name in imports_of(path) & OURS
        if name not in MAY_IMPORT[folder]
    ]
    assert wrong == []


@pytest.mark.parametrize("package", ONLY_HERE)
def test_a_package_is_imported_in_one_place_and_there_it_is(package: str) -> None:
    users = {
        str(path.relative_to(ROOT)) for folder in MAY_IMPORT for path in sources(folder) if package in imports_of(path)
    }
    assert users
    allowed = (ONLY_HERE[package], "benchmarks")  # which compare us with the bare package
    assert {user for user in users if not user.startswith(allowed)} == set()


def test_no_tracked_file_names_a_registry() -> None:
    hosts = re.compile("py" + r"pi\.org|python" + r"hosted\.org|registry\." + "npmjs|deb\\." + "debian")
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    files = [ROOT / name for name in tracked.stdout.splitlines()]
    texts = {path: path.read_text(encoding="utf-8", errors="ignore") for path in files if path.is_file()}
    assert [str(path) for path, text in texts.items() if hosts.search(text)] == []


def test_the_version_is_that_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == __version__


def test_source_files_stay_under_four_hundred_lines() -> None:
    long = [
        f"{path.relative_to(ROOT)}: {lines}"
        for folder in MAY_IMPORT
        for path in sources(folder)
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 400
    ]
    assert long == []

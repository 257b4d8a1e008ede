"""Coverage-guided fuzzing of the SPL parser and proof, run by hand: the suite has the smaller test_fuzz.py.

`pip install atheris` (it is no dependency of ours), then
`python -m tests.agents.data.spl.fuzz_spl -max_total_time=300 -timeout=10 -rss_limit_mb=4096 FOLDER`,
where FOLDER keeps what it found worth mutating. A crash, a hang or too much memory ends it and leaves the input behind.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris  # type: ignore[import-untyped]

with atheris.instrument_imports(include=["agents.data.spl"]):
    from agents.data.spl import Parsed, Spl

from agents.data.proof import prove
from agents.data.sandbox import Sandbox
from shared.settings import Settings
from tests.agents.data.spl import test_commands, test_results, test_values
from tests.agents.data.spl.small import CATALOG

_SANDBOX = Sandbox(Settings(data_dir=Path(tempfile.mkdtemp())))
_SPL = Spl()


def one(data: bytes) -> None:
    """A text as it is, then as it was mutated, through every check."""
    spl = data.decode("utf-8", errors="surrogateescape")
    Parsed(spl).bind(None)
    prove(_SPL, spl, CATALOG, _SANDBOX)


def _keep_seeds(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    cases = [*test_results.CASES, *test_values.CASES, *test_commands.CASES]
    for number, (spl, _) in enumerate(cases):
        (folder / f"seed-{number}").write_text(spl, encoding="utf-8")


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        if not argument.startswith("-"):
            _keep_seeds(Path(argument))
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()

"""Coverage-guided fuzzing of one target, by atheris: `make fuzz`, or `python -m tests.fuzz.run TARGET SECONDS`.

Inputs worth mutating are kept in data/runtime/fuzz/TARGET. A crash, a hang or too much memory ends it and leaves the
input there as `crash-…`; once mended, it belongs in tests/fuzz/found as `TARGET-…`, which the suite replays.
"""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path

import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]

with atheris.instrument_imports(include=["agents.data", "duckdb_kql", "sqlglot"]):
    from tests.fuzz.targets import TARGETS, cases, seeds

_HANG_SECONDS = 120  # by the clock, which runs on while the machine is busy
_MEMORY_MB = 4096
_WORD = re.compile(r"\w+")


def main(name: str, seconds: int) -> None:
    """Raises KeyError for a target that there is not."""
    target = TARGETS[name]()
    folder = Path("data/runtime/fuzz") / name
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    texts = [*seeds(name), *cases(name)]
    for text in texts:
        data = text.encode("utf-8", errors="surrogateescape")
        (corpus / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
    words = sorted({word for text in texts for word in _WORD.findall(text) if word.isascii()})
    (folder / "words").write_text("".join(f'"{word}"\n' for word in words))
    options = (
        f"-max_total_time={seconds} -timeout={_HANG_SECONDS} -rss_limit_mb={_MEMORY_MB} -print_final_stats=1"
        f" -max_len=4000 -dict={folder / 'words'} -artifact_prefix={folder}/ {corpus}"
    )
    atheris.Setup([sys.argv[0], *options.split()], lambda data: target(data.decode("utf-8", errors="surrogateescape")))
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

"""`python -m core_engine.cli` is `lexiquery`."""

from core_engine.cli import main

main()

"""Measure the search of runbooks, and print it as JSON; everything runs in a temporary directory.

On the public runbooks and the questions that came with them (alerts' summaries, without the alerts' names); what no
runbook answers is asked in the words of data questions, NL2KQL's and Defog's.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from agents.knowledge.measure.calibration import calibrate
from agents.knowledge.measure.retrieval import measure
from agents.knowledge.measure.scale import at_scale
from shared.models import Model
from shared.settings import Settings


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m agents.knowledge.measure", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="the public data's folder")
    parser.add_argument("--distractors", type=int, default=0, help="chunks of other text beside the runbooks, to 10000")
    parser.add_argument("--calibrate", action="store_true", help="fit the score, cross-validated, instead")
    parser.add_argument("--scale", type=int, default=0, help="time a library of so many chunks instead")
    asked = parser.parse_args()
    if not (asked.data / "runbooks").is_dir():
        parser.error(f"no runbooks at {asked.data}")
    sys.stdout.write(asyncio.run(_asked(asked)).model_dump_json(indent=2) + "\n")


async def _asked(asked: argparse.Namespace) -> Model:
    settings = Settings.model_validate({})  # from the environment
    if asked.scale:
        return await at_scale(asked.data, settings, asked.scale)
    if asked.calibrate:
        return await calibrate(asked.data, settings)
    return await measure(asked.data, settings, distractors=asked.distractors)


if __name__ == "__main__":
    main()

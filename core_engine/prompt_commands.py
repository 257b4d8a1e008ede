"""What `lexiquery prompts` does, as commands.py has it of the other commands."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import unified_diff
from typing import Any

from core_engine.results import Result, as_table, opened_state
from core_engine.state import State
from shared.llm.prompt_history import PromptHistory, PromptVersion, pick_version
from shared.llm.prompts import Prompt, load_prompt, load_prompts


async def prompts_list() -> Result:
    """The prompts in use, and the versions of each that calls of this database used, the newest first."""
    async with opened_state() as state:
        used = await PromptHistory(state.engine).versions()
        prompts = load_prompts(state.settings.prompts_dir)
    found = [
        {
            "name": name,
            "version": prompt.version,
            "from": _origin(prompt),
            "variables": list(prompt.variables),
            "used": [one.version for one in used if one.name == name],
        }
        for name, prompt in sorted(prompts.items())
    ]
    rows = [[one["name"], one["version"], one["from"], _words(one["variables"]), _words(one["used"])] for one in found]
    return Result(found, as_table(rows, list(found[0])))


async def prompts_show(name: str, version: str | None = None) -> Result:
    """The prompt in use with what its variables hold; the text of another version where one is named."""
    async with opened_state() as state:
        prompt = load_prompt(name, state.settings.prompts_dir)
        known = await _versions(prompt, state)
    if version is not None and (chosen := pick_version(name, version, known)).version != prompt.version:
        return Result(chosen, f"{_heading(chosen)}\n\n{chosen.text}")
    value: dict[str, Any] = {
        "name": name,
        "version": prompt.version,
        "number": prompt.number,
        "from": _origin(prompt),
        "description": prompt.description,
        "variables": dict(prompt.variables),
        "text": prompt.text,
        "versions": [{"version": one.version, "first_used_at": one.first_used_at} for one in known],
    }
    return Result(value, _shown(prompt, known))


async def prompts_diff(name: str, a: str | None = None, b: str | None = None) -> Result:
    """What changed from version A to B. B is the one in use where it isn't named, A the newest other.

    Raises NotFound with the nearest version.
    """
    async with opened_state() as state:
        prompt = load_prompt(name, state.settings.prompts_dir)
        known = await _versions(prompt, state)
    new = pick_version(name, b or prompt.version, known)
    old = pick_version(name, a, known) if a else next((one for one in known if one.version != new.version), None)
    if old is None:
        return Result(_difference(None, new, ""), f"no version of '{name}' other than {new.version} is known")
    lines = unified_diff(old.text.splitlines(), new.text.splitlines(), _heading(old), _heading(new), lineterm="")
    text = "\n".join(lines)
    return Result(_difference(old, new, text), text or f"both are {_heading(new)}")


async def _versions(prompt: Prompt, state: State) -> list[PromptVersion]:
    """What was used, the newest first; then what never was: the one in use, and ours where the operator's is."""
    used = await PromptHistory(state.engine).versions(prompt.name)
    current = {one.version: one for one in (_unused(prompt), _unused(load_prompt(prompt.name)))}
    return [*used, *(one for version, one in current.items() if version not in {old.version for old in used})]


def _unused(prompt: Prompt) -> PromptVersion:
    return PromptVersion(name=prompt.name, version=prompt.version, text=prompt.text)


def _difference(old: PromptVersion | None, new: PromptVersion, diff: str) -> dict[str, Any]:
    return {"name": new.name, "a": old.version if old else None, "b": new.version, "diff": diff}


def _heading(one: PromptVersion) -> str:
    since = f"first used {one.first_used_at:%Y-%m-%d %H:%M} UTC" if one.first_used_at else "not used yet"
    return f"{one.name} {one.version} ({since})"


def _shown(prompt: Prompt, known: Sequence[PromptVersion]) -> str:
    number = f", number {prompt.number}" if prompt.number is not None else ""
    variables = [f"  {name}: {holds}" for name, holds in prompt.variables.items()]
    return "\n".join(
        [
            f"{prompt.name} {prompt.version}{number} ({_origin(prompt)})",
            prompt.description,
            *(["variables:", *variables] if variables else []),
            "versions:",
            *(f"  {_heading(one)}" for one in known),
            "",
            prompt.text,
        ]
    )


def _origin(prompt: Prompt) -> str:
    """`built in`, or the operator's file."""
    return "built in" if prompt == load_prompt(prompt.name) else str(prompt.file)


def _words(words: Any) -> str:
    return ", ".join(words) or "-"

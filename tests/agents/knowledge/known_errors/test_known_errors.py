from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import pytest
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.knowledge.known_errors.agent import KnownErrors
from agents.knowledge.known_errors.index import KnownError, KnownErrorIndex, read_known_errors, stored_errors
from agents.knowledge.store.vectors import Vectors
from shared.errors import InvalidInput, NotFound, StorageFailed
from shared.models import Hits

ERRORS = """
- id: KE-001
  title: Login of a locked account
  signature: "Login failed for user <*> from <*>: account locked"
  services: [auth]
  cause: Five wrong passwords lock an account for an hour.
  fix: Unlock it in the directory, and look for the device with the old password.
  see: runbooks/sign-in.md
- id: KE-002
  title: Database listener does not know the service
  signature: "ORA-12514: TNS:listener does not currently know of service <*>"
  cause: The database restarted and has not registered yet.
  fix: Wait a minute, or run ALTER SYSTEM REGISTER.
- id: KE-003
  title: Payment queue is full
  signature: "queue payments rejected message: depth <*> over limit"
  cause: The payment consumer stopped.
  fix: Restart the consumer.
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "known_errors.yaml", ERRORS)


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("auth says: Login failed for user 'eve' from 10.1.2.3: account locked. Why?", "KE-001"),
        ("we get ORA-12514 after the night", "KE-002"),
        ("the payment consumer stopped", "KE-003"),
    ],
)
async def test_a_log_line_a_code_or_a_symptom_finds_the_error(
    known_errors: KnownErrorIndex, file: Path, question: str, found: str
) -> None:
    await known_errors.add(file)
    [first, *_] = await known_errors.search(question)
    assert first.hit.source == f"known_errors.yaml#{found}"
    assert first.hit.score <= 1.0


async def test_the_excerpt_says_cause_and_fix(known_errors: KnownErrorIndex, file: Path) -> None:
    await known_errors.add(file)
    [hit, *_] = [one.hit for one in await known_errors.search("the payment consumer stopped")]
    assert hit.title == "KE-003: Payment queue is full"
    assert hit.excerpt == "Cause: The payment consumer stopped. Fix: Restart the consumer."


async def test_a_long_cause_leaves_room_for_the_fix(known_errors: KnownErrorIndex, file: Path) -> None:
    write(file, ERRORS.replace("The payment consumer stopped.", "The consumer stopped again. " * 30))
    await known_errors.add(file)
    [found] = await known_errors.search("queue payments rejected message: depth 5 over limit", limit=1)
    hit = found.hit
    assert hit.reason == "quotes its signature: queue payments rejected message: depth <*> over limit"
    assert len(hit.excerpt) <= 400
    assert hit.excerpt.endswith("Fix: Restart the consumer.")


async def test_what_nobody_met_before_finds_nothing(known_errors: KnownErrorIndex, file: Path) -> None:
    await known_errors.add(file)
    assert await known_errors.search("how many tickets were closed on Monday?") == []


async def test_a_second_import_follows_the_file(known_errors: KnownErrorIndex, file: Path) -> None:
    assert len((await known_errors.add(file)).added) == 3
    assert len((await known_errors.add(file)).unchanged) == 3
    write(file, ERRORS.replace("Restart the consumer", "Scale the consumer").partition("- id: KE-002")[0])
    report = await known_errors.add(file)
    assert report.removed == ["known_errors.yaml#KE-002", "known_errors.yaml#KE-003"]
    assert await known_errors.search("we get ORA-12514 after the night") == []


async def test_a_broken_entry_is_reported_and_the_rest_goes_in(known_errors: KnownErrorIndex, file: Path) -> None:
    write(file, ERRORS + "- {id: KE-001, title: t, signature: s, cause: c, fix: f}\n- {id: KE-005, title: t}\n")
    report = await known_errors.add(file)
    assert len(report.added) == 3
    assert [failure.reason for failure in report.failed] == [
        "entry 4: the id 'KE-001' is taken by an entry above",
        "entry 5: signature: Field required",
    ]


@pytest.mark.parametrize("content", ["{a: 1}", "a: [", "text"])
async def test_a_file_that_is_no_list_is_refused(known_errors: KnownErrorIndex, file: Path, content: str) -> None:
    write(file, content)
    with pytest.raises(InvalidInput, match=r"known_errors\.yaml"):
        await known_errors.add(file)


async def test_the_agent_answers_hits(known_errors: KnownErrorIndex, file: Path) -> None:
    await known_errors.add(file)
    agent = KnownErrors(known_errors)
    answer = await agent.run("search", {"question": "ORA-12514", "limit": 1})
    assert [hit.agent for hit in Hits.model_validate(answer).hits] == ["known_errors"]


@pytest.mark.parametrize(
    ("question", "codes"),
    [
        ("how often was there ORA-12514 today?", ["KE-002"]),
        ("Login failed for user 'eve' from 10.1.2.3: account locked. How often?", ["KE-001"]),
        ("the payment consumer stopped, is the payment queue full?", []),  # found, for its words alone
    ],
)
async def test_logs_are_said_to_hold_a_code_only_where_the_question_quotes_its_error(
    known_errors: KnownErrorIndex, file: Path, question: str, codes: list[str]
) -> None:
    await known_errors.add(file)
    answer = Hits.model_validate(await KnownErrors(known_errors).run("search", {"question": question, "limit": 3}))
    assert [hint.subject for hint in answer.hints] == codes
    assert answer.hits


async def test_a_signature_of_two_words_is_never_quoted_but_the_errors_code_is_found(
    known_errors: KnownErrorIndex,
) -> None:
    short = {"id": "KE-0100", "title": "A greeting", "signature": "hi there", "cause": "c", "fix": "f"}
    await known_errors.keep([KnownError.model_validate(short)])
    assert [one.quoted for one in await known_errors.search("the log says: hi there")] in ([], [False])
    assert [one.quoted for one in await known_errors.search("what is KE-0100?")] == [True]


def listed(*ids: str, fix: str = "Restart it.") -> dict[str, Any]:
    """An input of the skill `keep`: what stops a machine, one for each id."""
    return {
        "errors": [
            {"id": one, "title": f"Machine {one}", "signature": f"machine {one} stopped after <*> turns"}
            | {"cause": "It ran dry.", "fix": fix}
            for one in ids
        ]
    }


async def test_an_error_is_kept_once_until_it_is_forgotten(known_errors: KnownErrorIndex, file: Path) -> None:
    await known_errors.add(file)
    agent = KnownErrors(known_errors)

    async def found() -> list[str]:
        request = {"question": "the log says: machine M-77 stopped after 12 turns", "limit": 1}
        return [hit.excerpt for hit in Hits.model_validate(await agent.run("search", request)).hits]

    assert await found() == []
    assert (await agent.run("keep", listed("M-77", "M-78")))["added"] == ["known_errors#M-77", "known_errors#M-78"]
    assert await found() == ["Cause: It ran dry. Fix: Restart it."]
    assert (await agent.run("keep", listed("M-77")))["unchanged"] == ["known_errors#M-77"]
    assert (await agent.run("keep", listed("M-77", fix="Oil it.")))["updated"] == ["known_errors#M-77"]
    assert await found() == ["Cause: It ran dry. Fix: Oil it."]
    assert len((await known_errors.add(file)).unchanged) == 3
    assert (await agent.run("forget", {"id": "M-77"}))["removed"] == ["known_errors#M-77"]
    assert "M-77" not in str(await agent.run("search", {"question": "machine M-77 stopped after 12 turns"}))
    with pytest.raises(NotFound, match="unknown known error 'M-77'; did you mean 'M-78'"):
        await agent.run("forget", {"id": "M-77"})


async def test_what_is_kept_replaces_the_error_of_a_file_which_does_not_bring_it_back(
    known_errors: KnownErrorIndex, file: Path, tables: AsyncEngine
) -> None:
    await known_errors.add(file)
    report = await KnownErrors(known_errors).run("keep", listed("KE-003"))
    assert (report["updated"], report["added"], report["removed"]) == (["known_errors#KE-003"], [], [])
    assert "known_errors.yaml#KE-003" in (await known_errors.add(file)).unchanged
    stored = await stored_errors(tables)
    assert sorted(error.id for error in stored.values()) == ["KE-001", "KE-002", "KE-003"]
    assert stored["known_errors#KE-003"].title == "Machine KE-003"
    await known_errors.forget("KE-003")
    assert (await known_errors.add(file)).added == ["known_errors.yaml#KE-003"]


async def test_an_error_is_forgotten_while_chroma_is_away(known_errors: KnownErrorIndex, file: Path) -> None:
    await known_errors.add(file)
    said = "queue payments rejected message: depth 7 over limit"
    assert [one.code for one in await known_errors.search(said)] == ["KE-003"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Vectors, "_call", AsyncMock(side_effect=StorageFailed("Chroma is away")))
        assert (await known_errors.forget("KE-003")).removed == ["known_errors.yaml#KE-003"]
    assert "KE-003" not in [one.code for one in await known_errors.search(said)]


async def test_two_with_one_id_are_refused(known_errors: KnownErrorIndex) -> None:
    with pytest.raises(ValidationError, match="2 have the id 'M-1'"):
        await KnownErrors(known_errors).run("keep", listed("M-1", "M-2", "M-1"))


def test_a_misspelt_field_is_named_with_the_nearest(file: Path) -> None:
    write(file, ERRORS.replace("  cause: The payment", "  couse: The payment") + "- text\n- {id: KE-001}\n")
    errors, failed = read_known_errors(file, {"KE-002"})
    assert [error.id for error in errors] == ["KE-001"]
    assert [(one.source, one.reason) for one in failed] == [
        ("known_errors.yaml#2", "entry 2: the id 'KE-002' is taken by an entry above"),
        ("known_errors.yaml#3", "entry 3: couse: Extra inputs are not permitted; did you mean 'cause'?"),
        (
            "known_errors.yaml#4",
            "entry 4: Input should be a valid dictionary or instance of KnownError",
        ),
        ("known_errors.yaml#5", "entry 5: title: Field required"),
    ]

"""Splunk against a server that keeps jobs as its REST API reference says."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agents.data.connectors.connector import Connector, connector_for
from agents.data.connectors.splunk import search_text
from shared.errors import InvalidInput, LexiQueryError, QueryFailed, QueryTimeout, SourceUnavailable
from shared.settings import Settings
from tests.agents.data.connectors.platforms import Reply, group, serving, write_certificate
from tests.agents.data.connectors.splunk_jobs import Jobs


@contextmanager
def connected(jobs: Jobs, options: str = "", user: str = "") -> Iterator[Connector]:
    with serving(jobs) as host:
        yield connector_for(f"splunk+http://{user}{host}{options}", group("spl"), Settings())


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPLUNK_TOKEN", "splunk-token")


async def test_a_search_is_a_job_that_is_watched_read_and_removed() -> None:
    jobs = Jobs(states=[{}, {"dispatchState": "QUEUED"}, {"dispatchState": "RUNNING"}, {"dispatchState": "DONE"}])
    with connected(jobs, "?earliest=-24h@h&latest=now") as splunk:
        found = await splunk.run("index=web error", limit=2, offset=3, seconds=20)
    assert found.columns == ["_time", "host", "n", "tags"]
    assert found.rows == [["2026-03-10T08:00:00.000+00:00", "web-1", n, None] for n in ("3", "4")]
    assert found.truncated
    created = jobs.seen[0]
    assert created.headers["authorization"] == "Bearer splunk-token"
    assert created.body["search"] == "search index=web error\n| head 6"
    assert (created.body["exec_mode"], created.body["earliest_time"], created.body["latest_time"]) == (
        *("normal", "-24h@h", "now"),
    )
    assert await asyncio.to_thread(jobs.cancelled.wait, 20)
    assert jobs.seen[-1].path.endswith("/control")


async def test_results_come_page_by_page_until_there_are_no_more() -> None:
    jobs = Jobs(page=4)
    with connected(jobs) as splunk:
        found = await splunk.run("index=web", limit=100, seconds=20)
    assert [row[2] for row in found.rows] == [str(n) for n in range(9)]
    assert not found.truncated
    asked = [request.query["offset"] for request in jobs.seen if request.path.endswith("/results")]
    assert asked == ["0", "4", "8", "9"]


async def test_several_values_of_a_field_are_a_list() -> None:
    with connected(Jobs(results=[{"host": "web-1", "tags": ["vpn", "eu"]}])) as splunk:
        assert (await splunk.run("index=web", limit=1, seconds=20)).rows == [[None, "web-1", None, ["vpn", "eu"]]]


async def test_a_user_and_an_app_are_said_in_the_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THEIR_PASSWORD", "p@ss")
    jobs = Jobs(jobs="/servicesNS/nobody/soc/search/v2/jobs")
    with connected(jobs, "?app=soc", user="ana:${THEIR_PASSWORD}@") as splunk:
        await splunk.run("index=web", limit=1, seconds=20)
    assert jobs.seen[0].headers["authorization"] == "Basic " + b64encode(b"ana:p@ss").decode()


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("index=web | stats count", "search index=web | stats count"),
        ("search index=web", "search index=web"),
        (" | tstats count where index=web", "| tstats count where index=web"),
        ("```all of it``` | makeresults", "```all of it``` | makeresults"),
        ("```all of it``` index=web", "search ```all of it``` index=web"),
        ("searching for words", "search searching for words"),
        ("`their_macro(1)`", "search `their_macro(1)`"),
        ("(index=a OR index=b)", "search (index=a OR index=b)"),
    ],
)
def test_what_does_not_begin_with_a_pipe_begins_with_search(query: str, text: str) -> None:
    assert search_text(query, 11) == f"{text}\n| head 11"


def failing(text: str, type_: str = "FATAL", state: str = "FAILED") -> Jobs:
    message = {"type": type_, "text": text}
    return Jobs(states=[{"dispatchState": state, "isFailed": state == "FAILED", "messages": [message]}])


@pytest.mark.parametrize(
    ("jobs", "error", "says"),
    [
        (
            Jobs(created=Reply({"messages": [{"type": "FATAL", "text": "Error in 'stats' command: no"}]}, 400)),
            QueryFailed,
            "Error in 'stats' command: no",
        ),
        (failing("Error in 'eval' command"), QueryFailed, "Error in 'eval' command"),
        (failing("[idx1] peer is down", "ERROR", "DONE"), QueryFailed, "[idx1] peer is down"),
        (failing("Search auto-finalized after disk usage limit", "INFO", "DONE"), QueryFailed, "disk usage limit"),
        (Jobs(states=[{"dispatchState": "USER_CANCEL"}]), QueryFailed, "the job ended as USER_CANCEL"),
        (
            Jobs(created=Reply({"messages": [{"type": "WARN", "text": "call not properly authenticated"}]}, 401)),
            SourceUnavailable,
            "refuses the credentials (HTTP 401): call not properly authenticated",
        ),
        (Jobs(created=Reply({}, 201)), SourceUnavailable, "started no job"),
        (Jobs(jobs="/elsewhere"), SourceUnavailable, "answered HTTP 404: Not Found"),
    ],
)
async def test_what_splunk_says_is_wrong_is_said(jobs: Jobs, error: type[LexiQueryError], says: str) -> None:
    with connected(jobs) as splunk, pytest.raises(error) as raised:
        await splunk.run("index=web", limit=1, seconds=20)
    assert says in str(raised.value)


async def test_a_warning_is_no_error() -> None:
    with connected(failing("Field 'x' does not exist", "WARN", "DONE")) as splunk:
        assert len((await splunk.run("index=web", limit=1, seconds=20)).rows) == 1


async def test_a_job_that_takes_too_long_is_cancelled_on_splunk() -> None:
    jobs = Jobs(states=[{"dispatchState": "RUNNING"}])
    with connected(jobs) as splunk, pytest.raises(QueryTimeout, match=r"longer than 0.3 s on splunk\+http://127"):
        await splunk.run("index=web", limit=1, seconds=0.3)
    assert await asyncio.to_thread(jobs.cancelled.wait, 20)


async def test_a_cancelled_query_is_cancelled_on_splunk() -> None:
    jobs = Jobs(states=[{"dispatchState": "RUNNING"}])
    with connected(jobs) as splunk:
        task = asyncio.create_task(splunk.run("index=web", limit=1, seconds=20))
        await asyncio.to_thread(jobs.waiting.wait, 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await asyncio.to_thread(jobs.cancelled.wait, 20)


async def test_a_server_that_is_not_there_is_named() -> None:
    with serving(Jobs()) as host:
        pass
    gone = connector_for(f"splunk+http://{host}", group("spl"), Settings())
    with pytest.raises(SourceUnavailable, match=rf"can't reach splunk\+http://{host}"):
        await gone.run("index=web", limit=1, seconds=20)


@pytest.mark.parametrize("option", ["?ca={}", "?verify=no"])
async def test_a_certificate_of_ones_own_is_vouched_for_in_the_url_or_refused(option: str, tmp_path: Path) -> None:
    certificate = tmp_path / "splunk.pem"
    write_certificate(certificate)
    with serving(Jobs(), certificate) as host:
        with pytest.raises(SourceUnavailable, match="certificate verify failed"):
            await connector_for(f"splunk://{host}", group("spl"), Settings()).run("index=web", limit=1, seconds=20)
        trusting = connector_for(f"splunk://{host}{option.format(certificate)}", group("spl"), Settings())
        assert len((await trusting.run("index=web", limit=1, seconds=20)).rows) == 1


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("splunk://ana:hush@host", "the URL holds a password itself"),
        ("splunk://host?token=hush", "the URL holds a token itself"),
        ("splunk://host?verify=maybe", "verify is 'maybe' in the URL; expected yes or no"),
        ("splunk+http://splunk.example.com", "plain http is for this machine only"),
        ("splunk://host:port", "not the URL of a platform; expected splunk://HOST:8089"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_without_its_secret(url: str, says: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        connector_for(url, group("spl"), Settings())
    assert says in str(raised.value)
    assert "hush" not in str(raised.value)


async def test_a_file_of_certificates_that_cannot_be_read_is_named() -> None:
    splunk = connector_for("splunk://host?ca=/nowhere.pem", group("spl"), Settings())
    with pytest.raises(InvalidInput, match=r"can't read the certificates in '/nowhere.pem'"):
        await splunk.run("index=web", limit=1, seconds=20)

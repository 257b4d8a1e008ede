"""Splunk over its REST API (search/v2): a search becomes a job, which is watched, read page by page, and removed."""

from __future__ import annotations

import asyncio
import math
import re
import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import quote

import httpx

from agents.data.connectors.connector import Connector, within
from agents.data.connectors.credentials import check_named, filled
from agents.data.connectors.pages import page
from agents.data.connectors.web import Reply, Web, address, check_private, client, refusal
from shared.catalog import Catalog
from shared.errors import InvalidInput, LexiQueryError, QueryFailed, SourceUnavailable
from shared.models import Rows
from shared.settings import Settings

_PORT = 8089
_EXPECTED = "splunk://HOST:8089 or splunk://USER:${SPLUNK_PASSWORD}@HOST:8089"
_OPTIONS = ("token", "app", "earliest", "latest", "verify", "ca")
_PAGE = 5000
_FIRST_POLL, _LONGEST_POLL = 0.1, 2.0
_REMOVAL_SECONDS = 10.0
# A job that nobody asks for any more, because this process died, ends by itself.
_IDLE_SECONDS = 60
_KEPT_SECONDS = 300
# Splunk ends a search by itself with the results so far: only after it was cancelled here.
_GRACE_SECONDS = 30
_ENDED_BADLY = ("FAILED", "INTERNAL_CANCEL", "USER_CANCEL", "BAD_INPUT_CANCEL", "QUIT")
_WRONG = ("FATAL", "ERROR")
_CUT_SHORT = "auto-finalized"
_SHOWN = ("_time", "_raw")
_COMMENT = re.compile(r"(?:\s|```.*?```)*", re.DOTALL)
_SEARCH = re.compile(r"search(?=\s|\(|\[|$)", re.IGNORECASE)


class Splunk(Connector):
    """Every value is text, or a list of texts, as Splunk answers it; its inner fields (`_bkt`, `_cd`) are left out."""

    name = "splunk"
    probe = "| makeresults"

    def __init__(self, url: str, catalog: Catalog, settings: Settings) -> None:
        asked = address(url, _OPTIONS, _EXPECTED)
        options = asked.options
        check_named("password", asked.password)
        check_named("token", options.get("token"))
        if options.get("verify", "yes") not in ("yes", "no"):
            raise InvalidInput(f"verify is '{options['verify']}' in the URL", suggestion="expected yes or no")
        host = f"[{asked.host}]" if ":" in asked.host else asked.host
        self.place = f"{asked.scheme}://{host}:{asked.port or _PORT}"
        base = f"{'http' if asked.scheme == 'splunk+http' else 'https'}://{host}:{asked.port or _PORT}"
        check_private(base)
        space = f"servicesNS/nobody/{quote(options['app'], safe='')}" if options.get("app") else "services"
        self._jobs = f"{base}/{space}/search/v2/jobs"
        self._user, self._password = asked.user, asked.password
        self._options = options

    async def run(self, query: str, *, limit: int, offset: int = 0, seconds: float) -> Rows:
        async with within(seconds, self.place), client(self._verify()) as http:
            self._sign(http)
            web = Web(http, self.place, asyncio.get_running_loop().time() + seconds)
            async with self._job(web, self._form(query, offset + limit + 1, seconds)) as job:
                await self._finished(web, job)
                columns, rows = await self._results(web, job, limit + 1, offset)
        return page(columns, rows, limit)

    def _verify(self) -> ssl.SSLContext | bool:
        """Raises InvalidInput where the file of the authority can't be read."""
        authority = self._options.get("ca")
        if not authority:
            return self._options.get("verify") != "no"
        try:
            return ssl.create_default_context(cafile=authority)
        except OSError as error:
            raise InvalidInput(f"can't read the certificates in '{authority}': {error.strerror or error}") from error

    def _sign(self, http: httpx.AsyncClient) -> None:
        """Raises InvalidInput for a variable that is not set."""
        if self._user and self._password:
            http.auth = httpx.BasicAuth(filled(self._user), filled(self._password))
        else:
            token = filled(self._options.get("token", "${SPLUNK_TOKEN}"))
            http.headers["Authorization"] = f"Bearer {token}"

    def _form(self, query: str, rows: int, seconds: float) -> dict[str, str]:
        times = {f"{name}_time": self._options[name] for name in ("earliest", "latest") if name in self._options}
        return times | {
            "search": search_text(query, rows),
            "exec_mode": "normal",
            "output_mode": "json",
            "preview": "0",
            "max_time": str(math.ceil(seconds) + _GRACE_SECONDS),
            "auto_cancel": str(_IDLE_SECONDS),
            "timeout": str(_KEPT_SECONDS),
        }

    @asynccontextmanager
    async def _job(self, web: Web, form: dict[str, str]) -> AsyncIterator[str]:
        """The address of the job while it is needed; then it is cancelled, which also removes its results."""
        reply = await web.send("POST", self._jobs, data=form)
        value = self._checked(reply)
        if not value.get("sid"):
            raise SourceUnavailable(f"{self.place} started no job")
        job = f"{self._jobs}/{quote(str(value['sid']), safe='')}"
        try:
            yield job
        finally:
            await asyncio.shield(asyncio.ensure_future(_remove(web, job)))

    async def _finished(self, web: Web, job: str) -> None:
        """Wait for the job's end. Raises QueryFailed with what it says is wrong."""
        pause = _FIRST_POLL
        while True:
            entries = self._checked(await web.send("GET", job, params={"output_mode": "json"})).get("entry") or [{}]
            content = entries[0].get("content") or {}
            state = content.get("dispatchState")
            wrong = _wrong(content.get("messages"))
            if state in _ENDED_BADLY or content.get("isFailed"):
                raise QueryFailed(wrong or f"the job ended as {state}")
            if state == "DONE":
                if wrong:
                    raise QueryFailed(wrong)
                return
            await asyncio.sleep(pause)
            pause = min(_LONGEST_POLL, pause * 1.5)

    async def _results(self, web: Web, job: str, wanted: int, offset: int) -> tuple[list[str], list[list[Any]]]:
        """Columns and at most `wanted` rows from `offset` on; a server may give fewer at a time than asked for."""
        columns: list[str] = []
        rows: list[list[Any]] = []
        while len(rows) < wanted:
            asked = {"offset": offset + len(rows), "count": min(_PAGE, wanted - len(rows))}
            value = self._checked(await web.send("GET", f"{job}/results", params={"output_mode": "json", **asked}))
            if wrong := _wrong(value.get("messages")):
                raise QueryFailed(wrong)
            found = value.get("results") or []
            columns = columns or [name for one in value.get("fields") or [] if _is_shown(name := _name(one))]
            rows += [[result.get(name) for name in columns] for result in found]
            if not found:
                break
        return columns, rows

    def _checked(self, reply: Reply) -> dict[str, Any]:
        value = reply.value if isinstance(reply.value, dict) else {}
        if reply.status not in (200, 201, 204):
            raise refusal(self.place, reply.status, _texts(_listed(value.get("messages"))))
        return value


def search_text(query: str, rows: int) -> str:
    """As the API wants it: what doesn't begin with a pipe begins with `search`. It gives no more than `rows`; after a
    sort these are its first."""
    text = query.strip()
    first = _COMMENT.sub("", text, count=1)
    begun = first.startswith("|") or _SEARCH.match(first)
    return f"{'' if begun else 'search '}{text}\n| head {rows}"


async def _remove(web: Web, job: str) -> None:
    with suppress(LexiQueryError, TimeoutError):  # it ends by itself then, when it has been idle
        async with asyncio.timeout(_REMOVAL_SECONDS):
            await web.send("POST", f"{job}/control", data={"action": "cancel", "output_mode": "json"})


def _wrong(messages: Any) -> str:
    """What makes the results no results: errors, and that a quota ended the search, which Splunk only mentions."""
    return _texts(one for one in _listed(messages) if _kind(one) in _WRONG or _CUT_SHORT in str(one.get("text")))


def _kind(message: dict[str, Any]) -> str:
    return str(message.get("type", "")).upper()


def _listed(messages: Any) -> list[dict[str, Any]]:
    return [one for one in messages or [] if isinstance(one, dict)]


def _texts(messages: Iterable[dict[str, Any]]) -> str:
    """In one line, each once."""
    texts = (str(one.get("text") or "") for one in messages)
    return "; ".join(dict.fromkeys(text for text in texts if text))


def _name(field: Any) -> str:
    return str(field.get("name", "")) if isinstance(field, dict) else str(field)


def _is_shown(name: str) -> bool:
    return not name.startswith("_") or name in _SHOWN

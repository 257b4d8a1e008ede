"""From a runbook to an answer and back: real agents over HTTP, a scripted model that knows no term of the runbook."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import yaml
from structlog.testing import capture_logs

from agents.knowledge.known_errors.index import KnownErrorIndex
from core_engine.bootstrap import LexiQuery, open_lexiquery
from core_engine.server import build_app
from shared.errors import ModelUnavailable
from shared.settings import Settings
from tests.agents.knowledge.reading import shop
from tests.scripted_ollama import ScriptedOllama

URL = "http://127.0.0.1:8000"
QUESTION = "How many rush orders are there?"
BOOK = """# Rush handling

## Terms

- rush order: an order with amount above 400

## Which orders still wait for a truck?

```sql
SELECT order_id FROM orders WHERE status = 'open'
```
"""


@dataclass
class Shop:
    """A served LexiQuery with one group, and what a client does there."""

    whole: LexiQuery
    client: httpx.AsyncClient
    model: ScriptedOllama

    async def send(self, text: str, name: str = "rush.md", **more: Any) -> dict[str, Any]:
        documents = [{"filename": name, "content_base64": base64.b64encode(text.encode()).decode()}]
        report: dict[str, Any] = await self.post("procedures", {"documents": documents, **more})
        assert report["failed"] == []
        return report

    async def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        answered = await self.client.post(path, json=body)
        assert answered.is_success, answered.text
        return answered.json()

    async def get(self, path: str, **params: str) -> Any:
        return (await self.client.get(path, params=params)).json()

    async def ask(self, **more: Any) -> dict[str, Any]:
        self.model.requests.clear()
        found: dict[str, Any] = await self.post("query", {"question": QUESTION, "schema_group": "shop", **more})
        return found

    @property
    def prompts(self) -> str:
        """All that the model was told for the last question."""
        return "\n".join(str(body) for path, body in self.model.requests if path == "/api/chat")

    async def learned(self, **params: str) -> dict[str, Any]:
        """What is left of the runbook, wherever something could be."""
        catalog = (await self.whole.state.catalogs.get("shop")).model_dump()
        graph = await self.get("knowledge/graph", q="rush order", **params)
        return {
            "examples": [one["question"] for one in catalog["examples"]],
            "glossary": [one["term"] for one in catalog["glossary"]],
            "proposed": [one["term"] for one in await self.get("knowledge/terms", status="proposed", **params)],
            "checks": [one["question"] for one in (await self.get("knowledge/check", **params))["queries"]],
            "graph": [one["source"] for one in graph["procedures"] if "term rush order" in one["why"]],
        }


@pytest.fixture
async def served(settings: Settings, scripted_ollama: ScriptedOllama) -> AsyncIterator[Shop]:
    scripted_ollama.models.append("tiny:latest")
    scripted_ollama.reply = "SELECT COUNT(*) FROM orders"
    changes = {"ollama_host": scripted_ollama.url, "model": "tiny", "embedding_model": settings.embedding_model_name}
    async with open_lexiquery(settings.model_copy(update=changes)) as whole:
        await whole.state.catalogs.put(shop())
        transport = httpx.ASGITransport(build_app(whole, URL))
        async with httpx.AsyncClient(transport=transport, base_url=f"{URL}/api/v1/", timeout=60) as client:
            yield Shop(whole, client, scripted_ollama)


NOTHING: dict[str, Any] = {"examples": [], "glossary": [], "proposed": [], "checks": [], "graph": []}
ALL = {
    "examples": ["Which orders still wait for a truck?"],
    "glossary": [],
    "proposed": ["rush order"],
    "checks": ["Which orders still wait for a truck?"],
    "graph": ["rush.md"],
}


async def test_a_runbook_steers_the_answer_until_it_is_gone(served: Shop) -> None:
    await served.ask()
    assert "400" not in served.prompts

    await served.send(BOOK)
    await served.post("knowledge/check")
    assert await served.learned() == ALL
    answer = await served.ask()
    assert "A runbook says, unconfirmed: rush order: an order with amount above 400 (rush.md)" in served.prompts
    assert [hit["source"] for hit in answer["knowledge"]] == ["rush.md"]

    [term] = [one for one in await served.get("knowledge/terms") if one["term"]]
    await served.post(f"knowledge/terms/{term['id']}/accept")
    [first] = (await served.ask())["answers"]
    assert "amount > 400" in first["query"]
    assert first["proof"]["verdict"] == "proven"
    assert "held `amount > 400`, which 'rush order' means (rush.md)" in first["assumptions"]

    await served.send(BOOK.replace("400", "900"))
    report = await served.post("knowledge/check")
    assert [one["term"] for one in report["stale"]] == ["rush order"]
    [changed] = [one for one in await served.get("knowledge/terms", status="proposed") if one["term"]]
    await served.post(f"knowledge/terms/{term['id']}/reject")
    await served.post(f"knowledge/terms/{changed['id']}/accept")
    [second] = (await served.ask())["answers"]
    assert "amount > 900" in second["query"]

    await served.post(f"knowledge/terms/{changed['id']}/reject")
    assert (await served.client.delete("procedures/rush.md")).is_success
    assert await served.learned() == NOTHING
    answer = await served.ask()
    assert "WHERE" not in answer["answers"][0]["query"]
    assert answer["knowledge"] == []
    assert "rush.md" not in served.prompts


async def test_labels_take_all_that_was_learned_away_with_the_answer_to_the_request(served: Shop) -> None:
    await served.send(BOOK)
    await served.post("knowledge/check")
    assert await served.learned() == ALL
    await served.send(BOOK, labels=["team-a"])
    assert await served.learned() == NOTHING
    answer = await served.ask()
    assert answer["knowledge"] == []
    assert not any(one in served.prompts for one in ("400", "truck", "rush.md"))

    await served.post("knowledge/check")
    assert await served.learned() == NOTHING
    assert await served.learned(label="team-a") == ALL | {"examples": []}
    answer = await served.ask(labels=["team-a"])
    assert [hit["source"] for hit in answer["knowledge"]] == ["rush.md"]
    assert "rush order: an order with amount above 400 (rush.md)" in served.prompts


async def test_a_label_in_the_document_itself_does_so_too(served: Shop) -> None:
    await served.send(BOOK)
    await served.post("knowledge/check")
    await served.send(f"---\nlabels: team-a\n---\n{BOOK}")
    assert await served.learned() == NOTHING


async def test_a_renamed_column_names_the_runbook_that_it_breaks_everywhere(served: Shop) -> None:
    await served.send(BOOK)
    await served.post("knowledge/check")
    [term] = [one for one in await served.get("knowledge/terms") if one["term"]]
    await served.post(f"knowledge/terms/{term['id']}/accept")
    drifted = yaml.safe_load(shop().model_dump_json(by_alias=True))
    for column in drifted["tables"][0]["columns"]:
        column["name"] = {"status": "state", "amount": "amount_eur"}.get(column["name"], column["name"])
    answered = await served.client.put("catalog/shop", json=drifted)
    place = "rush.md, 'Which orders still wait for a truck?'"
    query, condition = answered.json()["notes"]
    assert query.startswith(f"breaks the runbook {place}: ")
    assert condition.startswith("broken: 'rush order' of shop (rush.md): ")
    report = await served.get("knowledge/check")
    assert (report["counts"], report["drifted"], len(report["problems"])) == ({"broken": 1}, [place], 1)
    scraped = (await served.client.get(f"{URL}/metrics")).text
    assert 'lexiquery_runbook_queries{status="broken"} 1\n' in scraped
    assert "lexiquery_runbook_check_timestamp_seconds " in scraped


async def test_a_group_that_is_gone_breaks_its_runbooks(served: Shop) -> None:
    await served.send(BOOK)
    await served.post("knowledge/check")
    before = await served.whole.runbooks.last()
    await served.whole.groups.remove("shop")
    [line] = await served.whole.runbooks.broken_since(before)
    assert line == "breaks the runbook rush.md, 'Which orders still wait for a truck?': it read shop, which is gone"


async def test_a_change_of_the_known_errors_is_seen_as_one_of_the_runbooks_is(served: Shop, settings: Settings) -> None:
    known = {"id": "SRC-5040", "title": "t", "signature": "s <*> s s", "cause": "c", "fix": "f", "see": "rush.md"}
    await served.send(BOOK)
    before = await served.whole.runbooks.version()
    file = settings.data_dir / "known.yaml"
    file.write_text(yaml.safe_dump([known]))
    index = KnownErrorIndex(served.whole.state.engine, served.whole.models, settings)
    await index.add(file)
    await index.close()
    assert await served.whole.runbooks.version() != before
    await served.post("knowledge/check")
    assert [one["source"] for one in (await served.get("knowledge/graph", q="SRC-5040"))["procedures"]] == ["rush.md"]


@pytest.mark.parametrize(
    ("narrowed", "says"),
    [
        ({"folder": "rsh.md"}, "unknown folder or document 'rsh.md'; did you mean 'rush.md'?"),
        ({"language": "kusto"}, "unknown language of code 'kql'; did you mean 'sql'?"),
    ],
)
async def test_a_search_within_what_is_nowhere_is_told_the_nearest_and_not_that_nothing_fits(
    served: Shop, narrowed: dict[str, str], says: str
) -> None:
    await served.send(BOOK)
    with capture_logs() as logs:
        answered = await served.client.post("procedures/search", json={"question": "rush orders", **narrowed})
    assert [one["event"] for one in logs if one["log_level"] == "warning"] == []
    problem = answered.json()
    assert (answered.status_code, f"{problem['detail']}; {problem['suggestion']}") == (404, says)


async def test_a_search_that_one_agent_fails_is_answered_by_the_others(
    served: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise ModelUnavailable("the model is away")

    await served.send(BOOK)
    monkeypatch.setattr(KnownErrorIndex, "search", away)
    with capture_logs() as logs:
        found = await served.post("procedures/search", {"question": "Which orders still wait for a truck?"})
    assert [one["reasons"] for one in logs if one["event"] == "agents failed"] == [["the model is away"]]
    assert [one["source"] for one in found] == ["rush.md"]
    assert await served.post("procedures/search", {"question": "xylophone", "kind": "table"}) == []

"""PostgreSQL by setting: everything that SQLite does, on a database of its own that is dropped at the end."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import psycopg

from core_engine.server import build_app
from core_engine.store import schema as store_schema
from shared.database import create_tables, open_database
from shared.ledger import schema as ledger_schema
from shared.settings import Settings
from tests.agents.scripted_agent import model_call
from tests.core_engine.conftest import ScriptedAgents, with_scripted
from tests.core_engine.processes import Command
from tests.scripted_ollama import ScriptedOllama

URL = "http://127.0.0.1:8000"


def test_a_live_database_becomes_a_group(postgresql: str, tmp_path: Path, scripted_ollama: ScriptedOllama) -> None:
    with psycopg.connect(postgresql) as database:
        database.execute("""
            CREATE TYPE state AS ENUM ('open', 'paid');
            CREATE DOMAIN amount AS numeric;
            CREATE TABLE customers (id serial PRIMARY KEY, tags text[], shape point);
            COMMENT ON TABLE customers IS 'who buys';
            CREATE SCHEMA sales;
            CREATE TABLE sales.orders
                (id int PRIMARY KEY, customer int REFERENCES customers, state state, total amount);
        """)
    lexiquery = Command(tmp_path, scripted_ollama.url)
    report = lexiquery.json("catalog", "import", postgresql, "--group", "crm")
    assert report["notes"] == ["customers.shape: a column of type 'unknown' is held as TEXT"]
    catalog = lexiquery.json("catalog", "show", "crm")
    customers, orders = catalog["tables"]
    assert (customers["name"], customers["description"], orders["name"]) == ("customers", "who buys", "sales.orders")
    assert [column["type"] for column in orders["columns"]] == ["INTEGER", "INTEGER", "TEXT", "NUMERIC"]
    assert orders["columns"][2]["values"] == ["open", "paid"]
    assert [(one["from"], one["to"]) for one in catalog["relationships"]] == [("sales.orders.customer", "customers.id")]
    query = "SELECT o.total FROM sales.orders o JOIN customers c ON o.customer = c.id WHERE o.state = 'open'"
    proof = lexiquery.json("prove", "--platform", "sql", "--group", "crm", stdin=query)
    assert proof["verdict"] == "proven", proof


def test_known_values_of_a_live_database_are_kept_where_they_are_asked_for(
    postgresql: str, tmp_path: Path, scripted_ollama: ScriptedOllama
) -> None:
    with psycopg.connect(postgresql) as database:
        database.execute("""
            CREATE TABLE tickets (id int, status text, "odd name" varchar(20), note text);
            INSERT INTO tickets SELECT n, CASE WHEN n % 2 = 0 THEN 'open' END, 'x''y', 'note ' || n
                FROM generate_series(1, 60) AS n;
            CREATE TABLE pages (title text, body xml);
            CREATE SCHEMA audit;
            CREATE VIEW audit.states AS SELECT status FROM tickets;
        """)
    lexiquery = Command(tmp_path, scripted_ollama.url)
    report = lexiquery.json("catalog", "import", postgresql, "--group", "desk", "--sample-values")
    tables = {table["name"]: table["columns"] for table in lexiquery.json("catalog", "show", "desk")["tables"]}
    assert [column["values"] for column in tables["tickets"]] == [[], ["open"], ["x'y"], []]
    assert [column["values"] for column in tables["audit.states"]] == [["open"]]
    assert report["notes"] == [
        "pages.body: a column of type 'unknown' is held as TEXT",
        "known values of tables that can't be read so, or not in time, are left out: pages",
    ]


def test_a_journey_runs_whole(postgresql: str, tmp_path: Path, scripted_ollama: ScriptedOllama) -> None:
    scripted_ollama.reply = "SELECT count(*) AS orders FROM orders WHERE status = 'open'"
    lexiquery = Command(tmp_path, scripted_ollama.url)
    lexiquery.environment["LEXIQUERY_DATABASE_URL"] = postgresql
    lexiquery.import_shop()
    answer = lexiquery.json("ask", "How many orders are open?")
    assert answer["status"] == "completed"
    assert answer["missing"] == []
    assert answer["answers"][0]["result"]["rows"] == [[2]]
    assert lexiquery.json("cost", "show", answer["journey_id"]) == answer["cost"]
    assert lexiquery.json("cost", "stats")[0]["calls"] >= 1
    assert sorted(path.name for path in (tmp_path / "data").glob("*.db")) == []
    with psycopg.connect(postgresql) as database:
        [(status,)] = database.execute("SELECT status FROM journeys").fetchall()
        [(workflow,)] = database.execute("SELECT status FROM dbos.workflow_status").fetchall()
    assert (status, workflow) == ("completed", "SUCCESS")


async def test_the_api_keeps_everything_there(
    postgresql: str, settings: Settings, scripted_ollama: ScriptedOllama, agents: ScriptedAgents
) -> None:
    changes = {"ollama_host": scripted_ollama.url, "database_url": postgresql}
    async with with_scripted(agents, settings.model_copy(update=changes)) as lexiquery:
        transport = httpx.ASGITransport(build_app(lexiquery, URL))
        async with httpx.AsyncClient(transport=transport, base_url=URL) as http:
            conversation = (await http.post("/api/v1/conversations")).json()["conversation_id"]
            first = {"question": "Which hosts are there?", "conversation_id": conversation}
            for _ in range(2):
                answered = await http.post("/api/v1/query", json=first, headers={"X-Journey-ID": "mine"})
            again = {"question": "And which of them are idle?", "conversation_id": conversation}
            follow_up = (await http.post("/api/v1/query", json=again)).json()
            correction = {"journey_id": "mine", "corrected_query": "SELECT count(*) AS n FROM hosts"}
            learned = (await http.post("/api/v1/feedback", json=correction)).json()["learned"]
            await lexiquery.state.ledger.begin(model_call("c-1", journey_id="mine", agent="kql"))
            [listed] = (await http.get("/api/v1/conversations")).json()
            metrics = (await http.get("/metrics")).text
            exported = (await http.get("/api/v1/cost/export")).text
            with_events = (await http.get("/api/v1/journeys/mine/events")).text
    assert answered.json()["status"] == "completed"
    assert follow_up["plan"]["notes"] == ["asked as: Which hosts are there? Follow-up: And which of them are idle?"]
    assert learned
    assert (listed["question"], listed["journeys"]) == ("Which hosts are there?", 2)
    assert 'lexiquery_journeys{status="completed"} 2' in metrics
    assert '"id":"c-1"' in exported
    assert "event: answer" in with_events


async def test_services_that_start_together_make_the_tables_once(postgresql: str) -> None:
    engines = [open_database(postgresql) for _ in range(4)]
    await asyncio.gather(*(create_tables(engine, ledger_schema, store_schema) for engine in engines))
    for engine in engines:
        await engine.dispose()
    with psycopg.connect(postgresql) as database:
        [(tables,)] = database.execute("SELECT count(*) FROM pg_tables WHERE tablename = 'journeys'").fetchall()
    assert tables == 1

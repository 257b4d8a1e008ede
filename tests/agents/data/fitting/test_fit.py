"""What holds of every query that is made to fit: it still parses, and gold queries keep their rows."""

from __future__ import annotations

from pathlib import Path
from shutil import copytree

import pytest
import sqlglot
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.data.repair import Mended
from agents.data.sandbox import Sandbox
from core_engine.evaluation.fitting import measure_public, measure_seed
from shared.settings import Settings
from tests.agents.data.fitting.desk import SQL, Desk
from tests.agents.data.public import public

_COLUMNS = ("ticket_id", "status", "k.host", "opened_at", "resolved_at", "p.full_name", "left_on", "nothing")
_CONSTANTS = (
    "'open'",
    "'Open'",
    "'lt-102'",
    "''",
    "7",
    "'2026-03-05'",
    "now() - INTERVAL 7 DAY",
    "current_date",
    "NULL",
)
_QUESTIONS = ("Open tickets of the last 7 days", "Tickets in March 2026", "Who left?", "How many tickets by day?", "")
_column, _constant = st.sampled_from(_COLUMNS), st.sampled_from(_CONSTANTS)
_compared = st.builds(
    "{} {} {}".format, _column, st.sampled_from(("=", "<>", "<", ">=", "LIKE", "IS NOT")), _constant
) | st.builds("{} BETWEEN {} AND {}".format, _column, _constant, _constant)
_condition = st.recursive(
    _compared | st.builds("{} IN ({}, {})".format, _column, _constant, _constant),
    lambda inner: (
        st.builds("({} {} {})".format, inner, st.sampled_from(("AND", "OR")), inner) | st.builds("NOT {}".format, inner)
    ),
    max_leaves=4,
)
_select = st.builds(
    "SELECT {}{} FROM tickets k {} WHERE {} {}".format,
    st.sampled_from(("", "date_trunc('day', opened_at) AS day, ", "year(opened_at), ")),
    st.sampled_from(("count(*)", "status", "status, max(opened_at)")),
    st.sampled_from(("", "JOIN people p ON k.ticket_id = p.person_id", "LEFT JOIN teams p ON k.owner_id = p.team_id")),
    _condition,
    st.sampled_from(("", "GROUP BY 1", "GROUP BY day, status ORDER BY 1, 2", "GROUP BY ALL", "LIMIT 3")),
)
_query = _select | st.builds(
    lambda one, other, form: form.format(one, other),
    _select,
    _select,
    st.sampled_from(("{} UNION ALL {}", "WITH tickets AS ({}) {}", "SELECT * FROM ({}) AS t WHERE EXISTS ({})")),
)


@given(query=_query, question=st.sampled_from(_QUESTIONS), dialect=st.sampled_from(("duckdb", "postgres", "sqlite")))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_query_is_fitted_into_one_that_parses(desk_rows: Sandbox, query: str, question: str, dialect: str) -> None:
    desk = Desk(desk_rows, dialect)
    mended = desk.fit(question, query)
    sqlglot.parse_one(mended.query, dialect=dialect)
    assert bool(mended.notes) == (mended.query != query)
    if SQL.bind(query, desk.catalog).status == "passed":
        assert SQL.bind(mended.query, desk.catalog).status == "passed"


@pytest.mark.parametrize("text", ["", "SELECT", "DROP TABLE tickets", "SELECT 1; SELECT 2", "what?"])
def test_what_is_no_query_is_left_alone(desk: Desk, text: str) -> None:
    assert desk.fit("Open tickets of the last 7 days", text) == Mended(text)


def test_the_seeds_gold_queries_keep_their_rows(tmp_path: Path, seed_folder: Path) -> None:
    copytree(seed_folder, tmp_path / "measuring" / "seed")
    found = measure_seed(Settings(data_dir=tmp_path))
    assert found.queries >= 45
    assert [one.id for one in found.harmed] in ([], ["kql-15"])  # no word of `7-Zip` is one of `7z.exe`


@pytest.mark.public_data
async def test_defogs_gold_queries_keep_their_rows(tmp_path: Path) -> None:
    public("defog")
    found = await measure_public("defog", Settings(data_dir=tmp_path))
    assert found.queries >= 250
    assert len(found.harmed) <= found.queries * 0.01

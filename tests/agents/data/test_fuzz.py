"""Whatever text comes, a proof comes back: no crash, no hang; broken queries, garbage, and both mixed."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.data.kql import Kql
from agents.data.kql.fallback import DuckdbKql
from agents.data.proof import prove
from agents.data.sandbox import Sandbox
from agents.data.sql import DIALECTS, Sql
from shared.catalog import Catalog
from tests.agents.data.attacks import KQL_HIDDEN, KQL_HONEST, SQL_HIDDEN
from tests.agents.data.conftest import small_catalog
from tests.agents.data.dialects import SQL_OF_ALL, SQL_OF_ONE
from tests.agents.data.queries import KQL_BAD, KQL_GOOD, SQL_BAD, SQL_GOOD, lines

KQL = lines(KQL_GOOD) + lines(KQL_BAD) + lines(KQL_HIDDEN) + lines(KQL_HONEST)
SQL = lines(SQL_GOOD) + lines(SQL_BAD) + lines(SQL_HIDDEN) + lines(SQL_OF_ALL)
SQL += [line.partition(": ")[2] for line in lines(SQL_OF_ONE)]
PIECES = [*"()[]{}'\"`;|\\\n*=,.@$#-\0💥", "--", "//", "/*", "*/", "::", "0x", "1e309", "let ", "SELECT ", " FROM "]
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def mutated(draw: st.DrawFn, queries: list[str]) -> str:
    """A query cut, doubled, spliced with another, or with odd pieces put in."""
    text = draw(st.sampled_from(queries))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(text)))
        other = draw(st.integers(0, len(text)))
        start, end = sorted((place, other))
        text = draw(
            st.sampled_from(
                [
                    text[:start] + text[end:],
                    text[:end] + text[start:],
                    text[:place] + draw(st.sampled_from(PIECES)) + text[place:],
                    text[:place] + draw(st.sampled_from(queries))[: draw(st.integers(0, 60))] + text[place:],
                    text[:place] + draw(st.text(max_size=8)) + text[place:],
                ]
            )
        )
    return text


@quick
@given(query=mutated(KQL) | st.text(max_size=200))
def test_any_text_is_proven_or_rejected_as_kql(kql: Kql, kql_group: Catalog, sandbox: Sandbox, query: str) -> None:
    proof = prove(kql, query, kql_group, sandbox)
    assert proof.verdict == "rejected" or not proof.problems


@quick
@given(query=mutated(KQL))
def test_any_text_is_proven_or_rejected_without_dotnet(kql_group: Catalog, sandbox: Sandbox, query: str) -> None:
    proof = prove(WITHOUT_DOTNET, query, kql_group, sandbox)
    assert proof.verdict == "rejected" or not proof.problems


@quick
@given(query=mutated(SQL) | st.text(max_size=200), dialect=st.sampled_from(DIALECTS))
def test_any_text_is_proven_or_rejected_as_sql(sql: Sql, sandbox: Sandbox, query: str, dialect: str) -> None:
    proof = prove(sql, query, small_catalog("sql", dialect), sandbox)
    assert proof.verdict == "rejected" or not proof.problems


WITHOUT_DOTNET = Kql(DuckdbKql())

"""Queries of runbooks as tests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from agents.data.sandbox import Sandbox
from agents.knowledge.checks.check import CheckedQuery, check_query, queries_of
from shared.catalog import Catalog
from shared.settings import Settings
from tests.agents.knowledge.reading import LOGS, passages, shop


@pytest.fixture
def sandbox(settings: Settings) -> Iterator[Sandbox]:
    opened = Sandbox(settings)
    yield opened
    opened.close()


def block(query: str, language: str = "sql") -> str:
    return f"# Orders\n\n## Which are open?\n\n```{language}\n{query}\n```\n"


def checked(text: str, sandbox: Sandbox, *catalogs: Catalog, before: CheckedQuery | None = None) -> CheckedQuery:
    [query] = queries_of(passages(text))
    known = [one for one in catalogs or (shop(), LOGS) if one.platform == query.platform]
    return check_query(query, known, sandbox, before)


def test_a_query_that_is_proven_says_its_group_its_tables_and_where_it_stands(sandbox: Sandbox) -> None:
    found = checked(block("SELECT order_id FROM orders WHERE status = 'open'"), sandbox)
    assert (found.status, found.groups, found.reads) == ("proven", ["shop"], ["orders"])
    assert found.example.cited == "shipping.md, 'Which are open?'"
    assert found.example.source == "runbook"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT order_id FROM orders WHERE stats = 'open'", "unknown column 'stats'"),
        ("SELECT order_id FROM oders", "unknown table 'oders'"),
        ("SELECT order_id FROM orders WHERE", "syntax|missing|Expected"),
        ("DROP TABLE orders", "only reading is allowed"),
    ],
)
def test_a_query_that_can_not_be_proven_is_broken_and_says_why(sandbox: Sandbox, query: str, message: str) -> None:
    found = checked(block(query), sandbox)
    assert (found.status, found.groups) == ("broken", ["shop"])
    assert re.search(message, found.problems[0].message)
    assert "shipping.md, 'Which are open?'" in found.render()
    assert found.render().splitlines()[1] == f"  {query}"


def test_a_broken_query_is_told_by_its_first_line_and_the_place_of_its_problem(sandbox: Sandbox) -> None:
    found = checked(
        block("-- by hand\nSELECT order_id, status, amount, placed_at\nFROM orders WHERE stats = 1"), sandbox
    )
    assert found.render().splitlines()[1:] == [
        "  SELECT order_id, status, amount, placed_at",
        "  line 3, column 19: unknown column 'stats'; did you mean 'status'?",
    ]
    long = checked(block(f"SELECT order_id FROM oders WHERE order_id IN ({', '.join(map(str, range(90)))})"), sandbox)
    line = long.render().splitlines()[1]
    assert (len(line), line[-1]) == (82, "…")


def test_a_query_that_is_too_long_to_be_read_is_not_parsed(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    def parse(*_: object) -> None:
        raise AssertionError("parsed")

    monkeypatch.setattr("agents.data.sql.Sql.parse", parse)
    query = "SELECT order_id FROM orders WHERE " + " OR ".join(["order_id = 1"] * 60_000)
    [read] = queries_of([replace(passages(block("SELECT 1"))[-1], text=query)])
    assert [one.code for one in check_query(read, [shop()], sandbox).problems] == ["query_too_long"]


def test_a_query_about_what_no_group_holds_is_foreign_and_nobodys_fault(sandbox: Sandbox) -> None:
    found = checked(block("SELECT wal_records FROM pg_stat_wal"), sandbox)
    assert (found.status, found.groups) == ("foreign", [])


def test_a_query_that_was_proven_before_is_broken_when_its_table_is_gone(sandbox: Sandbox) -> None:
    text = block("SELECT paid_at FROM refunds")
    before = checked(text, sandbox)
    without = shop(tables=[shop().model_dump()["tables"][0]], relationships=[])
    after = checked(text, sandbox, without, before=before)
    assert (before.status, after.status, after.before, after.groups) == ("proven", "broken", True, ["shop"])


def test_a_query_stays_broken_on_the_group_it_was_proven_in_until_it_heals(sandbox: Sandbox) -> None:
    text = block("SELECT amount FROM orders")
    [orders, refunds] = shop().model_dump()["tables"]

    def changed(*columns: str, **changes: object) -> Catalog:
        table = {**orders, "columns": [{"name": one, "type": "BIGINT"} for one in columns]}
        return shop(tables=[table, refunds], relationships=[], **changes)

    other = changed("id", schema_group="archive")
    proven = checked(text, sandbox, other, shop())
    assert (proven.status, proven.groups) == ("proven", ["shop"])
    renamed = checked(text, sandbox, other, changed("order_id", "total"), before=proven)
    dropped = checked(text, sandbox, other, changed("order_id"), before=renamed)
    gone = checked(text, sandbox, other, shop(tables=[refunds], relationships=[]), before=dropped)
    for found, since in ((renamed, True), (dropped, False), (gone, False)):
        assert (found.status, found.groups) == ("broken", ["shop"])
        assert ("it was proven at the last check" in found.render()) == since
    assert checked(text, sandbox, other, shop(), before=gone).status == "proven"
    assert checked(text, sandbox, other, before=dropped).groups == ["archive"]
    rewritten = block("SELECT amounts FROM orders")
    assert checked(rewritten, sandbox, other, changed("order_id"), before=dropped).groups == ["archive"]


def test_the_group_of_a_query_that_was_never_proven_is_guessed_anew(sandbox: Sandbox) -> None:
    text = block("SELECT amounts FROM invoices")
    near = shop(tables=[{**shop().model_dump()["tables"][1], "name": "invoice"}], relationships=[])
    guessed = checked(text, sandbox, near)
    assert (guessed.status, guessed.groups, guessed.settled) == ("broken", ["shop"], False)
    exact = shop(tables=[{**near.model_dump()["tables"][0], "name": "invoices"}], relationships=[])
    billing = exact.model_copy(update={"schema_group": "billing"})
    anew = checked(text, sandbox, near, billing, before=guessed)
    assert (anew.status, anew.groups, anew.before) == ("broken", ["billing"], False)


def test_a_query_that_two_groups_can_prove_is_said_to_be_ambiguous(sandbox: Sandbox) -> None:
    found = checked(block("SELECT status FROM orders"), sandbox, shop(), shop(schema_group="archive"))
    assert (found.status, found.groups) == ("proven", ["shop", "archive"])
    assert "ambiguous" in found.render()


@pytest.mark.parametrize(
    "query",
    [
        "SELECT order_id FROM orders WHERE order_id = <order id>",
        "SELECT order_id FROM orders WHERE status = '{{ status }}'",
        "SELECT order_id FROM orders WHERE status = '<status>'",
        "SELECT order_id FROM orders WHERE order_id = ${ORDER}",
    ],
)
def test_a_query_with_placeholders_is_a_template_and_no_example(sandbox: Sandbox, query: str) -> None:
    found = checked(block(query), sandbox)
    assert (found.status, found.groups, found.reads) == ("template", ["shop"], ["orders"])


def test_comparisons_are_no_placeholders(sandbox: Sandbox) -> None:
    query = "SELECT order_id FROM orders WHERE amount<order_id AND order_id> 3"
    assert checked(block(query), sandbox).status == "proven"


def test_a_template_says_which_of_its_columns_do_not_exist(sandbox: Sandbox) -> None:
    found = checked(block("SELECT order_id FROM orders WHERE stats = '<status>'"), sandbox)
    assert (found.status, [one.suggestion for one in found.problems]) == ("template", ["status"])


def test_kql_is_checked_as_kql(sandbox: Sandbox) -> None:
    assert checked(block("SigninLogs | where ResultType != '0' | count", "kql"), sandbox).groups == ["logs"]
    assert checked(block("SigninLogs | where ResultTyp != '0'", "kql"), sandbox).status == "broken"


WEB = Catalog.model_validate(
    {
        "schema_group": "web",
        "platform": "spl",
        "tables": [{"name": "web", "kind": "index", "columns": [{"name": "status", "type": "number"}]}],
    }
)
LET = "let since = ago(1d);\n\nSigninLogs | where TimeGenerated > since"


@pytest.mark.parametrize(
    ("language", "text", "queries"),
    [
        (
            "sql",
            "SELECT order_id FROM orders;\nSELECT paid_at FROM refunds;",
            ["SELECT order_id FROM orders", "SELECT paid_at FROM refunds"],
        ),
        (
            "sql",
            "SELECT order_id FROM orders WHERE status = ';'; -- as sent;\n\nSELECT paid_at FROM refunds; -- done",
            ["SELECT order_id FROM orders WHERE status = ';'", "-- as sent;\n\nSELECT paid_at FROM refunds"],
        ),
        ("kql", "SigninLogs | count\n\nSigninLogs | take 1", ["SigninLogs | count", "SigninLogs | take 1"]),
        ("kql", f"{LET}\n\nSigninLogs | take 1", [LET, "SigninLogs | take 1"]),
        (
            "kql",
            "SigninLogs\n\n| count\n \n\n// one\n\nSigninLogs | take 1",
            ["SigninLogs\n\n| count", "// one\n\nSigninLogs | take 1"],
        ),
        ("kql", "SigninLogs | count; // all\nSigninLogs\n| take 1;", ["SigninLogs | count", "SigninLogs\n| take 1"]),
        (
            "kql",
            "SigninLogs | where ResultType == ';';\n\nSigninLogs | where UserPrincipalName has 'a' // b;\n| count",
            ["SigninLogs | where ResultType == ';'", "SigninLogs | where UserPrincipalName has 'a' // b;\n| count"],
        ),
        (
            "kql",
            "SigninLogs | count\n\nlet one = 1;\nSigninLogs | take one",
            ["SigninLogs | count", "let one = 1;\nSigninLogs | take one"],
        ),
        ("spl", "index=web\n| head 1\n\n\n\nindex=web 404", ["index=web\n| head 1", "index=web 404"]),
        (
            "spl",
            "search index=web\n\n| head 1\n\n```by tstats```\n| tstats count where index=web",
            ["search index=web\n\n| head 1", "```by tstats```\n| tstats count where index=web"],
        ),
    ],
)
def test_queries_of_one_block_are_checked_each_by_itself(
    sandbox: Sandbox, language: str, text: str, queries: list[str]
) -> None:
    catalogs = [shop(), LOGS, WEB]
    read = queries_of(passages(block(text, language)), catalogs)
    assert [one.query for one in read] == queries
    known = [one for one in catalogs if one.platform == read[0].platform]
    assert [check_query(one, known, sandbox).status for one in read] == ["proven"] * len(queries)
    assert len({one.id for one in read}) == len({one.question for one in read}) == len(queries)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("sql", "SELECT order_id FROM orders;"),
        ("sql", "SELECT order_id FROM orders; SELECT FROM WHERE"),
        ("sql", "CREATE TEMP TABLE late AS SELECT 1; SELECT order_id FROM orders"),
        ("sql", "USE archive; SELECT order_id FROM orders"),
        ("kql", LET),
        ("kql", "SigninLogs\n\n| where ResultType != '0'\n\n| count"),
        ("kql", "SigninLogs | count\n\nSigninLogs | wher ResultType ("),
        ("kql", "\n\n".join(["SigninLogs | count"] * 60)),
        ("kql", "SigninLogs | count;\nSigninLogs | wher ResultType"),
        ("kql", "let f = (user: string) {\n    let one = 1;\n\n    SigninLogs | take one\n};\n\nf('a') | count"),
        ("kql", "SigninLogs | count;\nlet one = 1"),
        ("kql", "SigninLogs | where UserPrincipalName in (\n\n'a;')"),
        ("spl", "index=web\n\n| stats count"),
        ("spl", "index=web | head 1\n\n| inputlookup append=t hosts"),
        ("spl", "index=web |\n\nsearch status=500"),
        ("spl", "index=web | head 1\n\nindex=web | stats ("),
        ("spl", "index=web [\n\nsearch index=web | fields host ]"),
    ],
)
def test_a_block_that_is_one_query_or_can_not_be_read_as_several_stays_whole(language: str, text: str) -> None:
    [whole] = queries_of(passages(block(text, language)), [shop(), LOGS, WEB])
    assert whole.query == text.rstrip(";")


def test_what_a_let_names_goes_with_each_query_that_uses_it(sandbox: Sandbox) -> None:
    text = """
// Since yesterday
let since = ago(1d);
let failed = SigninLogs
| where TimeGenerated > since;
let unused = 1;

// Failed sign-ins
failed | where ResultType != '0';

// All of them
SigninLogs | where TimeGenerated > since-1h

// Nothing else
SigninLogs | take 1
"""
    found = [check_query(one, [LOGS], sandbox) for one in queries_of(passages(block(text, "kql")), [LOGS])]
    assert [one.query for one in found[1:]] == [
        "// All of them\nlet since = ago(1d);\nSigninLogs | where TimeGenerated > since-1h",
        "// Nothing else\nSigninLogs | take 1",
    ]
    assert found[0].query.startswith("// Failed sign-ins\nlet since")
    assert found[0].query.endswith("let unused = 1;\nfailed | where ResultType != '0'")
    assert [one.status for one in found] == ["proven"] * 3
    assert [one.question for one in found] == ["Orders: Failed sign-ins", "Orders: All of them", "Orders: Nothing else"]


def test_a_name_that_is_given_again_means_the_last_of_them(sandbox: Sandbox) -> None:
    text = "let n = 1;\nSigninLogs | take n;\nlet n = 2;\nSigninLogs | take n;\nset notruncation;\nSigninLogs | take n;"
    found = [one.query for one in queries_of(passages(block(text, "kql")), [LOGS])]
    assert found == [
        "let n = 1;\nSigninLogs | take n",
        "let n = 2;\nSigninLogs | take n",
        "let n = 2;\nset notruncation;\nSigninLogs | take n",
    ]


def test_a_broken_query_among_others_is_the_only_broken_one_of_its_block(sandbox: Sandbox) -> None:
    text = block("SELECT order_id FROM orders;\nSELECT\norder_nr FROM orders;")
    good, bad = [check_query(one, [shop()], sandbox) for one in queries_of(passages(text), [shop()])]
    assert (good.status, bad.status) == ("proven", "broken")
    assert bad.render().splitlines()[1:] == [
        "  SELECT",
        "  line 2, column 1: unknown column 'order_nr'; did you mean 'order_id'?",
    ]


def test_templates_of_one_block_are_told_apart_with_their_placeholders(sandbox: Sandbox) -> None:
    text = block("SELECT order_id FROM orders WHERE order_id = <order id>;\nSELECT paid_at FROM refunds;")
    first, second = [check_query(one, [shop()], sandbox) for one in queries_of(passages(text), [shop()])]
    assert (first.status, second.status) == ("template", "proven")
    assert first.query.endswith("<order id>")


def test_the_question_of_one_of_several_is_the_comment_above_it() -> None:
    text = block(
        "-- ======\n-- Orders that nobody has paid:\nSELECT order_id FROM orders;\nSELECT paid_at FROM refunds;"
    )
    found = queries_of(passages(text), [shop()])
    assert [one.question for one in found] == ["Orders that nobody has paid", "Orders: Which are open? (query 2)"]


def test_shell_and_other_code_is_left_alone() -> None:
    assert queries_of(passages(block("df -h", "bash") + "\n```\nPOST /api\n```\n")) == []


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("# Shop\n\n## The oldest open ones\n\n```sql\nSELECT 1\n```", "The oldest open ones"),
        ("# Late orders\n\n## Look\n\n```sql\nSELECT 1\n```", "Late orders: Look"),
        (
            "# Shop\n\n## Find\n\nIt hurts. Which orders are late today?\n\n```sql\nSELECT 1\n```",
            "Which orders are late today?",
        ),
        (
            "# Shop\n\n## Find\n\n1. List the orders that failed.\n\n   ```sql\n   SELECT 1\n   ```",
            "List the orders that failed.",
        ),
    ],
)
def test_the_question_of_an_example_is_what_leads_up_to_it_or_its_heading(text: str, question: str) -> None:
    assert [one.question for one in queries_of(passages(text))] == [question]

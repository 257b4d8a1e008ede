"""What the evidence decides by itself, and where it leaves the choice open."""

from __future__ import annotations

import pytest

from agents.planner.evidence import Choice, best, build, weigh
from shared.models import AvailableAgent, LinkedTable, Plan, PlanRequest
from tests.agents.planner.requests import AVAILABLE, hit, link, request


def plan(asked: PlanRequest) -> Plan:
    evidence = weigh(asked)
    assert evidence.choices is not None, "the evidence left the choice open"
    return build(asked, evidence, evidence.choices)


def data_agents(made: Plan) -> list[str]:
    return [step.agent for step in made.steps if step.skill == "query"]


def test_the_only_platform_with_a_matching_table_is_chosen() -> None:
    made = plan(
        request("Failed sign-ins?", link("kql", "SigninLogs", 0.6, "says 'sign-in'"), link("sql", "hosts", 0.02))
    )
    assert data_agents(made) == ["kql"]
    reason = made.steps[-1].reason
    assert reason == "the only one with a matching table: its table SigninLogs (ops_logs): says 'sign-in'"


def test_a_platform_clearly_ahead_is_chosen() -> None:
    made = plan(request("Failed sign-ins?", link("sql", "sign_ins", 0.8), link("kql", "SigninLogs", 0.5)))
    assert data_agents(made) == ["sql"]
    assert made.steps[-1].reason.startswith("clearly ahead of the others: its table sign_ins")


def test_near_scores_leave_the_choice_open_among_those_that_are_near() -> None:
    asked = request("Failures?", link("sql", "sign_ins", 0.8), link("kql", "SigninLogs", 0.7), link("spl", "auth", 0.3))
    evidence = weigh(asked)
    assert evidence.choices is None
    assert [rival.agent for rival in evidence.rivals] == ["sql", "kql"]


def test_platforms_that_each_hold_a_part_are_all_chosen() -> None:
    asked = request("Were alerts followed by tickets?", link("kql", "SecurityAlert", 0.9), link("sql", "tickets", 0.6))
    made = plan(asked)
    assert data_agents(made) == ["kql", "sql"]
    assert made.steps[-1].reason == "holds a part of what is asked: its table tickets (ops_warehouse) is nearest to it"


def test_a_platform_that_holds_all_parts_competes_with_one_that_holds_a_part() -> None:
    linked = [link("kql", "SecurityAlert", 0.9), link("sql", "tickets", 0.8), link("sql", "alerts", 0.8)]
    evidence = weigh(request("Were alerts followed by tickets?", *linked))
    assert evidence.choices is None
    assert [rival.agent for rival in evidence.rivals] == ["kql", "sql"]


def test_a_weak_match_of_another_part_is_not_a_part() -> None:
    linked = [link("kql", "SecurityAlert", 0.9), link("sql", "tickets", 0.3)]
    assert data_agents(plan(request("Were alerts followed by tickets?", *linked))) == ["kql"]


def test_without_a_model_equal_platforms_are_not_all_asked_the_same() -> None:
    evidence = weigh(request("Failed sign-ins?", link("sql", "sign_ins", 0.8), link("kql", "SigninLogs", 0.8)))
    assert [choice.agent for choice in best("Failed sign-ins?", evidence.rivals, "best")] == ["kql"]


def test_platforms_named_by_the_user_are_all_planned_whatever_the_scores() -> None:
    made = plan(request("Failures?", link("sql", "sign_ins", 0.9), platforms=["spl", "kql"]))
    assert data_agents(made) == ["spl", "kql"]
    assert made.steps[-1].reason == "named by the user: none of its tables matches the question well"


def test_a_named_platform_without_an_agent_is_noted_with_the_nearest_name() -> None:
    made = plan(request("Failures?", link("kql", "SigninLogs", 0.9), platforms=["kql", "sqll"]))
    assert data_agents(made) == ["kql"]
    assert made.notes == ["dropped platform 'sqll': no agent for it is available; did you mean 'sql'?"]


LINKS = [link("kql", "SigninLogs", 0.8), link("spl", "auth", 0.7), link("sql", "sign_ins", 0.8)]


@pytest.mark.parametrize(
    ("question", "agents"),
    [
        ("Failed sign-ins in Splunk", ["spl"]),
        ("failed sign-ins in splunk last week", ["spl"]),
        ("a KQL query for failed sign-ins", ["kql"]),
        ("failed sign-ins from the warehouse", ["sql"]),
        ("failed sign-ins on Microsoft Sentinel", ["kql"]),
        ("failed sign-ins in Sentinel", ["kql"]),
        ("failed sign-ins in Kusto", ["kql"]),
        ("Which servers restarted in Sentinel or Splunk?", ["kql", "spl"]),
        ("Which servers restarted in both Sentinel and Splunk?", ["kql", "spl"]),
        ("failed sign-ins in Splunk, Sentinel and the warehouse", ["kql", "sql", "spl"]),
        ("failed sign-ins in Sentinel and from the warehouse", ["kql", "sql"]),
        ("failed sign-ins in Sentinel and orders in the warehouse", ["kql", "sql"]),
        ("errors in Sentinel and SQL Server", ["kql"]),
        ("in Splunk, Sentinel alerts of today", ["spl"]),
        ("failed sign-ins in Splunk, not in Sentinel", ["spl"]),
        ("failed sign-ins not only in Splunk but also in Sentinel", ["kql", "spl"]),
        ("compare failed sign-ins in Splunk with those in the warehouse", ["sql", "spl"]),
    ],
)
def test_words_that_say_where_to_look_decide(question: str, agents: list[str]) -> None:
    assert data_agents(plan(request(question, *LINKS))) == agents


@pytest.mark.parametrize(
    "question",
    [
        "Splunk forwarders that are down",
        "errors in SQL Server",
        "who is in the logs",
        "Log entries of the VPN",
        "restarts of Azure Monitor",
    ],
)
def test_words_that_are_only_the_topic_do_not_decide(question: str) -> None:
    assert weigh(request(question, *LINKS)).choices is None


@pytest.mark.parametrize(
    ("question", "agents", "notes"),
    [
        ("Not in Splunk: failed sign-ins", ["kql"], ["left out spl: the question says 'Not in Splunk'"]),
        ("failed sign-ins except in Splunk", ["kql"], ["left out spl: the question says 'except in Splunk'"]),
        ("failed sign-ins except those in Splunk", ["kql"], []),
        ("failed sign-ins other than Splunk", ["kql"], ["left out spl: the question says 'other than Splunk'"]),
        ("failed sign-ins, but not in the warehouse", ["kql"], []),
        (
            "failed sign-ins, without Splunk or the warehouse",
            ["kql"],
            ["left out spl: the question says 'without Splunk or the warehouse'"],
        ),
    ],
)
def test_a_place_that_the_question_leaves_out_is_not_asked(question: str, agents: list[str], notes: list[str]) -> None:
    made = plan(request(question, link("kql", "SigninLogs", 0.9), link("spl", "auth", 0.7), GROUP_OF_SQL))
    assert data_agents(made) == agents
    assert set(notes) <= set(made.notes)


GROUP_OF_SQL = link("sql", "sign_ins", 0.1)


@pytest.mark.parametrize(
    "question",
    [
        "hosts that are not in Splunk",
        "hosts that aren't in Splunk",
        "servers without Splunk",
        "not Splunk's",
        "other than Splunk forwarders",
    ],
)
def test_what_is_not_in_a_place_neither_picks_it_nor_leaves_it_out(question: str) -> None:
    evidence = weigh(request(question, *LINKS))
    assert (evidence.choices, evidence.notes) == (None, [])


@pytest.mark.parametrize(
    ("question", "agents", "notes"),
    [
        (
            "Failed sign-ins in Splunk",
            ["kql"],
            ["the question says 'in Splunk', but no table of spl matches it; asked kql"],
        ),
        (
            "Failed sign-ins in Sentinel or Splunk",
            ["kql"],
            ["the question says 'in Sentinel or Splunk', but no table of spl matches it; asked kql"],
        ),
        ("Failed sign-ins in Sentinel", ["kql"], []),
    ],
)
def test_a_platform_that_is_named_and_has_no_such_table_is_noted(
    question: str, agents: list[str], notes: list[str]
) -> None:
    made = plan(request(question, link("kql", "SigninLogs", 0.9)))
    assert (data_agents(made), made.notes) == (agents, notes)


def test_no_matching_table_gives_knowledge_steps_only() -> None:
    made = plan(request("What is the meaning of life?", link("kql", "SigninLogs", 0.02)))
    assert {step.skill for step in made.steps} == {"search"}
    assert made.notes == ["no data agent has a table that matches the question"]


def test_knowledge_agents_are_asked_where_a_passage_bears_on_the_question() -> None:
    hits = [hit("sop", "VPN outage", 0.7), hit("sop", "Password reset", 0.9), hit("known_errors", "KE-7", 0.1)]
    made = plan(request("VPN?", knowledge=hits))
    assert [(step.agent, step.reason) for step in made.steps] == [("sop", "its 'Password reset' bears on it")]


def test_all_knowledge_agents_are_asked_when_there_is_no_passage_before() -> None:
    assert [step.agent for step in plan(request("VPN?")).steps] == ["known_errors", "sop"]


def test_an_agent_that_is_not_available_is_dropped_and_noted() -> None:
    asked = request("Failures?", link("kql", "SigninLogs", 0.9))
    made = build(asked, weigh(asked), [Choice(agent="q", how="proposed"), Choice(agent="kql", how="best")])
    assert data_agents(made) == ["kql"]
    assert made.notes == ["dropped agent 'q': no data agent of that name is available"]


def test_a_link_of_a_platform_whose_agent_is_gone_is_not_planned() -> None:
    available = [agent for agent in AVAILABLE if agent.agent != "kql"]
    asked = request("Failures?", link("kql", "SigninLogs", 0.9), link("sql", "sign_ins", 0.5), available=available)
    assert data_agents(plan(asked)) == ["sql"]


def test_two_agents_of_one_platform_give_one_step() -> None:
    twin = AvailableAgent(agent="a_kql", skill="query", description="", platform="kql")
    asked = request("Failures?", link("kql", "SigninLogs", 0.9), available=[*AVAILABLE, twin])
    assert data_agents(plan(asked)) == ["a_kql"]


def test_the_order_of_the_evidence_does_not_change_the_plan() -> None:
    linked: list[LinkedTable] = [link("sql", "a", 0.9), link("sql", "b", 0.9), link("kql", "c", 0.3)]
    one = request("Failures?", *linked)
    other = request("Failures?", *reversed(linked), available=list(reversed(AVAILABLE)))
    assert plan(one) == plan(other)

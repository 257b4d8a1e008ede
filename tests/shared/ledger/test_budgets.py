"""What a journey, a user's day and everybody's day may take, on SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio

import pytest

from shared.calls import CallRecord
from shared.errors import BudgetExceeded, InvalidInput, NotFound
from shared.ledger import Ledger, Reservation
from shared.ledger.budgets import Budgets, read_whose
from shared.ledger.limits import Scope
from shared.models import Budget
from tests.shared.ledger.calls import call, record


async def spend(ledger: Ledger, name: str, **changes: object) -> CallRecord:
    ended = call(name, status="success", prompt_tokens=80, completion_tokens=20, total_seconds=2.0, **changes)
    await record(ledger, ended)
    return ended


async def test_a_day_s_budget_holds_for_every_user_and_journey(either: Ledger) -> None:
    await Budgets(either.engine).set("day", "", Budget(tokens=250))
    await spend(either, "a", user="ada", journey_id="j1")
    await spend(either, "b", user="bob", journey_id="j2")
    await either.begin(call("c"), Reservation(tokens=50))
    with pytest.raises(
        BudgetExceeded, match=r"the day's budget of 250 tokens leaves too little for a call of up to 1"
    ) as e:
        await either.begin(call("d"), Reservation(tokens=1))
    assert "200 used and 50 held by calls under way" in str(e.value)
    assert await either.call("d") is None, "a refused call is not on the ledger"


async def test_a_user_s_own_budget_takes_the_place_of_every_user_s(either: Ledger) -> None:
    await Budgets(either.engine).set("user", "", Budget(calls=1))
    await Budgets(either.engine).set("user", "ada", Budget(calls=2))
    for name in ("a", "b"):
        await spend(either, name, user="ada")
    await spend(either, "c", user="bob")
    for user, used in (("ada", 2), ("bob", 1)):
        with pytest.raises(BudgetExceeded, match=f"the day's budget of '{user}' of {used} calls is spent: {used} used"):
            await either.begin(call("d", user=user))
    await either.begin(call("e"))


async def test_a_journey_s_own_budget_holds_beside_every_journey_s(either: Ledger) -> None:
    await Budgets(either.engine).set("journey", "", Budget(seconds=10.0))
    await spend(either, "a")
    with pytest.raises(BudgetExceeded, match="the journey's budget of 1 seconds is spent: 2 used"):
        await either.begin(call("b"), Reservation(budget=Budget(seconds=1.0)))
    with pytest.raises(
        BudgetExceeded, match="the journey's budget of 10 seconds leaves too little for a call of up to 9"
    ):
        await either.begin(call("b"), Reservation(seconds=9.0, budget=Budget(seconds=60.0)))
    await either.begin(call("b"), Reservation(budget=Budget(seconds=60.0)))
    await either.begin(call("c", journey_id="j2"))


async def test_money_and_seconds_are_held_back_too(either: Ledger) -> None:
    await Budgets(either.engine).set("day", "", Budget(money=1.0, seconds=5.0))
    await either.begin(call("a"), Reservation(cost=0.6, seconds=1.0))
    for reserved, unit in ((Reservation(cost=0.5), "1 money"), (Reservation(seconds=4.5), "5 seconds")):
        with pytest.raises(BudgetExceeded, match=f"the day's budget of {unit} leaves too little"):
            await either.begin(call("b"), reserved)


async def test_two_processes_on_one_database_spend_nothing_twice(either: Ledger) -> None:
    other = Ledger(either.engine)
    begun = [
        ledger.begin(call(f"{name}{number}"), Reservation(tokens=40, budget=Budget(tokens=400)))
        for number in range(10)
        for name, ledger in (("a", either), ("b", other))
    ]
    refused = [one for one in await asyncio.gather(*begun, return_exceptions=True) if one is not None]
    await other.close()
    assert [type(one) for one in refused] == [BudgetExceeded] * 10


async def test_a_spent_budget_is_seen_between_calls_too(either: Ledger) -> None:
    await Budgets(either.engine).set("user", "ada", Budget(calls=1))
    await either.check("j1", "ada", None)
    await either.merge([call("r", user="ada", status="success", prompt_tokens=6)])
    with pytest.raises(BudgetExceeded, match="is spent"):
        await either.check("j1", "ada", None)


@pytest.mark.parametrize(("scope", "who", "alert_at"), [("day", "bob", 0.8), ("user", "a\nb", 0.8), ("day", "", 5.0)])
async def test_a_budget_that_would_hold_for_nobody_is_an_error(
    ledger: Ledger, scope: Scope, who: str, alert_at: float
) -> None:
    with pytest.raises(InvalidInput):
        await Budgets(ledger.engine).set(scope, who, Budget(calls=1), alert_at)


async def test_money_is_counted_where_calls_have_a_price_and_the_others_are_named(either: Ledger) -> None:
    await Budgets(either.engine).set("day", "", Budget(money=0.5))
    await spend(either, "a")
    await spend(either, "b", cost=0.5, currency="EUR")
    with pytest.raises(BudgetExceeded, match=r"0.5 EUR is spent: 0.5 used \(1 calls unpriced\)"):
        await either.begin(call("c"))
    with pytest.raises(BudgetExceeded, match=r"0.5 EUR is spent: 0.5 used"):
        await either.begin(call("c"), Reservation(currency="EUR"))


@pytest.mark.parametrize("is_summed", [False, True])
@pytest.mark.parametrize("scope", ["journey", "user", "day"])
async def test_money_is_counted_in_one_currency_and_calls_priced_in_another_are_named(
    either: Ledger, scope: Scope, is_summed: bool
) -> None:
    who = "ada" if scope == "user" else ""
    for name, currency in (("a", "USD"), ("b", "USD"), ("c", "EUR")):
        await spend(either, name, user="ada", cost=3.0, currency=currency)
    await spend(either, "d", user="ada")
    await Budgets(either.engine).set(scope, who, Budget(money=4))
    if is_summed:
        await either.close_lost()
    await either.begin(call("e", user="ada"), Reservation(cost=0.5, currency="EUR"))
    left = r"4 EUR leaves too little for a call of up to 1: 3 used and 0.5 held by calls under way \(3 calls unpriced\)"
    with pytest.raises(BudgetExceeded, match=left):
        await either.begin(call("f", user="ada"), Reservation(cost=1, currency="EUR"))
    with pytest.raises(BudgetExceeded, match=r"4 USD is spent: 6 used \(2 calls unpriced\)"):
        await either.begin(call("f", user="ada"))  # without a card: the currency of most calls
    if scope != "journey":
        [told] = await Budgets(either.engine).states("EUR")
        assert (told.money, told.currency, told.unpriced_calls, told.calls) == (3.0, "EUR", 3, 5)


async def test_the_check_between_calls_counts_in_the_card_s_currency(either: Ledger) -> None:
    await Budgets(either.engine).set("day", "", Budget(money=4))
    ledger = Ledger(either.engine, currency=lambda: "EUR")
    for name in ("a", "b"):
        await spend(either, name, cost=3.0, currency="USD")
    await ledger.check("j1", None, None)
    await either.add(call("c", status="success", prompt_tokens=1, cost=4.0, currency="EUR"))
    with pytest.raises(BudgetExceeded, match=r"4 EUR is spent: 4 used \(2 calls unpriced\)"):
        await ledger.check("j1", None, None)
    await ledger.close()


async def test_calls_that_begin_at_once_hold_back_what_they_may_take(either: Ledger) -> None:
    begun = [either.begin(call(f"c{n}"), Reservation(tokens=40, budget=Budget(tokens=100))) for n in range(5)]
    refused = [one for one in await asyncio.gather(*begun, return_exceptions=True) if one is not None]
    assert [type(one) for one in refused] == [BudgetExceeded] * 3


async def test_what_a_cache_answered_takes_nothing(either: Ledger) -> None:
    await either.add(call("a", status="cached", saved_tokens=500))
    await either.begin(call("b"), Reservation(tokens=90, budget=Budget(tokens=100, calls=1)))


async def test_states_tell_what_is_used_of_each_budget_today(either: Ledger) -> None:
    budgets = Budgets(either.engine)
    await budgets.set("user", "", Budget(tokens=1000), alert_at=0.5)
    await budgets.set("journey", "", Budget(calls=9))
    await spend(either, "a", user="ada")
    await either.begin(call("b", user="ada"), Reservation(tokens=30))
    told = [(one.scope, one.who, one.tokens, one.held_tokens, one.calls) for one in await budgets.states(None)]
    assert told == [("journey", "", None, None, None), ("user", "", None, None, None), ("user", "ada", 100, 30, 2)]
    await budgets.remove("user", "")
    with pytest.raises(NotFound, match="no budget is set for user 'eve'"):
        await budgets.remove("user", "eve")
    with pytest.raises(InvalidInput, match="limits something"):
        await budgets.set("day", "", Budget())


@pytest.mark.parametrize(
    ("text", "read"), [("day", ("day", "")), ("user:ada", ("user", "ada")), ("user", ("user", ""))]
)
def test_whose_budget_is_meant_is_read(text: str, read: tuple[str, str]) -> None:
    assert read_whose(text) == read


@pytest.mark.parametrize("text", ["dai", "day:ada", ""])
def test_nobody_s_budget_is_an_error(text: str) -> None:
    with pytest.raises(InvalidInput, match=f"'{text}' has no budget"):
        read_whose(text)

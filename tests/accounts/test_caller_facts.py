"""What support asks callers: facts that the rooms know, in any spelling, and never public ones."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.access import caller_facts
from accounts.access.caller_facts import CallerFact
from accounts.models import User
from orders.models import Order
from subscriptions.domain import lifecycle
from subscriptions.models import Period, SimOnLine
from tests.builders import make_card, make_order

FACTS = ["last_order", "iccid_ending", "last_receipt", "plan"]


def give_plan(account: User) -> Order:
    """Give the account a completed order of 19 dollars, whose plan runs on a SIM."""
    order = make_order(account)
    subscription = lifecycle.prepare(
        account, sim=make_card(), plan=order.plan, plan_name="Traveller", reference=order.number
    )
    lifecycle.start(subscription, at=now())
    done = {"charge_decided_at": now(), "completed_at": now(), "subscription": subscription}
    Order.objects.filter(pk=order.pk).update(state="completed", **done)
    order.refresh_from_db()
    return order


def right_answers(account: User) -> dict[str, str]:
    """Return what the account's owner would say."""
    order = Order.objects.get(account=account)
    iccid = SimOnLine.objects.get(line__account=account).sim.iccid
    return {
        "last_order": order.display_number,
        "iccid_ending": iccid[-6:],
        "last_receipt": "19",
        "plan": "traveller",
    }


def is_right(account: User, name: str, typed: str) -> bool:
    (fact,) = [fact for fact in caller_facts.chosen_facts() if fact.name == name]
    return bool(fact.normalise(typed)) and caller_facts.is_right(fact, account, typed)


def names_of(account: User) -> list[str]:
    return [fact.name for fact in caller_facts.facts_of(account)]


def test_the_owner_s_answers_are_right(alice: User) -> None:
    give_plan(alice)

    for name, typed in right_answers(alice).items():
        assert is_right(alice, name, typed), name


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("last_order", "0123-456789"),
        ("last_order", " 0123456789 "),
        ("last_order", "o i 23 456789"),
        ("last_receipt", "$19.00"),
        ("last_receipt", "19,00 USD"),
        ("last_receipt", "0019.0"),
        ("plan", "  TRAVELLER\u200b "),
    ],
)
def test_an_answer_is_right_in_every_spelling(alice: User, name: str, typed: str) -> None:
    give_plan(alice)
    Order.objects.update(number="0123456789")

    typed = typed.replace("o i 23", "o123")
    assert is_right(alice, name, typed)


def test_more_digits_of_an_iccid_are_right_too(alice: User) -> None:
    give_plan(alice)
    iccid = SimOnLine.objects.get().sim.iccid

    assert is_right(alice, "iccid_ending", f"{iccid[:10]} {iccid[10:]}")
    assert not is_right(alice, "iccid_ending", iccid[-5:])


@pytest.mark.parametrize(
    ("typed", "normal"),
    [
        ("1,234.56", "1234.56"),
        ("1.234,5", "1234.5"),
        ("1234", "1234.0"),
        ("0,50", "0.5"),
        ("x", ""),
    ],
)
def test_an_amount_has_one_normal_form(typed: str, normal: str, db: None) -> None:
    (fact,) = [one for one in caller_facts.chosen_facts() if one.name == "last_receipt"]

    assert fact.normalise(typed) == normal


@pytest.mark.parametrize("name", FACTS)
@pytest.mark.parametrize("typed", ["", "0", "20.00", "x", "999999", "\u0000"])
def test_a_wrong_answer_is_wrong(alice: User, name: str, typed: str) -> None:
    give_plan(alice)

    assert not is_right(alice, name, typed)


def test_another_customer_s_facts_are_wrong(alice: User, bob: User) -> None:
    give_plan(alice)

    for name, typed in right_answers(alice).items():
        assert not is_right(bob, name, typed), name


def test_an_account_without_purchases_has_no_facts(alice: User) -> None:
    assert names_of(alice) == []


def test_what_is_over_is_not_asked(alice: User) -> None:
    give_plan(alice)
    ended = now() - timedelta(days=1)
    Period.objects.update(starts_at=now() - timedelta(9), ends_at=ended, usable_until=ended)
    SimOnLine.objects.update(until=now())

    assert names_of(alice) == ["last_order", "last_receipt"]


def test_an_order_that_was_not_completed_is_not_asked(alice: User) -> None:
    make_order(alice)

    assert names_of(alice) == []


def test_a_name_counts_for_nothing(alice: User, settings: Settings) -> None:
    settings.CALLER_CHECK = ["name", *FACTS]
    give_plan(alice)

    assert names_of(alice) == ["name", *FACTS]
    assert not caller_facts.is_enough(["name", "plan", "last_receipt"])
    assert caller_facts.is_enough(["plan", "last_receipt", "last_order"])


@pytest.mark.parametrize(
    ("chosen", "right", "error"),
    [
        (["name", "plan", "last_receipt"], 3, "at most 2"),
        (["name"], 1, "at least 2"),
        (FACTS, 1, "at least 2"),
        (FACTS, 5, "at most 4"),
        ([*FACTS, "shoe_size"], 3, "no room knows the fact 'shoe_size'"),
    ],
)
def test_a_check_that_keeps_nobody_out_is_refused_at_the_start(
    chosen: list[str], right: int, error: str, settings: Settings
) -> None:
    settings.CALLER_CHECK, settings.CALLER_CHECK_RIGHT = chosen, right

    with pytest.raises(SystemCheckError, match=error):
        call_command("check")


def test_an_operator_adds_a_fact(alice: User, settings: Settings) -> None:
    fact = CallerFact("customer_number", "Customer number", lambda account: [f"K-{account.pk}"])
    caller_facts.register(fact)
    settings.CALLER_CHECK = ["customer_number"]

    assert is_right(alice, "customer_number", f"k-{alice.pk}")
    del caller_facts._facts["customer_number"]  # noqa: SLF001 -- other tests do not have it

"""The time that a failed download has cost is given back once, in whole, without gap or overlap."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now

from accounts.models import User
from subscriptions.balances import balances
from subscriptions.domain import cancelling, giving_back, lifecycle, parking
from subscriptions.domain.lifecycle import cut_short
from subscriptions.models import KIND, NetworkCall, Period, SimOnLine, Subscription
from subscriptions.states import ParkReason, SubscriptionState
from tests.builders import make_card, make_plan
from tests.processing import process_task
from tests.providers import books, break_it, mend
from tests.subscriptions.renewals import DAY, HOUR, PRICE, SOLD, Renewal, activate, sell
from tests.subscriptions.test_renewing import FEBRUARY, NO_MONEY, new_card

LOST = 3 * DAY + HOUR


@pytest.fixture
def refused(alice: User, gateway: str, network: str) -> Iterator[Renewal]:
    with sell(alice, gateway, network, number=NO_MONEY) as renewal:
        yield renewal


@pytest.fixture
def prepaid(alice: User, network: str) -> Subscription:
    plan, sim = make_plan(validity_days=7), make_card()
    subscription = lifecycle.prepare(alice, sim=sim, plan=plan, plan_name="Week", reference="P1")
    activate(subscription, sim)
    lifecycle.start(subscription, at=now() - 2 * DAY)
    subscription.refresh_from_db()
    return subscription


def give(subscription: Subscription, lost: timedelta = LOST) -> None:
    at = now()
    giving_back.give_back(subscription, since=at - lost, until=at)
    subscription.refresh_from_db()


def left_time(subscription: Subscription) -> timedelta:
    sim = SimOnLine.objects.get(line=subscription.line).sim
    return balances(sim.iccid, location="US", at=now())[0].left_time


def test_a_prepaid_plan_runs_longer_at_once(prepaid: Subscription, network: str) -> None:
    before = left_time(prepaid)
    give(prepaid)

    assert abs(left_time(prepaid) - before - LOST) < timedelta(minutes=1)
    process_task(KIND, prepaid.pk)
    until = Period.objects.get().usable_until
    assert until is not None
    assert books(network)["services"][0]["until"] == until.isoformat()


def test_a_plan_that_was_over_before_the_download_has_its_whole_rest(
    prepaid: Subscription,
) -> None:
    over = now() - 2 * DAY
    Period.objects.update(starts_at=now() - 9 * DAY, ends_at=over, usable_until=over)
    give(prepaid, 8 * DAY)

    assert abs(left_time(prepaid) - 6 * DAY) < timedelta(minutes=1)


def test_the_network_is_told_once_it_answers(prepaid: Subscription, network: str) -> None:
    give(prepaid)
    break_it(network, "renew", "http_500")
    assert process_task(KIND, prepaid.pk) is not None
    mend(network)

    assert process_task(KIND, prepaid.pk) is None
    assert process_task(KIND, prepaid.pk) is None
    outcomes = NetworkCall.objects.filter(operation="renew").values_list("outcome", flat=True)
    assert [*outcomes][-1:] == ["answered"]
    assert [*outcomes].count("answered") == 1


def test_a_network_that_refuses_changes_nothing_for_the_customer(
    prepaid: Subscription, network: str
) -> None:
    give(prepaid)
    Subscription.objects.update(reference="unknown")

    assert process_task(KIND, prepaid.pk) is None
    assert left_time(prepaid) > 5 * DAY


def test_nothing_is_said_to_the_network_of_a_plan_that_has_ended(prepaid: Subscription) -> None:
    give(prepaid)
    lifecycle.end(prepaid)
    assert process_task(KIND, prepaid.pk) is None

    assert not NetworkCall.objects.filter(operation="renew").exists()


def test_time_is_given_back_once(prepaid: Subscription) -> None:
    give(prepaid)
    before = left_time(prepaid)
    give(prepaid, 5 * DAY)

    assert before - left_time(prepaid) < timedelta(minutes=1)


def test_a_download_that_cost_no_time_changes_nothing(prepaid: Subscription) -> None:
    give(prepaid, timedelta())

    assert prepaid.lost_time is None


def test_a_plan_that_was_taken_back_gets_nothing(prepaid: Subscription) -> None:
    lifecycle.end(prepaid)
    give(prepaid)

    assert left_time(prepaid) == timedelta()


def test_what_was_cut_short_stays_so(prepaid: Subscription) -> None:
    cut_short(Period.objects.all(), at=now() + DAY)
    give(prepaid)

    assert left_time(prepaid) <= DAY


def test_the_months_after_it_begin_later_and_never_drift(monthly: Renewal) -> None:
    monthly.pass_to(SOLD + 4 * DAY)
    give(monthly.subscription)
    assert left_time(monthly.subscription) == 24 * DAY + LOST

    monthly.pass_to(SOLD + 100 * DAY)
    assert monthly.periods == [
        (1, "paid", "31 Jan", "03 Mar"),
        (2, "paid", "03 Mar", "03 Apr"),
        (3, "paid", "03 Apr", "03 May"),
        (4, "paid", "03 May", "03 Jun"),
    ]
    assert monthly.charged == [("captured", PRICE)] * 3


def test_a_month_that_is_authorised_already_moves_too(monthly: Renewal) -> None:
    monthly.pass_to(FEBRUARY - HOUR)
    give(monthly.subscription)
    monthly.process()

    assert monthly.periods == [(1, "paid", "31 Jan", "03 Mar"), (2, "planned", "03 Mar", "03 Apr")]
    planned = Period.objects.get(number=2)
    assert planned.ends_at is not None
    assert monthly.served["until"] == planned.ends_at.isoformat()
    monthly.pass_to(FEBRUARY + 2 * DAY)
    assert monthly.charged == [("authorised", PRICE)]
    monthly.pass_to(FEBRUARY + LOST)
    assert monthly.charged[-1] == ("captured", PRICE)
    # The day has changed, so it is told again.
    assert monthly.told == ["renewal_ahead", "renewal_ahead", "renewed"]


def test_a_cancelled_plan_ends_later(monthly: Renewal) -> None:
    monthly.pass_to(SOLD + DAY)
    cancelling.cancel(monthly.subscription)
    give(monthly.subscription)

    monthly.pass_to(FEBRUARY + 2 * DAY)
    assert monthly.subscription.state == SubscriptionState.ACTIVE
    monthly.pass_to(FEBRUARY + LOST)
    assert monthly.subscription.state == SubscriptionState.ENDED
    assert monthly.charged == []


def test_a_dispute_stays_off_and_its_end_brings_the_time(monthly: Renewal) -> None:
    monthly.pass_to(SOLD + DAY)
    parking.park(monthly.subscription, ParkReason.DISPUTE)
    give(monthly.subscription)
    assert left_time(monthly.subscription) == timedelta()

    parking.resume(monthly.subscription, actor=monthly.subscription.line.account)
    assert left_time(monthly.subscription) == 27 * DAY + LOST


@pytest.mark.parametrize(
    ("days", "bounds"),
    [(2, ("28 Feb", "03 Apr")), (9, ("09 Mar", "12 Apr"))],
    ids=["in grace", "on hold"],
)
def test_an_unpaid_plan_gets_the_time_with_the_month_that_is_paid(
    refused: Renewal, alice: User, days: int, bounds: tuple[str, str]
) -> None:
    refused.pass_to(FEBRUARY + days * DAY)
    give(refused.subscription)
    refused.process()
    assert left_time(refused.subscription) <= 5 * DAY

    new_card(refused, alice)
    refused.process()

    assert refused.periods[-1][2:] == bounds


def test_the_page_says_it_in_one_sentence(as_alice: Client, prepaid: Subscription) -> None:
    def page() -> str:
        return as_alice.get(reverse("plan", args=["P1"])).content.decode()

    assert "failed at first" not in page()
    give(prepaid)
    assert "You got the lost time back: the plan now runs until" in page()
    Period.objects.update(given_back=None)
    assert "The time that you lost is added to the next month that you pay for." in page()
    Period.objects.update(given_back=LOST, usable_until=now())
    assert "failed at first" not in page()

"""Plans that renew: paid at the start of each month, in grace, on hold, cancelled, ended."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils.timezone import now

from accounts.models import User
from outbox.domain import enqueue
from outbox.models import Task
from payments.domain import payments as paying
from payments.models import Payment, Receipt
from subscriptions.balances import balances
from subscriptions.domain import cancelling
from subscriptions.models import KIND, Attempt, Bucket, SimOnLine
from subscriptions.states import SubscriptionState
from tests.builders import GB
from tests.payments.conftest import agree, card
from tests.processing import process_task
from tests.providers import break_it, mend
from tests.subscriptions.renewals import DAY, HOUR, PRICE, SOLD, Renewal, sell

# The bank refuses them when the customer is away: for now, because it wants the customer, for good.
NO_MONEY, WANTS_CUSTOMER, STOLEN = "4000000000000341", "4000002500003155", "4000000000007312"
# By the gateway's clock, which is not moved.
EXPIRY_YEAR = now().year + 4
# The end of the first month, of the second, and of the third.
FEBRUARY = SOLD + 28 * DAY
MARCH = FEBRUARY + 31 * DAY


@pytest.fixture
def refused(alice: User, gateway: str, network: str) -> Iterator[Renewal]:
    with sell(alice, gateway, network, number=NO_MONEY) as renewal:
        yield renewal


def left(renewal: Renewal) -> list[tuple[str, int, timedelta]]:
    """Return what Get Balance says: type, bytes and time left."""
    sim = SimOnLine.objects.get(line=renewal.subscription.line).sim
    found = balances(sim.iccid, location="US", at=now())
    return [(one.type.value, one.left_bytes, one.left_time) for one in found]


def test_a_month_is_charged_at_its_start_and_never_drifts(monthly: Renewal) -> None:
    monthly.pass_to(SOLD + 115 * DAY)

    assert monthly.periods == [
        (1, "paid", "31 Jan", "28 Feb"),
        (2, "paid", "28 Feb", "31 Mar"),
        (3, "paid", "31 Mar", "30 Apr"),
        (4, "paid", "30 Apr", "31 May"),
    ]
    assert monthly.charged == [("captured", PRICE)] * 3
    assert [str(receipt) for receipt in Receipt.objects.order_by("pk")] == [
        f"2025-00000{number}" for number in (1, 2, 3)
    ]
    assert monthly.told == ["renewal_ahead", "renewed"] * 3


def test_a_month_is_authorised_and_made_ready_a_day_before(monthly: Renewal) -> None:
    monthly.pass_to(FEBRUARY - 25 * HOUR)
    assert monthly.charged == []

    monthly.pass_to(FEBRUARY - 23 * HOUR)
    assert monthly.charged == [("authorised", PRICE)]
    assert (monthly.served["period"], monthly.served["until"]) == (2, MARCH.isoformat())
    assert left(monthly) == [("MODIRECTPAYG", 5 * GB, 23 * HOUR)]

    monthly.pass_to(FEBRUARY)
    assert monthly.charged == [("captured", PRICE)]
    assert left(monthly) == [("MODIRECTPAYG", 5 * GB, 31 * DAY)]


def test_a_cancel_wins_until_the_charge_is_decided(monthly: Renewal) -> None:
    monthly.pass_to(FEBRUARY - HOUR)
    assert monthly.charged == [("authorised", PRICE)]

    assert cancelling.cancel(monthly.subscription) == FEBRUARY
    monthly.process()

    assert monthly.charged == [("voided", PRICE)]
    monthly.pass_to(FEBRUARY + 40 * DAY)
    assert monthly.charged == [("voided", PRICE)]
    assert monthly.subscription.state == SubscriptionState.ENDED
    assert monthly.served["state"] == "ended"
    assert left(monthly) == [("NONE", 0, timedelta())]
    assert monthly.told == ["renewal_ahead", "plan_cancelled", "renewal_ended"]
    assert monthly.subscription.mandate
    assert monthly.subscription.mandate.ended_at


def test_a_cancel_can_be_undone_until_the_end(monthly: Renewal) -> None:
    monthly.pass_to(FEBRUARY - HOUR)
    cancelling.cancel(monthly.subscription)
    monthly.process()

    cancelling.undo(monthly.subscription)
    monthly.pass_to(FEBRUARY + HOUR)

    assert monthly.charged == [("voided", PRICE), ("captured", PRICE)]
    assert monthly.subscription.state == SubscriptionState.ACTIVE
    assert monthly.told == ["renewal_ahead", "plan_cancelled", "plan_kept", "renewed"]


def test_a_cancel_after_the_decision_ends_with_the_new_month(monthly: Renewal) -> None:
    monthly.pass_to(FEBRUARY + HOUR)

    assert cancelling.cancel(monthly.subscription) == MARCH
    assert cancelling.cancel(monthly.subscription) == MARCH
    monthly.pass_to(MARCH + DAY)

    assert monthly.charged == [("captured", PRICE)]
    with pytest.raises(cancelling.NotRenewing):
        cancelling.cancel(monthly.subscription)
    with pytest.raises(cancelling.NotRenewing):
        cancelling.undo(monthly.subscription)


def test_a_refused_month_has_grace_with_a_small_allowance(refused: Renewal) -> None:
    refused.pass_to(FEBRUARY + HOUR)

    assert refused.subscription.state == SubscriptionState.GRACE
    assert refused.periods[-1] == (2, "planned", "28 Feb", "31 Mar")
    assert left(refused) == [("MODIRECTPAYG", GB // 2, 7 * DAY - HOUR)]
    Bucket.objects.filter(period__number=2).update(used_bytes=GB // 2)
    assert left(refused) == [("NONE", 0, timedelta())]
    assert refused.told == ["renewal_ahead", "renewal_refused", "payment_overdue"]


def test_who_pays_in_grace_keeps_the_bounds_and_what_was_used_counts(
    refused: Renewal, alice: User
) -> None:
    refused.pass_to(FEBRUARY + 2 * DAY)
    Bucket.objects.filter(period__number=2).update(used_bytes=GB // 4)

    new_card(refused, alice)
    refused.process()
    refused.subscription.refresh_from_db()

    assert refused.periods[-1] == (2, "paid", "28 Feb", "31 Mar")
    assert refused.subscription.state == SubscriptionState.ACTIVE
    assert left(refused) == [("MODIRECTPAYG", 5 * GB - GB // 4, 29 * DAY)]
    refused.pass_to(MARCH + HOUR)
    assert refused.periods[-1] == (3, "paid", "31 Mar", "30 Apr")


def test_hold_switches_the_service_off_and_the_month_begins_when_it_is_paid(
    refused: Renewal, alice: User
) -> None:
    refused.pass_to(FEBRUARY + 8 * DAY)
    assert refused.subscription.state == SubscriptionState.ON_HOLD
    assert refused.served["suspended"] == 1
    assert left(refused) == [("NONE", 0, timedelta())]

    new_card(refused, alice)
    refused.process()
    refused.subscription.refresh_from_db()

    assert refused.subscription.state == SubscriptionState.ACTIVE
    assert refused.periods == [
        (1, "paid", "31 Jan", "28 Feb"),
        (2, "lapsed", "28 Feb", "31 Mar"),
        (3, "paid", "08 Mar", "08 Apr"),
    ]
    assert refused.served["suspended"] == 0
    assert left(refused) == [("MODIRECTPAYG", 5 * GB, 31 * DAY)]
    refused.pass_to(FEBRUARY + 40 * DAY)
    assert refused.periods[-1] == (4, "paid", "08 Apr", "08 May")


def test_nobody_pays_and_the_plan_ends_after_thirty_days(refused: Renewal) -> None:
    refused.pass_to(FEBRUARY + 29 * DAY)
    assert refused.subscription.state == SubscriptionState.ON_HOLD

    refused.pass_to(FEBRUARY + 31 * DAY)

    assert refused.subscription.state == SubscriptionState.ENDED
    assert refused.told == [
        "renewal_ahead",
        "renewal_refused",
        "payment_overdue",
        "plan_on_hold",
        "renewal_refused",
        "renewal_ended",
    ]
    assert [status for status, _amount in refused.charged] == ["declined"] * 7
    assert not Attempt.objects.filter(is_live=True).exists()


def test_a_refusal_is_tried_again_on_the_days_of_the_table(refused: Renewal) -> None:
    refused.pass_to(FEBRUARY + 31 * DAY)

    days = [
        (made - FEBRUARY) / DAY for made in Attempt.objects.values_list("created_at", flat=True)
    ]
    assert days == [-1, 1, 3, 5, 7, 10, 14]


@pytest.mark.parametrize("number", [WANTS_CUSTOMER, STOLEN])
def test_what_needs_the_customer_is_not_repeated_by_itself(
    alice: User, gateway: str, network: str, number: str
) -> None:
    with sell(alice, gateway, network, number=number) as renewal:
        renewal.pass_to(FEBRUARY + 31 * DAY)

        assert len(renewal.charged) == 1
        assert renewal.subscription.state == SubscriptionState.ENDED


def test_there_is_one_grace_in_ninety_days(refused: Renewal, alice: User) -> None:
    refused.pass_to(FEBRUARY + DAY)
    new_card(refused, alice)
    refused.process()

    new_card(refused, alice, NO_MONEY)
    refused.pass_to(MARCH + HOUR)

    assert refused.subscription.state == SubscriptionState.ON_HOLD


def test_an_outage_of_the_gateway_costs_no_service_and_no_second_charge(monthly: Renewal) -> None:
    break_it(monthly.gateway, "authorise", "drop_after", times=1)
    break_it(monthly.gateway, "capture", "drop_after", times=1)
    monthly.pass_to(FEBRUARY + DAY)
    assert monthly.charged == [("captured", PRICE)]

    break_it(monthly.gateway, "capture", "http_500", times=1000)
    for moment in (MARCH - DAY, MARCH, MARCH + 8 * DAY):
        monthly.move_to(moment)
        monthly.process()
    assert left(monthly)[0][0] == "MODIRECTPAYG"
    mend(monthly.gateway)
    monthly.pass_to(MARCH + 10 * DAY)

    assert monthly.charged == [("captured", PRICE)] * 2
    assert monthly.periods[-1] == (3, "paid", "31 Mar", "30 Apr")


def test_a_network_that_refuses_parks_the_plan_and_the_service_stays(monthly: Renewal) -> None:
    monthly.subscription.reference = "gone"
    monthly.subscription.save()
    monthly.pass_to(FEBRUARY + 9 * DAY)

    assert monthly.subscription.parked_because == "fault"
    assert left(monthly)[0][0] == "MODIRECTPAYG"
    assert [status for status, _amount in monthly.charged] in ([], ["authorised"])


def test_a_month_without_a_price_needs_no_payment(monthly: Renewal) -> None:
    monthly.subscription.periods.update(gross_minor_units=0, tax_minor_units=0)

    monthly.pass_to(FEBRUARY + HOUR)

    assert monthly.periods[-1] == (2, "paid", "28 Feb", "31 Mar")
    assert not Payment.objects.exists()


def new_card(renewal: Renewal, alice: User, number: str = "4242424242424242") -> None:
    """Let Alice choose another card for the plan."""
    method = paying.add_card(alice, replace(card(number), expiry_year=EXPIRY_YEAR))
    cancelling.pay_with(renewal.subscription, agree(method, purpose="R1"))


def test_what_a_gateway_reports_of_a_charge_wakes_its_plan(monthly: Renewal) -> None:
    monthly.pass_to(FEBRUARY - HOUR)
    Task.objects.all().delete()
    payment = Attempt.objects.get().payment
    enqueue("payment", payment.pk)

    process_task("payment", payment.pk)

    assert Task.objects.filter(kind=KIND, subject=str(monthly.subscription.pk)).exists()

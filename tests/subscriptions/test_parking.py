"""Parked plans: nothing is charged until staff, or the bank, have decided."""

from datetime import timedelta

import pytest
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.models import User
from payments.models import Dispute, Payment
from payments.signals import dispute_lost, dispute_opened, dispute_won
from payments.states import DisputeKind, DisputeState
from subscriptions.balances import balances
from subscriptions.domain import lifecycle, parking
from subscriptions.domain.parking import NotParked
from subscriptions.models import SimOnLine, Subscription
from subscriptions.states import ParkReason, SubscriptionState
from tests.builders import GB
from tests.providers import break_it, mend
from tests.subscriptions.renewals import DAY, HOUR, PRICE, SOLD, Renewal

FEBRUARY, MARCH = SOLD + 28 * DAY, SOLD + 59 * DAY


@pytest.fixture
def monthly(monthly: Renewal) -> Renewal:
    monthly.pass_to(FEBRUARY + DAY)
    return monthly


def left(renewal: Renewal) -> list[tuple[str, int]]:
    sim = SimOnLine.objects.get(line=renewal.subscription.line).sim
    return [
        (one.type.value, one.left_bytes) for one in balances(sim.iccid, location="US", at=now())
    ]


def dispute(kind: DisputeKind = DisputeKind.DISPUTE) -> Dispute:
    """Open a dispute about the newest charge."""
    row = Dispute.objects.create(
        payment=Payment.objects.filter(state="captured").latest("pk"),
        gateway="simulator",
        gateway_id="d1",
        kind=kind,
        minor_units=PRICE,
        currency="USD",
    )
    dispute_opened.send(Dispute, dispute=row)
    return row


def decide(row: Dispute, state: DisputeState) -> None:
    Dispute.objects.filter(pk=row.pk).update(state=state, ended_at=now())
    row.refresh_from_db()
    signal = dispute_won if state == DisputeState.WON else dispute_lost
    signal.send(Dispute, dispute=row)


def test_a_dispute_switches_the_service_off_until_it_is_won(monthly: Renewal, clara: User) -> None:
    row = dispute()
    monthly.process()

    assert left(monthly) == [("NONE", 0)]
    assert monthly.served["suspended"] == 1
    monthly.subscription.refresh_from_db()
    with pytest.raises(NotParked):
        parking.resume(monthly.subscription, actor=clara)

    decide(row, DisputeState.WON)
    monthly.process()

    assert left(monthly) == [("MODIRECTPAYG", 5 * GB)]
    assert monthly.served["suspended"] == 0
    assert monthly.told[-1] == "plan_resumed"


def test_a_disputed_plan_has_no_allowance_although_its_next_month_is_authorised(
    monthly: Renewal,
) -> None:
    monthly.pass_to(MARCH - HOUR)
    row = dispute()
    monthly.pass_to(MARCH + HOUR)
    monthly.subscription.refresh_from_db()

    assert monthly.subscription.state == SubscriptionState.GRACE
    assert left(monthly) == [("NONE", 0)]

    decide(row, DisputeState.WON)
    monthly.process()

    assert left(monthly) == [("MODIRECTPAYG", 5 * GB)]


def test_the_allowance_of_grace_is_back_when_a_dispute_is_won(monthly: Renewal) -> None:
    Subscription.objects.update(mandate=None)
    monthly.pass_to(MARCH + HOUR)
    row = dispute()
    monthly.process()
    during = left(monthly)
    decide(row, DisputeState.WON)
    monthly.process()

    assert during == [("NONE", 0)]
    assert left(monthly) == [("MODIRECTPAYG", GB // 2)]


def test_a_lost_dispute_ends_the_plan(monthly: Renewal) -> None:
    row = dispute()
    monthly.process()

    decide(row, DisputeState.LOST)
    monthly.process()
    monthly.subscription.refresh_from_db()

    assert monthly.subscription.state == SubscriptionState.ENDED
    assert monthly.served["state"] == "ended"


def test_an_inquiry_changes_nothing(monthly: Renewal) -> None:
    dispute(DisputeKind.INQUIRY)

    assert left(monthly) == [("MODIRECTPAYG", 5 * GB)]


@pytest.mark.parametrize(("reaction", "state"), [("none", "active"), ("end", "ended")])
def test_the_operator_may_choose_another_reaction(
    monthly: Renewal, settings: Settings, reaction: str, state: str
) -> None:
    settings.DISPUTE_REACTION = reaction

    dispute()
    monthly.process()
    monthly.subscription.refresh_from_db()

    assert monthly.subscription.state == state


def test_nothing_is_charged_while_a_plan_is_parked(monthly: Renewal) -> None:
    dispute()
    charged = monthly.charged

    monthly.pass_to(FEBRUARY + 60 * DAY)

    assert monthly.charged == charged


def test_staff_resume_a_plan_once_the_fault_is_mended(monthly: Renewal, clara: User) -> None:
    parking.park(monthly.subscription, ParkReason.FAULT)
    monthly.pass_to(FEBRUARY + 45 * DAY)
    assert left(monthly) == [("MODIRECTPAYG", GB // 2)]

    parking.resume(monthly.subscription, actor=clara)
    # The plan was never off.
    assert "plan_resumed" not in monthly.told
    monthly.pass_to(FEBRUARY + 45 * DAY + HOUR)

    assert left(monthly) == [("MODIRECTPAYG", 5 * GB)]
    assert monthly.charged == [("captured", PRICE)] * 2
    monthly.subscription.refresh_from_db()
    with pytest.raises(NotParked):
        parking.resume(monthly.subscription, actor=clara)


def test_a_plan_that_is_ended_at_once_leaves_nothing_authorised(monthly: Renewal) -> None:
    monthly.pass_to(FEBRUARY + 31 * DAY - HOUR)
    assert monthly.charged[-1] == ("authorised", PRICE)

    break_it(monthly.gateway, "void", "http_500")
    lifecycle.end(monthly.subscription)
    monthly.process()
    mend(monthly.gateway)
    monthly.pass_to(FEBRUARY + 31 * DAY - HOUR + timedelta(minutes=1))

    assert monthly.charged[-1] == ("voided", PRICE)
    assert monthly.periods[-1][1] == "lapsed"
    monthly.subscription.refresh_from_db()
    assert monthly.subscription.mandate
    assert monthly.subscription.mandate.ended_at

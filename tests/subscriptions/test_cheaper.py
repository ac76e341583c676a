"""A cheaper plan from the next month on: it is chosen, undone or begun, and then charged.

Source: docs/contract.md#subscriptions.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest
from django.utils.timezone import now

from accounts.models import AccountMessage, User
from moportal.money import Money
from payments.domain import cards
from payments.domain import payments as paying
from payments.models import Mandate, PaymentMethod, Receipt
from payments.states import MandateEnd
from plans.models import Plan, PlanPrice
from plans.queries import Offer, offers
from subscriptions.balances import balances
from subscriptions.domain import (
    by_hand,
    cancelling,
    cheaper,
    giving_back,
    lifecycle,
    parking,
    sharing,
)
from subscriptions.domain.changing import Hindrance, NotChangeable, claim, release
from subscriptions.domain.cheaper import Consent, TooLate
from subscriptions.domain.outlook import Next, Outlook, outlook_of
from subscriptions.models import Bucket, PlanChange, SimOnLine, Subscription
from subscriptions.states import ChangeState, ParkReason, SubscriptionState
from tests.builders import GB, make_card, make_plan
from tests.payments.conftest import card
from tests.selfcare.test_plans import NO_MONEY
from tests.subscriptions.renewals import DAY, HOUR, SOLD, Renewal, sell
from tests.subscriptions.test_renewing import EXPIRY_YEAR, new_card

# The month from 31 January, 9:00, ends on 28 February.
FEBRUARY, MARCH = SOLD + 28 * DAY, SOLD + 59 * DAY


@pytest.fixture
def monthly(monthly: Renewal) -> Renewal:
    """Let half of the month pass that Alice has paid: $25.00 for 5 GB."""
    monthly.pass_to(SOLD + 14 * DAY)
    return monthly


@pytest.fixture
def small() -> Plan:
    return make_plan(code="small", category="recurring", data_bytes=2 * GB, minor_units=1500)


def offer_of(plan: Plan) -> Offer:
    on_sale = offers(market="US", location="US", language="en")
    return next(offer for offer in on_sale if offer.plan == plan)


def choose(renewal: Renewal, plan: Plan, method: PaymentMethod | None = None) -> PlanChange:
    """Choose the plan and agree to it, as the customer's page does."""
    subscription = fresh(renewal)
    if method is None:
        assert subscription.mandate is not None
        method = subscription.mandate.method
    offer = offer_of(plan)
    text = f"I agree that you charge {offer.price.taxed.gross} to {method.label} every month."
    return cheaper.choose(subscription, offer, Consent(method, text, "en"))


def fresh(renewal: Renewal) -> Subscription:
    rows = Subscription.objects.select_related("mandate__method", "plan", "line__account")
    return rows.get(pk=renewal.subscription.pk)


def captured(renewal: Renewal) -> list[int]:
    return [amount for status, amount in renewal.charged if status == "captured"]


def held(renewal: Renewal) -> list[tuple[str, int]]:
    return [(status, amount) for status, amount in renewal.charged if status == "authorised"]


def seen(renewal: Renewal) -> tuple[str, str, int, int]:
    """Return name and state of the plan, and the whole data and days of Get Balance."""
    sim = SimOnLine.objects.filter(line=renewal.subscription.line).earliest("pk").sim
    [left] = balances(sim.iccid, location="US", at=now())
    row = fresh(renewal)
    return row.plan_name, row.state, left.left_bytes // GB, left.left_time // DAY


def outlook(renewal: Renewal) -> Outlook:
    return outlook_of(fresh(renewal))


def test_until_its_day_nothing_changes_and_nothing_is_due(monthly: Renewal, small: Plan) -> None:
    change = choose(monthly, small)

    monthly.pass_to(FEBRUARY - HOUR)
    assert seen(monthly) == ("Monthly 5", "active", 5, 0)
    assert captured(monthly) == []
    assert change.state == ChangeState.CHOSEN
    # The network serves the old plan, and is ready for the next month.
    assert (monthly.served["plan"], monthly.served["period"]) == ("monthly", 2)


def test_on_its_day_the_new_plan_begins_at_its_price_and_the_day_stays(
    monthly: Renewal, small: Plan
) -> None:
    choose(monthly, small)

    monthly.pass_to(MARCH + HOUR)

    assert captured(monthly) == [1500, 1500]
    assert monthly.periods == [
        (1, "paid", "31 Jan", "28 Feb"),
        (2, "paid", "28 Feb", "31 Mar"),
        (3, "paid", "31 Mar", "30 Apr"),
    ]
    assert seen(monthly) == ("Small", "active", 2, 29)
    assert monthly.served["plan"] == "small"
    assert [one.item for one in Receipt.objects.order_by("pk")] == ["Small", "Small"]
    assert PlanChange.objects.get().state == ChangeState.BEGUN


def test_it_pays_under_its_own_consent_and_the_old_one_ends(monthly: Renewal, small: Plan) -> None:
    old = Mandate.objects.get()
    choose(monthly, small)
    old.refresh_from_db()
    assert old.ended_at is None

    monthly.pass_to(FEBRUARY + HOUR)

    old.refresh_from_db()
    assert old.end_reason == MandateEnd.REPLACED
    new = Mandate.objects.get(ended_at=None)
    assert fresh(monthly).mandate == new
    assert "$15.00 to Visa ending in 4242" in new.text
    assert str(new.limit) == "$15.00"


def test_the_customer_is_told_of_the_choice_and_reminded_before_its_day(
    monthly: Renewal, small: Plan
) -> None:
    choose(monthly, small)
    monthly.pass_to(FEBRUARY - HOUR)

    chosen, ahead = AccountMessage.objects.order_by("pk")
    assert (chosen.occasion, chosen.context["new_plan"]) == ("plan_changes", "Small")
    assert chosen.context["plan"] == "Monthly 5"
    assert (ahead.occasion, ahead.context["new_plan"]) == ("renewal_ahead", "Small")
    assert outlook(monthly).next == Next.RENEWS
    assert str(outlook(monthly).amount) == "$15.00"
    assert outlook(monthly).change == PlanChange.objects.get()


def test_it_can_be_undone_and_the_old_consent_holds_again(monthly: Renewal, small: Plan) -> None:
    old = Mandate.objects.get()
    choose(monthly, small)

    cheaper.undo(fresh(monthly))
    monthly.pass_to(FEBRUARY + HOUR)

    assert captured(monthly) == [2500]
    assert seen(monthly) == ("Monthly 5", "active", 5, 30)
    assert fresh(monthly).mandate == old
    assert Mandate.objects.exclude(pk=old.pk).get().end_reason == MandateEnd.REPLACED
    assert monthly.told == ["plan_changes", "plan_stays", "renewal_ahead", "renewed"]
    assert PlanChange.objects.get().state == ChangeState.UNDONE


def test_what_was_undone_can_be_chosen_again_and_another_plan_instead(
    monthly: Renewal, small: Plan
) -> None:
    tiny = make_plan(code="tiny", category="recurring", data_bytes=GB, minor_units=900)
    choose(monthly, small)
    cheaper.undo(fresh(monthly))
    choose(monthly, small)

    choose(monthly, tiny)
    assert [one.state for one in PlanChange.objects.all()] == ["chosen", "lapsed", "undone"]
    monthly.pass_to(FEBRUARY + HOUR)

    assert captured(monthly) == [900]
    assert seen(monthly)[0] == "Tiny"
    assert Mandate.objects.filter(ended_at=None).count() == 1


def test_an_undo_goes_back_to_the_plan_that_runs_not_to_an_earlier_choice(
    monthly: Renewal, small: Plan
) -> None:
    old = Mandate.objects.get()
    choose(monthly, small)
    choose(monthly, make_plan(code="tiny", category="recurring", minor_units=900))

    cheaper.undo(fresh(monthly))

    assert fresh(monthly).mandate == old
    assert [*Mandate.objects.filter(ended_at=None)] == [old]


@pytest.mark.parametrize("hours", [12, 1])
def test_what_is_authorised_already_is_replaced_by_a_smaller_amount(
    monthly: Renewal, small: Plan, hours: int
) -> None:
    monthly.pass_to(FEBRUARY - hours * HOUR)
    assert held(monthly) == [("authorised", 2500)]

    choose(monthly, small)
    monthly.process()

    assert held(monthly) == [("authorised", 1500)]
    cheaper.undo(fresh(monthly))
    monthly.process()
    assert held(monthly) == [("authorised", 2500)]
    choose(monthly, small)
    monthly.pass_to(FEBRUARY + HOUR)
    assert (held(monthly), captured(monthly)) == ([], [1500])


@pytest.mark.parametrize("hours", [14 * 24, 12])
def test_a_month_that_costs_nothing_has_a_mandate_and_no_payment(
    monthly: Renewal, hours: int
) -> None:
    free = make_plan(code="free", category="recurring", data_bytes=GB, minor_units=0)
    monthly.pass_to(FEBRUARY - hours * HOUR)

    choose(monthly, free)
    monthly.pass_to(MARCH + HOUR)

    # What was authorised for a month of the old plan is voided, and never captured.
    assert {status for status, _amount in monthly.charged} <= {"voided"}
    assert not Receipt.objects.exists()
    assert [state for _number, state, *_bounds in monthly.periods] == ["paid"] * 3
    assert seen(monthly) == ("Free", "active", 1, 29)
    mandate = fresh(monthly).mandate
    assert mandate is not None
    assert (str(mandate.limit), mandate.ended_at) == ("$0.00", None)
    assert outlook(monthly).next == Next.RENEWS


def test_a_consent_to_nothing_allows_no_charge(monthly: Renewal) -> None:
    choose(monthly, make_plan(code="free", category="recurring", minor_units=0))

    mandate = fresh(monthly).mandate

    assert mandate is not None
    assert not mandate.allows(Money(1, "USD"))


def test_after_an_outage_the_months_are_charged_in_order_at_the_new_price(
    monthly: Renewal, small: Plan
) -> None:
    choose(monthly, small)

    monthly.move_to(MARCH + HOUR)
    monthly.process()

    assert captured(monthly) == [1500, 1500]
    assert seen(monthly)[0] == "Small"


def test_an_unpaid_month_is_one_of_the_new_plan_through_grace_and_hold(
    alice: User, gateway: str, network: str, small: Plan
) -> None:
    with sell(alice, gateway, network, number=NO_MONEY) as renewal:
        renewal.pass_to(SOLD + 14 * DAY)
        choose(renewal, small)

        renewal.pass_to(FEBRUARY + HOUR)
        assert fresh(renewal).state == SubscriptionState.GRACE
        # A tenth of 2 GB.
        assert Bucket.objects.get(period__number=2).total_bytes == GB // 5
        assert outlook(renewal).change is None
        with pytest.raises(TooLate):
            cheaper.undo(fresh(renewal))

        renewal.pass_to(FEBRUARY + 8 * DAY)
        assert fresh(renewal).state == SubscriptionState.ON_HOLD
        new_card(renewal, alice)
        renewal.process()
        assert captured(renewal) == [1500]
        assert seen(renewal)[:3] == ("Small", "active", 2)
        renewal.pass_to(FEBRUARY + 40 * DAY)
        assert captured(renewal) == [1500, 1500]


def refuse(renewal: Renewal, plan: Plan) -> Hindrance:
    before = [*Subscription.objects.values()], [*Mandate.objects.values()]
    with pytest.raises(NotChangeable) as refusal:
        choose(renewal, plan)
    assert ([*Subscription.objects.values()], [*Mandate.objects.values()]) == before
    return refusal.value.why


@pytest.mark.parametrize(
    ("happened", "why"),
    [
        (lambda plan: cancelling.cancel(fresh(plan)), Hindrance.CANCELLED),
        (lambda plan: lifecycle.end(fresh(plan)), Hindrance.ENDED),
        (lambda plan: parking.park(fresh(plan), ParkReason.FAULT), Hindrance.PARKED),
        (lambda _plan: Subscription.objects.update(state="grace"), Hindrance.UNPAID),
        (lambda _plan: Subscription.objects.update(decided_number=2), Hindrance.BUSY),
        (lambda plan: plan.move_to(FEBRUARY), Hindrance.BUSY),
    ],
    ids=["cancelled", "ended", "parked", "grace", "decided", "month over"],
)
def test_a_plan_that_cannot_be_changed_says_why_and_stays(
    monthly: Renewal, small: Plan, happened: Callable[[Renewal], object], why: Hindrance
) -> None:
    happened(monthly)

    assert refuse(monthly, small) == why


def test_only_another_plan_that_is_not_dearer_follows(monthly: Renewal, small: Plan) -> None:
    PlanPrice.objects.filter(plan=small).update(minor_units=2501)
    assert refuse(monthly, small) == Hindrance.DEARER
    PlanPrice.objects.filter(plan=small).update(currency="EUR")
    assert refuse(monthly, small) == Hindrance.OTHER_CURRENCY
    running = monthly.subscription.plan
    assert running is not None
    assert refuse(monthly, running) == Hindrance.SAME_PLAN
    PlanPrice.objects.filter(plan=small).update(minor_units=2500, currency="USD")
    choose(monthly, small)
    assert refuse(monthly, small) == Hindrance.CHOSEN_ALREADY


def test_more_devices_than_the_new_plan_allows_stand_in_the_way(
    alice: User, gateway: str, network: str, small: Plan
) -> None:
    with sell(alice, gateway, network, more_devices=1) as renewal:
        stay = sharing.join(fresh(renewal), make_card(), proof=SimOnLine.Proof.NONE)
        assert refuse(renewal, small) == Hindrance.TOO_MANY_DEVICES

        sharing.remove(fresh(renewal), stay.pk)
        choose(renewal, small)

        # From then on no other device joins, because it would have to leave on that day.
        assert sharing.places_left(fresh(renewal)) == 0
        cheaper.undo(fresh(renewal))
        assert sharing.places_left(fresh(renewal)) == 1


def test_a_cancel_comes_first_and_its_undo_brings_the_choice_back(
    monthly: Renewal, small: Plan
) -> None:
    choose(monthly, small)
    cancelling.cancel(fresh(monthly))
    assert outlook(monthly).change is None
    with pytest.raises(TooLate):
        cheaper.undo(fresh(monthly))
    cancelling.undo(fresh(monthly))
    assert outlook(monthly).change is not None

    cancelling.cancel(fresh(monthly))
    monthly.pass_to(FEBRUARY + HOUR)

    assert (fresh(monthly).state, captured(monthly)) == (SubscriptionState.ENDED, [])
    assert PlanChange.objects.get().state == ChangeState.LAPSED
    assert not Mandate.objects.filter(ended_at=None).exists()


def test_a_plan_that_is_ended_at_once_leaves_no_choice_and_no_consent(
    monthly: Renewal, small: Plan
) -> None:
    choose(monthly, small)
    monthly.pass_to(FEBRUARY - HOUR)

    lifecycle.end(fresh(monthly))
    monthly.process()

    assert [status for status, _amount in monthly.charged] == ["voided"]
    assert PlanChange.objects.get().state == ChangeState.LAPSED
    assert not Mandate.objects.filter(ended_at=None).exists()


def test_a_parked_plan_changes_on_its_day_and_is_charged_once_staff_have_acted(
    monthly: Renewal, small: Plan, clara: User
) -> None:
    choose(monthly, small)
    parking.park(fresh(monthly), ParkReason.FAULT)
    monthly.pass_to(FEBRUARY + DAY)
    assert (fresh(monthly).plan_name, captured(monthly)) == ("Small", [])

    parking.resume(fresh(monthly), actor=clara)
    monthly.process()

    assert captured(monthly) == [1500]


def test_another_method_keeps_the_choice_and_an_undo_goes_back_to_the_first(
    monthly: Renewal, small: Plan, alice: User
) -> None:
    first = Mandate.objects.get()
    choose(monthly, small)
    subscription = fresh(monthly)
    amount = outlook(monthly).amount
    assert amount is not None
    another = new_method(alice)

    by_hand.agree_to_pay(subscription, another, amount=amount, text="I agree.", language="en")
    # With the first method again, the consent to the old plan stays.
    by_hand.agree_to_pay(
        fresh(monthly), first.method, amount=amount, text="I agree.", language="en"
    )
    first.refresh_from_db()
    assert first.ended_at is None
    assert outlook(monthly).change is not None

    cheaper.undo(fresh(monthly))
    monthly.pass_to(FEBRUARY + HOUR)
    assert fresh(monthly).mandate == first
    assert captured(monthly) == [2500]
    assert [*Mandate.objects.filter(ended_at=None)] == [first]


def new_method(alice: User) -> PaymentMethod:
    """Store another card of Alice."""
    return paying.add_card(alice, replace(card("5555555555554444"), expiry_year=EXPIRY_YEAR))


def test_a_method_that_is_removed_is_asked_for_and_the_choice_stays(
    monthly: Renewal, small: Plan
) -> None:
    old = Mandate.objects.get()
    choose(monthly, small)

    cards.remove(old.method)

    assert monthly.told == ["plan_changes", "method_needed"]
    asked = AccountMessage.objects.get(occasion="method_needed")
    assert str(asked.context["total"]) == "$15.00"
    assert (outlook(monthly).next, outlook(monthly).change is None) == (Next.NEEDS_METHOD, False)
    cheaper.undo(fresh(monthly))
    assert outlook(monthly).next == Next.NEEDS_METHOD
    assert str(outlook(monthly).amount) == "$25.00"


def test_a_consent_that_was_given_at_the_same_moment_is_not_ended(
    monthly: Renewal, small: Plan
) -> None:
    """A page that was read before the choice has the plan paid under the old consent again."""
    old = Mandate.objects.get()
    choose(monthly, small)
    cancelling.pay_with(fresh(monthly), old)

    monthly.pass_to(FEBRUARY + HOUR)

    assert captured(monthly) == [1500]
    old.refresh_from_db()
    assert old.ended_at is None


def test_a_choice_without_an_earlier_consent_can_be_undone(
    monthly: Renewal, small: Plan, alice: User
) -> None:
    Subscription.objects.update(mandate=None)
    choose(monthly, small, Mandate.objects.get().method)

    cheaper.undo(fresh(monthly))

    assert fresh(monthly).mandate is None
    assert outlook(monthly).next == Next.NEEDS_METHOD


def test_a_plan_taken_off_sale_begins_all_the_same_at_the_agreed_price(
    monthly: Renewal, small: Plan
) -> None:
    choose(monthly, small)
    Plan.objects.filter(pk=small.pk).update(is_on_sale=False)
    PlanPrice.objects.filter(plan=small).update(minor_units=1900)

    monthly.pass_to(FEBRUARY + HOUR)

    assert captured(monthly) == [1500]
    assert seen(monthly)[0] == "Small"


def test_time_that_is_given_back_moves_the_day(monthly: Renewal, small: Plan) -> None:
    choose(monthly, small)
    monthly.pass_to(FEBRUARY - 12 * HOUR)

    giving_back.give_back(fresh(monthly), since=SOLD, until=SOLD + 2 * DAY)
    monthly.pass_to(FEBRUARY + DAY)
    assert seen(monthly)[0] == "Monthly 5"
    monthly.pass_to(FEBRUARY + 2 * DAY + HOUR)

    assert seen(monthly)[0] == "Small"
    assert captured(monthly) == [1500]


def test_what_has_begun_or_was_never_chosen_cannot_be_undone(monthly: Renewal, small: Plan) -> None:
    with pytest.raises(TooLate):
        cheaper.undo(fresh(monthly))
    choose(monthly, small)
    Subscription.objects.update(decided_number=2)
    with pytest.raises(TooLate):
        cheaper.undo(fresh(monthly))


def test_while_a_dearer_plan_is_paid_the_chosen_one_does_not_begin(
    monthly: Renewal, small: Plan
) -> None:
    choose(monthly, small)
    claim(fresh(monthly), order="ORDER", shown_at=now())
    monthly.pass_to(FEBRUARY + HOUR)
    assert fresh(monthly).plan_name == "Monthly 5"

    release(fresh(monthly), order="ORDER")
    monthly.process()

    assert (fresh(monthly).plan_name, captured(monthly)) == ("Small", [1500])

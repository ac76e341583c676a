"""A dearer plan replaces a running one at once, for its price less the unused share.

Source: docs/contract.md#subscriptions.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.models import User
from orders import texts
from orders.domain import by_staff, drafts, outcomes, placing, pricing, settling
from orders.domain.deleting import delete_old_orders
from orders.domain.drafts import StaleForm
from orders.models import Draft, Order
from orders.states import Failure, OrderState
from payments.models import Payment, PaymentMethod, Receipt
from plans.models import Plan, PlanPrice
from subscriptions.balances import balances
from subscriptions.domain import cancelling, changing, lifecycle, parking, renewing
from subscriptions.domain.changing import Hindrance, NotChangeable
from subscriptions.models import Attempt, Bucket, Period, SimOnLine, Subscription
from subscriptions.states import ParkReason, SubscriptionState
from tests.builders import GB, make_plan, make_visit, place
from tests.orders.conftest import DECLINED, new_card, process_once, settled
from tests.orders.test_two_workers import Free
from tests.providers import break_it, mend
from tests.races import at_once
from tests.subscriptions.renewals import DAY, HOUR, SOLD, Renewal, sell

# The month from 31 January, 9:00, has 28 days.
FEBRUARY = SOLD + 28 * DAY


@pytest.fixture
def monthly(monthly: Renewal) -> Renewal:
    """Let half of the month pass that Alice has paid: $25.00 for 5 GB."""
    monthly.pass_to(SOLD + 14 * DAY)
    return monthly


@pytest.fixture
def large() -> Plan:
    return make_plan(code="large", category="recurring", data_bytes=20 * GB, minor_units=4000)


def make_change(renewal: Renewal, plan: Plan, method: PaymentMethod | None = None) -> Draft:
    """Create the draft of a change, as the plan's page does."""
    subscription = Subscription.objects.get(pk=renewal.subscription.pk)
    account = subscription.line.account
    draft = drafts.open_draft(account, make_visit(account=account))
    offer = drafts.offer_of(draft, plan.pk)
    pricing.choose_change(draft, subscription, offer, version=draft.version)
    assert subscription.mandate is not None
    drafts.choose_method(draft, method or subscription.mandate.method, version=draft.version)
    return draft


def order_change(renewal: Renewal, plan: Plan, method: PaymentMethod | None = None) -> Order:
    """Order the change, a moment after the price was shown."""
    draft = make_change(renewal, plan, method)
    renewal.move_to(now() + timedelta(seconds=1))
    return place(draft)


def plan_of(renewal: Renewal) -> tuple[str, str, int]:
    renewal.subscription.refresh_from_db()
    plan = renewal.subscription
    return plan.plan_name, plan.state, plan.decided_number


def left(renewal: Renewal) -> list[tuple[int, timedelta]]:
    """Return what Get Balance says: bytes and time left."""
    sim = SimOnLine.objects.get(line=renewal.subscription.line).sim
    return [(one.left_bytes, one.left_time) for one in balances(sim.iccid, location="US", at=now())]


def test_the_new_month_begins_at_once_for_its_price_less_what_is_unused(
    monthly: Renewal, large: Plan
) -> None:
    order = settled(order_change(monthly, large))

    # Half of $25.00 is unused.
    assert (order.state, order.price.gross.minor_units) == (OrderState.COMPLETED, 2750)
    assert monthly.charged == [("captured", 2750)]
    assert monthly.periods == [(1, "paid", "31 Jan", "14 Feb"), (2, "paid", "14 Feb", "14 Mar")]
    assert plan_of(monthly) == ("Large", SubscriptionState.ACTIVE, 2)
    assert left(monthly) == [(20 * GB, 28 * DAY)]


def test_the_next_month_costs_the_new_price_on_the_new_day(monthly: Renewal, large: Plan) -> None:
    settled(order_change(monthly, large))

    monthly.pass_to(SOLD + 43 * DAY)

    assert monthly.charged == [("captured", 2750), ("captured", 4000)]
    assert monthly.periods[-1] == (3, "paid", "14 Mar", "14 Apr")


def test_the_consent_to_the_new_price_takes_the_place_of_the_old_one(
    monthly: Renewal, large: Plan
) -> None:
    old = monthly.subscription.mandate
    order = settled(order_change(monthly, large))

    monthly.subscription.refresh_from_db()
    new = monthly.subscription.mandate
    assert old is not None and new is not None  # noqa: PT018
    old.refresh_from_db()
    assert old.end_reason == "replaced"
    assert new.text == order.consent_text
    assert "$40.00 to Visa ending in 4242 every month" in new.text
    assert (new.highest_minor_units, new.ended_at) == (4000, None)


def test_the_network_is_told_the_new_plan(monthly: Renewal, large: Plan) -> None:
    settled(order_change(monthly, large))

    monthly.process()

    assert (monthly.served["plan"], monthly.served["period"]) == ("large", 2)
    assert monthly.served["until"].startswith("2025-03-14")


def test_its_receipt_is_the_new_months_and_the_host_gets_the_sim(
    monthly: Renewal, large: Plan
) -> None:
    order = settled(order_change(monthly, large))

    receipt = Receipt.objects.get()
    assert (receipt.minor_units, receipt.item) == (2750, "Large")
    assert f"{receipt.starts_on:%d %b} {receipt.ends_on:%d %b}" == "14 Feb 14 Mar"
    assert Attempt.objects.get(payment=order.payment).period.number == 2
    outcome = outcomes.of_order(order, order.visit)
    assert (outcome.success, outcome.line, outcome.activation_code) == (True, "Existing", None)
    assert outcome.iccid == SimOnLine.objects.get().sim.iccid


@pytest.mark.parametrize(
    ("used", "due"),
    # A tenth of the data is left, though half of the time is. A share is rounded up, for the
    # customer: of one byte in 5 GB, one cent.
    [(0, 2750), (4_500_000_000, 3750), (4_999_999_999, 3999), (5 * GB, 4000)],
)
def test_the_smaller_of_time_and_data_is_taken_off(
    monthly: Renewal, large: Plan, used: int, due: int
) -> None:
    Bucket.objects.update(used_bytes=used)

    assert make_change(monthly, large).price.gross.minor_units == due


def test_of_an_unlimited_plan_only_time_counts(
    alice: User, gateway: str, network: str, large: Plan
) -> None:
    with sell(alice, gateway, network, data_bytes=None) as renewal:
        Bucket.objects.update(used_bytes=10**15)
        renewal.pass_to(SOLD + 21 * DAY)

        # A quarter of $25.00, rounded up.
        assert make_change(renewal, large).price.gross.minor_units == 4000 - 625


def test_what_was_authorised_for_the_old_plans_next_month_is_voided(
    monthly: Renewal, large: Plan
) -> None:
    monthly.pass_to(FEBRUARY - 12 * HOUR)
    assert monthly.charged == [("authorised", 2500)]

    settled(order_change(monthly, large))
    monthly.process()

    assert sorted(status for status, _amount in monthly.charged) == ["captured", "voided"]
    assert [state for _number, state, *_bounds in monthly.periods] == ["paid", "lapsed", "paid"]
    monthly.pass_to(FEBRUARY + 29 * DAY)
    assert monthly.charged[-1] == ("captured", 4000)
    assert plan_of(monthly) == ("Large", SubscriptionState.ACTIVE, 4)


def test_a_refused_card_leaves_the_old_plan_untouched(
    monthly: Renewal, large: Plan, alice: User
) -> None:
    before = Subscription.objects.values().get()

    order = settled(order_change(monthly, large, new_card(alice, DECLINED)))

    assert (order.state, order.failure) == (OrderState.FAILED, Failure.PAYMENT_REFUSED)
    assert Subscription.objects.values().get() == before
    monthly.pass_to(FEBRUARY + DAY)
    assert monthly.charged[-1] == ("captured", 2500)


def test_after_a_refused_card_the_change_can_be_ordered_again(
    monthly: Renewal, large: Plan, alice: User
) -> None:
    order = settled(order_change(monthly, large, new_card(alice, DECLINED)))

    again = placing.reopen_draft(order)

    assert (again.kind, again.running_plan, again.plan) == ("change", monthly.subscription, large)


def refuse(renewal: Renewal, plan: Plan) -> Hindrance:
    with pytest.raises(NotChangeable) as refusal:
        make_change(renewal, plan)
    return refusal.value.why


def cancel(renewal: Renewal) -> None:
    cancelling.cancel(Subscription.objects.get(pk=renewal.subscription.pk))


def set_state(state: str, renewal: Renewal) -> None:
    Subscription.objects.filter(pk=renewal.subscription.pk).update(state=state)


@pytest.mark.parametrize(
    ("happened", "why"),
    [
        (cancel, Hindrance.CANCELLED),
        (partial(set_state, "grace"), Hindrance.UNPAID),
        (partial(set_state, "on_hold"), Hindrance.UNPAID),
        (lambda plan: lifecycle.end(plan.subscription), Hindrance.ENDED),
        (lambda plan: parking.park(plan.subscription, ParkReason.FAULT), Hindrance.PARKED),
        (lambda plan: plan.move_to(FEBRUARY), Hindrance.BUSY),
    ],
    ids=["cancelled", "grace", "on hold", "ended", "parked", "month over"],
)
def test_a_plan_that_cannot_be_changed_says_why(
    monthly: Renewal, large: Plan, happened: Callable[[Renewal], object], why: Hindrance
) -> None:
    happened(monthly)

    assert refuse(monthly, large) == why
    assert texts.why_not_changed(why).endswith(".")


def test_only_a_dearer_plan_of_the_same_currency_is_ordered(monthly: Renewal, large: Plan) -> None:
    PlanPrice.objects.filter(plan=large).update(minor_units=2500)
    assert refuse(monthly, large) == Hindrance.NOT_DEARER
    PlanPrice.objects.filter(plan=large).update(minor_units=9000, currency="EUR")
    assert refuse(monthly, large) == Hindrance.OTHER_CURRENCY
    assert monthly.subscription.plan is not None
    assert refuse(monthly, monthly.subscription.plan) == Hindrance.SAME_PLAN


def test_the_sum_that_was_shown_holds_for_half_an_hour(monthly: Renewal, large: Plan) -> None:
    draft = make_change(monthly, large)
    monthly.move_to(now() + timedelta(minutes=29))
    assert pricing.update_price(draft) is None

    monthly.move_to(now() + timedelta(minutes=2))

    with pytest.raises(StaleForm):
        place(draft)
    change = pricing.update_price(draft)
    assert change is not None
    assert (change.old.minor_units, change.new.minor_units) == (2750, 2751)


def test_a_sum_of_the_month_before_does_not_hold(monthly: Renewal, large: Plan) -> None:
    monthly.move_to(FEBRUARY - timedelta(minutes=1))
    draft = make_change(monthly, large)

    monthly.pass_to(FEBRUARY + timedelta(minutes=1))

    assert not pricing.holds(draft)


def test_a_plan_that_is_cancelled_while_the_review_is_open_is_not_changed(
    monthly: Renewal, large: Plan
) -> None:
    draft = make_change(monthly, large)
    cancel(monthly)

    with pytest.raises(StaleForm):
        place(draft)


def test_a_month_that_renews_before_the_charge_is_decided_wins(
    monthly: Renewal, large: Plan
) -> None:
    monthly.pass_to(FEBRUARY - HOUR)
    order = order_change(monthly, large)
    monthly.pass_to(FEBRUARY)

    order = settled(order)

    assert (order.state, order.failure) == (OrderState.FAILED, Failure.PLAN_CHANGED)
    failure = texts.failure(order)
    assert failure is not None
    assert "You haven't been charged for this order." in failure.text
    assert sorted(status for status, _amount in monthly.charged) == ["captured", "voided"]
    assert plan_of(monthly) == ("Monthly 5", SubscriptionState.ACTIVE, 2)


def claim(renewal: Renewal, order: Order) -> None:
    changing.claim(renewal.subscription, order=order.number, shown_at=order.created_at)


def test_a_month_is_not_charged_while_a_change_is(monthly: Renewal, large: Plan) -> None:
    monthly.pass_to(FEBRUARY - HOUR)
    order = order_change(monthly, large)
    break_it(monthly.gateway, "capture", "drop_after", times=1)
    process_once(order)
    monthly.pass_to(FEBRUARY + HOUR)

    # The order's answer was lost. The month that has begun meanwhile is not charged.
    assert sorted(monthly.charged) == [
        ("authorised", 2500),
        ("captured", order.price.gross.minor_units),
    ]
    assert plan_of(monthly)[1] == SubscriptionState.GRACE

    order = settled(order)
    monthly.process()

    assert order.state == OrderState.COMPLETED
    assert plan_of(monthly) == ("Large", SubscriptionState.ACTIVE, 3)
    assert sorted(status for status, _amount in monthly.charged) == ["captured", "voided"]
    first, lapsed, new = Period.objects.order_by("number")
    assert (first.ends_at, lapsed.starts_at, new.starts_at) == (FEBRUARY, None, FEBRUARY)
    assert left(monthly)[0][0] == 20 * GB


def test_an_order_that_fails_after_its_claim_lets_the_plan_go_on(
    monthly: Renewal, large: Plan, clara: User
) -> None:
    order = order_change(monthly, large)
    break_it(monthly.gateway, "capture", "http_500", times=99)
    Order.objects.filter(pk=order.pk).update(tries=99)
    held = settled(order)
    assert held.state == OrderState.HELD
    mend(monthly.gateway)

    by_staff.give_up(held, actor=clara, because="no answer")
    settled(held)

    monthly.subscription.refresh_from_db()
    assert monthly.subscription.changing == ""
    monthly.pass_to(FEBRUARY + DAY)
    assert monthly.charged == [("voided", 2750), ("captured", 2500)]


def test_a_cancel_that_comes_after_the_claim_ends_the_plan_with_the_new_month(
    monthly: Renewal, large: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = order_change(monthly, large)
    decide = settling._decide_to_charge  # noqa: SLF001 -- the moment that the race is about

    def decide_and_cancel(order: Order) -> None:
        decide(order)
        cancel(monthly)

    monkeypatch.setattr(settling, "_decide_to_charge", decide_and_cancel)
    assert settled(order).state == OrderState.COMPLETED

    # The customer is told again, because the day is another one.
    assert monthly.told.count("plan_cancelled") == 2
    monthly.pass_to(SOLD + 60 * DAY)
    assert monthly.charged == [("captured", 2750)]
    assert plan_of(monthly)[1] == SubscriptionState.ENDED


def test_a_plan_that_was_ended_after_the_claim_is_refunded(
    monthly: Renewal, large: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = order_change(monthly, large)
    decide = settling._decide_to_charge  # noqa: SLF001 -- the moment that the race is about

    def decide_and_end(order: Order) -> None:
        decide(order)
        lifecycle.end(Subscription.objects.get())

    monkeypatch.setattr(settling, "_decide_to_charge", decide_and_end)
    order = settled(order)

    assert (order.state, order.failure) == (OrderState.FAILED, Failure.PLAN_CHANGED)
    assert monthly.charged == [("refunded", 2750)]


def test_a_dispute_that_comes_after_the_claim_keeps_the_service_off(
    monthly: Renewal, large: Plan
) -> None:
    order = order_change(monthly, large)
    break_it(monthly.gateway, "capture", "drop_after", times=1)
    process_once(order)
    parking.park(Subscription.objects.get(), ParkReason.DISPUTE)

    settled(order)

    assert left(monthly) == [(0, timedelta())]
    assert monthly.periods[-1][1:] == ("paid", "14 Feb", "14 Mar")


def test_two_workers_change_the_plan_once(monthly: Renewal, large: Plan) -> None:
    order = order_change(monthly, large)
    seen_before = Order.objects.select_related("payment__method", "running_plan").get(pk=order.pk)
    done = settled(order)
    bought = changing.Purchase(
        order=done.number,
        plan=large,
        price_columns=done.monthly_columns,
        payment=Payment.objects.get(),
        mandate=None,
    )

    with pytest.raises(NotChangeable):
        changing.replace_plan(monthly.subscription, bought, at=now())

    assert Period.objects.count() == 2
    assert seen_before.charge_decided_at is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("rival", ["renewal", "cancel", "change"])
def test_of_a_change_and_its_rival_at_the_same_moment_one_wins(
    monthly: Renewal, large: Plan, rival: str
) -> None:
    """Both compare and set the same row, so on PostgreSQL the second sees the first."""
    monthly.pass_to(FEBRUARY - HOUR)
    order = order_change(monthly, large)
    plan = Subscription.objects.get()
    period = Period.objects.get(number=2)
    paid = Period.objects.get(number=1)
    rivals: dict[str, Callable[[], object]] = {
        "renewal": lambda: renewing._decide_to_charge(plan, paid, period),  # noqa: SLF001
        "cancel": lambda: cancelling.cancel(Subscription.objects.get()),
        "change": lambda: changing.claim(plan, order="OTHER", shown_at=now()),
    }
    waiting: list[Callable[[], object]] = [rivals[rival], lambda: claim(monthly, order)]

    def run() -> object:
        return waiting.pop()()

    at_once(run, 2)

    plan.refresh_from_db()
    winners = [plan.decided_number == 2, plan.last_number == 1, bool(plan.changing)]
    if rival == "cancel":
        # A cancel that comes second is kept for the end of the new month.
        assert winners in ([False, True, True], [False, True, False])
    else:
        assert winners.count(True) == 1


def test_without_the_comparison_both_would_win(
    monthly: Renewal, large: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guard is what keeps a month and a change from being charged both."""
    monthly.pass_to(FEBRUARY - HOUR)
    order = order_change(monthly, large)
    plan = Subscription.objects.get()
    monkeypatch.setattr(
        "subscriptions.domain.renewing.compare_and_set",
        lambda model, pk, _expected, **changes: model.objects.filter(pk=pk).update(**changes),
    )
    claim(monthly, order)

    first, second = Period.objects.order_by("number")
    assert renewing._decide_to_charge(plan, first, second)  # noqa: SLF001
    plan.refresh_from_db()
    assert (plan.decided_number, plan.changing) == (2, order.number)


def test_a_worker_without_its_lease_charges_nothing_after_the_change(
    monthly: Renewal, large: Plan
) -> None:
    monthly.pass_to(FEBRUARY - HOUR)
    stale = Subscription.objects.select_related("mandate__method", "plan").get()
    settled(order_change(monthly, large))
    monthly.move_to(FEBRUARY)

    paid = Period.objects.get(number=1)
    period = Period.objects.get(number=2)
    assert not renewing._decide_to_charge(stale, paid, period)  # noqa: SLF001
    renewing.process(str(stale.pk), Free())

    assert ("captured", 2500) not in monthly.charged


def test_a_draft_that_changes_no_plan_shows_no_sum_that_holds(alice: User) -> None:
    draft = drafts.open_draft(alice, make_visit(account=alice))

    assert not pricing.holds(draft)


def test_an_old_change_goes_with_its_charge(
    monthly: Renewal, large: Plan, settings: Settings
) -> None:
    order = settled(order_change(monthly, large))
    settings.BOOKS_YEARS = 1
    monthly.move_to(now() + timedelta(days=400))

    assert delete_old_orders() == 1

    assert not Order.objects.filter(pk=order.pk).exists()
    assert not Payment.objects.exists()
    assert Period.objects.filter(subscription=monthly.subscription).count() == 2

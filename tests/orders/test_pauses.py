"""Paused sales: what a pause covers, and what it stops at once (docs/desk.md#when-it-burns)."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils.timezone import now
from django.utils.translation import override

from accounts.models import User
from esim.models import SmdpProvider, Source
from orders.domain import attach_offers, drafts, pausing, placing
from orders.domain.pausing import SalesPaused
from orders.models import Draft, Order, SalesPause
from orders.queries import pauses
from orders.states import OrderState
from plans.models import Plan
from subscriptions.models import Subscription
from tests.builders import (
    PAUSED,
    make_card,
    make_draft,
    make_pause,
    make_plan,
    make_provider,
    make_visit,
    place,
)
from tests.orders import test_plan_changes, test_plan_moves
from tests.orders.conftest import settled
from tests.orders.test_attaching import choose
from tests.races import wait_for_lock
from tests.subscriptions.renewals import DAY, SOLD, Renewal

HOUR = timedelta(hours=1)


# -- What a pause covers ---------------------------------------------------------------------------


@pytest.fixture
def plans(db: None) -> tuple[Plan, Plan]:
    return make_plan(code="day"), make_plan(code="month")


@pytest.fixture
def providers(db: None) -> tuple[SmdpProvider, SmdpProvider]:
    return make_provider(code="one"), make_provider(code="two")


def covered(*plans: Plan, market: str = "US", new_esim: bool = True) -> list[str]:
    found = pauses.texts(plans, market, new_esim=new_esim)
    return [plan.code for plan in plans if plan.pk in found]


def words(plans: tuple[Plan, Plan]) -> list[str]:
    return [*pauses.texts(plans, "US", new_esim=True).values()]


def test_without_a_pause_everything_is_sold(plans: tuple[Plan, Plan]) -> None:
    assert covered(*plans) == []


def test_an_empty_choice_pauses_everything(plans: tuple[Plan, Plan]) -> None:
    make_pause()

    assert covered(*plans) == ["day", "month"]


def test_a_market_a_plan_or_both_can_be_paused(plans: tuple[Plan, Plan]) -> None:
    make_pause(market="DE")
    assert covered(*plans) == []
    assert covered(*plans, market="DE") == ["day", "month"]

    make_pause(plan=plans[1], market="US")
    assert covered(*plans) == ["month"]


def test_a_paused_provider_covers_the_plans_whose_esims_it_may_make(
    plans: tuple[Plan, Plan], providers: tuple[SmdpProvider, SmdpProvider]
) -> None:
    one, two = providers
    Source.objects.create(profile_type="consumer", market="US", provider=one)
    Source.objects.create(profile_type="consumer", market="DE", provider=two)
    Source.objects.create(profile_type="ruggedised", provider=two)
    day, month = plans
    month.other_profile_type = "ruggedised"
    make_pause(provider=two)

    assert covered(day, month) == ["month"]
    assert covered(day, month, market="DE") == ["day", "month"]


def test_a_provider_of_every_type_covers_every_plan_even_if_it_is_off(
    plans: tuple[Plan, Plan], providers: tuple[SmdpProvider, SmdpProvider]
) -> None:
    SmdpProvider.objects.update(is_active=False)
    make_pause(provider=providers[0])

    assert covered(*plans) == ["day", "month"]


def test_a_sale_without_a_new_esim_is_paused_by_no_provider(
    plans: tuple[Plan, Plan], providers: tuple[SmdpProvider, SmdpProvider]
) -> None:
    make_pause(provider=providers[0])
    assert covered(*plans, new_esim=False) == []

    make_pause(plan=plans[0])
    assert covered(*plans, new_esim=False) == ["day"]


def test_pauses_are_read_by_one_query_and_their_sources_by_another(
    plans: tuple[Plan, Plan],
    providers: tuple[SmdpProvider, SmdpProvider],
    django_assert_num_queries: Any,
) -> None:
    with django_assert_num_queries(1):
        covered(*plans)
    make_pause(provider=providers[0])
    with django_assert_num_queries(2):
        covered(*plans)


def test_a_pause_begins_and_ends_by_itself(plans: tuple[Plan, Plan]) -> None:
    pause = make_pause(starts_at=now() + HOUR, ends_at=now() + 2 * HOUR)
    assert covered(*plans) == []

    SalesPause.objects.update(starts_at=now() - HOUR)
    assert covered(*plans) == ["day", "month"]

    SalesPause.objects.filter(pk=pause.pk).update(ends_at=now())
    assert covered(*plans) == []


def test_the_newest_pause_says_why_in_the_customers_language(plans: tuple[Plan, Plan]) -> None:
    make_pause(text="Back soon.")
    make_pause(plan=plans[0], translations={"de": "Bis Mittag pausiert."})

    with override("de"):
        assert words(plans) == ["Bis Mittag pausiert.", "Back soon."]
    with override("fr"):
        assert words(plans) == [PAUSED, "Back soon."]


def test_a_pause_says_what_it_covers(
    plans: tuple[Plan, Plan], providers: tuple[SmdpProvider, SmdpProvider]
) -> None:
    assert str(SalesPause()) == "all markets, all plans"
    both = SalesPause(market="US", plan=plans[0], provider=providers[1])
    assert str(both) == "US, day, eSIMs of two"


# -- What it stops, and what goes on ---------------------------------------------------------------


def refuse(draft: Draft) -> None:
    """Try to place the draft, which changes nothing."""
    before = Draft.objects.filter(pk=draft.pk).values().get()
    orders = Order.objects.count()
    with pytest.raises(SalesPaused):
        placing.place(draft, version=draft.version)
    assert (Draft.objects.filter(pk=draft.pk).values().get(), Order.objects.count()) == (
        before,
        orders,
    )


def test_no_order_is_placed_while_a_pause_runs_and_nothing_is_lost(alice: User) -> None:
    draft = make_draft(alice)
    pause = make_pause()
    refuse(draft)

    SalesPause.objects.filter(pk=pause.pk).update(ends_at=now())
    assert placing.place(draft, version=draft.version).state == OrderState.ACKNOWLEDGED


def test_another_market_goes_on_selling(alice: User) -> None:
    make_pause(market="DE")

    order = place(make_draft(alice))

    assert order.state == OrderState.ACKNOWLEDGED


def test_a_plan_for_the_sim_that_is_there_is_ordered_while_the_provider_is_paused(
    alice: User,
) -> None:
    card = make_card()
    on_card = make_draft(alice, visit=make_visit(account=alice, eid="", iccid=card.iccid))
    make_pause(provider=make_provider())

    assert place(on_card).sim == card


def test_a_form_that_was_sent_before_the_pause_leads_to_its_order(alice: User) -> None:
    draft = make_draft(alice)
    order = placing.place(draft, version=draft.version)
    make_pause()

    assert placing.place(draft, version=draft.version) == order


def test_a_copy_of_the_form_that_arrives_with_the_pause_leads_to_the_order(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = make_draft(alice)
    has_place = attach_offers.has_place

    def submit_copy_first(*arguments: Any) -> bool:
        monkeypatch.setattr(attach_offers, "has_place", has_place)
        placing.place(draft, version=draft.version)
        make_pause()
        return has_place(*arguments)

    monkeypatch.setattr(attach_offers, "has_place", submit_copy_first)

    assert placing.place(draft, version=draft.version) == Order.objects.get()


def test_an_order_that_is_placed_goes_on(placed: Order) -> None:
    make_pause()

    assert settled(placed).state == OrderState.COMPLETED


def test_no_device_is_added_to_a_plan_that_is_paused(running: Subscription) -> None:
    draft = choose(running)
    make_pause(plan=running.plan)

    refuse(draft)


def test_a_move_sells_nothing_and_goes_on(running: Subscription) -> None:
    make_pause()

    assert test_plan_moves.move(running).state == OrderState.COMPLETED


def test_no_running_plan_is_changed_for_a_dearer_one_that_is_paused(monthly: Renewal) -> None:
    monthly.pass_to(SOLD + 14 * DAY)
    large = make_plan(code="large", category="recurring", minor_units=4000)
    draft = test_plan_changes.make_change(monthly, large)
    make_pause(plan=large)

    with pytest.raises(SalesPaused):
        place(draft)


def test_a_running_plan_renews_while_its_sales_are_paused(monthly: Renewal) -> None:
    make_pause()

    monthly.pass_to(SOLD + 29 * DAY)

    assert monthly.charged == [("captured", 2500)]
    assert monthly.periods[-1] == (2, "paid", "28 Feb", "31 Mar")


def test_a_draft_without_a_plan_is_not_paused(alice: User) -> None:
    draft = make_draft(alice)
    drafts.change(draft, draft.version, plan=None)
    make_pause()

    assert pauses.text_about(draft, None) == ""


# -- A pause and an order at the same moment -------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("guard", ["no lock", "lock"])
def test_no_order_comes_after_the_pause_is_stored(
    alice: User, monkeypatch: pytest.MonkeyPatch, guard: str
) -> None:
    is_guarded = guard == "lock"
    draft = make_draft(alice)
    has_looked, may_go_on = threading.Event(), threading.Event()
    create = placing._create_order  # noqa: SLF001 -- between the look at the pauses and the commit

    def create_late(*arguments: Any) -> Order:
        has_looked.set()
        assert may_go_on.wait(20)
        return create(*arguments)

    monkeypatch.setattr(placing, "_create_order", create_late)
    if not is_guarded:
        monkeypatch.setattr(pausing, "_lock", lambda _mode: None)
    orders_at_pause: list[int] = []

    def pause() -> None:
        make_pause()
        orders_at_pause.append(Order.objects.count())

    customer = in_thread(lambda: placing.place(draft, version=draft.version))
    assert has_looked.wait(20)
    supervisor = in_thread(pause)
    if is_guarded:
        wait_for_lock()
    else:
        supervisor.join()
    may_go_on.set()
    customer.join()
    supervisor.join()

    # Without the lock, the order is placed after the pause. With it, the pause waits.
    assert (orders_at_pause, Order.objects.count()) == ([1 if is_guarded else 0], 1)


@pytest.mark.django_db(transaction=True)
def test_an_order_waits_for_a_pause_that_is_being_stored(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = make_draft(alice)
    has_locked, may_go_on = threading.Event(), threading.Event()
    results: list[object] = []
    lock = pausing._lock  # noqa: SLF001 -- the moment between the lock and the commit

    def lock_and_wait(mode: str) -> None:
        lock(mode)
        if mode == "EXCLUSIVE":
            has_locked.set()
            assert may_go_on.wait(20)

    def place() -> None:
        try:
            results.append(placing.place(draft, version=draft.version))
        except SalesPaused as error:
            results.append(error)

    monkeypatch.setattr(pausing, "_lock", lock_and_wait)
    supervisor = in_thread(make_pause)
    assert has_locked.wait(20)
    # Whoever only reads does not wait.
    assert pauses.text_about(draft, None) == ""
    customer = in_thread(place)
    wait_for_lock()
    may_go_on.set()
    supervisor.join()
    customer.join()

    assert [type(result) for result in results] == [SalesPaused]
    assert not Order.objects.exists()


def test_a_database_with_one_writer_is_asked_for_no_lock(
    db: None, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    monkeypatch.setattr(connection, "vendor", "sqlite")

    with django_assert_num_queries(0):
        pausing._lock("EXCLUSIVE")  # noqa: SLF001 -- anything else asks for more


def in_thread(action: Callable[[], object]) -> threading.Thread:
    """Run the action in a thread with its own database connection."""

    def run() -> None:
        try:
            action()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread

"""`orders.settling`: one charge and one profile, or none of either (contract, section 6)."""

import httpx
import pytest
from django.db import connection
from django.test import Client
from django.utils.timezone import now
from psycopg import sql

from accounts.models import User
from esim.models import Profile, Sim
from esim.states import ProfileState, SimState
from moportal.money import Money
from orders import placing, settling
from orders.models import Order
from orders.pauses import PAUSES
from orders.states import NEXT_STATES, Failure, OrderState
from outbox.domain import Lease, LeaseLost
from payments.states import PaymentState
from subscriptions.models import Subscription, SubscriptionState
from tests.builders import make_card, make_order, make_plan, make_pool, make_visit
from tests.orders.conftest import CUSTOMER_STEP, DECLINED, new_card, settled
from tests.providers import books, break_it, profiles, statuses


def test_it_charges_once_and_hands_out_one_profile(placed: Order, gateway: str, smdp: str) -> None:
    order = settled(placed)

    assert order.state == OrderState.COMPLETED
    assert statuses(gateway) == ["captured"]
    assert order.profile is not None
    assert profiles(smdp) == [(order.profile.sim.iccid, "Released")]
    assert order.subscription is not None
    assert order.subscription.state == SubscriptionState.ACTIVE


def test_a_second_look_at_a_completed_order_does_nothing(
    placed: Order, gateway: str, smdp: str
) -> None:
    settled(placed, looks=2)

    assert statuses(gateway) == ["captured"]
    assert len(profiles(smdp)) == 1


def test_the_amount_charged_is_the_one_that_was_shown(placed: Order, gateway: str) -> None:
    settled(placed)

    payment = books(gateway)["payments"][0]
    assert (payment["amount"], payment["currency"]) == (1900, "USD")
    assert payment["reference"] == placed.number


@pytest.mark.parametrize(
    "price", [Money(1900, "USD"), Money(500, "JPY"), Money(1234, "KWD")], ids=str
)
def test_a_currency_has_as_many_decimals_as_it_has(
    alice: User, as_alice: Client, gateway: str, smdp: str, price: Money
) -> None:
    make_pool()
    plan = make_plan(minor_units=price.minor_units, currency=price.currency)

    order = settled(make_order(alice, plan=plan, method=new_card(alice)))

    payment = books(gateway)["payments"][0]
    assert (payment["amount"], payment["currency"]) == (price.minor_units, price.currency)
    assert str(price) in as_alice.get(f"/orders/{order.number}/").text


def test_a_refused_card_orders_no_profile(alice: User, gateway: str, smdp: str) -> None:
    make_pool()
    order = settled(make_order(alice, method=new_card(alice, DECLINED)))

    assert (order.state, order.failure) == (OrderState.FAILED, Failure.PAYMENT_REFUSED)
    assert statuses(gateway) == ["declined"]
    assert profiles(smdp) == []


def test_an_empty_pool_voids_what_was_authorised(alice: User, gateway: str, smdp: str) -> None:
    order = settled(make_order(alice, method=new_card(alice)))

    assert (order.state, order.failure) == (OrderState.FAILED, Failure.NO_PROFILE_LEFT)
    assert statuses(gateway) == ["voided"]


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "http_500", "html", "malformed"])
@pytest.mark.parametrize("function", ["downloadOrder", "confirmOrder"])
def test_a_lost_or_broken_answer_is_decided_by_asking_again(
    placed: Order, gateway: str, smdp: str, function: str, fault: str
) -> None:
    break_it(smdp, function, fault)

    order = settled(placed, looks=2)

    assert order.state == OrderState.COMPLETED
    assert order.profile is not None
    assert profiles(smdp) == [(order.profile.sim.iccid, "Released")]
    assert statuses(gateway) == ["captured"]


@pytest.mark.parametrize("function", ["downloadOrder", "confirmOrder"])
def test_an_answer_about_something_else_is_never_sold(
    placed: Order, gateway: str, smdp: str, function: str
) -> None:
    break_it(smdp, function, "wrong_iccid")

    order = settled(placed, looks=2)

    assert (order.state, order.failure) == (OrderState.FAILED, Failure.PROFILE_REFUSED)
    assert statuses(gateway) == ["voided"]
    assert [state for _, state in profiles(smdp)] == ["Unavailable"]


@pytest.mark.parametrize("function", ["authorise", "capture"])
@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "http_500", "html"])
def test_a_lost_answer_of_the_gateway_charges_once(
    placed: Order, gateway: str, smdp: str, function: str, fault: str
) -> None:
    break_it(gateway, function, fault)

    order = settled(placed, looks=2)

    assert order.state == OrderState.COMPLETED
    assert statuses(gateway) == ["captured"]


def test_a_service_that_stays_away_fails_the_order_and_lets_the_money_go(
    placed: Order, gateway: str, smdp: str
) -> None:
    break_it(smdp, "downloadOrder", "http_500", times=50)

    tries = len(PAUSES) + 1
    order = settled(placed, looks=tries)
    assert (order.state, order.failure) == (OrderState.FAILED, Failure.SERVICE_DOWN)

    order = settled(order)
    assert order.payment.state == PaymentState.VOIDED
    assert order.profile is not None
    assert order.profile.state == ProfileState.CANCELLED
    assert order.profile.sim.state == SimState.RETIRED
    assert statuses(gateway) == ["voided"]


def test_a_profile_is_cancelled_also_while_the_gateway_is_away(
    placed: Order, gateway: str, smdp: str
) -> None:
    break_it(gateway, "capture", "http_500", times=1)
    order = settled(placed)
    assert order.charge_decided_at is not None
    Order.objects.filter(pk=order.pk).update(
        charge_decided_at=None, state=OrderState.FAILED, failure=Failure.SERVICE_DOWN
    )
    break_it(gateway, "void", "http_500", times=1)

    order = settled(order)

    assert [state for _, state in profiles(smdp)] == ["Unavailable"]
    assert statuses(gateway) == ["authorised"]
    assert settled(order).payment.state == PaymentState.VOIDED


def test_a_cancel_in_time_lets_everything_go(
    placed: Order, alice: User, gateway: str, smdp: str
) -> None:
    break_it(smdp, "confirmOrder", "http_500")
    settled(placed)

    placing.request_cancel(placed, actor=alice)
    order = settled(placed, looks=2)

    assert order.state == OrderState.CANCELLED
    assert statuses(gateway) == ["voided"]
    assert [state for _, state in profiles(smdp)] == ["Unavailable"]


def test_a_cancel_after_the_charge_is_decided_comes_too_late(placed: Order, alice: User) -> None:
    settled(placed)

    with pytest.raises(placing.TooLateToCancel):
        placing.request_cancel(placed, actor=alice)

    assert Order.objects.get(pk=placed.pk).state == OrderState.COMPLETED


def test_a_cancel_that_comes_between_profile_and_charge_wins(
    placed: Order, alice: User, gateway: str, smdp: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide = settling._decide_to_charge  # noqa: SLF001 -- the very moment is meant

    def cancelled_just_before(order: Order) -> None:
        placing.request_cancel(Order.objects.get(pk=order.pk), actor=alice)
        decide(order)

    monkeypatch.setattr(settling, "_decide_to_charge", cancelled_just_before)
    order = settled(placed, looks=2)

    assert order.state == OrderState.CANCELLED
    assert statuses(gateway) == ["voided"]


def test_a_capture_refused_for_good_ends_the_order(placed: Order, gateway: str, smdp: str) -> None:
    break_it(gateway, "capture", "http_500")
    order = settled(placed)
    gateway_id = order.payment.gateway_id
    httpx.post(
        f"{gateway}/payments/{gateway_id}/void",
        headers={"Idempotency-Key": "elsewhere"},
        json={},
        trust_env=False,
    )

    order = settled(order)

    assert (order.state, order.failure) == (OrderState.FAILED, Failure.PAYMENT_REFUSED)
    assert [state for _, state in profiles(smdp)] == ["Unavailable"]


def test_a_fault_of_our_own_counts_as_a_try(
    placed: Order, gateway: str, smdp: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object) -> Sim:
        raise ZeroDivisionError

    monkeypatch.setattr(settling, "_sim_made_ready", broken)
    order = settled(placed, looks=len(PAUSES) + 1)

    assert (order.state, order.failure) == (OrderState.FAILED, Failure.SERVICE_DOWN)
    assert settled(order).payment.state == PaymentState.VOIDED


def test_a_card_in_the_device_gets_the_plan_without_a_profile(
    alice: User, gateway: str, smdp: str
) -> None:
    card = make_card()
    visit = make_visit(account=alice, eid="", iccid=card.iccid)
    order = settled(make_order(alice, visit=visit, method=new_card(alice)))

    assert order.state == OrderState.COMPLETED
    assert order.sim_in_use == card
    assert books(smdp)["calls"] == []


def test_a_card_of_another_customer_is_not_charged_for(
    alice: User, bob: User, gateway: str, smdp: str
) -> None:
    card = make_card()
    of_bob = make_visit(account=bob, eid="", iccid=card.iccid)
    first = make_order(bob, visit=of_bob, method=new_card(bob))
    settled(first)
    of_alice = make_visit(account=alice, eid="", iccid=card.iccid)
    order = make_order(alice, visit=of_alice, plan=first.plan, method=new_card(alice))

    order = settled(order)

    assert (order.state, order.failure) == (OrderState.FAILED, Failure.SIM_OF_ANOTHER)
    assert sorted(statuses(gateway)) == ["captured", "voided"]


def test_who_lost_the_lease_stops_without_a_trace(placed: Order, gateway: str) -> None:
    with pytest.raises(LeaseLost):
        settling.settle(str(placed.pk), Lease(0, "another's"))

    assert statuses(gateway) == []
    assert Order.objects.get(pk=placed.pk).tries == 0


def test_of_two_workers_one_gives_the_order_its_profile(placed: Order, smdp: str) -> None:
    seen_before = Order.objects.get(pk=placed.pk)
    order = settled(placed)

    with pytest.raises(settling.IllegalTransition):
        settling._sim_made_ready(seen_before, Free())  # noqa: SLF001 -- the very step

    assert profiles(smdp) == [(order.sim_in_use.iccid, "Released")]  # type: ignore[union-attr]  # it has one
    assert Sim.objects.filter(state=SimState.RESERVED).count() == 0


def test_of_two_workers_one_puts_the_plan_on_the_line(
    placed: Order, smdp: str, gateway: str
) -> None:
    break_it(gateway, "capture", "http_500")
    settled(placed)
    order = Order.objects.get(pk=placed.pk)
    sim = order.sim_in_use
    assert sim is not None
    seen_before = Order.objects.get(pk=placed.pk)
    seen_before.subscription = None

    with pytest.raises(settling.IllegalTransition, match="its plan already"):
        settling._put_plan_on_line(seen_before, sim)  # noqa: SLF001 -- the very step

    assert Subscription.objects.count() == 1


def test_of_two_workers_one_moves_the_order(placed: Order) -> None:
    seen_before = Order.objects.get(pk=placed.pk)
    settling._move(placed, OrderState.IN_PROGRESS)  # noqa: SLF001 -- the one door

    with pytest.raises(settling.IllegalTransition, match="meanwhile"):
        settling._move(seen_before, OrderState.IN_PROGRESS)  # noqa: SLF001 -- the same

    assert placed.changes.count() == 1


class Free(Lease):
    """A lease that nobody disputes."""

    def __init__(self) -> None:
        super().__init__(0, "")

    def prolong(self) -> None:
        """Hold on."""


def test_the_step_at_the_bank_is_waited_for_half_an_hour(
    alice: User, gateway: str, smdp: str
) -> None:
    make_pool()
    order = settled(make_order(alice, method=new_card(alice, CUSTOMER_STEP)))
    assert order.state == OrderState.PENDING
    Order.objects.update(created_at=now() - settling.CUSTOMER_STEP_LIMIT)

    order = settled(order)

    assert (order.state, order.failure) == (OrderState.FAILED, Failure.PAYMENT_REFUSED)
    assert statuses(gateway) == ["voided"]


def test_a_hold_that_ran_out_at_the_bank_is_a_refusal(alice: User, gateway: str, smdp: str) -> None:
    make_pool()
    order = settled(make_order(alice, method=new_card(alice, CUSTOMER_STEP)))
    voided = {"headers": {"Idempotency-Key": "elsewhere"}, "json": {}, "trust_env": False}
    httpx.post(f"{gateway}/payments/{order.payment.gateway_id}/void", **voided)  # type: ignore[arg-type]  # httpx's own keywords

    order = settled(order)

    assert (order.state, order.failure) == (OrderState.FAILED, Failure.PAYMENT_REFUSED)


def test_every_move_is_written_down(placed: Order, smdp: str) -> None:
    settled(placed)

    moves = list(placed.changes.values_list("old", "new"))
    assert moves == [("acknowledged", "in_progress"), ("in_progress", "completed")]


def test_no_move_is_possible_that_the_table_does_not_name(placed: Order) -> None:
    for old in OrderState:
        for new in set(OrderState) - NEXT_STATES[old]:
            order = Order(pk=placed.pk, state=old)
            with pytest.raises(settling.IllegalTransition):
                settling._move(order, new)  # noqa: SLF001 -- the one door


def rows_that_hold(text: str) -> list[str]:
    """Name the tables in which some row holds this text in any column."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            query = sql.SQL("SELECT count(*) FROM {} AS t WHERE t::text LIKE %s")
            cursor.execute(query.format(sql.Identifier(table)), [f"%{text}%"])
            found += [table] if cursor.fetchone() != (0,) else []
    return found


def test_of_a_card_only_its_last_four_are_in_the_database(placed: Order, smdp: str) -> None:
    settled(placed)

    assert placed.payment.method.last4 == "4242"
    # Random keys hold four or five given digits now and then; of the card no more are kept.
    assert rows_that_hold("424242") == []


def test_the_matching_id_stands_nowhere_in_clear(placed: Order, smdp: str) -> None:
    settled(placed)

    secret = Profile.objects.get().matching_id
    assert rows_that_hold(secret) == []
    assert rows_that_hold(secret[-4:]) == ["esim_es2call"]

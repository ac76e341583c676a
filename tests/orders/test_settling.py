"""`orders.domain.settling`: one charge and one profile, or neither.

Source: docs/contract.md#profile.
"""

import httpx
import pytest
from django.db import connection
from django.test import Client
from django.utils.timezone import now
from psycopg import sql
from pytest_django.fixtures import Settings

from accounts.models import User
from esim.models import Profile, Source
from moportal.money import Money
from orders.models import Order
from orders.states import Failure, OrderState
from orders.texts import failure
from payments.models import Payment
from subscriptions.states import SubscriptionState
from tests.builders import (
    make_card,
    make_draft,
    make_order,
    make_plan,
    make_pool,
    make_provider,
    make_visit,
    payment_of,
)
from tests.orders.conftest import DECLINED, STOLEN, new_card, settled
from tests.peer import Peer, answering, executed
from tests.providers import books, break_it, profiles, statuses


def test_an_order_is_charged_once_and_gets_one_profile(
    placed: Order, gateway: str, smdp: str
) -> None:
    order = settled(placed)

    assert order.state == OrderState.COMPLETED
    assert statuses(gateway) == ["captured"]
    assert order.profile is not None
    assert profiles(smdp) == [(order.profile.sim.iccid, "Released")]
    assert order.subscription is not None
    assert order.subscription.state == SubscriptionState.ACTIVE


def test_the_market_of_the_launch_chooses_the_provider(placed: Order) -> None:
    abroad, at_home = make_provider(code="abroad"), make_provider(code="home")
    make_pool(1, provider=abroad)
    make_pool(1, provider=at_home)
    for provider, market in ((abroad, "DE"), (at_home, placed.visit.market)):
        Source.objects.create(profile_type="consumer", market=market, provider=provider)

    order = settled(placed)

    assert order.profile is not None
    assert order.profile.provider == at_home


def test_the_amount_charged_is_the_amount_shown(placed: Order, gateway: str) -> None:
    settled(placed)

    payment = books(gateway)["payments"][0]
    assert (payment["amount"], payment["currency"]) == (1900, "USD")
    assert payment["reference"] == placed.number


@pytest.mark.parametrize(
    "price",
    [Money(1900, "USD"), Money(500, "JPY"), Money(1234, "KWD")],
    ids=lambda price: price.currency,
)
def test_amounts_have_the_decimals_of_their_currency(
    alice: User, as_alice: Client, gateway: str, smdp: str, price: Money
) -> None:
    make_pool()
    plan = make_plan(minor_units=price.minor_units, currency=price.currency)

    order = settled(make_order(alice, plan=plan, method=new_card(alice)))

    payment = books(gateway)["payments"][0]
    assert (payment["amount"], payment["currency"]) == (price.minor_units, price.currency)
    assert str(price) in as_alice.get(f"/orders/{order.number}/").text


def test_a_completed_order_has_its_receipt(placed: Order) -> None:
    order = settled(placed)

    assert order.completed_at is not None
    assert str(payment_of(order).receipt) == f"{order.completed_at.year}-000001"


def test_a_refused_card_orders_no_profile(alice: User, gateway: str, smdp: str) -> None:
    make_pool()
    order = settled(make_order(alice, method=new_card(alice, DECLINED)))

    assert (order.state, order.failure) == (OrderState.FAILED, Failure.PAYMENT_REFUSED)
    assert order.changes.latest("pk").reason == "PaymentDeclined: card_declined"
    assert statuses(gateway) == ["declined"]
    assert profiles(smdp) == []


def test_a_card_refused_for_good_is_gone_from_the_next_draft(
    alice: User, gateway: str, smdp: str
) -> None:
    make_pool()
    stolen = new_card(alice, STOLEN)
    first = make_order(alice, method=stolen)
    waiting = make_draft(alice, method=stolen, plan=first.plan)

    settled(first)

    waiting.refresh_from_db()
    assert waiting.method is None


def test_an_empty_pool_voids_what_was_authorised(alice: User, gateway: str, smdp: str) -> None:
    order = make_order(alice, method=new_card(alice))
    Order.objects.filter(pk=order.pk).update(tries=3)

    order = settled(order)

    assert (order.state, order.failure) == (OrderState.FAILED, Failure.NO_PROFILE_LEFT)
    assert order.tries == 0
    assert statuses(gateway) == ["voided"]


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "http_500", "html", "malformed"])
@pytest.mark.parametrize("function", ["downloadOrder", "confirmOrder"])
def test_a_lost_or_broken_answer_is_recovered_by_asking_again(
    placed: Order, gateway: str, smdp: str, function: str, fault: str
) -> None:
    break_it(smdp, function, fault)

    order = settled(placed, times=2)

    assert order.state == OrderState.COMPLETED
    assert order.profile is not None
    assert profiles(smdp) == [(order.profile.sim.iccid, "Released")]
    assert statuses(gateway) == ["captured"]


@pytest.mark.parametrize("function", ["downloadOrder", "confirmOrder"])
def test_a_profile_of_another_iccid_is_never_sold(
    placed: Order, gateway: str, smdp: str, function: str
) -> None:
    break_it(smdp, function, "wrong_iccid")

    order = settled(placed, times=2)

    assert (order.state, order.failure) == (OrderState.FAILED, Failure.PROFILE_REFUSED)
    assert statuses(gateway) == ["voided"]
    assert [state for _, state in profiles(smdp)] == ["Unavailable"]


@pytest.mark.parametrize("function", ["authorise", "capture"])
@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "http_500", "html"])
def test_a_lost_answer_of_the_gateway_charges_once(
    placed: Order, gateway: str, smdp: str, function: str, fault: str
) -> None:
    break_it(gateway, function, fault)

    order = settled(placed, times=2)

    assert (order.state, order.last_error) == (OrderState.COMPLETED, "")
    assert statuses(gateway) == ["captured"]


def test_a_capture_refused_for_good_ends_the_order(placed: Order, gateway: str, smdp: str) -> None:
    break_it(gateway, "capture", "http_500")
    order = settled(placed)
    gateway_id = payment_of(order).gateway_id
    httpx.post(
        f"{gateway}/payments/{gateway_id}/void",
        headers={"Idempotency-Key": "elsewhere"},
        json={},
        trust_env=False,
    )

    order = settled(order)

    assert (order.state, order.failure) == (OrderState.FAILED, Failure.PAYMENT_REFUSED)
    assert [state for _, state in profiles(smdp)] == ["Unavailable"]


def test_a_sim_card_gets_the_plan_without_a_profile(alice: User, gateway: str, smdp: str) -> None:
    card = make_card()
    visit = make_visit(account=alice, eid="", iccid=card.iccid)
    order = settled(make_order(alice, visit=visit, method=new_card(alice)))

    assert order.state == OrderState.COMPLETED
    assert order.sim_in_use == card
    assert books(smdp)["calls"] == []


def test_a_plan_for_the_sim_of_another_customer_is_not_charged(
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


def test_every_move_is_recorded(placed: Order, smdp: str) -> None:
    settled(placed)

    moves = list(placed.changes.values_list("old", "new", "reason"))
    assert moves == [("acknowledged", "in_progress", ""), ("in_progress", "completed", "")]
    assert not placed.changes.exclude(actor=None)


def test_a_line_is_new_with_its_first_order(alice: User, gateway: str, smdp: str) -> None:
    card = make_card()
    visit = make_visit(account=alice, eid="", iccid=card.iccid)
    first = make_order(alice, visit=visit, method=new_card(alice))
    second = make_order(alice, visit=visit, plan=first.plan, method=new_card(alice))

    assert [settled(order).line_is_new for order in (first, second)] == [True, False]


def test_the_charge_is_decided_for_this_order_alone(
    placed: Order, alice: User, gateway: str, smdp: str
) -> None:
    other = make_order(alice, plan=placed.plan, method=new_card(alice))
    Order.objects.filter(pk=other.pk).update(state=OrderState.IN_PROGRESS)

    before = now()
    order = settled(placed)

    other.refresh_from_db()
    assert (other.state, other.profile, other.subscription) == (OrderState.IN_PROGRESS, None, None)
    assert (other.charge_decided_at, other.tries, other.undone_at) == (None, 0, None)
    assert order.charge_decided_at is not None
    assert before <= order.charge_decided_at <= now()
    assert order.completed_at is not None
    assert before <= order.completed_at <= now()


def rows_that_hold(text: str) -> list[str]:
    """Name the tables in which some row holds this text in any column."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            query = sql.SQL("SELECT count(*) FROM {} AS t WHERE t::text LIKE %s")
            cursor.execute(query.format(sql.Identifier(table)), [f"%{text}%"])
            found += [table] if cursor.fetchone() != (0,) else []
    return found


def test_only_the_last_four_of_a_card_are_in_the_database(placed: Order, smdp: str) -> None:
    settled(placed)

    assert payment_of(placed).method.last4 == "4242"
    # Random keys hold four or five given digits now and then;
    # of the card no more are kept.
    assert rows_that_hold("424242") == []


def test_the_matching_id_is_never_stored_in_clear(placed: Order, smdp: str) -> None:
    settled(placed)

    secret = Profile.objects.get().matching_id
    assert rows_that_hold(secret) == []
    assert rows_that_hold(secret[-4:]) == ["esim_es2call"]


def test_an_smdp_without_stock_costs_the_customer_nothing(
    placed: Order, gateway: str, settings: Settings
) -> None:
    none_left = executed({}, "Failed", subject="8.2.5", reason="3.7")
    with answering(Peer(next=[lambda _body: none_left])) as peer:
        settings.SMDP_URL = peer.url
        order = settled(placed)

    assert (order.state, order.failure) == (OrderState.FAILED, Failure.NO_PROFILE_LEFT)
    assert statuses(gateway) == ["voided"]
    assert peer.functions == ["downloadOrder"]
    assert failure(order).title == "No eSIM is available right now"  # type: ignore[union-attr]  # it failed


def test_each_known_reason_of_a_decline_has_its_own_text(placed: Order) -> None:
    Order.objects.update(state=OrderState.FAILED, failure=Failure.PAYMENT_REFUSED)
    told = set()
    for reason in ("insufficient_funds", "expired_card", "incorrect_csc", "processing_error", ""):
        Payment.objects.update(decline_reason=reason)
        found = failure(Order.objects.get())
        assert found is not None
        told.add(found.text)

    assert len(told) == 5

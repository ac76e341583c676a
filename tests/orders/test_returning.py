"""`orders.domain.returning`: take a completed order back once: plan, eSIM and the charge."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.utils.timezone import now

from accounts.models import User
from esim.domain import provisioning
from esim.states import ProfileState, SimState
from orders.domain import repairing, returning
from orders.domain.repairing import NothingToRepair
from orders.models import Order, Repair, Return
from orders.queries.orders import esims_to_install, needing_staff, order_to_hand_over
from orders.queries.timeline import timeline
from orders.states import TRIES_BEFORE_STAFF, OrderState, ReturnState
from outbox.retries import RETRY_DELAYS
from payments.gateways.base import GatewayRefused, GatewayUnavailable
from payments.states import PaymentState
from subscriptions.balances import BalanceType, balances
from subscriptions.models import SimOnLine
from subscriptions.states import SubscriptionState
from tests.builders import make_card, make_order, make_visit, payment_of
from tests.orders.conftest import new_card, settled
from tests.processing import process_task
from tests.providers import break_it, profiles, statuses
from tests.races import at_once

Turn = Callable[[Order, User], object]


@pytest.fixture
def sold(placed: Order) -> Order:
    """Return Alice's completed order, whose eSIM is on no device yet."""
    return settled(placed)


def processed(order_return: Return, times: int = 1) -> Return:
    """Let a worker process the return this many times, and return it read again."""
    for _ in range(times):
        process_task("return", order_return.pk)
    return Return.objects.select_related("order__payment", "order__profile__sim").get(
        pk=order_return.pk
    )


def ask(order: Order, clara: User, **said: Any) -> Return:
    return returning.request_return(order, actor=clara, because="changed their mind", **said)


def test_the_whole_charge_is_refunded_once(
    sold: Order, clara: User, gateway: str, smdp: str
) -> None:
    order_return = processed(ask(sold, clara), times=2)

    assert (order_return.state, order_return.order.state) == (
        ReturnState.DONE,
        OrderState.COMPLETED,
    )
    assert payment_of(order_return.order).state == PaymentState.REFUNDED
    assert statuses(gateway) == ["refunded"]


def test_the_esim_is_cancelled_and_its_iccid_never_comes_back(
    sold: Order, clara: User, smdp: str
) -> None:
    order_return = processed(ask(sold, clara))

    profile = order_return.order.profile
    assert profile is not None
    assert (profile.state, profile.sim.state) == (ProfileState.CANCELLED, SimState.RETIRED)
    assert [state for _iccid, state in profiles(smdp)] == ["Unavailable"]
    assert not SimOnLine.objects.filter(sim=profile.sim, until=None).exists()


def test_the_plan_ends_at_once(sold: Order, clara: User, smdp: str) -> None:
    order_return = processed(ask(sold, clara))

    order = Order.objects.get(pk=sold.pk)
    assert order.subscription is not None
    assert order.subscription.state == SubscriptionState.ENDED
    assert order_return.order.profile is not None
    (left,) = balances(order_return.order.profile.sim.iccid, location=None, at=now())
    assert left.type == BalanceType.NONE


def test_an_esim_on_a_device_stays_there_without_a_plan(
    sold: Order, clara: User, gateway: str, smdp: str
) -> None:
    assert sold.profile is not None
    provisioning.move(sold.profile, ProfileState.DOWNLOADED, downloaded_at=now())

    order_return = processed(ask(sold, clara))

    assert order_return.state == ReturnState.DONE
    assert [state for _iccid, state in profiles(smdp)] == ["Released"]
    assert statuses(gateway) == ["refunded"]


def test_staff_can_keep_the_esim(sold: Order, clara: User, smdp: str) -> None:
    processed(ask(sold, clara, withdraws_esim=False))

    assert [state for _iccid, state in profiles(smdp)] == ["Released"]


def test_returning_a_plan_on_a_sim_card_does_not_call_the_smdp(
    alice: User, clara: User, gateway: str, smdp: str
) -> None:
    card = make_card()
    visit = make_visit(account=alice, eid="", iccid=card.iccid)
    sold = settled(make_order(alice, visit=visit, method=new_card(alice)))

    assert processed(ask(sold, clara)).state == ReturnState.DONE
    assert statuses(gateway) == ["refunded"]
    assert profiles(smdp) == []


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "http_500", "malformed"])
def test_a_lost_answer_is_asked_for_again(
    sold: Order, clara: User, gateway: str, smdp: str, fault: str
) -> None:
    break_it(gateway, "refund", fault)
    break_it(smdp, "cancelOrder", fault)

    order_return = processed(ask(sold, clara), times=2)

    assert order_return.state == ReturnState.DONE
    assert statuses(gateway) == ["refunded"]
    assert [state for _iccid, state in profiles(smdp)] == ["Unavailable"]


def test_the_money_goes_back_even_while_the_smdp_is_away(
    sold: Order, clara: User, gateway: str, smdp: str
) -> None:
    break_it(smdp, "cancelOrder", "http_500", times=1000)

    order_return = processed(ask(sold, clara))

    assert order_return.state == ReturnState.ASKED
    assert order_return.last_error.startswith("SmdpUnavailable: ")
    assert statuses(gateway) == ["refunded"]


def test_the_last_error_names_every_service_that_did_not_answer(
    sold: Order, clara: User, gateway: str, smdp: str
) -> None:
    break_it(smdp, "cancelOrder", "http_500")
    break_it(gateway, "refund", "http_500")

    order_return = processed(ask(sold, clara))

    from_smdp, from_gateway = order_return.last_error.split("; ")
    assert from_smdp.startswith("SmdpUnavailable: ")
    assert from_gateway.startswith("GatewayUnavailable: ")


def test_a_return_is_retried_soon_and_then_less_and_less_often(
    sold: Order, clara: User, gateway: str, smdp: str
) -> None:
    break_it(gateway, "refund", "http_500", times=1000)
    order_return = ask(sold, clara)

    answers = [process_task("return", order_return.pk) for _ in range(6)]

    pauses = [answer.delay.total_seconds() for answer in answers if answer]
    assert pauses[:-1] == pytest.approx(RETRY_DELAYS, rel=0.2)
    assert 16 <= pauses[-1] <= 32


def test_the_end_of_one_return_leaves_the_others_open(
    sold: Order, alice: User, clara: User, gateway: str, smdp: str
) -> None:
    visit = make_visit(account=alice)
    other = settled(make_order(alice, visit=visit, plan=sold.plan, method=new_card(alice)))
    waiting = ask(other, clara)

    assert processed(ask(sold, clara)).state == ReturnState.DONE

    waiting.refresh_from_db()
    assert (waiting.state, waiting.ended_at) == (ReturnState.ASKED, None)


def test_a_return_that_fails_for_long_needs_staff(
    sold: Order, clara: User, gateway: str, smdp: str
) -> None:
    break_it(gateway, "refund", "http_500", times=1000)

    order_return = processed(ask(sold, clara), times=TRIES_BEFORE_STAFF)
    assert not needing_staff(Order.objects.all())
    processed(order_return)

    assert list(needing_staff(Order.objects.all())) == [sold]


def test_a_return_that_the_gateway_refused_can_be_requested_again(
    sold: Order, clara: User, gateway: str, smdp: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_args: object, **_keywords: object) -> None:
        raise GatewayRefused("refund: too old")

    with monkeypatch.context() as patched:
        patched.setattr("payments.gateways.simulator.SimulatorGateway.refund", refused)
        order_return = processed(ask(sold, clara))
    assert (order_return.state, order_return.last_error) == (ReturnState.REFUSED, "refund: too old")
    assert list(needing_staff(Order.objects.all())) == [sold]

    assert processed(ask(sold, clara)).state == ReturnState.DONE


@pytest.mark.parametrize(
    "error", [GatewayRefused("x" * 500), GatewayUnavailable("x" * 500, was_sent=True)]
)
def test_a_long_error_is_cut_to_the_length_of_its_column(
    sold: Order, clara: User, smdp: str, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def broken(*_args: object, **_keywords: object) -> None:
        raise error

    monkeypatch.setattr("payments.gateways.simulator.SimulatorGateway.refund", broken)

    assert len(processed(ask(sold, clara)).last_error) == 200


def test_of_two_workers_one_ends_the_return(sold: Order, clara: User, smdp: str) -> None:
    read_before = ask(sold, clara)
    processed(read_before)

    returning._end(read_before, ReturnState.REFUSED)  # noqa: SLF001 -- the test needs this step alone

    assert Return.objects.get().state == ReturnState.DONE


def test_an_order_is_not_returned_twice(sold: Order, clara: User, smdp: str) -> None:
    ask(sold, clara)

    with pytest.raises(returning.NothingToReturn):
        ask(sold, clara)


def test_only_a_completed_order_can_be_returned(placed: Order, clara: User) -> None:
    with pytest.raises(returning.NothingToReturn):
        ask(placed, clara)


def test_an_order_is_not_returned_while_its_esim_is_repaired(
    sold: Order, clara: User, smdp: str
) -> None:
    repairing.reissue(sold, actor=clara, because="staff")

    with pytest.raises(returning.NothingToReturn):
        ask(sold, clara)


def test_an_order_taken_back_is_not_repaired(sold: Order, clara: User, smdp: str) -> None:
    ask(sold, clara)

    with pytest.raises(NothingToRepair):
        repairing.reissue(sold, actor=clara, because="staff")


@pytest.mark.django_db(transaction=True)
def test_of_concurrent_return_and_reissue_one_wins(sold: Order, clara: User, smdp: str) -> None:
    turns: list[Turn] = [ask, reissue]

    at_once(lambda: turns.pop()(sold, clara), 2)

    assert Return.objects.count() + Repair.objects.count() == 1


def reissue(order: Order, clara: User) -> Repair:
    return repairing.reissue(order, actor=clara, because="staff")


def test_the_customer_is_told(
    sold: Order, clara: User, as_alice: Client, alice: User, smdp: str
) -> None:
    address = f"/orders/{sold.number}/"
    order_return = ask(sold, clara)
    assert "refunding $19.00 to Visa ending in 4242." in as_alice.get(address).text

    processed(order_return)

    page = as_alice.get(address).text
    assert "Your order was refunded" in page
    assert "We refunded $19.00 to Visa ending in 4242." in page
    assert as_alice.post(f"{address}continue/").headers["location"] == address
    assert not esims_to_install(alice)
    assert order_to_hand_over(alice, sold.visit) is None


def test_the_timeline_says_who_and_why(sold: Order, clara: User, smdp: str) -> None:
    processed(ask(sold, clara))

    told = [entry.what for entry in timeline(Order.objects.get(pk=sold.pk))]
    assert "requested (changed their mind)" in told
    assert "done" in told


def test_staff_are_asked_for_a_reason_first(sold: Order, client: Client, clara: User) -> None:
    client.force_login(clara)
    action = {"action": "take_back", "_selected_action": [sold.pk]}

    asked = client.post("/admin/orders/order/", action)
    assert sold.display_number in asked.text
    assert 'name="because"' in asked.text
    assert not Return.objects.exists()
    done = client.post("/admin/orders/order/", {**action, "because": "goodwill"})
    again = client.post("/admin/orders/order/", {**action, "because": "goodwill"})

    told = [str(m) for answer in (done, again) for m in get_messages(answer.wsgi_request)]
    assert Return.objects.get().because == "goodwill"
    assert "The order is being refunded" in told[0]
    assert "already refunded" in told[-1]
    assert client.get("/admin/orders/order/?staff=1").status_code == 200
    assert client.get("/admin/orders/return/").status_code == 200


def test_staff_give_up_a_held_order(sold: Order, client: Client, clara: User) -> None:
    client.force_login(clara)
    Order.objects.filter(pk=sold.pk).update(state=OrderState.HELD)
    action = {"action": "give_up", "_selected_action": [sold.pk]}

    client.post("/admin/orders/order/", {**action, "because": "gone"})

    assert Order.objects.get(pk=sold.pk).state == OrderState.FAILED


def test_a_return_reads_as_one(sold: Order, clara: User, smdp: str) -> None:
    assert str(ask(sold, clara)) == f"return of {sold.display_number}"

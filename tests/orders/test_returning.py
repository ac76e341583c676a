"""`orders.domain.returning`: an order is taken back once: plan, eSIM and the whole charge."""

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
from subscriptions.models import SimOnLine, SubscriptionState
from tests.builders import make_card, make_order, make_visit
from tests.looks import looked_at
from tests.orders.conftest import new_card, settled
from tests.providers import break_it, profiles, statuses
from tests.races import at_once

Turn = Callable[[Order, User], object]


@pytest.fixture
def sold(placed: Order) -> Order:
    """Return Alice's order, paid and with an eSIM that no device has yet."""
    return settled(placed)


def worked_on(refund: Return, looks: int = 1) -> Return:
    """Let a worker look at the refund so many times, and return it as it is then."""
    for _ in range(looks):
        looked_at("return", refund.pk)
    return Return.objects.select_related("order__payment", "order__profile__sim").get(pk=refund.pk)


def ask(order: Order, clara: User, **said: Any) -> Return:
    return returning.request_return(order, actor=clara, because="changed their mind", **said)


def test_the_whole_charge_is_refunded_once(
    sold: Order, clara: User, gateway: str, smdp: str
) -> None:
    refund = worked_on(ask(sold, clara), looks=2)

    assert (refund.state, refund.order.state) == (ReturnState.DONE, OrderState.COMPLETED)
    assert refund.order.payment.state == PaymentState.REFUNDED
    assert statuses(gateway) == ["refunded"]


def test_the_esim_is_cancelled_and_its_iccid_never_comes_back(
    sold: Order, clara: User, smdp: str
) -> None:
    refund = worked_on(ask(sold, clara))

    profile = refund.order.profile
    assert profile is not None
    assert (profile.state, profile.sim.state) == (ProfileState.CANCELLED, SimState.RETIRED)
    assert [state for _iccid, state in profiles(smdp)] == ["Unavailable"]
    assert not SimOnLine.objects.filter(sim=profile.sim, until=None).exists()


def test_the_plan_ends_at_once(sold: Order, clara: User, smdp: str) -> None:
    refund = worked_on(ask(sold, clara))

    order = Order.objects.get(pk=sold.pk)
    assert order.subscription is not None
    assert order.subscription.state == SubscriptionState.CANCELLED
    assert refund.order.profile is not None
    (left,) = balances(refund.order.profile.sim.iccid, location=None, at=now())
    assert left.type == BalanceType.NONE


def test_an_esim_on_a_device_stays_there_without_a_plan(
    sold: Order, clara: User, gateway: str, smdp: str
) -> None:
    assert sold.profile is not None
    provisioning.move(sold.profile, ProfileState.DOWNLOADED, downloaded_at=now())

    refund = worked_on(ask(sold, clara))

    assert refund.state == ReturnState.DONE
    assert [state for _iccid, state in profiles(smdp)] == ["Released"]
    assert statuses(gateway) == ["refunded"]


def test_staff_can_keep_the_esim(sold: Order, clara: User, smdp: str) -> None:
    worked_on(ask(sold, clara, withdraws_esim=False))

    assert [state for _iccid, state in profiles(smdp)] == ["Released"]


def test_returning_a_plan_on_a_sim_card_does_not_call_the_smdp(
    alice: User, clara: User, gateway: str, smdp: str
) -> None:
    card = make_card()
    visit = make_visit(account=alice, eid="", iccid=card.iccid)
    sold = settled(make_order(alice, visit=visit, method=new_card(alice)))

    assert worked_on(ask(sold, clara)).state == ReturnState.DONE
    assert statuses(gateway) == ["refunded"]
    assert profiles(smdp) == []


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "http_500", "malformed"])
def test_a_lost_answer_is_asked_for_again(
    sold: Order, clara: User, gateway: str, smdp: str, fault: str
) -> None:
    break_it(gateway, "refund", fault)
    break_it(smdp, "cancelOrder", fault)

    refund = worked_on(ask(sold, clara), looks=2)

    assert refund.state == ReturnState.DONE
    assert statuses(gateway) == ["refunded"]
    assert [state for _iccid, state in profiles(smdp)] == ["Unavailable"]


def test_the_money_goes_back_even_while_the_smdp_is_away(
    sold: Order, clara: User, gateway: str, smdp: str
) -> None:
    break_it(smdp, "cancelOrder", "http_500", times=1000)

    refund = worked_on(ask(sold, clara))

    assert refund.state == ReturnState.ASKED
    assert refund.last_error.startswith("SmdpUnavailable: ")
    assert statuses(gateway) == ["refunded"]


def test_the_last_error_names_every_service_that_did_not_answer(
    sold: Order, clara: User, gateway: str, smdp: str
) -> None:
    break_it(smdp, "cancelOrder", "http_500")
    break_it(gateway, "refund", "http_500")

    refund = worked_on(ask(sold, clara))

    from_smdp, from_gateway = refund.last_error.split("; ")
    assert from_smdp.startswith("SmdpUnavailable: ")
    assert from_gateway.startswith("GatewayUnavailable: ")


def test_a_return_is_retried_soon_and_then_less_and_less_often(
    sold: Order, clara: User, gateway: str, smdp: str
) -> None:
    break_it(gateway, "refund", "http_500", times=1000)
    refund = ask(sold, clara)

    answers = [looked_at("return", refund.pk) for _ in range(6)]

    pauses = [answer.delay.total_seconds() for answer in answers if answer]
    assert pauses[:-1] == pytest.approx(RETRY_DELAYS, rel=0.2)
    assert 16 <= pauses[-1] <= 32


def test_the_end_of_one_return_leaves_the_others_open(
    sold: Order, alice: User, clara: User, gateway: str, smdp: str
) -> None:
    visit = make_visit(account=alice)
    other = settled(make_order(alice, visit=visit, plan=sold.plan, method=new_card(alice)))
    waiting = ask(other, clara)

    assert worked_on(ask(sold, clara)).state == ReturnState.DONE

    waiting.refresh_from_db()
    assert (waiting.state, waiting.ended_at) == (ReturnState.ASKED, None)


def test_a_return_that_fails_for_long_needs_staff(
    sold: Order, clara: User, gateway: str, smdp: str
) -> None:
    break_it(gateway, "refund", "http_500", times=1000)

    refund = worked_on(ask(sold, clara), looks=TRIES_BEFORE_STAFF)
    assert not needing_staff(Order.objects.all())
    worked_on(refund)

    assert list(needing_staff(Order.objects.all())) == [sold]


def test_a_return_that_the_gateway_refused_can_be_requested_again(
    sold: Order, clara: User, gateway: str, smdp: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_args: object, **_keywords: object) -> None:
        raise GatewayRefused("refund: too old")

    with monkeypatch.context() as patched:
        patched.setattr("payments.gateways.simulator.SimulatorGateway.refund", refused)
        refund = worked_on(ask(sold, clara))
    assert (refund.state, refund.last_error) == (ReturnState.REFUSED, "refund: too old")
    assert list(needing_staff(Order.objects.all())) == [sold]

    assert worked_on(ask(sold, clara)).state == ReturnState.DONE


@pytest.mark.parametrize(
    "error", [GatewayRefused("x" * 500), GatewayUnavailable("x" * 500, was_sent=True)]
)
def test_a_long_error_is_cut_to_the_length_of_its_column(
    sold: Order, clara: User, smdp: str, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def broken(*_args: object, **_keywords: object) -> None:
        raise error

    monkeypatch.setattr("payments.gateways.simulator.SimulatorGateway.refund", broken)

    assert len(worked_on(ask(sold, clara)).last_error) == 200


def test_of_two_workers_one_ends_the_return(sold: Order, clara: User, smdp: str) -> None:
    seen_before = ask(sold, clara)
    worked_on(seen_before)

    returning._end(seen_before, ReturnState.REFUSED)  # noqa: SLF001 -- the very step

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
    refund = ask(sold, clara)
    assert "refunding $19.00 to Visa ending in 4242." in as_alice.get(address).text

    worked_on(refund)

    page = as_alice.get(address).text
    assert "Your order was refunded" in page
    assert "We refunded $19.00 to Visa ending in 4242." in page
    assert as_alice.post(f"{address}continue/").headers["location"] == address
    assert not esims_to_install(alice)
    assert order_to_hand_over(alice, sold.visit) is None


def test_the_timeline_says_who_and_why(sold: Order, clara: User, smdp: str) -> None:
    worked_on(ask(sold, clara))

    told = [entry.what for entry in timeline(Order.objects.get(pk=sold.pk))]
    assert "asked (changed their mind)" in told
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
    assert "The money is being returned" in told[0]
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

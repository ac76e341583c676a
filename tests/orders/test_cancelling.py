"""A cancel wins until the charge is decided (docs/contract.md#leaving)."""

from typing import Any

import pytest
from pytest_django.fixtures import Settings

from accounts.models import User
from esim.models import Sim
from esim.states import ProfileState, SimState
from orders.domain import placing, settling
from orders.models import Order
from orders.queries.orders import any_order_of_iccid
from orders.states import Failure, OrderState
from payments.domain import payments
from payments.models import Payment
from payments.states import PaymentState
from subscriptions.domain import activation
from tests.builders import make_order, payment_of
from tests.orders.conftest import process_once, seconds, settled
from tests.providers import break_it, profiles, statuses


def test_a_cancel_that_won_is_processed_at_once(
    placed: Order, alice: User, gateway: str, smdp: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cancelled_just_before(*_asked: object, **_how: object) -> None:
        placing.request_cancel(Order.objects.get(pk=placed.pk), actor=alice)

    monkeypatch.setattr(activation, "activate", cancelled_just_before)

    assert seconds(process_once(placed)) == 0
    assert process_once(placed) is None
    assert placed.changes.latest("pk").reason == "cancelled by the customer"
    assert process_once(placed) is None


def test_the_profile_is_cancelled_even_while_the_gateway_is_away(
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
    assert payment_of(settled(order)).state == PaymentState.VOIDED


def test_a_cancel_in_time_undoes_everything(
    placed: Order, alice: User, gateway: str, smdp: str
) -> None:
    break_it(smdp, "confirmOrder", "http_500")
    settled(placed)

    placing.request_cancel(placed, actor=alice)
    order = settled(placed, times=2)

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
    decide = settling._decide_to_charge  # noqa: SLF001 -- the test needs this moment

    def cancelled_just_before(order: Order) -> None:
        placing.request_cancel(Order.objects.get(pk=order.pk), actor=alice)
        decide(order)

    monkeypatch.setattr(settling, "_decide_to_charge", cancelled_just_before)
    order = settled(placed, times=2)

    assert order.state == OrderState.CANCELLED
    assert statuses(gateway) == ["voided"]


def test_a_cancel_while_the_payment_is_authorised_uses_up_no_iccid(
    placed: Order, alice: User, gateway: str, smdp: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    authorise = payments.authorise

    def cancelled_meanwhile(payment: Payment, **how: Any) -> None:
        authorise(payment, **how)
        placing.request_cancel(Order.objects.get(pk=placed.pk), actor=alice)

    monkeypatch.setattr(payments, "authorise", cancelled_meanwhile)
    order = settled(placed, times=2)

    assert (order.state, order.profile) == (OrderState.CANCELLED, None)
    assert (profiles(smdp), statuses(gateway)) == ([], ["voided"])
    assert set(Sim.objects.values_list("state", flat=True)) == {SimState.AVAILABLE}


def test_a_cancel_while_the_smdp_is_away_uses_up_no_iccid(
    placed: Order, alice: User, gateway: str, smdp: str, settings: Settings
) -> None:
    smdp_url = settings.SMDP_URL
    settings.SMDP_URL = "http://127.0.0.1:9"
    assert settled(placed).profile is not None
    placing.request_cancel(placed, actor=alice)
    order = settled(placed, times=2)
    settings.SMDP_URL = smdp_url

    assert (order.state, order.undone_at is not None) == (OrderState.CANCELLED, True)
    assert order.profile is not None
    assert order.profile.state == ProfileState.UNUSED
    assert set(Sim.objects.values_list("state", flat=True)) == {SimState.AVAILABLE}

    later = settled(make_order(alice, plan=order.plan, method=payment_of(order).method))
    assert later.sim_in_use == order.profile.sim
    assert any_order_of_iccid(order.profile.sim.iccid) == later

"""Undoing a failed or cancelled order leaves no money and no profile, however long it takes."""

import pytest
from django.utils.timezone import now

from accounts.models import User
from esim.domain import provisioning
from esim.states import ProfileState, SimState
from mobileplans.words import LineResult, MoDirectStatus
from orders.domain import by_staff, moving, outcomes, placing
from orders.models import Order
from orders.queries.orders import needing_staff
from orders.states import TRIES_BEFORE_STAFF, OrderState
from payments.domain import payments
from payments.gateways.base import GatewayRefused
from payments.states import PaymentState, RefundState
from subscriptions.networks.base import NetworkRefused, NetworkUnavailable
from tests.builders import payment_of
from tests.orders.conftest import process_once, settled
from tests.providers import break_it, mend, profiles, statuses


def test_a_profile_downloaded_before_its_cancellation_gets_no_plan(
    placed: Order, alice: User, gateway: str, smdp: str
) -> None:
    break_it(gateway, "capture", "http_500")
    order = settled(placed)
    assert order.profile is not None
    provisioning.move(order.profile, ProfileState.DOWNLOADED, downloaded_at=now())
    Order.objects.update(charge_decided_at=None, cancel_requested_at=now())

    order = settled(order)

    assert order.undone_at is not None
    assert order.profile is not None
    assert order.profile.sim.state == SimState.RETIRED
    assert statuses(gateway) == ["voided"]


def test_cancelling_at_an_absent_smdp_is_repeated(
    placed: Order, alice: User, gateway: str, smdp: str
) -> None:
    break_it(smdp, "confirmOrder", "http_500")
    settled(placed)
    placing.request_cancel(placed, actor=alice)
    break_it(smdp, "cancelOrder", "drop_before")

    order = settled(placed)
    assert (order.undone_at, order.tries) == (None, 1)

    assert settled(order).undone_at is not None
    assert [state for _iccid, state in profiles(smdp)] == ["Unavailable"]


def test_a_service_that_fails_while_undoing_does_not_change_what_the_host_is_told(
    placed: Order, alice: User, gateway: str, smdp: str
) -> None:
    break_it(smdp, "confirmOrder", "http_500")
    settled(placed)
    Order.objects.update(last_error="")
    placing.request_cancel(placed, actor=alice)
    break_it(gateway, "*", "http_500", times=1000)

    order = settled(placed)

    assert (order.undone_at, order.tries, order.last_error) == (None, 1, "")
    outcome = outcomes.of_order(order, order.visit)
    assert (outcome.line, outcome.mo_direct_status) == (LineResult.BAILED, MoDirectStatus.NONE)


def test_an_order_that_is_undone_stays_as_it_is(
    placed: Order, alice: User, gateway: str, smdp: str
) -> None:
    placing.request_cancel(placed, actor=alice)
    order = settled(placed)
    break_it(gateway, "*", "http_500", times=1000)

    assert settled(order).undone_at == order.undone_at


def test_an_order_that_cannot_be_undone_needs_staff(
    placed: Order, gateway: str, alice: User
) -> None:
    placing.request_cancel(placed, actor=alice)
    Order.objects.filter(pk=placed.pk).update(state=OrderState.IN_PROGRESS)
    payments.authorise(payment_of(placed), before_call=lambda: None)
    break_it(gateway, "void", "http_500", times=1000)

    order = settled(placed, times=TRIES_BEFORE_STAFF)
    assert not needing_staff(Order.objects.all())
    order = settled(order)

    assert order.state == OrderState.CANCELLED
    assert list(needing_staff(Order.objects.all())) == [order]
    mend(gateway)
    assert settled(order).undone_at is not None
    assert not needing_staff(Order.objects.all())


@pytest.fixture
def charged(placed: Order, gateway: str) -> Order:
    """Return a cancelled order whose payment is captured, as if the answer came too late."""
    Order.objects.filter(pk=placed.pk).update(state=OrderState.CANCELLED)
    payments.authorise(payment_of(placed), before_call=lambda: None)
    payments.capture(payment_of(placed), before_call=lambda: None)
    return Order.objects.get(pk=placed.pk)


def test_a_refund_that_is_refused_again_and_again_ends_with_a_staff_alert(
    charged: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("payments.gateways.simulator.SimulatorGateway.refund", _refuse)
    settled(charged, times=TRIES_BEFORE_STAFF)
    assert not needing_staff(Order.objects.all())

    assert process_once(charged) is None

    assert list(needing_staff(Order.objects.all())) == [charged]
    refunds = payment_of(charged).refunds.all()
    assert {refund.state for refund in refunds} == {RefundState.FAILED}
    assert len(refunds) == TRIES_BEFORE_STAFF + 1


def test_the_attempts_go_on_while_a_service_is_unavailable(
    charged: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    def be_unavailable(*_args: object, **_keywords: object) -> None:
        raise NetworkUnavailable("no answer", was_sent=True)

    monkeypatch.setattr("payments.gateways.simulator.SimulatorGateway.refund", _refuse)
    monkeypatch.setattr("orders.domain.undoing._end_service", be_unavailable)
    settled(charged, times=TRIES_BEFORE_STAFF)

    for _ in range(5):
        assert process_once(charged) is not None

    assert list(needing_staff(Order.objects.all())) == [charged]
    # Each refused refund is a row, so those do not go on.
    assert payment_of(charged).refunds.count() == TRIES_BEFORE_STAFF + 1


def test_an_end_that_the_network_refuses_is_not_asked_for_without_an_end(
    placed: Order, alice: User, gateway: str, network: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_it(gateway, "capture", "http_500")
    order = settled(placed)
    Order.objects.update(charge_decided_at=None, cancel_requested_at=now())
    break_it(gateway, "void", "http_500", times=1000)
    monkeypatch.setattr("subscriptions.networks.http.HttpNetwork.end", _refuse_to_end)

    order = settled(order, times=TRIES_BEFORE_STAFF + 6)

    assert order.subscription is not None
    ends = order.subscription.network_calls.filter(operation="end")
    assert ends.count() == TRIES_BEFORE_STAFF + 1
    assert list(needing_staff(Order.objects.all())) == [order]


def test_staff_retry_an_order_that_could_not_be_undone(
    charged: Order, clara: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("payments.gateways.simulator.SimulatorGateway.refund", _refuse)
        settled(charged, times=TRIES_BEFORE_STAFF + 1)

    by_staff.resume(charged, actor=clara)

    assert settled(charged).undone_at is not None
    assert payment_of(settled(charged)).state == PaymentState.REFUNDED
    with pytest.raises(moving.IllegalTransition):
        by_staff.resume(charged, actor=clara)


def _refuse_to_end(*_args: object, **_keywords: object) -> None:
    raise NetworkRefused("end: no")


def _refuse(*_args: object, **_keywords: object) -> None:
    raise GatewayRefused("refund: no")

"""Failed attempts are repeated less and less often, until the order fails or is held."""

import pytest
from pytest_django.fixtures import Settings

from accounts.models import User
from esim.domain.provisioning import ProfileRefused
from esim.models import Sim
from esim.states import ProfileState, SimState
from orders.domain import new_plans, placing
from orders.models import Order
from orders.states import TRIES_BEFORE_STAFF, Failure, OrderState
from outbox.retries import RETRY_DELAYS
from payments.states import PaymentState
from tests.builders import payment_of
from tests.orders.conftest import process_once, seconds, settled
from tests.peer import Answer, Peer, answering
from tests.providers import break_it, statuses


def test_a_service_that_stays_away_fails_the_order_and_voids_the_payment(
    placed: Order, gateway: str, smdp: str
) -> None:
    break_it(smdp, "downloadOrder", "http_500", times=50)

    tries = len(RETRY_DELAYS) + 1
    order = settled(placed, times=tries)
    assert (order.state, order.failure) == (OrderState.FAILED, Failure.SERVICE_DOWN)

    order = settled(order)
    assert payment_of(order).state == PaymentState.VOIDED
    assert order.profile is not None
    assert order.profile.state == ProfileState.CANCELLED
    assert order.profile.sim.state == SimState.RETIRED
    assert statuses(gateway) == ["voided"]


def test_while_the_customer_waits_each_delay_is_followed_by_an_attempt(
    placed: Order, gateway: str, smdp: str
) -> None:
    break_it(smdp, "downloadOrder", "http_500", times=50)

    for tries, pause in enumerate((0.5, 2, 4, 8, 12), start=1):
        assert pause * 0.8 <= seconds(process_once(placed)) <= pause * 1.2
        placed.refresh_from_db()
        assert (placed.state, placed.tries) == (OrderState.IN_PROGRESS, tries)
        assert placed.last_error.startswith("SmdpUnavailable: ")
    assert seconds(process_once(placed)) == 0

    placed.refresh_from_db()
    assert (placed.state, placed.tries) == (OrderState.FAILED, 0)
    assert placed.changes.latest("pk").reason == placed.last_error


def test_a_decided_charge_is_retried_less_and_less_often(
    placed: Order, gateway: str, smdp: str
) -> None:
    break_it(gateway, "capture", "http_500", times=50)

    for usual in RETRY_DELAYS:
        assert seconds(process_once(placed)) == pytest.approx(usual, rel=0.2)
    for tries in range(len(RETRY_DELAYS), TRIES_BEFORE_STAFF):
        longest = min(2.0**tries, 600)
        assert longest / 2 <= seconds(process_once(placed)) <= longest
    placed.refresh_from_db()
    assert (placed.state, placed.tries) == (OrderState.IN_PROGRESS, TRIES_BEFORE_STAFF)

    assert process_once(placed) is None
    placed.refresh_from_db()
    assert placed.state == OrderState.HELD


def test_a_last_attempt_that_decides_to_charge_does_not_fail_the_order(
    placed: Order, gateway: str, smdp: str
) -> None:
    Order.objects.filter(pk=placed.pk).update(tries=len(RETRY_DELAYS))
    break_it(gateway, "capture", "drop_after")

    order = settled(placed)

    assert (order.state, order.charge_decided_at is not None) == (OrderState.IN_PROGRESS, True)
    assert settled(placed).state == OrderState.COMPLETED


def break_making_ready(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Make every attempt fail with this error when a SIM is made ready."""

    def broken(*_args: object) -> Sim:
        raise error

    monkeypatch.setattr(new_plans, "make_sim_ready", broken)


def test_a_long_error_is_cut_to_the_length_of_its_column(
    placed: Order, gateway: str, smdp: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_making_ready(monkeypatch, ValueError("x" * 500))
    process_once(placed)

    placed.refresh_from_db()
    assert placed.last_error == f"ValueError: {'x' * 188}"


def test_a_long_reason_is_cut_to_the_length_of_its_column(
    placed: Order, gateway: str, smdp: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_making_ready(monkeypatch, ProfileRefused("x" * 500))
    process_once(placed)

    assert placed.changes.latest("pk").reason == f"ProfileRefused: {'x' * 184}"


def test_undoing_counts_its_attempts_from_zero(
    placed: Order, alice: User, gateway: str, smdp: str
) -> None:
    break_it(smdp, "confirmOrder", "http_500", times=3)
    settled(placed, times=3)
    placing.request_cancel(placed, actor=alice)
    break_it(gateway, "void", "http_500", times=2)

    for tries in (0, 1):
        assert seconds(process_once(placed)) == pytest.approx(RETRY_DELAYS[tries], rel=0.2)
        placed.refresh_from_db()
        assert (placed.state, placed.tries, placed.undone_at) == (
            OrderState.CANCELLED,
            tries + 1,
            None,
        )


def test_an_unexpected_error_counts_as_an_attempt(
    placed: Order, gateway: str, smdp: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_making_ready(monkeypatch, ZeroDivisionError())
    order = settled(placed, times=len(RETRY_DELAYS) + 1)

    assert (order.state, order.failure) == (OrderState.FAILED, Failure.SERVICE_DOWN)
    assert payment_of(settled(order)).state == PaymentState.VOIDED


def test_an_smdp_that_asks_for_time_gets_it(placed: Order, settings: Settings) -> None:
    busy = Answer(status=429, headers={"Retry-After": "9"})
    with answering(Peer(next=[lambda _body: busy])) as peer:
        settings.SMDP_URL = peer.url

        assert seconds(process_once(placed)) == 9

"""An authorisation's end is the gateway's. After it nothing is captured, and nothing is renewed."""

from datetime import timedelta

import httpx
import pytest
from django.utils.timezone import now

from accounts.models import User
from outbox.domain import RetryAfter
from outbox.models import Task
from payments.domain import authorisations
from payments.domain import payments as domain
from payments.gateways.base import GatewayRefused, GatewayUnavailable
from payments.gateways.simulator import SimulatorGateway
from payments.models import Payment
from payments.states import PaymentState
from payments.tasks import let_go
from tests.payments.conftest import authorise, capture, gateway_payments, make_payment
from tests.processing import process_task
from tests.providers import break_it


@pytest.fixture
def ended(alice: User, gateway: str) -> Payment:
    """Return a payment whose authorisation has ended. The gateway still holds the amount."""
    payment = authorise(make_payment(alice))
    payment.authorised_until = now() - timedelta(hours=1)
    payment.save()
    return payment


def operations(payment: Payment) -> list[str]:
    return list(payment.calls.values_list("operation", flat=True))


def processed(payment: Payment) -> RetryAfter | None:
    let_go()
    again = process_task(authorisations.KIND, payment.pk)
    payment.refresh_from_db()
    return again


def test_the_gateway_says_when_an_authorisation_ends(alice: User, gateway: str) -> None:
    payment = authorise(make_payment(alice))

    assert payment.authorised_until is not None
    assert timedelta(days=6) < payment.authorised_until - now() <= timedelta(days=7)
    assert not payment.has_ended_authorisation


def test_nothing_is_captured_after_the_end(ended: Payment, gateway: str) -> None:
    with pytest.raises(domain.AuthorisationEnded):
        capture(ended)

    assert operations(ended) == ["authorise", "fetch", "void"]
    assert gateway_payments(gateway) == [("voided", 1900)]
    assert ended.state == PaymentState.VOIDED


def test_a_capture_in_time_whose_answer_was_lost_counts(alice: User, gateway: str) -> None:
    payment = authorise(make_payment(alice))
    break_it(gateway, "capture", "drop_after")
    with pytest.raises(GatewayUnavailable):
        capture(payment)
    payment.authorised_until = now() - timedelta(hours=1)

    assert capture(payment).state == PaymentState.CAPTURED

    assert gateway_payments(gateway) == [("captured", 1900)]


def test_a_worker_lets_go_of_what_was_not_captured_in_time(ended: Payment, gateway: str) -> None:
    assert processed(ended) is None

    assert ended.state == PaymentState.VOIDED
    assert gateway_payments(gateway) == [("voided", 1900)]


def test_what_the_gateway_has_let_go_of_itself_is_not_voided_again(
    ended: Payment, gateway: str
) -> None:
    lapse = f"{gateway}/payments/{ended.gateway_id}/lapse"
    httpx.post(lapse, json={}, trust_env=False).raise_for_status()

    processed(ended)

    assert ended.state == PaymentState.VOIDED
    assert operations(ended) == ["authorise", "fetch"]


def test_a_worker_that_runs_twice_lets_go_once(ended: Payment, gateway: str) -> None:
    processed(ended)

    assert process_task(authorisations.KIND, ended.pk) is None

    assert operations(ended) == ["authorise", "fetch", "void"]


def test_what_was_charged_in_time_is_kept(ended: Payment, gateway: str) -> None:
    SimulatorGateway().capture(ended.gateway_id, key="in time")

    processed(ended)

    assert ended.state == PaymentState.CAPTURED
    assert gateway_payments(gateway) == [("captured", 1900)]


def test_a_gateway_that_is_away_is_asked_again(ended: Payment, gateway: str) -> None:
    break_it(gateway, "void", "http_500")

    again = processed(ended)

    assert again is not None
    assert ended.state == PaymentState.AUTHORISED
    assert process_task(authorisations.KIND, ended.pk) is None
    assert gateway_payments(gateway) == [("voided", 1900)]


def test_a_gateway_that_refuses_to_void_is_left_to_staff(
    ended: Payment, gateway: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_args: object, **_keywords: object) -> None:
        raise GatewayRefused("void: no")

    monkeypatch.setattr(SimulatorGateway, "void", refused)

    assert processed(ended) is None

    assert ended.state == PaymentState.AUTHORISED
    assert list(authorisations.ended_authorisations()) == [ended]


# Seconds from now, and None where the gateway names no end.
@pytest.mark.parametrize("left", [None, 86_400, -60])
def test_what_has_not_ended_or_has_just_ended_is_not_enqueued(
    alice: User, gateway: str, left: int | None
) -> None:
    payment = authorise(make_payment(alice))
    until = None if left is None else now() + timedelta(seconds=left)
    Payment.objects.filter(pk=payment.pk).update(authorised_until=until)

    assert authorisations.enqueue_ended_authorisations() == 0

    assert not Task.objects.filter(kind=authorisations.KIND).exists()

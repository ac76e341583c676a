"""Fraud: the method is stopped everywhere, and a device on the stop list stays there for a time."""

import json
from datetime import timedelta

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.models import User
from outbox.domain import RetryAfter
from outbox.models import Task
from payments.domain import fraud, methods, stop_list
from payments.domain import payments as domain
from payments.domain.subjects import UNKNOWN_FOR, UNKNOWN_INTERVAL, enqueue_reported
from payments.models import FraudWarning, GatewayCall, Payment, PaymentMethod, StoppedDevice
from payments.states import DeviceId, MandateEnd
from simulators.payment.server import SIGNATURE_HEADER, signed
from tests.builders import EID
from tests.payments.conftest import agree, authorise, capture, card, make_payment
from tests.payments.disputes import ask_about, decide, disputed, open_dispute, post
from tests.processing import process_task

SECRET = "the gateway's and ours"
STOPS = "/admin/payments/stoppeddevice/"
DEVICE = {DeviceId.EID: EID, DeviceId.IMEI: ""}


@pytest.fixture
def captured(alice: User, gateway: str) -> Payment:
    return capture(authorise(make_payment(alice)))


@pytest.fixture
def desk(client: Client, clara: User) -> Client:
    client.force_login(clara)
    return client


def warned(gateway: str, payment: Payment) -> RetryAfter | None:
    """Let the bank warn of fraud, and a worker ask about it."""
    warning = post(gateway, f"/payments/{payment.gateway_id}/fraud_warning")["id"]
    enqueue_reported(fraud.KIND, "simulator", warning)
    return process_task(fraud.KIND, f"simulator:{warning}")


def is_stopped(payment: Payment) -> bool:
    payment.method.refresh_from_db()
    return payment.method.stopped_at is not None


def test_a_fraud_warning_stops_the_card_and_takes_nothing(captured: Payment, gateway: str) -> None:
    warned(gateway, captured)
    warned(gateway, captured)

    assert is_stopped(captured)
    assert [one.reason for one in FraudWarning.objects.all()] == ["stolen_card"] * 2
    captured.refresh_from_db()
    assert (captured.lost_minor_units, captured.is_disputed) == (0, False)


def test_the_same_card_is_stopped_wherever_the_customer_stored_it(
    captured: Payment, alice: User, bob: User, gateway: str
) -> None:
    again, other = (
        domain.add_card(alice, card(number))
        for number in (
            "4242424242424242",
            "5555555555554444",
        )
    )
    of_bob = domain.add_card(bob, card())

    disputed(gateway, captured, reason="fraudulent")

    assert list(methods.usable_methods(alice, market="US")) == [other]
    assert list(methods.usable_methods(bob, market="US")) == [of_bob]
    again.refresh_from_db()
    assert again.stopped_at is not None


def test_fraud_ends_the_mandates_of_the_card(captured: Payment, gateway: str) -> None:
    agree(captured.method)

    warned(gateway, captured)

    mandate = captured.method.mandates.get()
    assert (mandate.end_reason, mandate.ended_at is None) == (MandateEnd.FRAUD, False)


@pytest.mark.parametrize(("reason", "stops"), [("fraudulent", 1), ("duplicate", 0)])
def test_only_a_dispute_about_fraud_stops_the_card(
    captured: Payment, gateway: str, reason: str, stops: int
) -> None:
    disputed(gateway, captured, reason=reason)

    assert is_stopped(captured) == stops


def test_a_dispute_that_was_won_before_it_was_known_stops_nothing(
    captured: Payment, gateway: str
) -> None:
    dispute_id = open_dispute(gateway, captured, reason="fraudulent")
    decide(gateway, dispute_id, "won")

    ask_about(dispute_id)

    assert not is_stopped(captured)


def test_an_event_wakes_a_worker_for_the_warning(
    captured: Payment, gateway: str, settings: Settings
) -> None:
    settings.PAYMENT_WEBHOOK_SECRET = SECRET
    about = {"id": captured.gateway_id, "reference": "ORDER", "status": "captured"}
    body = json.dumps({"id": "evt_1", "payment": about, "fraud_warning": {"id": "warn_1"}})
    header = {SIGNATURE_HEADER: signed(body, SECRET, at=int(now().timestamp()))}

    Client().post("/payments/webhook", body, content_type="application/json", headers=header)

    assert Task.objects.get(kind=fraud.KIND).subject == "simulator:warn_1"


def test_a_warning_before_the_stored_payment_waits_and_stops_the_card(
    captured: Payment, gateway: str
) -> None:
    gateway_id = captured.gateway_id
    Payment.objects.update(gateway_id="not stored yet")
    assert warned(gateway, Payment(gateway_id=gateway_id)) == RetryAfter(UNKNOWN_INTERVAL)
    assert not is_stopped(captured)
    Payment.objects.update(gateway_id=gateway_id)

    assert process_again() is None

    assert is_stopped(captured)
    assert FraudWarning.objects.get().payment == captured


def process_again() -> RetryAfter | None:
    return process_task(fraud.KIND, Task.objects.get(kind=fraud.KIND).subject)


def test_a_warning_survives_days_in_which_the_gateway_is_away(
    captured: Payment, gateway: str, settings: Settings
) -> None:
    gateway_id = captured.gateway_id
    Payment.objects.update(gateway_id="not stored yet")
    settings.PAYMENT_GATEWAY_URL = "http://127.0.0.1:9"
    assert isinstance(warned(gateway, Payment(gateway_id=gateway_id)), RetryAfter)
    settings.PAYMENT_GATEWAY_URL = gateway
    GatewayCall.objects.update(sent_at=now() - 3 * UNKNOWN_FOR)

    assert process_again() == RetryAfter(UNKNOWN_INTERVAL)

    Payment.objects.update(gateway_id=gateway_id)
    process_again()
    assert is_stopped(captured)


def test_a_warning_after_the_dispute_of_its_payment_changes_nothing_more(
    captured: Payment, gateway: str
) -> None:
    disputed(gateway, captured, reason="fraudulent")
    stopped_at = PaymentMethod.objects.get(pk=captured.method_id).stopped_at

    warned(gateway, captured)

    assert PaymentMethod.objects.get(pk=captured.method_id).stopped_at == stopped_at
    assert FraudWarning.objects.count() == 1


def test_a_warning_of_nobodys_payment_changes_nothing(captured: Payment, gateway: str) -> None:
    gateway_id = captured.gateway_id
    Payment.objects.update(gateway_id="another")
    warned(gateway, Payment(gateway_id=gateway_id))
    GatewayCall.objects.update(sent_at=now() - 2 * UNKNOWN_FOR)
    assert process_again() is None
    enqueue_reported(fraud.KIND, "simulator", "nothing")
    assert process_task(fraud.KIND, "simulator:nothing") is None

    assert not FraudWarning.objects.exists()


def test_a_gateway_that_is_not_listed_is_asked_later(captured: Payment) -> None:
    enqueue_reported(fraud.KIND, "former", "warn_1")

    assert isinstance(process_task(fraud.KIND, "former:warn_1"), RetryAfter)


def test_a_device_is_stopped_until_its_time_is_over(captured: Payment) -> None:
    stop_list.stop(captured, DEVICE)
    row = StoppedDevice.objects.get()
    assert (row.kind, row.ending) == (DeviceId.EID, EID[-4:])
    assert EID not in str(vars(row))
    assert stop_list.is_stopped(DEVICE)
    assert not stop_list.is_stopped({DeviceId.EID: EID[::-1]})

    StoppedDevice.objects.update(ends_at=now())

    assert not stop_list.is_stopped(DEVICE)


def test_another_fraud_extends_the_time_and_a_lifted_stop_is_set_again(
    captured: Payment, clara: User
) -> None:
    stop_list.stop(captured, DEVICE)
    StoppedDevice.objects.update(ends_at=now() + timedelta(days=1))

    stop_list.stop(captured, DEVICE)

    row = StoppedDevice.objects.get()
    assert row.ends_at > now() + timedelta(days=100)
    assert stop_list.lift(row, because="x", actor=clara)
    assert not stop_list.lift(row, because="y", actor=clara)
    assert not stop_list.is_stopped(DEVICE)
    stop_list.stop(captured, DEVICE)
    assert stop_list.is_stopped(DEVICE)


def test_without_days_no_device_is_stopped(captured: Payment, settings: Settings) -> None:
    settings.DEVICE_STOP_DAYS = 0

    stop_list.stop(captured, DEVICE)

    assert not StoppedDevice.objects.exists()


def test_staff_find_a_device_by_its_number_and_lift_the_stop_with_a_reason(
    captured: Payment, desk: Client, clara: User
) -> None:
    stop_list.stop(captured, DEVICE)
    row = StoppedDevice.objects.get()
    assert f"EID ending in {EID[-4:]}" in desk.get(f"{STOPS}?q={EID}").text
    assert "EID ending in" not in desk.get(f"{STOPS}?q={EID[::-1]}").text
    action = {"action": "lift", "_selected_action": [row.pk]}
    assert "reported as fraud" in desk.post(STOPS, action).text

    told = desk.post(STOPS, {**action, "because": "bought second-hand"})
    desk.post(STOPS, {**action, "because": "again"})

    assert [str(one) for one in get_messages(told.wsgi_request)] == [f"{row}: can buy again."]
    row.refresh_from_db()
    assert (row.lifted_by, row.lifted_because) == (clara, "bought second-hand")


def test_staff_read_the_warnings(captured: Payment, gateway: str, desk: Client) -> None:
    warned(gateway, captured)

    assert "stolen_card" in desk.get("/admin/payments/fraudwarning/").text

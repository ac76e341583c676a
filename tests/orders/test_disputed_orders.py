"""A disputed charge: the evidence of the sale, the plan by setting, and the stopped device."""

import pytest
from django.test import Client
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.models import AccountMessage, User
from brand.models import LegalText
from esim.models import Profile
from esim.states import ProfileState
from mobileplans.models import Visit
from moportal.http_client import ServiceUnavailable
from orders.domain import disputing, fraud, placing, returning
from orders.models import Order
from orders.queries.timeline import timeline
from orders.states import OrderState
from outbox.domain import RetryAfter
from outbox.models import Task
from payments.domain import answers, evidence
from payments.models import Dispute, StoppedDevice
from payments.states import AnswerKind, DeviceId
from subscriptions.models import UsageRecord
from subscriptions.networks.base import NetworkRefused
from subscriptions.states import SubscriptionState
from tests.builders import EID, make_card, make_draft, make_visit, payment_of
from tests.orders.conftest import settled
from tests.payments.disputes import ask_about, decide, disputed
from tests.processing import process_task


@pytest.fixture
def sold(placed: Order) -> Order:
    """Return Alice's completed order, whose eSIM is on no device yet."""
    LegalText.objects.create(
        kind="terms", language="en", version="2026-11", title="Terms", body="You accept this."
    )
    Order.objects.update(terms_version="2026-11")
    return settled(placed)


def texts(row: Dispute) -> dict[str, str]:
    return evidence.texts(row.evidence)


def tasks(order: Order) -> int:
    return Task.objects.filter(kind=disputing.KIND, subject=str(order.pk)).count()


def reacted(order: Order) -> RetryAfter | None:
    again = process_task(disputing.KIND, order.pk)
    order.refresh_from_db()
    return again


def test_the_evidence_says_what_was_sold_accepted_delivered_and_used(
    sold: Order, gateway: str
) -> None:
    subscription = sold.subscription
    assert subscription is not None
    used_at = subscription.periods.get().starts_at
    assert used_at is not None
    UsageRecord.objects.create(
        source="x",
        record_id="1",
        day=used_at,
        iccid="89",
        line=subscription.line,
        bytes=1234,
        used_at=used_at,
        received_at=used_at,
    )

    found = texts(disputed(gateway, payment_of(sold)))

    assert list(found) == ["payment", "usage", "order", "terms", "device", "download"]
    assert f"Order: {sold.display_number}" in found["order"]
    assert f"Plan: {sold.plan_name}" in found["order"]
    assert "Text: You accept this." in found["terms"]
    assert f"EID: ending in {EID[-4:]}" in found["device"]
    assert EID not in found["device"]
    assert "eSIM: ending in" in found["download"]
    assert "Usage records of the line: 1, 1234 bytes" in found["usage"]


def test_what_happens_after_the_opening_does_not_change_the_evidence(
    sold: Order, gateway: str
) -> None:
    before = texts(disputed(gateway, payment_of(sold)))
    LegalText.objects.update(body="Other words.")

    row = Dispute.objects.get()
    ask_about(row.gateway_id)

    row.refresh_from_db()
    assert texts(row) == before


def test_a_sim_in_the_device_is_the_delivery(alice: User, sold: Order, gateway: str) -> None:
    Order.objects.update(profile=None, sim=make_card())

    assert "in the device already" in texts(disputed(gateway, payment_of(sold)))["download"]


def test_an_esim_that_is_on_its_device_or_none_is_not_withdrawn(
    sold: Order, gateway: str, settings: Settings
) -> None:
    settings.DISPUTE_REACTION = "end"
    Order.objects.update(profile=None)
    row = disputed(gateway, payment_of(sold))

    assert reacted(sold) is None

    assert "download" not in texts(row)
    assert Profile.objects.get().state == ProfileState.RELEASED


def test_a_dispute_leaves_the_plan_unless_the_setting_says_otherwise(
    sold: Order, gateway: str, settings: Settings
) -> None:
    disputed(gateway, payment_of(sold), amount=100)
    settings.DISPUTE_REACTION = "end"
    disputed(gateway, payment_of(sold), kind="inquiry")

    assert tasks(sold) == 0


def test_a_dispute_ends_the_plan_and_tells_the_customer_once(
    sold: Order, gateway: str, settings: Settings, smdp: str
) -> None:
    settings.DISPUTE_REACTION = "end"
    disputed(gateway, payment_of(sold))

    assert reacted(sold) is None
    assert reacted(sold) is None

    assert sold.subscription is not None
    sold.subscription.refresh_from_db()
    assert sold.subscription.state == SubscriptionState.ENDED
    assert sold.subscription.ended_at is not None
    assert Profile.objects.get().state == ProfileState.CANCELLED
    told = AccountMessage.objects.filter(occasion="plan_ended")
    assert told.count() == 1


def test_a_dispute_that_was_won_meanwhile_ends_nothing(
    sold: Order, gateway: str, settings: Settings
) -> None:
    settings.DISPUTE_REACTION = "end"
    row = disputed(gateway, payment_of(sold))
    decide(gateway, row.gateway_id, "won")
    ask_about(row.gateway_id)

    assert reacted(sold) is None

    assert sold.subscription is not None
    sold.subscription.refresh_from_db()
    assert sold.subscription.state == SubscriptionState.ACTIVE


def test_an_order_that_is_not_complete_is_looked_at_later(
    sold: Order, gateway: str, settings: Settings
) -> None:
    settings.DISPUTE_REACTION = "end"
    Order.objects.update(state=OrderState.IN_PROGRESS)
    disputed(gateway, payment_of(sold))

    assert reacted(sold) == RetryAfter(disputing.INTERVAL)


@pytest.mark.parametrize("again", [1, 0])
def test_a_network_that_does_not_end_the_plan_is_asked_again_unless_it_refuses(
    sold: Order, gateway: str, settings: Settings, monkeypatch: pytest.MonkeyPatch, again: int
) -> None:
    def fail(*_given: object, **_more: object) -> None:
        raise ServiceUnavailable("down") if again else NetworkRefused("no")

    settings.DISPUTE_REACTION = "end"
    disputed(gateway, payment_of(sold))
    monkeypatch.setattr("subscriptions.domain.activation.end", fail)

    assert isinstance(reacted(sold), RetryAfter) == again


def test_a_disputed_order_cannot_be_taken_back_until_the_dispute_is_won(
    sold: Order, gateway: str, clara: User
) -> None:
    row = disputed(gateway, payment_of(sold))

    with pytest.raises(returning.ChargeDisputed):
        returning.request_return(sold, actor=clara, because="x")
    decide(gateway, row.gateway_id, "lost")
    ask_about(row.gateway_id)
    with pytest.raises(returning.ChargeDisputed):
        returning.request_return(sold, actor=clara, because="x")
    decide(gateway, row.gateway_id, "won")
    ask_about(row.gateway_id)

    assert returning.request_return(sold, actor=clara, because="x").order == sold


def test_the_timeline_has_the_dispute(sold: Order, gateway: str, clara: User) -> None:
    row = disputed(gateway, payment_of(sold), reason="duplicate")
    answers.request_answer(row, AnswerKind.ACCEPT, because="their right", actor=clara)
    decide(gateway, row.gateway_id, "lost")
    ask_about(row.gateway_id)
    payment_of(sold).fraud_warnings.create(gateway="x", gateway_id="x", reason="stolen_card")

    told = [f"{entry.where} {entry.what}" for entry in timeline(sold)]

    assert "bank dispute opened (duplicate), $19.00" in told
    assert "dispute accept (their right)" in told
    assert "bank dispute lost" in told
    assert "bank fraud warning (stolen_card)" in told


def test_the_device_of_a_fraud_is_stopped_and_the_page_says_whom_to_call(
    sold: Order, alice: User, bob: User, gateway: str, client: Client
) -> None:
    disputed(gateway, payment_of(sold), reason="fraudulent")
    assert StoppedDevice.objects.get().kind == DeviceId.EID
    draft = make_draft(bob, plan=sold.plan, visit=make_visit(account=bob, transaction_id="MSFT_2"))

    with pytest.raises(fraud.DeviceStopped):
        placing.place(draft, version=draft.version)
    client.force_login(bob)
    client.get(f"/?market=US&location=US&transactionId=T2&eid={EID}")
    shown = client.get("/review/").text
    draft.refresh_from_db()
    sent = client.post("/review/", {"draft": draft.pk, "version": draft.version})

    assert "We can't take this order online. Call our support team." in shown
    assert "Submit order" not in shown
    assert "Contact support" in shown
    assert (sent.status_code, sent.headers["Location"]) == (303, "/review/")
    assert Order.objects.count() == 1


def test_an_order_that_was_placed_before_the_stop_stays(
    sold: Order, gateway: str, bob: User
) -> None:
    draft = make_draft(bob, plan=sold.plan, visit=make_visit(account=bob, transaction_id="MSFT_2"))
    placed = placing.place(draft, version=draft.version)
    disputed(gateway, payment_of(sold), reason="fraudulent")

    assert placing.place(draft, version=draft.version) == placed


@pytest.mark.parametrize(
    ("source", "state", "stopped"),
    [
        (Visit.EidFrom.TYPED, ProfileState.RELEASED, 0),
        (Visit.EidFrom.TYPED, ProfileState.DOWNLOADED, 1),
        (Visit.EidFrom.LAUNCH, ProfileState.RELEASED, 1),
    ],
)
def test_only_a_device_that_is_proven_is_stopped(
    sold: Order, gateway: str, source: str, state: str, stopped: int
) -> None:
    Visit.objects.update(eid_from=source, imei="")
    Profile.objects.update(state=state, downloaded_at=now())

    disputed(gateway, payment_of(sold), reason="fraudulent")

    assert StoppedDevice.objects.count() == stopped

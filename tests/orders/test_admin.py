"""The desk's pages of orders: staff find an order by any of its numbers, and edit none."""

import pytest
from django.test import Client
from django.utils.timezone import now

from accounts.models import User
from mobileplans.models import LpaReport
from orders.domain import repairing
from orders.models import Order
from outbox.models import Task
from payments.models import Payment, WebhookEvent
from tests.builders import make_order
from tests.orders.conftest import settled


@pytest.fixture
def desk(client: Client, clara: User) -> Client:
    """Return Clara's browser, signed in to the desk."""
    client.force_login(clara)
    return client


def test_an_order_is_found_by_each_of_its_numbers(desk: Client, alice: User) -> None:
    order = make_order(alice)

    for term in (order.number, order.display_number, str(order.visit.transaction_id)):
        assert order.display_number in desk.get(f"/admin/orders/order/?q={term}").text
    assert order.display_number not in desk.get("/admin/orders/order/?q=00000-00000").text


def test_an_lpa_error_without_an_iccid_has_no_link_to_an_order(desk: Client, alice: User) -> None:
    order = make_order(alice)
    LpaReport.objects.create(visit=order.visit, code="Other", code_as_sent="x", decides=True)

    page = desk.get("/admin/mobileplans/lpareport/")

    assert page.status_code == 200
    assert order.display_number not in page.text


@pytest.mark.parametrize(
    "model", ["orders/order", "orders/repair", "orders/return", "payments/payment", "outbox/task"]
)
def test_staff_cannot_add_rows(desk: Client, model: str) -> None:
    assert desk.get(f"/admin/{model}/add/").status_code == 403


def test_staff_can_read_but_not_change_what_happened(
    desk: Client, placed: Order, smdp: str
) -> None:
    order = settled(placed)
    WebhookEvent.objects.create(
        identifier="evt", payment=order.payment, gateway_id="pay", status="captured"
    )

    payment = desk.get(f"/admin/payments/payment/{order.payment_id}/change/").text
    task = desk.get(f"/admin/outbox/task/{Task.objects.latest('pk').pk}/change/").text

    assert "authorise" in payment
    assert "captured" in payment
    assert "Save" not in payment
    assert "Save" not in task
    assert desk.post(f"/admin/orders/order/{order.pk}/delete/").status_code == 403
    assert Payment.objects.get().state == "captured"


def test_the_pages_that_list_calls_open(desk: Client, placed: Order) -> None:
    order = settled(placed)
    assert order.profile is not None
    assert order.subscription is not None

    for page in (
        f"orders/order/{order.pk}",
        f"esim/profile/{order.profile.pk}",
        f"payments/payment/{order.payment_id}",
        f"subscriptions/subscription/{order.subscription.pk}",
        f"subscriptions/line/{order.subscription.line_id}",
        f"mobileplans/visit/{order.visit_id}",
    ):
        assert desk.get(f"/admin/{page}/change/").status_code == 200, page


def test_the_timeline_has_events_of_every_system(
    desk: Client, placed: Order, smdp: str, gateway: str
) -> None:
    order = settled(placed)
    assert order.profile is not None
    order.profile.progress.create(
        iccid=order.profile.sim.iccid, point=4, status="Executed-Success", received_at=now()
    )
    WebhookEvent.objects.create(
        identifier="evt", payment=order.payment, gateway_id="pay", status="captured"
    )
    handoff = order.visit.handoffs.create(
        token_hash="x",
        language="en",
        expires_at=now(),
        success=False,
        mo_direct_status="ServiceError",
        reference=order.display_number,
    )
    handoff.reports.create(kind="activation", result="success")

    page = desk.get(f"/admin/orders/order/{order.pk}/change/").text

    for event in (
        "point 4",
        "reported: captured",
        "ServiceError",
        "activation: success",
        "confirmOrder",
    ):
        assert event in page


def test_the_timeline_begins_with_the_submission(
    desk: Client, placed: Order, alice: User, smdp: str
) -> None:
    first = desk.get(f"/admin/orders/order/{placed.pk}/change/").text
    repairing.reissue(settled(placed), actor=alice, because="CardBusy")
    later = desk.get(f"/admin/orders/order/{placed.pk}/change/").text

    assert "submitted" in first
    assert "authorise" not in first
    assert "reissue requested (CardBusy)" in later

"""The page of an order, and leaving the portal while there is one."""

from urllib.parse import quote

from django.test import Client
from django.utils.timezone import now

from accounts.models import Address, User
from esim.domain import provisioning
from esim.states import ProfileState
from mobileplans.domain.handoffs import stored_outcome
from mobileplans.models import Handoff, Visit
from orders.domain import placing
from orders.models import Draft, Order
from orders.states import Failure, OrderState
from payments.models import Payment
from payments.states import PaymentState
from tests.builders import (
    make_card,
    make_draft,
    make_order,
    make_pool,
)
from tests.orders.conftest import new_card, settled
from tests.orders.journey import card, ready, sent, where


def test_only_the_owner_can_open_an_order(
    shopping: Client, client: Client, alice: User, bob: User
) -> None:
    order = make_order(alice)
    client.force_login(bob)

    for path in ("", "continue/", "again/"):
        assert client.post(f"/orders/{order.number}/{path}").status_code in {404, 405}
    assert client.get(f"/orders/{order.number}/").status_code == 404
    assert shopping.get(f"/orders/{order.number}/").status_code == 200


def test_a_refused_payment_offers_another_card(shopping: Client, alice: User) -> None:
    order = make_order(alice)
    Order.objects.update(state=OrderState.FAILED, failure=Failure.PAYMENT_REFUSED)

    page = shopping.get(f"/orders/{order.number}/").text
    again = shopping.post(f"/orders/{order.number}/again/")

    assert "Your payment was declined" in page
    assert "help@kestrel.example" in page
    assert where(again) == (303, "/payment/")
    assert Draft.objects.get(submitted_at=None).plan == order.plan


def test_continue_signs_out_and_hands_over(
    shopping: Client, alice: User, gateway: str, smdp: str
) -> None:
    make_pool()
    draft = ready(alice)
    shopping.post("/payment/", sent(draft, **card()))
    draft.refresh_from_db()
    shopping.post("/review/", sent(draft))
    order = settled(Order.objects.get())

    answer = shopping.post(f"/orders/{order.number}/continue/")

    assert where(answer) == (303, "/handoff/")
    assert stored_outcome(Handoff.objects.get()).success
    assert where(shopping.get("/account/"))[1].startswith("/sign-in/")


def test_leaving_from_another_page_cancels_an_order_in_progress(
    shopping: Client, alice: User
) -> None:
    shopping.post("/review/", sent(ready(alice)))
    shopping.get("/account/")

    shopping.post("/leave/")

    assert Order.objects.get().cancel_requested_at is not None
    assert Handoff.objects.get().line == "Bailed"


def test_a_completed_purchase_is_handed_over_however_the_customer_leaves(
    shopping: Client, alice: User, gateway: str, smdp: str
) -> None:
    make_pool()
    draft = ready(alice)
    shopping.post("/payment/", sent(draft, **card()))
    draft.refresh_from_db()
    shopping.post("/review/", sent(draft))
    settled(Order.objects.get())
    shopping.get("/plans/")

    shopping.post("/leave/")

    assert stored_outcome(Handoff.objects.get()).success


def test_the_leave_page_shows_the_cancel_button(shopping: Client) -> None:
    page = shopping.get("/leave/")

    assert page.status_code == 200
    assert 'action="/leave/"' in page.text


def test_too_late_to_cancel_says_so(shopping: Client, alice: User) -> None:
    order = make_order(alice, visit=Visit.objects.latest("pk"))
    Order.objects.update(state=OrderState.IN_PROGRESS, charge_decided_at=now())

    assert where(shopping.post("/leave/")) == (303, f"/orders/{order.number}/")
    assert "already going through" in shopping.get(f"/orders/{order.number}/").text


def test_an_order_with_a_cancel_request_is_shown_as_cancelled(
    shopping: Client, alice: User
) -> None:
    order = make_order(alice, visit=Visit.objects.latest("pk"))
    placing.request_cancel(order, actor=alice)

    page = shopping.get(f"/orders/{order.number}/").text

    assert "Your order was cancelled" in page
    assert "data-poll" in page


def test_a_plan_on_a_sim_card_is_shown_as_ready(
    as_alice: Client, alice: User, gateway: str, smdp: str
) -> None:
    sim = make_card()
    as_alice.get(f"/?market=US&iccid={sim.iccid}")
    draft = make_draft(alice, visit=Visit.objects.latest("pk"), method=new_card(alice))
    assert "The SIM in this device" in as_alice.get("/review/").text
    draft.refresh_from_db()
    order = placing.place(draft, version=draft.version)
    assert "Reserving your eSIM" not in as_alice.get(f"/orders/{order.number}/").text

    settled(order)

    assert "Your SIM is ready" in as_alice.get(f"/orders/{order.number}/").text


def test_only_a_failed_order_offers_another_card(shopping: Client, alice: User) -> None:
    order = make_order(alice, visit=Visit.objects.latest("pk"))
    address = f"/orders/{order.number}/"

    assert where(shopping.post(f"{address}again/")) == (303, address)


def test_while_a_service_is_unavailable_the_page_says_that_nothing_is_charged(
    shopping: Client, alice: User
) -> None:
    order = make_order(alice, visit=Visit.objects.latest("pk"))
    Order.objects.update(state=OrderState.IN_PROGRESS, last_error="GatewayUnavailable: x")

    assert "been charged" in shopping.get(f"/orders/{order.number}/").text


def test_an_order_given_up_before_the_charge_says_that_nothing_was_charged(
    shopping: Client, alice: User
) -> None:
    order = make_order(alice, visit=Visit.objects.latest("pk"))
    Payment.objects.update(state=PaymentState.VOIDED)
    Order.objects.update(state=OrderState.FAILED, failure=Failure.GIVEN_UP)

    assert "been charged." in shopping.get(f"/orders/{order.number}/").text


def test_leaving_after_the_order_failed_says_why(shopping: Client, alice: User) -> None:
    order = make_order(alice, visit=Visit.objects.latest("pk"))
    Order.objects.update(state=OrderState.FAILED, failure=Failure.NO_PROFILE_LEFT)
    shopping.get(f"/orders/{order.number}/")

    assert where(shopping.post("/leave/")) == (303, "/handoff/")
    assert Handoff.objects.get().mo_direct_status == "ServiceError"


def test_once_the_esim_is_on_the_device_the_page_says_so(
    as_alice: Client, placed: Order, smdp: str
) -> None:
    order = settled(placed)
    assert order.profile is not None
    provisioning.move(order.profile, ProfileState.DOWNLOADED, downloaded_at=now())

    assert "The eSIM is on your device" in as_alice.get(f"/orders/{order.number}/").text


def test_the_confirmation_offers_to_confirm_the_identifier_and_keeps_continue(
    shopping: Client, alice: User, gateway: str, smdp: str
) -> None:
    make_pool()
    draft = ready(alice)
    shopping.post("/payment/", sent(draft, **card()))
    draft.refresh_from_db()
    shopping.post("/review/", sent(draft))
    page = f"/orders/{Order.objects.get().number}/"
    offer = "Confirm your email address or phone number"
    assert offer not in shopping.get(page).text

    settled(Order.objects.get())

    shown = shopping.get(page).text
    assert offer in shown
    assert f"/prove/?next={quote(page, safe='')}" in shown
    assert ">Continue</button>" in shown
    Address.objects.update(proven_at=now())
    assert offer not in shopping.get(page).text

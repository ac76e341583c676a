"""Paying with a new card on the gateway's own page: chosen, submitted, paid there, kept or not."""

import html
import time
from dataclasses import replace

import httpx
import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.models import User
from orders.domain import placing
from orders.models import Draft, Order
from orders.states import Failure, OrderState
from outbox.domain import RetryAfter
from payments.domain import cards, fraud, hosted, webhooks
from payments.domain.methods import stored_methods
from payments.domain.subjects import UNKNOWN_INTERVAL
from payments.gateways.stripe import StripeGateway
from payments.gateways.values import Declined, StoredCard
from payments.models import GatewayCall, PaymentMethod, WebhookEvent
from payments.states import MethodKind, PaymentState
from simulators.stripe.events import SIGNATURE_HEADER, sign
from tests.builders import make_draft, make_pool, payment_of
from tests.orders.conftest import settled
from tests.orders.journey import ready, sent, where
from tests.payments.stripe import SECRET, pay_on_page
from tests.processing import process_task
from tests.providers import books

LABEL = "A card on our payment provider's page"


@pytest.fixture
def buying(shopping: Client, stripe: str, smdp: str, settings: Settings) -> Client:
    """Return Alice's browser after a launch, with an eSIM in the pool and Stripe to pay by."""
    settings.PAYMENT_CARD_ENTRY = "page"
    make_pool()
    return shopping


def choose(browser: Client, alice: User, **more: str) -> tuple[int, str]:
    draft = Draft.objects.filter(submitted_at=None).first() or ready(alice)
    return where(browser.post("/payment/", sent(draft, method="new", **more)))


def submit(browser: Client, alice: User, **more: str) -> Order:
    """Choose the page, submit the order, and let a worker open the page."""
    choose(browser, alice, **more)
    draft = Draft.objects.get(submitted_at=None)
    return settled(placing.place(draft, version=draft.version))


def words(browser: Client, path: str) -> str:
    return html.unescape(browser.get(path).text)


def page_of(browser: Client, order: Order) -> str:
    return words(browser, f"/orders/{order.number}/")


def test_the_page_is_offered_with_a_box_that_nobody_has_ticked(buying: Client, alice: User) -> None:
    ready(alice)

    page = words(buying, "/payment/")

    assert "Pay with a card on our payment provider's page" in page
    assert 'name="keep">' in page
    assert "Use a new card" not in page


def test_nothing_is_at_the_gateway_before_the_order_is_submitted(
    buying: Client, alice: User, stripe: str
) -> None:
    assert choose(buying, alice) == (303, "/review/")

    assert LABEL in words(buying, "/review/")
    assert LABEL not in words(buying, "/account/")
    assert books(stripe)["checkout.session"] == []
    assert not GatewayCall.objects.exists()


def test_a_second_choice_changes_the_first(buying: Client, alice: User) -> None:
    choose(buying, alice)
    assert 'name="keep">' in words(buying, "/payment/")

    choose(buying, alice, keep="on")

    assert PaymentMethod.objects.get(kind=MethodKind.PAGE).is_kept
    assert 'name="keep" checked>' in words(buying, "/payment/")


def test_an_order_is_paid_on_the_page_and_the_card_is_not_kept(
    buying: Client, alice: User, stripe: str
) -> None:
    order = submit(buying, alice)
    assert order.state == OrderState.PENDING
    shown = page_of(buying, order)
    assert "on our payment provider's page" in shown
    assert "Go to the payment page" in shown
    assert payment_of(order).customer_step_url in shown
    assert "your bank" not in shown.lower()

    back = pay_on_page(payment_of(order).customer_step_url).headers["location"]

    assert where(buying.get(back)) == (303, f"/orders/{order.number}/")
    order = settled(order)
    method = payment_of(order).method
    assert (order.state, payment_of(order).state) == (OrderState.COMPLETED, PaymentState.CAPTURED)
    assert (method.kind, str(method), method.token, method.is_kept) == (
        MethodKind.CARD,
        "Visa 4242",
        "",
        False,
    )
    assert method not in stored_methods(alice)
    (intent,) = books(stripe)["payment_intent"]
    assert (intent["amount_received"], intent["metadata"]["reference"]) == (
        order.gross_minor_units,
        order.number,
    )


def test_a_kept_card_pays_the_next_order_without_the_page(
    buying: Client, alice: User, stripe: str
) -> None:
    order = submit(buying, alice, keep="on")
    pay_on_page(payment_of(order).customer_step_url)
    method = payment_of(settled(order)).method
    assert method.is_kept
    assert method in stored_methods(alice)
    make_pool(1)

    draft = make_draft(alice, visit=order.visit, plan=order.plan, method=method)
    again = settled(placing.place(draft, version=draft.version))

    assert (again.state, payment_of(again).method) == (OrderState.COMPLETED, method)
    assert len(books(stripe)["checkout.session"]) == 1


def test_a_card_that_the_gateway_did_not_keep_is_not_kept_here(
    buying: Client, alice: User, stripe: str
) -> None:
    order = submit(buying, alice)
    PaymentMethod.objects.update(is_kept=True)
    pay_on_page(payment_of(order).customer_step_url)

    assert payment_of(settled(order)).method.is_kept is False


def test_a_cancelled_order_ends_the_page(buying: Client, alice: User, stripe: str) -> None:
    order = submit(buying, alice)
    placing.request_cancel(order, actor=alice)

    order = settled(order)

    assert (order.state, payment_of(order).state) == (OrderState.CANCELLED, PaymentState.VOIDED)
    assert [one["status"] for one in books(stripe)["checkout.session"]] == ["expired"]


def test_what_was_paid_just_before_the_page_was_ended_is_voided(
    buying: Client, alice: User, stripe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = submit(buying, alice)
    url = payment_of(order).customer_step_url
    placing.request_cancel(order, actor=alice)
    # The customer pays after the portal has asked how the payment stands.
    fetch = StripeGateway.fetch

    def fetch_then_pay(self: StripeGateway, gateway_id: str) -> object:
        standing = fetch(self, gateway_id)
        pay_on_page(url)
        return standing

    monkeypatch.setattr(StripeGateway, "fetch", fetch_then_pay)

    order = settled(order)

    assert payment_of(order).state == PaymentState.VOIDED
    assert [one["status"] for one in books(stripe)["payment_intent"]] == ["canceled"]


def test_a_page_that_expired_says_so_and_nothing_was_charged(
    buying: Client, alice: User, stripe: str
) -> None:
    order = submit(buying, alice)
    url = f"{stripe}/v1/checkout/sessions/{payment_of(order).gateway_id}/expire"
    key = {"Authorization": "Bearer sk_test_of_the_tests"}
    httpx.post(url, headers=key, trust_env=False)

    order = settled(order)

    assert (order.state, order.failure) == (OrderState.FAILED, Failure.PAYMENT_REFUSED)
    assert "The payment page was closed. You haven't been charged." in page_of(buying, order)


def test_a_page_on_a_host_that_is_not_listed_is_never_opened(
    buying: Client, alice: User, settings: Settings
) -> None:
    settings.STRIPE_DEVICE_HOSTS = ["checkout.stripe.com"]

    order = submit(buying, alice)

    assert (order.state, payment_of(order).state) == (OrderState.FAILED, PaymentState.DECLINED)
    assert "127.0.0.1 is not a host" in payment_of(order).decline_reason
    assert payment_of(order).customer_step_url == ""


def test_a_gateway_that_refuses_at_once_opens_no_page(
    buying: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = Declined("pi_1", "card_declined")
    monkeypatch.setattr(StripeGateway, "authorise_on_page", lambda *_args, **_more: refused)

    order = submit(buying, alice)

    assert (order.state, order.failure) == (OrderState.FAILED, Failure.PAYMENT_REFUSED)
    assert payment_of(order).customer_step_url == ""


def test_an_event_about_what_was_paid_on_the_page_wakes_its_order(
    buying: Client, alice: User, stripe: str
) -> None:
    order = submit(buying, alice)
    pay_on_page(payment_of(order).customer_step_url)

    for notice in httpx.get(f"{stripe}/notices", trust_env=False).json():
        signature = sign(notice["body"], SECRET, at=int(time.time()))
        webhooks.receive("stripe", notice["body"].encode(), {SIGNATURE_HEADER: signature})

    assert set(WebhookEvent.objects.values_list("payment", flat=True)) == {order.payment_id}
    process_task(webhooks.KIND, order.payment_id)
    assert settled(order).state == OrderState.COMPLETED


def test_a_fraud_warning_before_the_portal_knows_the_payment_stops_the_card(
    buying: Client, alice: User, stripe: str
) -> None:
    order = submit(buying, alice, keep="on")
    pay_on_page(payment_of(order).customer_step_url)
    # The payment got an id on its page. The portal learns that id only when it asks.
    (intent,) = books(stripe)["payment_intent"]
    url = f"{stripe}/payments/{intent['id']}/fraud_warning"
    warning = httpx.post(url, trust_env=False).raise_for_status().json()["id"]
    notice = httpx.get(f"{stripe}/notices", trust_env=False).json()[-1]
    signature = sign(notice["body"], SECRET, at=int(time.time()))
    webhooks.receive("stripe", notice["body"].encode(), {SIGNATURE_HEADER: signature})
    assert process_task(fraud.KIND, f"stripe:{warning}") == RetryAfter(UNKNOWN_INTERVAL)

    settled(order)
    assert process_task(fraud.KIND, f"stripe:{warning}") is None

    assert PaymentMethod.objects.get(pk=payment_of(order).method_id).stopped_at is not None


def test_without_such_a_gateway_the_choice_is_refused(
    buying: Client, alice: User, settings: Settings
) -> None:
    ready(alice)
    settings.PAYMENT_OFFERED = ["nobody"]

    assert choose(buying, alice) == (303, "/payment/")

    assert not PaymentMethod.objects.filter(kind=MethodKind.PAGE).exists()


def test_a_card_that_was_used_once_needs_no_removal_at_the_gateway(
    buying: Client, alice: User, stripe: str
) -> None:
    order = submit(buying, alice)
    pay_on_page(payment_of(order).customer_step_url)
    method = payment_of(settled(order)).method

    cards.remove(method)
    process_task(cards.KIND, method.pk)

    method.refresh_from_db()
    assert method.forgotten_at is not None
    assert not GatewayCall.objects.filter(operation="forget").exists()


def test_a_card_is_named_once(buying: Client, alice: User) -> None:
    order = submit(buying, alice)
    stale, card = payment_of(order).method, StoredCard("", "Visa", "4242", 12, 2049)
    hosted.name_card(PaymentMethod.objects.get(pk=stale.pk), card)

    hosted.name_card(stale, replace(card, last4="1111"))
    hosted.name_card(stale, None)

    assert PaymentMethod.objects.get(pk=stale.pk).last4 == "4242"

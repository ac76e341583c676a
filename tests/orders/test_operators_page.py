"""A bill that the customer confirms on a page of the operator: the pages name the operator."""

import html

import httpx
import pytest
from django.test import Client

from accounts.models import User
from esim.models import Sim
from orders.models import Order
from orders.states import OrderState
from payments.domain.bills import add_bill
from subscriptions.domain import ways_out
from tests.builders import make_card, make_order, payment_of
from tests.orders.conftest import settled
from tests.orders.test_paying_on_the_bill import hold
from tests.payments import bills
from tests.processing import process_task

# The number of a way out that no test reaches. The network refuses all numbers up to it.
ALL_WAYS = 10**9


@pytest.fixture
def card(network: str) -> Sim:
    return make_card()


@pytest.fixture
def order(as_alice: Client, alice: User, card: Sim, billing: str, smdp: str) -> Order:
    """Return Alice's order in the walled garden, which waits for the operator's page."""
    as_alice.get(f"/?market=US&location=US&transactionId=T1&iccid={card.iccid}")
    as_alice.get("/options/")
    method = add_bill(alice, hold(alice, bills.WITH_PAGE), market="US")
    return settled(make_order(alice, visit=alice.drafts.get().visit, method=method))


def process_way(order: Order) -> None:
    way = ways_out.latest(order.number)
    assert way is not None
    process_task(ways_out.KIND, way.pk)


def words(browser: Client, path: str, language: str = "en") -> str:
    """Return a page's words in one line."""
    answer = browser.get(path, headers={"accept-language": language})
    return " ".join(html.unescape(answer.text).split())


def test_the_page_leads_to_the_operator_and_the_order_completes(
    as_alice: Client, order: Order, billing: str
) -> None:
    path = f"/orders/{order.number}/"
    assert "We're opening the confirmation page." in words(as_alice, path)
    process_way(order)

    page = words(as_alice, path)
    assert "Kestrel Mobile wants you to confirm" in page
    assert "Confirm the payment of <bdi>$19.00</bdi> on Kestrel Mobile's page." in page
    assert "Go to the confirmation page" in page
    assert "your bank" not in page.lower()

    url = payment_of(order).customer_step_url
    assert url in page
    assert "Put it on my bill" in httpx.get(url, trust_env=False).text
    httpx.post(url, data={"decision": "approve"}, trust_env=False)
    as_alice.get(f"{path}returned/")

    assert settled(order).state == OrderState.COMPLETED
    assert "This is on your phone bill" in words(as_alice, path)
    assert [row["status"] for row in bills.bill(billing)] == ["succeeded"]


def test_out_of_reach_the_page_names_no_bank(
    as_alice: Client, order: Order, card: Sim, network: str
) -> None:
    httpx.delete(f"{network}/ways/{card.iccid}/{ALL_WAYS}", trust_env=False)
    process_way(order)

    page = words(as_alice, f"/orders/{order.number}/")

    assert "The confirmation page can't be reached from here" in page
    assert "Kestrel Mobile wants you to confirm the payment of <bdi>$19.00</bdi>, but" in page
    assert "Over Wi-Fi, the confirmation page opens on this device too." in page
    assert "The network may let you through now." in page
    assert "your bank" not in page.lower()


def test_another_device_is_led_to_the_operator(as_alice: Client, order: Order) -> None:
    as_alice.post(f"/orders/{order.number}/other-device/")
    other = Client()
    other.post("/pay/", {"code": order.paying_codes.get().code})

    page = words(other, "/pay/order/")

    assert "Confirm the payment" in page
    assert "then confirm the payment on Kestrel Mobile's page." in page
    assert "Go to the confirmation page" in page
    assert "bank" not in page.lower()


@pytest.mark.parametrize(
    ("language", "title"),
    [("de", "Kestrel Mobile bittet um Ihre Bestätigung"), ("ar", "تطلب Kestrel Mobile تأكيدك")],
    ids=["German", "Arabic"],
)
def test_the_operator_is_named_in_each_language(
    as_alice: Client, order: Order, language: str, title: str
) -> None:
    process_way(order)

    assert title in words(as_alice, f"/orders/{order.number}/", language)

"""Cards that are typed at the gateway only, in a browser, with lost answers and killed workers."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import httpx
import pytest

from tests.browser import PageAt
from tests.e2e.conftest import ShopperAt
from tests.e2e.customer import GOOD_CARD, REFUSED_CARD, Customer
from tests.e2e.outside import fault, payments
from tests.e2e.shopper import Shopper, order_number
from tests.providers import books, break_it
from tests.speeds import sampled
from tests.stack import Stack

WITHIN = 30.0
TIMES = 10
METHODS = (
    "from payments.models import PaymentMethod;"
    "print(PaymentMethod.objects.filter(account__username={0!r}).count())"
)


pytestmark = pytest.mark.parametrize("shop", ["postgresql"], indirect=True)


def count_methods(shop: Stack, identifier: str) -> int:
    return int(shop.manage(METHODS.format(identifier)))


def walk_to_payment(noor: Customer) -> None:
    noor.launch()
    noor.sign_up()
    noor.choose()
    noor.choose_plan()
    noor.sees("How would you like to pay?")


def wait_for_gateway(noor: Customer, shop: Stack) -> None:
    noor.page.wait_for_url(re.compile(f"^{re.escape(shop.payment_url)}/card/"))


@pytest.mark.parametrize("script", sampled([True, False], in_short=[True]))
def test_a_card_typed_at_the_gateway_pays_the_order(
    shop: Stack,
    page_at: PageAt,
    script: bool,  # noqa: FBT001 -- a parameter of the test
) -> None:
    noor = Customer(page_at(360, 640, script=script), shop.base_url)
    walk_to_payment(noor)
    assert noor.page.locator("[autocomplete=cc-number]").count() == 0

    noor.press("Next")
    wait_for_gateway(noor, shop)
    noor.type_card_at_gateway()
    noor.sees("Review your order")
    noor.submit()
    noor.sees("You're all set")

    number = order_number(re.sub("^https?://[^/]+", "", noor.page.url))
    assert [payment["status"] for payment in payments(shop, number)] == ["captured"]
    assert count_methods(shop, noor.identifier) == 1


def test_a_card_refused_at_the_gateway_is_reported_and_another_one_is_accepted(
    shop: Stack, page_at: PageAt
) -> None:
    noor = Customer(page_at(), shop.base_url)
    walk_to_payment(noor)
    noor.press("Next")
    wait_for_gateway(noor, shop)
    noor.type_card_at_gateway(REFUSED_CARD)
    noor.sees("How would you like to pay?")
    assert "No card was saved and nothing was charged." in noor.page.content()

    noor.press("Next")
    wait_for_gateway(noor, shop)
    noor.type_card_at_gateway()

    noor.sees("Review your order")


def test_the_browsers_back_button_leaves_the_gateway(shop: Stack, page_at: PageAt) -> None:
    noor = Customer(page_at(), shop.base_url)
    walk_to_payment(noor)
    noor.press("Next")
    wait_for_gateway(noor, shop)

    noor.page.go_back()
    if "/payment/card/" in noor.page.url:
        noor.sees("Your new card")
        noor.page.get_by_role("link", name="Back", exact=True).click()
    noor.sees("How would you like to pay?")

    noor.press("Next")
    wait_for_gateway(noor, shop)
    noor.type_card_at_gateway()
    noor.sees("Review your order")


def request_card_page(alice: Shopper) -> str:
    """Choose a new card. Return the address of the waiting page."""
    alice.launch()
    alice.sign_up()
    alice.choose_plan()
    return alice.send("pay-with", method="new").address


def gateway_page(alice: Shopper, waiting: str) -> str:
    """Wait until the gateway's page is open. Return its address."""
    link = alice.wait_for_link(f"{waiting}open/")
    address: str = alice.client.get(link).headers["location"]
    return address


def type_card(gateway: str, number: str = GOOD_CARD) -> str:
    typed = {"decision": "store", "number": number, "expiry": "12/30", "csc": "123", "name": "N"}
    back: str = httpx.post(gateway, data=typed, trust_env=False).headers["location"]
    return back


def wait_for(alice: Shopper, address: str) -> None:
    deadline = time.monotonic() + WITHIN
    while alice.open(alice.page.address).address != address:
        assert time.monotonic() < deadline, alice.page.heading
        time.sleep(0.2)


@pytest.mark.parametrize(
    ("function", "kind"),
    sampled(
        product(["open_page", "fetch_page"], ["drop_before", "drop_after", "malformed"]),
        in_short=[("open_page", "drop_after"), ("fetch_page", "malformed")],
    ),
)
def test_lost_answers_open_no_second_page_and_store_no_second_card(
    shop: Stack, shopper_at: ShopperAt, function: str, kind: str
) -> None:
    alice = shopper_at(shop.base_url)
    before = books(shop.payment_url)
    with fault(shop.payment_url, function, kind, times=2):
        waiting = request_card_page(alice)
        alice.open(type_card(gateway_page(alice, waiting)))
        wait_for(alice, "/review/")

    after = books(shop.payment_url)
    assert len(after["pages"]) == len(before["pages"]) + 1
    assert after["tokens"] == before["tokens"] + 1
    assert count_methods(shop, alice.identifier) == 1


@pytest.mark.parametrize("function", sampled(["open_page", "fetch_page"], in_short=["open_page"]))
def test_a_worker_killed_at_a_call_doubles_and_loses_nothing(
    shop: Stack, shopper_at: ShopperAt, function: str
) -> None:
    alice = shopper_at(shop.base_url)
    before = len(books(shop.payment_url)["pages"])
    # The gateway does its work, but the worker is killed before the answer comes.
    make_slow(shop, function)
    waiting = request_card_page(alice)
    if function == "fetch_page":
        alice.open(type_card(gateway_page(alice, waiting)))
    wait_until_called(shop)
    shop.kill_worker()
    shop.start_worker()
    if function == "open_page":
        alice.open(type_card(gateway_page(alice, waiting)))

    wait_for(alice, "/review/")

    assert len(books(shop.payment_url)["pages"]) == before + 1
    assert count_methods(shop, alice.identifier) == 1


def make_slow(shop: Stack, function: str) -> None:
    break_it(shop.payment_url, function, "delay", seconds=1.5)


def wait_until_called(shop: Stack) -> None:
    """Wait until the slow call has begun. Its fault is used up then."""
    deadline = time.monotonic() + WITHIN
    while httpx.get(f"{shop.payment_url}/faults", trust_env=False).json()["faults"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_ten_returns_at_once_store_one_card(shop: Stack, shopper_at: ShopperAt) -> None:
    alice = shopper_at(shop.base_url)
    back = type_card(gateway_page(alice, request_card_page(alice)))
    cookies = {cookie.name: cookie.value or "" for cookie in alice.client.cookies.jar}

    def return_from_gateway(_number: int) -> int:
        return httpx.get(back, cookies=cookies, trust_env=False, timeout=60).status_code

    with ThreadPoolExecutor(TIMES) as threads:
        assert list(threads.map(return_from_gateway, range(TIMES))) == [303] * TIMES
    wait_for(alice, "/review/")

    assert count_methods(shop, alice.identifier) == 1


@pytest.mark.long
def test_a_gateway_that_is_down_leads_back_and_loses_nothing(
    shop: Stack, shopper_at: ShopperAt
) -> None:
    alice = shopper_at(shop.base_url)
    with fault(shop.payment_url, "open_page", "http_500"):
        request_card_page(alice)
        wait_for(alice, "/payment/")
    assert "reach the payment service" in alice.page.text

    waiting = alice.send("pay-with", method="new").address
    alice.open(type_card(gateway_page(alice, waiting)))
    wait_for(alice, "/review/")


def test_a_removed_card_is_deleted_at_the_gateway(shop: Stack, shopper_at: ShopperAt) -> None:
    alice = shopper_at(shop.base_url)
    alice.open(type_card(gateway_page(alice, request_card_page(alice))))
    wait_for(alice, "/review/")
    before = books(shop.payment_url)["tokens"]
    action = re.search(r"/account/methods/\d+/remove/", alice.open("/account/").text)
    assert action is not None

    page = alice.send(action[0])

    assert "Visa ending in 4242 was removed." in page.text
    assert alice.open("/review/").address == "/payment/"
    deadline = time.monotonic() + WITHIN
    while books(shop.payment_url)["tokens"] != before - 1:
        assert time.monotonic() < deadline
        time.sleep(0.2)

"""Failures outside the portal: each has a page that explains it, and nobody is charged."""

import time

import pytest
from playwright.sync_api import expect

from tests.browser import PageAt
from tests.e2e.conftest import ShopperAt
from tests.e2e.customer import REFUSED_CARD, Customer
from tests.e2e.outside import fault, payments, profiles
from tests.e2e.payload import purchase_result
from tests.e2e.shopper import Shopper, order_number
from tests.speeds import long, sampled
from tests.stack import Stack, on_postgresql, on_sqlite

SUPPORT = "help@kestrel.example"
RELEASED_WITHIN = 30.0
FAILED = "We couldn't prepare your eSIM"
KEEPS_TRYING = "We'll keep trying. You haven't been charged."


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"eid": "89049032123451234512345678901236"}, "InvalidSIM"),
        ({"eid": "not an eid"}, "InvalidSIM"),
        ({"eid": "", "iccid": "8944110000000000009"}, "InvalidSIM"),
        ({"eid": "", "iccid": "8949000000000000003"}, "InvalidSIM"),
        ({"market": "USA"}, "ClientError"),
        ({"location": "XX"}, "ClientError"),
    ],
)
def test_a_broken_launch_shows_a_page_and_its_handoff_says_why(
    stack: Stack, shopper_at: ShopperAt, changes: dict[str, str], status: str
) -> None:
    alice = shopper_at(stack.base_url)

    page = alice.launch(**changes)
    payload = alice.leave()

    assert (page.address, page.status) == ("/launch-refused/", 200)
    assert page.text.count(SUPPORT) == 1
    assert page.text.count(alice.transaction_id) == 1
    assert payload["transactionId"] == alice.transaction_id
    assert payload["purchaseResult"] == purchase_result("None", "None", "None", status, "")


@on_sqlite
def test_after_a_refused_card_another_card_buys_the_same_plan(
    stack: Stack, page_at: PageAt
) -> None:
    noor = Customer(page_at(), stack.base_url)
    noor.buy(REFUSED_CARD)
    noor.sees("Your payment was declined")
    expect(noor.page.get_by_text(SUPPORT)).to_be_visible()
    refused = order_number(noor.page.evaluate("location.pathname"))

    noor.press("Try another card")
    noor.sees("How would you like to pay?")
    noor.page.get_by_text("Use a new card").click()
    noor.pay_with()
    noor.submit()
    noor.sees("You're all set")

    bought = order_number(noor.page.evaluate("location.pathname"))
    inner = purchase_result("New", "New", "New", "Complete", "Day pass")
    assert noor.finish()["purchaseResult"] == inner
    assert [payment["status"] for payment in payments(stack, refused)] == ["declined"]
    assert [payment["status"] for payment in payments(stack, bought)] == ["captured"]


def test_leaving_after_a_refused_card_hands_over_purchase_failed(
    stack: Stack, shopper_at: ShopperAt
) -> None:
    alice = shopper_at(stack.base_url)
    alice.order(REFUSED_CARD)
    alice.wait_for_end()

    payload = alice.leave()

    assert payload["purchaseResult"] == purchase_result("New", "New", "None", "PurchaseFailed", "")


@pytest.mark.parametrize(
    "kind", sampled(["drop_before", "http_500", "html", "malformed"], in_short=["html"])
)
def test_while_the_smdp_fails_the_page_says_so_and_leaving_costs_nothing(
    stack: Stack, shopper_at: ShopperAt, kind: str
) -> None:
    alice = shopper_at(stack.base_url)
    with fault(stack.smdp_url, "*", kind):
        number = alice.order()
        _wait_for_warning(alice)
        payload = alice.leave()

    assert payload["purchaseResult"] == purchase_result("New", "New", "None", "ServiceError", "")
    assert _final_payments(stack, number) == ["voided"]


@pytest.mark.parametrize(
    ("stack", "kind"),
    [long("sqlite", "http_500"), ("postgresql", "drop_before")],
    indirect=["stack"],
)
def test_an_smdp_that_stays_down_fails_the_order_without_a_charge(
    stack: Stack, shopper_at: ShopperAt, kind: str
) -> None:
    alice = shopper_at(stack.base_url)
    with fault(stack.smdp_url, "*", kind):
        number = alice.order()
        page = alice.wait_for_end(patience=90)

    assert page.heading == FAILED
    assert page.shows("You haven't been charged.")
    assert page.text.count(SUPPORT) == 1
    payload = alice.leave()
    assert payload["purchaseResult"] == purchase_result("New", "New", "None", "ServiceError", "")
    assert _final_payments(stack, number) == ["voided"]


@pytest.mark.parametrize("function", ["downloadOrder", "confirmOrder"])
@pytest.mark.parametrize("kind", ["drop_after", "malformed"])
@pytest.mark.parametrize(("stack"), ["postgresql"], indirect=True)
def test_an_answer_lost_or_malformed_once_takes_no_second_profile(
    stack: Stack, shopper_at: ShopperAt, function: str, kind: str
) -> None:
    alice = shopper_at(stack.base_url)
    before = {profile["iccid"] for profile in profiles(stack)}
    with fault(stack.smdp_url, function, kind, times=1):
        number = alice.order()
        alice.wait_for_end()

    iccid = alice.finish()["iccid"]
    # Profiles of earlier orders may be withdrawn during this test, so only new ones are compared.
    assert {profile["iccid"] for profile in profiles(stack)} - before == {iccid}
    assert [payment["status"] for payment in payments(stack, number)] == ["captured"]


@pytest.mark.parametrize("function", ["downloadOrder", "confirmOrder"])
@on_sqlite
def test_an_answer_about_another_profile_fails_the_order_without_a_charge(
    stack: Stack, shopper_at: ShopperAt, function: str
) -> None:
    alice = shopper_at(stack.base_url)
    with fault(stack.smdp_url, function, "wrong_iccid", times=1):
        number = alice.order()
        page = alice.wait_for_end()

    assert page.heading == FAILED
    assert page.text.count(SUPPORT) == 1
    payload = alice.leave()
    assert payload["purchaseResult"] == purchase_result("New", "New", "None", "ServiceError", "")
    assert _final_payments(stack, number) == ["voided"]


@pytest.mark.parametrize("function", ["authorise", "capture"])
@pytest.mark.parametrize("kind", ["drop_after", "http_500"])
@pytest.mark.parametrize("stack", ["sqlite"], indirect=True)
def test_a_lost_answer_of_the_gateway_charges_once(
    stack: Stack, shopper_at: ShopperAt, function: str, kind: str
) -> None:
    alice = shopper_at(stack.base_url)
    with fault(stack.payment_url, function, kind, times=1):
        number = alice.order()
        page = alice.wait_for_end()

    assert page.heading == "You're all set"
    assert [payment["status"] for payment in payments(stack, number)] == ["captured"]


@on_sqlite
def test_a_payment_service_that_is_down_shows_the_form_again_without_the_card(
    stack: Stack, shopper_at: ShopperAt
) -> None:
    alice = shopper_at(stack.base_url)
    alice.launch()
    alice.sign_up()
    alice.choose_plan()

    with fault(stack.payment_url, "tokens", "http_500"):
        page = alice.pay_with()

    assert (page.address, page.status) == ("/payment/", 200)
    assert page.shows("You haven't been charged. Please try again.")
    assert "4242 4242" not in page.text
    assert alice.pay_with().heading == "Review your order"


def test_an_empty_pool_is_explained_and_nobody_is_charged(
    stack: Stack, shopper_at: ShopperAt
) -> None:
    alice = shopper_at(stack.base_url)
    stack.manage(_move_free_profiles("available", "retired"))
    try:
        number = alice.order()
        page = alice.wait_for_end()
    finally:
        stack.manage(_move_free_profiles("retired", "available"))

    assert page.heading == "No eSIM is available right now"
    assert page.text.count(SUPPORT) == 1
    payload = alice.leave()
    assert payload["purchaseResult"] == purchase_result("New", "New", "None", "ServiceError", "")
    assert _final_payments(stack, number) == ["voided"]


@on_postgresql
def test_the_options_page_says_if_no_plan_works_at_the_location(
    stack: Stack, shopper_at: ShopperAt
) -> None:
    alice = shopper_at(stack.base_url)
    alice.launch(location="BR")

    page = alice.sign_up()

    assert "No plans are available here yet: Brazil" in page.text
    assert page.text.count(SUPPORT) == 1


def _wait_for_warning(alice: Shopper) -> None:
    """Reload the order's page until it warns that the SM-DP+ does not answer."""
    deadline = time.monotonic() + RELEASED_WITHIN
    while not alice.open(alice.page.address).shows(KEEPS_TRYING):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _final_payments(stack: Stack, number: str) -> list[str]:
    """Wait until no money is authorised any more. Return the states of the order's payments."""
    deadline = time.monotonic() + RELEASED_WITHIN
    while True:
        states = [payment["status"] for payment in payments(stack, number)]
        if "authorised" not in states or time.monotonic() > deadline:
            return states
        time.sleep(0.2)


def _move_free_profiles(old: str, new: str) -> str:
    """Return Python code that moves the pool's unused profiles to another state."""
    return (
        "from esim.models import Sim\n"
        f"Sim.objects.filter(state={old!r}, kind='profile', profiles=None).update(state={new!r})"
    )

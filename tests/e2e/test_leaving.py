"""Cancel on every page, and the row of docs/contract.md#outcomes that it hands over."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.browser import PageAt
from tests.e2e.conftest import ShopperAt
from tests.e2e.customer import GOOD_CARD, Customer
from tests.e2e.payload import purchase_result
from tests.e2e.shopper import Shopper
from tests.providers import break_it
from tests.stack import Stack, on_postgresql, on_sqlite

NEW, OLD = "New", "Existing"
REFUSED_CARD = "4000 0000 0000 0002"


@dataclass(frozen=True)
class Place:
    """The page that the customer leaves, their account and card, and the expected outcome.

    `row` holds userAccount, purchaseInstrument and line. "-" means no account or no card.
    """

    step: str
    account: str
    method: str
    row: tuple[str, str, str]
    status: str = "None"

    def __str__(self) -> str:
        return f"{self.step}, account {self.account}, method {self.method}"


PLACES = [
    Place("sign-in", "-", "-", ("Bailed", "None", "None")),
    Place("sign-up", "-", "-", ("Bailed", "None", "None")),
    *(Place("options", who, "-", (who, "None", "Bailed")) for who in (NEW, OLD)),
    *(Place("plans", who, "-", (who, "None", "Bailed")) for who in (NEW, OLD)),
    *(Place("device", who, "-", (who, "None", "Bailed")) for who in (NEW, OLD)),
    *(Place("account", who, "-", (who, "None", "None")) for who in (NEW, OLD)),
    Place("payment", NEW, "-", (NEW, "Bailed", "None")),
    Place("payment", OLD, "-", (OLD, "Bailed", "None")),
    Place("payment", OLD, OLD, (OLD, "Bailed", "None")),
    Place("review", NEW, NEW, (NEW, NEW, "Bailed")),
    Place("review", OLD, NEW, (OLD, NEW, "Bailed")),
    Place("review", OLD, OLD, (OLD, OLD, "Bailed")),
    Place("order", NEW, NEW, (NEW, NEW, "Bailed")),
    Place("order", OLD, NEW, (OLD, NEW, "Bailed")),
    Place("order", OLD, OLD, (OLD, OLD, "Bailed")),
    Place("refused", NEW, NEW, (NEW, NEW, "None"), "PurchaseFailed"),
    Place("refused", OLD, NEW, (OLD, NEW, "None"), "PurchaseFailed"),
    Place("problem", "-", "-", ("None", "None", "None")),
    Place("problem", OLD, "-", (OLD, "None", "None")),
]


PAGES = {
    "sign-in": "/sign-in/",
    "sign-up": "/sign-up/",
    "options": "/options/",
    "account": "/account/",
    "plans": "/plans/?category=recurring",
    "problem": "/esim-problem/",
}


def _walk_to(alice: Shopper, stack: Stack, place: Place) -> None:
    """Walk to the place. An existing account or card comes from an earlier visit."""
    if place.account == OLD:
        _visit_earlier(alice, with_card=place.method == OLD)
    _launch(alice, place)
    if place.account == OLD:
        alice.sign_in()
    elif place.account == NEW:
        alice.sign_up()
    if place.step in PAGES:
        alice.open(PAGES[place.step])
    else:
        alice.choose_plan()
        _continue_from_plan(alice, stack, place)


def _launch(alice: Shopper, place: Place) -> None:
    if place.step == "problem":
        alice.relaunch("CardBusy", "8944110000000000032")
    elif place.step == "device":
        # Only an ordinary browser has the page that asks for the device.
        alice.launch(eid="", imei="")
    else:
        alice.launch()


def _visit_earlier(alice: Shopper, *, with_card: bool) -> None:
    alice.launch()
    alice.sign_up()
    if with_card:
        alice.choose_plan()
        alice.pay_with()
    alice.leave()


def _continue_from_plan(alice: Shopper, stack: Stack, place: Place) -> None:
    """Continue from the page that follows the choice of a plan."""
    if place.step in {"device", "payment"}:
        return
    if place.method == OLD:
        alice.send("pay-with")
    else:
        alice.pay_with(REFUSED_CARD if place.step == "refused" else GOOD_CARD)
    if place.step == "order":
        _submit_slowly(alice, stack)
    elif place.step == "refused":
        alice.send("submit-order")
        alice.wait_for_end()


def _submit_slowly(alice: Shopper, stack: Stack) -> None:
    """Submit with a slow SM-DP+, so that the charge is not decided yet."""
    break_it(stack.smdp_url, "downloadOrder", "delay", seconds=3)
    alice.send("submit-order")


@on_postgresql
@pytest.mark.parametrize("place", PLACES, ids=str)
def test_leaving_hands_over_the_outcome_of_its_page(
    stack: Stack, shopper_at: ShopperAt, place: Place
) -> None:
    alice = shopper_at(stack.base_url)
    _walk_to(alice, stack, place)
    expected = f"/{'esim-problem' if place.step == 'problem' else place.step}/"
    if place.step not in {"order", "refused"}:
        assert urlsplit(alice.page.address).path == expected

    payload = alice.leave()

    row = purchase_result(*place.row, place.status, "")
    assert payload == {**_not_bought(alice.transaction_id), "purchaseResult": row}


@on_postgresql
def test_after_five_failed_sign_ins_leaving_hands_over_log_on_failed(
    stack: Stack, shopper_at: ShopperAt
) -> None:
    alice = shopper_at(stack.base_url)
    alice.launch()
    alice.open("/sign-in/")
    for _ in range(5):
        alice.send("sign-in", username="nobody@example.com", password="wrong")

    payload = alice.leave()

    assert payload["purchaseResult"] == purchase_result("None", "None", "None", "LogOnFailed", "")


@on_postgresql
def test_cancel_in_the_browser_gives_the_app_one_string(stack: Stack, page_at: PageAt) -> None:
    noor = Customer(page_at(360, 640), stack.base_url)
    noor.launch()
    noor.sign_up()
    noor.choose()
    noor.choose_plan()

    noor.press("Cancel")

    row = purchase_result("New", "Bailed", "None", "None", "")
    expected = {**_not_bought(noor.transaction_id), "purchaseResult": row}
    assert noor.handed_over() == expected
    noor.sees("You left without buying")


@on_sqlite
def test_a_customer_who_returns_after_cancel_finds_the_draft(stack: Stack, page_at: PageAt) -> None:
    noor = Customer(page_at(), stack.base_url)
    noor.launch()
    noor.sign_up()
    noor.choose()
    noor.choose_plan(2)
    noor.press("Cancel")
    noor.handed_over()

    noor.page.get_by_role("link", name="Sign in to continue where you left off").click()
    noor.sign_in(noor.identifier, noor.password)
    noor.choose()

    assert noor.page.get_by_role("radio").nth(2).is_checked()


def test_cancel_after_the_purchase_hands_over_the_purchase(
    stack: Stack, shopper_at: ShopperAt
) -> None:
    alice = shopper_at(stack.base_url)
    alice.order()
    alice.wait_for_end()

    alice.open("/leave/")
    payload = alice.leave()

    assert payload["success"] is True
    assert payload["purchaseResult"] == purchase_result("New", "New", "New", "Complete", "Day pass")


def _not_bought(transaction_id: str) -> dict[str, Any]:
    return {
        "ver": "1",
        "success": False,
        "transactionId": transaction_id,
        "iccid": "",
        "activationCode": "",
    }

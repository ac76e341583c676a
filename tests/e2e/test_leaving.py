"""Cancel from every page, and the row of the contract's outcome table (section 4) that it gives."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser import PageAt
from tests.e2e.conftest import ShopperAt
from tests.e2e.customer import Customer
from tests.e2e.payload import five
from tests.e2e.shopper import Shopper
from tests.stack import Stack, on_postgresql, on_sqlite

Walk = Callable[[Shopper], object]


def _to_sign_in(alice: Shopper) -> None:
    alice.launch()


def _to_sign_up(alice: Shopper) -> None:
    alice.launch()
    alice.open("/sign-up/")


def _to_options(alice: Shopper) -> None:
    alice.launch()
    alice.sign_up()


def _to_plans(alice: Shopper) -> None:
    _to_options(alice)
    alice.open("/plans/?category=recurring")


def _to_payment(alice: Shopper) -> None:
    _to_options(alice)
    alice.choose_plan()


def _to_account(alice: Shopper) -> None:
    _to_options(alice)
    alice.open("/account/")


PLACES: list[tuple[Walk, tuple[str, str, str]]] = [
    (_to_sign_in, ("Bailed", "None", "None")),
    (_to_sign_up, ("Bailed", "None", "None")),
    (_to_options, ("New", "None", "Bailed")),
    (_to_plans, ("New", "None", "Bailed")),
    (_to_payment, ("New", "Bailed", "None")),
    (Shopper.come_to_review, ("New", "New", "Bailed")),
    (_to_account, ("New", "None", "None")),
]


@pytest.mark.parametrize(
    ("walk", "row"), PLACES, ids=[walk.__name__.strip("_") for walk, _row in PLACES]
)
def test_leaving_is_told_with_the_row_of_its_page(
    stack: Stack, shopper_at: ShopperAt, walk: Walk, row: tuple[str, str, str]
) -> None:
    alice = shopper_at(stack.base_url)
    walk(alice)

    given = alice.leave()

    assert given == _not_bought(alice.transaction_id, *row)


@on_postgresql
def test_an_existing_customer_who_leaves_at_review_is_told_as_one(
    stack: Stack, shopper_at: ShopperAt
) -> None:
    alice = shopper_at(stack.base_url)
    alice.come_to_review()
    alice.leave()

    alice.launch()
    alice.sign_in()
    alice.open("/review/")

    given = alice.leave()
    assert given == _not_bought(alice.transaction_id, "Existing", "Existing", "Bailed")


@on_postgresql
def test_cancel_in_the_browser_gives_the_app_one_string(stack: Stack, page_at: PageAt) -> None:
    noor = Customer(page_at(360, 640), stack.base_url)
    noor.launch()
    noor.sign_up()
    noor.choose()
    noor.choose_plan()

    noor.press("Cancel")

    assert noor.handed_over() == _not_bought(noor.transaction_id, "New", "Bailed", "None")
    noor.sees("You left without a purchase")


@on_sqlite
def test_who_comes_back_after_cancel_finds_the_draft(stack: Stack, page_at: PageAt) -> None:
    noor = Customer(page_at(), stack.base_url)
    noor.launch()
    noor.sign_up()
    noor.choose()
    noor.choose_plan(2)
    noor.press("Cancel")
    noor.handed_over()

    noor.page.get_by_role("link", name="Sign in to go on where you were").click()
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
    given = alice.leave()

    assert given["success"] is True
    assert given["purchaseResult"] == five("New", "New", "New", "Complete", "Day pass")


def _not_bought(transaction_id: str, account: str, instrument: str, line: str) -> dict[str, Any]:
    return {
        "ver": "1",
        "success": False,
        "transactionId": transaction_id,
        "iccid": "",
        "activationCode": "",
        "purchaseResult": five(account, instrument, line, "None", ""),
    }

"""What walks to the pages of access share: the looks, the start, and where each must end."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser import PageAt
from tests.e2e.customer import Customer
from tests.e2e.outside import code_sent_to
from tests.e2e.shopper import Shopper
from tests.speeds import sampled
from tests.stack import Stack

NEW_PASSWORD = "another long pass phrase"
# The index of the plan that is in the draft.
CHOSEN = 2


@dataclass(frozen=True)
class Look:
    """A window's width and height, and whether the browser runs scripts."""

    width: int
    height: int
    script: bool

    def __str__(self) -> str:
        return f"{self.width}x{self.height}{'' if self.script else ' without script'}"


DESK, PHONE = Look(800, 600, script=True), Look(360, 640, script=True)
PLAIN_DESK, PLAIN_PHONE = Look(800, 600, script=False), Look(360, 640, script=False)
LOOKS = (DESK, PHONE, PLAIN_DESK, PLAIN_PHONE)


def in_looks(*short: Look) -> pytest.MarkDecorator:
    """Walk in these looks in `make test`, and in the others in `make test-long`."""
    return pytest.mark.parametrize("look", sampled(LOOKS, in_short=short), ids=str)


def customer_at(stack: Stack, page_at: PageAt, look: Look) -> Customer:
    page = page_at(look.width, look.height, script=look.script)
    return Customer(page, stack.base_url, host=look.script)


def start_at_payment(
    noor: Customer, *, after_order: bool = False, launch: Mapping[str, str] | None = None
) -> None:
    """Open the payment page, with an account and a plan in the draft.

    The steps before it are walked without the browser, which takes much less time.
    """
    before = Shopper(noor.base_url)
    noor.identifier, noor.transaction_id = before.identifier, before.transaction_id
    with before.client as client:
        before.launch(**(launch or {}))
        before.sign_up()
        if after_order:
            _order(before)
        before.choose_plan(CHOSEN)
        cookies = dict(client.cookies)
    noor.recovery_code = before.recovery_code
    noor.page.context.add_cookies(
        [{"name": name, "value": value, "url": noor.base_url} for name, value in cookies.items()]
    )
    opens(noor, "/payment/", "How would you like to pay?")


def _order(before: Shopper) -> None:
    """Buy a plan, and come again for another one."""
    before.choose_plan()
    before.pay_with()
    before.send("submit-order")
    before.wait_for_end()
    before.finish()
    before.launch()
    before.sign_in()


def lose_session(noor: Customer) -> None:
    """Open the page again after the browser has lost its cookies."""
    noor.page.context.clear_cookies()
    noor.page.reload()
    noor.sees("Sign in")


def opens(noor: Customer, path: str, heading: str) -> None:
    noor.page.goto(f"{noor.base_url}{path}")
    noor.sees(heading)


def is_at(noor: Customer, path: str, heading: str) -> None:
    """Check where the customer has arrived, and that the page fits the window."""
    noor.sees(heading)
    assert urlsplit(noor.page.url).path == path
    width, window = noor.page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert width <= window


def is_back_at_payment(noor: Customer) -> None:
    """Check that the customer is where they were, and that the draft still has its plan."""
    is_at(noor, "/payment/", "How would you like to pay?")
    has_draft(noor)


def has_draft(noor: Customer) -> None:
    opens(noor, "/plans/?category=prepaid", "Choose a plan")
    expect(noor.page.get_by_role("radio").nth(CHOSEN)).to_be_checked()


def type_code(noor: Customer, stack: Stack, address: str, *, but: str = "") -> None:
    """Wait for the page that takes the code, as it comes by itself, and type the code.

    `but` is an earlier code to this address.
    """
    noor.page.locator("[name=code]").fill(code_sent_to(stack, address, but=but))
    noor.press("Next")


def prove_identifier(shopper: Shopper, stack: Stack) -> str:
    """Prove what the customer signs in with, without a browser. Return the code."""
    shopper.open("/account/addresses/")
    shopper.open(shopper.wait_for_link("/prove/"))
    shopper.send("prove-address")
    shopper.wait_for("code")
    code = code_sent_to(stack, shopper.identifier)
    shopper.send("code", code=code)
    assert shopper.page.address == "/account/addresses/"
    return code


def add_number(shopper: Shopper, stack: Stack, number: str) -> str:
    """Add a phone number to the account, without a browser. Return the code that proved it."""
    shopper.open("/account/addresses/add/")
    shopper.send("add-address", address=number)
    shopper.wait_for("code")
    code = code_sent_to(stack, number)
    shopper.send("code", code=code)
    assert shopper.page.address == "/account/addresses/"
    return code

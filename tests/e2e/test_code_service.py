"""A number is proven by a code of the operator's service: in Chromium, with a real worker.

As `make run` has it: the message simulator checks the number, sends the code and checks it.
"""

import re
from itertools import count

import pytest

from tests.browser import PageAt
from tests.e2e.customer import Customer
from tests.providers import books
from tests.speeds import sampled
from tests.stack import Stack

_numbers = count(100)


pytestmark = pytest.mark.parametrize("shop", ["postgresql"], indirect=True)


def sign_up(shop: Stack, page_at: PageAt, number: str, *, script: bool) -> Customer:
    """Sign up with this number, and ask for a code to it."""
    noor = Customer(page_at(360, 640, script=script), shop.base_url)
    noor.identifier = number
    noor.launch()
    noor.sign_up()
    noor.page.goto(f"{shop.base_url}/account/addresses/")
    noor.page.get_by_role("link", name=re.compile("Confirm")).first.click()
    noor.press("Send the code")
    return noor


@pytest.mark.parametrize("script", sampled([True, False], in_short=[True]))
def test_a_number_is_proven_by_the_operators_code(
    shop: Stack,
    page_at: PageAt,
    script: bool,  # noqa: FBT001 -- a parameter of the test
) -> None:
    noor = sign_up(shop, page_at, f"+1202555{next(_numbers):04}", script=script)
    noor.sees("Enter the code")
    [text] = [
        message["text"]
        for message in books(shop.message_url)["messages"]
        if message["recipient"] == noor.identifier
    ]
    code = re.findall(r"\d{6}", text)[0]

    noor.page.locator("[autocomplete=one-time-code]").fill(code)
    noor.press("Next")
    noor.sees("The code is right")
    noor.press("Next")

    noor.page.get_by_text(f"Confirmed: {noor.identifier}").wait_for()


def test_a_number_with_a_new_sim_gets_no_code_and_another_way(shop: Stack, page_at: PageAt) -> None:
    noor = sign_up(shop, page_at, "+12025550191", script=False)

    noor.sees("No code was sent")
    noor.page.get_by_text("changed hands recently").wait_for()
    noor.page.get_by_role("link", name="Use another address").click()
    noor.page.get_by_text("+12025550191").first.wait_for()

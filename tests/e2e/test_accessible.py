"""axe finds nothing wrong on the pages of access, account and paying from another device.

It is asked in any window, scheme or language.

The rule `target-size` of WCAG 2.2 is switched on as well: 24 CSS pixels, or as much room.
"""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.browser import PageAt
from tests.e2e.access import prove_identifier
from tests.e2e.axe import EASY, HARD, SIGHTS, Sight, findings, findings_of_form
from tests.e2e.lines import OperatorsLine, open_line
from tests.e2e.outside import code_sent_to
from tests.e2e.shopper import Shopper
from tests.e2e.test_bank_step import STEP_CARD
from tests.speeds import sampled
from tests.stack import Stack, on_postgresql

# Forms are sent as they are, so that their errors are examined too.
SIGNED_OUT = ("/sign-in/", "/sign-up/", "/recover/", "/recover/code/", "/pay/")
IN_THE_ACCOUNT = (
    *("/recovery-code/?next=/options/", "/account/", "/account/security/"),
    *("/account/security/password/", "/account/security/recovery-code/"),
    *("/account/addresses/", "/account/addresses/add/", "/account/addresses/code/"),
    *("/account/confirm/", "/account/confirm/address/"),
)


@pytest.fixture(scope="module")
def alice(postgresql_stack: Stack) -> Iterator[Shopper]:
    """Return a customer who has something on each page and is waiting for a code."""
    shopper = Shopper(postgresql_stack.base_url)
    shopper.order()
    shopper.wait_for_end()
    shopper.open("/account/security/recovery-code/")
    shopper.send("renew", current=shopper.password)
    prove_identifier(shopper, postgresql_stack)
    shopper.open("/account/addresses/add/")
    shopper.send("add-address", address=f"other-{shopper.identifier}")
    shopper.wait_for("code")
    yield shopper
    shopper.client.close()


@pytest.fixture(scope="module")
def payers(postgresql_stack: Stack) -> Iterator[list[Shopper]]:
    """Return a customer at an order that shows a paying code, and whoever has entered the code."""
    customer, helper = Shopper(postgresql_stack.base_url), Shopper(postgresql_stack.base_url)
    customer.order(STEP_CARD)
    customer.wait_for("other-device")
    code = re.search(r"[0-9A-Z]{4}-[0-9A-Z]{4}(?=</bdi>)", customer.send("other-device").text)
    assert code is not None
    helper.open("/pay/")
    assert helper.send("enter-code", code=code[0]).address == "/pay/order/"
    customer.send("other-device")
    yield [customer, helper]
    for shopper in (customer, helper):
        shopper.client.close()


@on_postgresql
@pytest.mark.parametrize("sight", sampled(SIGHTS, in_short=(EASY, HARD)), ids=str)
def test_axe_finds_nothing(
    stack: Stack, alice: Shopper, payers: list[Shopper], page_at: PageAt, sight: Sight
) -> None:
    page = sight.open(page_at)

    found = {path: findings_of_form(page, stack.base_url + path) for path in SIGNED_OUT}
    come_as(alice, page)
    for path in (*IN_THE_ACCOUNT, message_of(alice)):
        page.goto(stack.base_url + path)
        found[path] = findings(page)
    for payer in payers:
        come_as(payer, page)
        page.goto(stack.base_url + payer.page.address)
        found[payer.page.address] = findings(page)

    assert {path: texts for path, texts in found.items() if texts} == {}


def come_as(shopper: Shopper, page: Page) -> None:
    """Give the browser the customer's session."""
    url = str(shopper.client.base_url)
    page.context.clear_cookies()
    page.context.add_cookies(
        [
            {"name": name, "value": value, "url": url}
            for name, value in shopper.client.cookies.items()
        ]
    )


def message_of(alice: Shopper) -> str:
    alice.open("/account/")
    return alice.wait_for_link("/account/messages/")


@pytest.fixture(scope="module")
def linkers(postgresql_stack: Stack) -> Iterator[dict[str, Shopper]]:
    """Return customers who stand at the pages of linking a line, by what each page shows.

    A customer begins one line at a time, so each page has a customer of its own.
    """
    line, other = open_line(postgresql_stack), open_line(postgresql_stack)
    unknown, new_sim = OperatorsLine("", "no such code"), OperatorsLine("+12025550191", "")
    begun = {
        "in the account": begin(postgresql_stack, OperatorsLine(line.number, "")),
        "found": begin(postgresql_stack, OperatorsLine("", other.bill_code)),
        "refused": begin(postgresql_stack, unknown),
        "code": begin(postgresql_stack, OperatorsLine(other.number, "")),
        "no code": begin(postgresql_stack, new_sim),
    }
    linked = begun["in the account"]
    linked.wait_for("code")
    linked.send("code", code=code_sent_to(postgresql_stack, line.number))
    linked.wait_for_heading("Your account")
    begun["found"].wait_for("send-code")
    begun["refused"].wait_for_heading("The line wasn't added")
    begun["code"].wait_for("code")
    begun["no code"].wait_for_heading("No code was sent")
    yield begun
    for shopper in begun.values():
        shopper.client.close()


def begin(stack: Stack, line: OperatorsLine) -> Shopper:
    """Sign up and send the form for a line: its number, or the code from its bill."""
    shopper = Shopper(stack.base_url)
    shopper.launch()
    shopper.sign_up()
    shopper.open("/account/lines/link/")
    shopper.send("link-line", phone=line.number, bill_code=line.bill_code)
    return shopper


@on_postgresql
@pytest.mark.parametrize("sight", sampled(SIGHTS, in_short=(HARD,)), ids=str)
def test_axe_finds_nothing_where_a_line_is_linked_and_a_number_proven(
    stack: Stack, linkers: dict[str, Shopper], page_at: PageAt, sight: Sight
) -> None:
    page, found = sight.open(page_at), {}

    for name, shopper in linkers.items():
        come_as(shopper, page)
        page.goto(stack.base_url + shopper.page.address)
        found[name] = findings(page)
    found["form"] = findings_of_form(page, f"{stack.base_url}/account/lines/link/")
    page.goto(stack.base_url + linkers["code"].open("/account/addresses/").address)
    page.goto(stack.base_url + linkers["code"].wait_for_link("/prove/"))
    found["prove"] = findings(page)

    assert {name: texts for name, texts in found.items() if texts} == {}

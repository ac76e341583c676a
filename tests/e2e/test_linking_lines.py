"""A customer links a line by each proof, in Chromium, with a real customer system and worker.

Each walk begins with a plan in the draft, and ends where the customer was, with the draft kept.
`docs/accounts.md#lines` describes the pages.
"""

import pytest
from playwright.sync_api import expect

from tests.browser import PageAt
from tests.e2e.access import (
    DESK,
    PHONE,
    PLAIN_DESK,
    PLAIN_PHONE,
    Look,
    customer_at,
    in_looks,
    is_at,
    is_back_at_payment,
    lose_session,
    opens,
    start_at_payment,
    type_code,
)
from tests.e2e.customer import PATIENCE, Customer
from tests.e2e.lines import PLAN, OperatorsLine, open_line, wait_for_line
from tests.e2e.outside import code_sent_to, fault
from tests.stack import Stack, on_postgresql

NEW_SIM = "+12025550191"
pytestmark = on_postgresql


@pytest.fixture
def noor(stack: Stack, page_at: PageAt, look: Look) -> Customer:
    """Return a customer with a plan in the draft, at the payment page."""
    customer = customer_at(stack, page_at, look)
    start_at_payment(customer)
    return customer


@pytest.fixture
def line(stack: Stack) -> OperatorsLine:
    return open_line(stack)


def begin(noor: Customer, *, number: str = "", bill_code: str = "") -> None:
    """Walk from the account to the form, and send it."""
    opens(noor, "/account/", "Your account")
    noor.page.get_by_role("link", name="Add a line you already have").click()
    is_at(noor, "/account/lines/link/", "Add a line you already have")
    noor.page.locator("[name=phone]").fill(number)
    noor.page.locator("[name=bill_code]").fill(bill_code)
    noor.press("Next")


def has_line(noor: Customer, line: OperatorsLine, *, may: str) -> None:
    """Check that the account shows the line and this link for it, and that the draft is kept."""
    is_at(noor, "/account/", "Your account")
    row = noor.page.locator(".cards-row", has_text=line.number)
    expect(row.get_by_role("link", name=may)).to_be_visible()
    expect(noor.page.get_by_text(PLAN)).to_be_visible()
    opens(noor, "/payment/", "How would you like to pay?")
    is_back_at_payment(noor)


def is_told_of(noor: Customer, line: OperatorsLine) -> None:
    said = f"The line ending in {line.number[-4:]} is in your account."
    expect(noor.page.get_by_text(said)).to_be_visible(timeout=PATIENCE)


@in_looks(PHONE)
def test_a_code_to_the_number_brings_the_line_for_use(
    noor: Customer, line: OperatorsLine, stack: Stack
) -> None:
    begin(noor, number=line.number)
    type_code(noor, stack, line.number)

    is_told_of(noor, line)
    has_line(noor, line, may="I'm the holder")


@in_looks(PLAIN_DESK)
def test_a_code_from_the_bill_and_one_to_the_number_make_the_holder(
    noor: Customer, line: OperatorsLine, stack: Stack
) -> None:
    begin(noor, number=line.number, bill_code=line.bill_code)
    type_code(noor, stack, line.number)

    is_told_of(noor, line)
    has_line(noor, line, may="Contact support")


@in_looks(PLAIN_PHONE)
def test_a_code_from_the_bill_finds_the_number_and_a_code_must_still_go_there(
    noor: Customer, line: OperatorsLine, stack: Stack
) -> None:
    begin(noor, bill_code=line.bill_code)
    noor.sees("We found your line")
    assert line.number not in noor.page.content()
    noor.press("Send the code")
    type_code(noor, stack, line.number)

    is_told_of(noor, line)
    has_line(noor, line, may="Contact support")


@in_looks(DESK)
def test_a_number_that_was_added_as_an_address_brings_its_line(
    noor: Customer, line: OperatorsLine, stack: Stack
) -> None:
    opens(noor, "/account/addresses/", "Email addresses and phone numbers")
    noor.page.get_by_role("link", name="Add", exact=True).click()
    noor.page.locator("[name=address]").fill(line.number)
    noor.press("Send the code")
    type_code(noor, stack, line.number)

    is_at(noor, "/account/addresses/", "Email addresses and phone numbers")
    opens(noor, "/account/", "Your account")
    wait_for_line(noor, line)
    has_line(noor, line, may="I'm the holder")


@in_looks(PHONE)
def test_while_the_customer_system_is_away_the_customer_goes_on_and_the_line_comes_later(
    noor: Customer, line: OperatorsLine, stack: Stack
) -> None:
    with fault(stack.customer_url, "find", "http_500"):
        begin(noor, number=line.number)
        type_code(noor, stack, line.number)
        noor.sees("Adding your line")
        is_slow = noor.page.get_by_text("This is taking longer than usual.")
        expect(is_slow).to_be_visible(timeout=PATIENCE)
        opens(noor, "/payment/", "How would you like to pay?")
        is_back_at_payment(noor)

    opens(noor, "/account/", "Your account")
    wait_for_line(noor, line)
    has_line(noor, line, may="I'm the holder")


@in_looks()
def test_after_a_number_with_a_new_sim_another_line_can_be_added(
    noor: Customer, line: OperatorsLine, stack: Stack
) -> None:
    begin(noor, number=NEW_SIM)
    noor.sees("No code was sent")
    expect(noor.page.get_by_text("changed hands recently")).to_be_visible()
    noor.page.get_by_role("link", name="Use another number").click()
    is_at(noor, "/account/lines/link/", "Add a line you already have")
    begin(noor, number=line.number)
    type_code(noor, stack, line.number)

    is_told_of(noor, line)
    has_line(noor, line, may="I'm the holder")


@in_looks()
def test_a_customer_whose_cookie_is_lost_begins_the_line_again(
    noor: Customer, line: OperatorsLine, stack: Stack
) -> None:
    begin(noor, number=line.number)
    noor.sees("Enter the code")
    first_code = code_sent_to(stack, line.number)

    lose_session(noor)
    noor.sign_in(noor.identifier, noor.password)

    is_at(noor, "/account/lines/link/", "Add a line you already have")
    begin(noor, number=line.number)
    type_code(noor, stack, line.number, but=first_code)
    is_told_of(noor, line)
    has_line(noor, line, may="I'm the holder")

"""Addresses and one-time codes in Chromium. Each walk ends where the customer was.

`docs/accounts.md` describes the pages.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from playwright.sync_api import expect

from simulators.mobileplans.samples import STAFF
from tests.browser import PageAt
from tests.e2e.access import (
    DESK,
    NEW_PASSWORD,
    PHONE,
    PLAIN_DESK,
    PLAIN_PHONE,
    Look,
    add_number,
    customer_at,
    in_looks,
    is_at,
    is_back_at_payment,
    lose_session,
    opens,
    prove_identifier,
    start_at_payment,
    type_code,
)
from tests.e2e.customer import Customer
from tests.e2e.lines import unused_number
from tests.e2e.outside import STAFF_CODE, code_sent_to
from tests.e2e.shopper import Shopper
from tests.stack import Stack, on_postgresql


@on_postgresql
@in_looks(PHONE)
def test_a_customer_proves_what_they_sign_in_with(
    stack: Stack, page_at: PageAt, look: Look
) -> None:
    noor = customer_at(stack, page_at, look)
    start_at_payment(noor)
    opens(noor, "/account/addresses/", "Email addresses and phone numbers")

    noor.page.get_by_role("link", name=f"Confirm {noor.identifier}").click()
    noor.sees("Confirm that it's yours")
    noor.press("Send the code")
    noor.page.locator("[name=code]").fill("BCDFGH")
    noor.press("Next")
    expect(noor.page.locator("#errors")).to_be_visible()
    type_code(noor, stack, noor.identifier)

    is_at(noor, "/account/addresses/", "Email addresses and phone numbers")
    expect(noor.page.locator(".cards-row")).to_contain_text("You sign in with it")
    expect(noor.page.get_by_role("link", name="Confirm")).to_have_count(0)
    opens(noor, "/payment/", "How would you like to pay?")
    is_back_at_payment(noor)


@on_postgresql
@in_looks(PLAIN_DESK)
def test_a_customer_adds_another_address_and_signs_in_with_it(
    stack: Stack, page_at: PageAt, look: Look
) -> None:
    noor = customer_at(stack, page_at, look)
    start_at_payment(noor)
    other = f"other-{noor.identifier}"
    opens(noor, "/account/addresses/", "Email addresses and phone numbers")

    noor.page.get_by_role("link", name="Add", exact=True).click()
    noor.page.locator("[name=address]").fill(other)
    noor.press("Send the code")
    type_code(noor, stack, other)
    noor.page.get_by_role("link", name=f"Sign in with it: {other}").click()
    noor.sees("Sign in with this address?")
    noor.press("Sign in with it")

    is_at(noor, "/account/addresses/", "Email addresses and phone numbers")
    opens(noor, "/payment/", "How would you like to pay?")
    lose_session(noor)
    noor.sign_in(other, noor.password)
    is_back_at_payment(noor)


@on_postgresql
@in_looks(PLAIN_PHONE)
def test_a_code_to_a_proven_address_leads_back_in(
    stack: Stack, page_at: PageAt, look: Look
) -> None:
    noor = customer_at(stack, page_at, look)
    start_at_payment(noor)
    first_code = prove_elsewhere(noor, stack)
    lose_session(noor)

    recover_by_code(noor, stack, noor.identifier, but=first_code)

    is_back_at_payment(noor)


@on_postgresql
@in_looks(DESK)
def test_a_code_to_another_proven_number_leads_back_in(
    stack: Stack, page_at: PageAt, look: Look
) -> None:
    noor = customer_at(stack, page_at, look)
    start_at_payment(noor)
    number = unused_number()
    with elsewhere(noor) as shopper:
        first_code = add_number(shopper, stack, number)
    lose_session(noor)

    recover_by_code(noor, stack, number, but=first_code)

    is_back_at_payment(noor)


def recover_by_code(noor: Customer, stack: Stack, address: str, *, but: str) -> None:
    """Set a new password in three steps, by a code to this address. `but` is an earlier code."""
    noor.page.get_by_role("link", name="Forgot your password?").click()
    noor.page.get_by_role("link", name="Get a code by email or SMS").click()
    noor.page.locator("[autocomplete=username]").fill(address)
    noor.press("Send the code")
    noor.page.locator("[name=code]").fill(code_sent_to(stack, address, but=but))
    noor.page.locator("[autocomplete=new-password]").fill(NEW_PASSWORD)
    noor.press("Set password")
    noor.pass_recovery_code()


@on_postgresql
@in_looks(PHONE)
def test_a_code_from_support_leads_back_in(stack: Stack, page_at: PageAt, look: Look) -> None:
    noor = customer_at(stack, page_at, look)
    start_at_payment(noor, after_order=True)
    prove_elsewhere(noor, stack)
    lose_session(noor)
    send_staff_code(noor, stack)

    noor.page.get_by_role("link", name="Forgot your password?").click()
    noor.page.locator("[autocomplete=username]").fill(noor.identifier)
    code = code_sent_to(stack, noor.identifier, form=STAFF_CODE)
    noor.page.locator("[name=code]").fill(code)
    noor.page.locator("[autocomplete=new-password]").fill(NEW_PASSWORD)
    noor.press("Set password")
    noor.pass_recovery_code()

    is_back_at_payment(noor)


def send_staff_code(noor: Customer, stack: Stack) -> None:
    """Check a caller and send a code. `tests/accounts/staff_recovery` walks the desk."""
    stack.manage(
        "from django.utils.timezone import now;"
        "from accounts.access import caller_facts;"
        "from accounts.domain import safeguards, staff_recovery;"
        "from accounts.models import Address, User;"
        # No code goes to a mailbox that was proven within a week.
        "proven = Address.objects.exclude(proven_at=None);"
        "proven.update(proven_at=now() - safeguards.RECENT);"
        f"noor = User.objects.get(username={noor.identifier!r});"
        f"staff = User.objects.get(username={STAFF!r});"
        "call = staff_recovery.start(noor, actor=staff, reason='Has forgotten the password');"
        "known = caller_facts.facts_of(noor);"
        "answers = {fact.name: next(iter(fact.answers(noor))) for fact in known};"
        "staff_recovery.answer(call, actor=staff, answers=answers);"
        f"staff_recovery.send_code(call, actor=staff, address={noor.identifier!r})"
    )


def prove_elsewhere(noor: Customer, stack: Stack) -> str:
    """Prove what the customer signs in with, in another browser. Return the code."""
    with elsewhere(noor) as shopper:
        return prove_identifier(shopper, stack)


@contextmanager
def elsewhere(noor: Customer) -> Iterator[Shopper]:
    """Sign the customer in at another place, without a browser."""
    shopper = Shopper(noor.base_url)
    shopper.identifier = noor.identifier
    with closing(shopper.client):
        shopper.sign_in()
        yield shopper

"""In, out and back in, in Chromium. Each walk ends where the customer was, with the draft kept.

`docs/accounts.md` describes the pages.
"""

import json
from typing import Any

from playwright.sync_api import expect

from tests.browser import PageAt
from tests.e2e.access import (
    CHOSEN,
    DESK,
    NEW_PASSWORD,
    PHONE,
    PLAIN_DESK,
    PLAIN_PHONE,
    Look,
    customer_at,
    has_draft,
    in_looks,
    is_at,
    is_back_at_payment,
    lose_session,
    opens,
    start_at_payment,
)
from tests.e2e.customer import Customer
from tests.e2e.payload import parse_payload, purchase_result
from tests.stack import Stack, on_postgresql


def handed_over(noor: Customer, look: Look) -> dict[str, Any]:
    """Return the payload. Without script it is on the page, and the app receives nothing."""
    if look.script:
        return noor.handed_over()
    noor.page.wait_for_url("**/handoff/")
    return parse_payload(json.loads(noor.page.locator("#handoff").text_content() or ""))


@on_postgresql
@in_looks(PLAIN_PHONE)
def test_sign_up_leads_over_the_recovery_code_to_the_page_that_was_wanted(
    stack: Stack, page_at: PageAt, look: Look
) -> None:
    noor = customer_at(stack, page_at, look)
    noor.launch()
    opens(noor, "/plans/?category=prepaid", "Sign in")

    noor.sign_up()

    assert noor.recovery_code
    is_at(noor, "/plans/", "Choose a plan")
    noor.choose_plan(CHOSEN)
    noor.sees("How would you like to pay?")
    noor.page.go_back()
    noor.page.go_back()
    assert noor.recovery_code not in noor.page.content()


@on_postgresql
@in_looks(DESK)
def test_a_customer_whose_cookie_is_lost_signs_in_and_goes_on(
    stack: Stack, page_at: PageAt, look: Look
) -> None:
    noor = customer_at(stack, page_at, look)
    start_at_payment(noor)
    lose_session(noor)

    noor.sign_in(noor.identifier, noor.password)

    is_back_at_payment(noor)


@on_postgresql
@in_looks(PHONE)
def test_cancel_after_wrong_passwords_hands_over_log_on_failed(
    stack: Stack, page_at: PageAt, look: Look
) -> None:
    noor = customer_at(stack, page_at, look)
    start_at_payment(noor)
    noor.press("Cancel")
    handed_over(noor, look)
    noor.launch()

    for number in range(5):
        noor.sign_in(noor.identifier, f"not the password {number}")
        expect(noor.page.locator("#errors")).to_be_visible()
        is_at(noor, "/sign-in/", "Sign in")
    noor.press("Cancel")
    payload = handed_over(noor, look)

    assert payload["purchaseResult"] == purchase_result("None", "None", "None", "LogOnFailed", "")
    noor.page.get_by_role("link", name="Sign in to continue where you left off").click()
    noor.sign_in(noor.identifier, noor.password)
    noor.sees("How would you like to get online?")
    has_draft(noor)


@on_postgresql
@in_looks(PLAIN_PHONE)
def test_a_recovery_code_leads_back_in_three_steps(
    stack: Stack, page_at: PageAt, look: Look
) -> None:
    noor = customer_at(stack, page_at, look)
    start_at_payment(noor)
    first_code = noor.recovery_code
    lose_session(noor)

    noor.page.get_by_role("link", name="Forgot your password?").click()
    recover(noor, first_code)
    noor.pass_recovery_code()

    is_back_at_payment(noor)
    assert noor.recovery_code != first_code
    lose_session(noor)
    noor.sign_in(noor.identifier, noor.password)
    expect(noor.page.locator("#errors")).to_be_visible()
    noor.page.get_by_role("link", name="Forgot your password?").click()
    recover(noor, first_code)
    expect(noor.page.locator("#errors")).to_be_visible()


def recover(noor: Customer, code: str) -> None:
    """Fill in the form. The code is typed as people copy it."""
    noor.view.locator("[autocomplete=username]").fill(noor.identifier)
    noor.view.locator("[name=code]").fill(code.lower().replace("-", " "))
    noor.view.locator("[autocomplete=new-password]").fill(NEW_PASSWORD)
    noor.press("Set password")


@on_postgresql
@in_looks(PHONE)
def test_a_new_password_is_set_in_the_account(stack: Stack, page_at: PageAt, look: Look) -> None:
    noor = customer_at(stack, page_at, look)
    start_at_payment(noor)
    open_security(noor)

    noor.page.locator("a[href='/account/security/password/']").click()
    change_password(noor, "not the password")
    expect(noor.page.locator("#errors")).to_be_visible()
    change_password(noor, noor.password)

    is_at(noor, "/account/security/", "Sign-in and security")
    expect(noor.page.get_by_role("status").first).to_contain_text("Your password was changed")
    opens(noor, "/payment/", "How would you like to pay?")
    lose_session(noor)
    noor.sign_in(noor.identifier, NEW_PASSWORD)
    is_back_at_payment(noor)


def change_password(noor: Customer, current: str) -> None:
    noor.view.locator("[autocomplete=current-password]").fill(current)
    noor.view.locator("[autocomplete=new-password]").fill(NEW_PASSWORD)
    noor.press("Change password")


def open_security(noor: Customer) -> None:
    """Walk to *Sign-in and security*, as from the first page of the journey."""
    opens(noor, "/account/", "Your account")
    noor.page.get_by_role("link", name=noor.words("Sign-in and security")).click()
    noor.sees("Sign-in and security")


@on_postgresql
@in_looks(DESK)
def test_a_customer_sees_another_browser_and_signs_it_out(
    stack: Stack, page_at: PageAt, look: Look
) -> None:
    noor, other = (customer_at(stack, page_at, look) for _ in range(2))
    start_at_payment(noor)
    other.page.goto(f"{other.base_url}/account/")
    other.sign_in(noor.identifier, noor.password)
    is_at(other, "/account/", "Your account")
    open_security(noor)
    expect(noor.page.get_by_text("This device")).to_have_count(1)

    noor.press("Sign out all other devices")

    expect(noor.page.get_by_role("status").first).to_contain_text("1 other device was signed out")
    is_at(noor, "/account/security/", "Sign-in and security")
    expect(noor.page.get_by_role("button", name="Sign out all other devices")).to_have_count(0)
    other.page.reload()
    other.sees("Sign in")
    opens(noor, "/payment/", "How would you like to pay?")
    is_back_at_payment(noor)


@on_postgresql
@in_looks(PLAIN_DESK)
def test_the_language_from_the_menu_is_kept_in_the_account(
    stack: Stack, page_at: PageAt, look: Look
) -> None:
    noor, other = (customer_at(stack, page_at, look) for _ in range(2))
    start_at_payment(noor)
    noor.page.get_by_role("button", name="Language: English").click()
    noor.sees("Language")

    noor.page.get_by_role("button", name="Deutsch").click()

    noor.language = other.language = "de"
    is_back_at_payment(noor)
    other.page.goto(f"{other.base_url}/payment/")
    expect(other.page.locator("html")).to_have_attribute("lang", "en")
    other.view.locator("[autocomplete=username]").fill(noor.identifier)
    other.view.locator("[autocomplete=current-password]").fill(noor.password)
    other.page.get_by_role("button", name="Sign in", exact=True).click()
    is_back_at_payment(other)

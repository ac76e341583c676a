"""The fields of a new card in a browser: what is found before sending, and what stays typed."""

from playwright.sync_api import Request, expect

from tests.browser import PageAt
from tests.e2e.customer import Customer
from tests.stack import Stack, on_sqlite

WRONG = "Check the card number. A digit is wrong or missing."
# The gateway wants three digits for this card.
WRONG_CODE = "1234"


def walk_to_payment(page_at: PageAt, stack: Stack, *, script: bool = True) -> Customer:
    noor = Customer(page_at(script=script), stack.base_url)
    noor.launch()
    noor.sign_up()
    noor.choose()
    noor.choose_plan()
    noor.sees("How would you like to pay?")
    return noor


@on_sqlite
def test_a_wrong_digit_is_found_before_anything_is_sent(stack: Stack, page_at: PageAt) -> None:
    noor = walk_to_payment(page_at, stack)
    number, line = noor.view.locator("#id_number"), noor.view.locator("#number-wrong")
    posts: list[Request] = []
    noor.page.on("request", lambda sent: posts.append(sent) if sent.method == "POST" else None)

    noor.pay_with("4242 4242 4242 4241")

    expect(line).to_be_visible()
    expect(line).to_have_text(WRONG)
    expect(number).to_be_focused()
    expect(number).to_have_value("4242 4242 4242 4241")
    expect(number).to_have_accessible_description(WRONG)
    assert posts == []

    noor.pay_with()
    noor.sees("Review your order")


@on_sqlite
def test_after_a_refused_card_only_number_and_code_are_typed_again(
    stack: Stack, page_at: PageAt
) -> None:
    for script in (True, False):
        noor = walk_to_payment(page_at, stack, script=script)
        code = noor.view.locator("#id_csc")
        noor.view.locator("#id_number").fill("4242424242424242")
        noor.view.locator("#id_expiry").fill("12/30")
        noor.view.locator("#id_holder").fill("Noor Haddad")
        code.fill(WRONG_CODE)
        noor.press("Next")

        expect(noor.view.locator("#id_csc_error")).to_be_visible()
        expect(noor.view.locator("#id_number")).to_have_value("")
        expect(code).to_have_value("")
        expect(noor.view.locator("#id_expiry")).to_have_value("12/30")
        expect(noor.view.locator("#id_holder")).to_have_value("Noor Haddad")

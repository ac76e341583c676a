"""The button in a password's field, which a script shows."""

from playwright.sync_api import expect

from tests.browser import PageAt
from tests.stack import Stack, on_sqlite


@on_sqlite
def test_a_password_can_be_seen_and_is_hidden_before_it_is_sent(
    stack: Stack, page_at: PageAt
) -> None:
    page = page_at()
    page.goto(f"{stack.base_url}/sign-in/")
    field = page.locator("[autocomplete=current-password]")
    field.fill("a long enough pass phrase")
    page.locator("[autocomplete=username]").fill("noor@example.com")

    page.get_by_role("button", name="Show password").click()
    expect(field).to_have_attribute("type", "text")
    page.get_by_role("button", name="Hide password").click()
    expect(field).to_have_attribute("type", "password")

    page.get_by_role("button", name="Show password").click()
    # The page stays, so that it can be seen what the form sends.
    page.eval_on_selector("#sign-in", "f => f.addEventListener('submit', e => e.preventDefault())")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(field).to_have_attribute("type", "password")

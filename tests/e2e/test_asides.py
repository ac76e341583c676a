"""A look at the terms, at support or at the languages loses nothing that was typed."""

import pytest
from playwright.sync_api import expect

from tests.browser import PageAt
from tests.e2e.access import DESK, PLAIN_PHONE, Look, customer_at
from tests.speeds import sampled
from tests.stack import Stack, on_sqlite


@on_sqlite
@pytest.mark.parametrize("look", sampled([DESK, PLAIN_PHONE], in_short=[PLAIN_PHONE]), ids=str)
def test_what_was_typed_is_there_again(stack: Stack, page_at: PageAt, look: Look) -> None:
    noor = customer_at(stack, page_at, look)
    noor.launch()
    noor.enter_by("I'm new")
    name = noor.page.locator("[autocomplete=name]")
    name.fill("Noor Haddad")

    for button, heading in (("Terms", "Terms of service"), ("Support", "Support")):
        noor.press(button)
        noor.sees(heading)
        noor.page.get_by_role("link", name="Back", exact=True).click()
        noor.sees("Get online in the United States")
        expect(name).to_have_value("Noor Haddad")

    noor.page.get_by_role("button", name="Language: English").click()
    noor.page.get_by_role("button", name="Deutsch").click()
    expect(noor.page.locator("html")).to_have_attribute("lang", "de")
    expect(name).to_have_value("Noor Haddad")

    noor.language = "de"
    noor.page.locator("[autocomplete=username]").fill(noor.identifier)
    noor.page.locator("[autocomplete=new-password]").fill(noor.password)
    noor.press("Create account")
    noor.pass_recovery_code()
    noor.choose()
    noor.choose_plan(1)

    # An incomplete card does not keep anybody from reading the terms.
    holder = noor.page.locator("[autocomplete=cc-name]")
    noor.page.locator("[autocomplete=cc-number]").fill("4242 4242")
    holder.fill("Noor H.")
    noor.press("Privacy")
    noor.page.get_by_role("link", name=noor.words("Back"), exact=True).click()
    expect(holder).to_have_value("Noor H.")
    expect(noor.page.locator("[autocomplete=cc-number]")).to_have_value("")

"""A customer with a browser, who walks the journey in Chromium by the texts on the pages."""

import secrets
from typing import Any
from urllib.parse import urlencode

from django.utils.translation import gettext, override
from playwright.sync_api import Frame, Page, expect

from tests.e2e.payload import parse_payload

EID = "89049032123451234512345678901235"
IMEI = "490154203237518"
GOOD_CARD = "4242 4242 4242 4242"
REFUSED_CARD = "4000 0000 0000 0002"
# Exactly what the app adds to a page before the page's own script runs.
HOST_OBJECT = """
window.received = [];
window.DataMart = {notifyPurchaseResult: function () {
    window.received.push(Array.prototype.slice.call(arguments));
}};
"""
# In milliseconds. A worker may have to wait for the reconciler; everything else is fast.
PATIENCE = 30_000


class Customer:
    """A new customer with a device, on one page of one browser.

    Texts are given in English and looked for in the page's language.
    """

    def __init__(
        self, page: Page, base_url: str, *, host: bool = True, language: str = "en"
    ) -> None:
        self.page = page
        # The portal is the page itself, or a frame in it.
        self.view: Page | Frame = page
        self.base_url = base_url
        self.language = language
        self.identifier = f"{secrets.token_hex(6)}@example.com"
        self.password = "a long enough pass phrase"
        self.recovery_code = ""
        self.transaction_id = f"MSFT_{secrets.token_hex(6)}/{secrets.token_hex(2)}.x+y"
        page.set_default_timeout(PATIENCE)
        if host:
            page.add_init_script(HOST_OBJECT)

    def launch(self, **changes: str) -> None:
        """Launch the portal like the app. A change to "" leaves that parameter out."""
        parameters = {
            "market": "US",
            "location": "US",
            "transactionId": self.transaction_id,
            "eid": EID,
            "imei": IMEI,
            **changes,
        }
        sent = {name: value for name, value in parameters.items() if value}
        self.page.goto(f"{self.base_url}/?{urlencode(sent)}")

    def sign_up(self) -> None:
        """Create an account, and remember the recovery code that is shown once."""
        self.open_account()
        self.pass_recovery_code()

    def open_account(self) -> None:
        self.enter_by("I'm new")
        self.view.locator("[autocomplete=username]").fill(self.identifier)
        self.view.locator("[autocomplete=name]").fill("Noor Haddad")
        self.view.locator("[autocomplete=new-password]").fill(self.password)
        self.press("Create account")
        self.sees("Your recovery code")

    def pass_recovery_code(self) -> None:
        self.sees("Your recovery code")
        self.recovery_code = self.view.locator(".code").inner_text()
        self.press("Next")

    def sign_in(self, identifier: str, password: str) -> None:
        self.enter_by("I have an account")
        self.view.locator("[autocomplete=username]").fill(identifier)
        self.view.locator("[autocomplete=current-password]").fill(password)
        self.press("Sign in")

    def enter_by(self, door: str) -> None:
        """Open one of the two ways in, unless it is open."""
        link = self.view.get_by_role("link", name=self.words(door), exact=True)
        if link.get_attribute("aria-current") is None:
            link.click()

    def choose(self, tile: str = "Prepaid plans") -> None:
        self.view.get_by_role("link", name=self.words(tile)).click()

    def choose_plan(self, index: int = 0) -> None:
        # The radio button itself lies invisibly under its tile, so
        # Playwright must not look for it.
        self.view.get_by_role("radio").nth(index).check(force=True)
        self.press("Next")

    def pay_with(self, number: str = GOOD_CARD) -> None:
        self.type_card(number)
        self.press("Next")

    def type_card(self, number: str = GOOD_CARD) -> None:
        """Fill in the card fields of the portal's own page."""
        self.view.locator("[autocomplete=cc-number]").fill(number)
        self.view.locator("[autocomplete=cc-exp]").fill("12/30")
        self.view.locator("[autocomplete=cc-csc]").fill("123")
        self.view.locator("[autocomplete=cc-name]").fill("Noor Haddad")

    def pay_with_voucher(self, code: str) -> None:
        self.view.get_by_text(self.words("Use a voucher"), exact=True).click()
        self.view.get_by_label(self.words("Voucher code")).fill(code)
        self.press("Next")

    def type_card_at_gateway(
        self, number: str = GOOD_CARD, *, button: str = "Store this card"
    ) -> None:
        """Fill in the payment provider's page, which is in English only."""
        self.view.locator("[autocomplete=cc-number]").fill(number)
        self.view.locator("[autocomplete=cc-exp]").fill("12/30")
        self.view.locator("[autocomplete=cc-csc]").fill("123")
        self.view.locator("[autocomplete=cc-name]").fill("Noor Haddad")
        self.view.get_by_role("button", name=button, exact=True).click()

    def submit(self, button: str = "Submit order") -> None:
        self.press(button)

    def press(self, name: str) -> None:
        self.view.get_by_role("button", name=self.words(name), exact=True).click()

    def sees(self, heading: str) -> None:
        title = self.view.get_by_role("heading", level=1, name=self.words(heading))
        expect(title).to_be_visible(timeout=PATIENCE)

    def words(self, english: str) -> str:
        with override(self.language):
            return gettext(english)

    def buy(self, number: str = GOOD_CARD) -> None:
        """Walk from the launch to the submitted order."""
        self.launch()
        self.sign_up()
        self.choose()
        self.choose_plan()
        self.pay_with(number)
        self.submit()

    def finish(self) -> dict[str, Any]:
        """Press Continue and return the payload that the app received."""
        self.press("Continue")
        return self.handed_over()

    def handed_over(self) -> dict[str, Any]:
        """Return the payload, parsed. Check that it came exactly once and matches the schema."""
        self.page.wait_for_url("**/handoff/")
        self.page.wait_for_function("window.received.length > 0")
        calls = self.page.evaluate("window.received")
        assert [len(arguments) for arguments in calls] == [1]
        return parse_payload(calls[0][0])

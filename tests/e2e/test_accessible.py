"""axe finds nothing wrong on the pages of access and account, in any window, scheme or language.

The rule `target-size` of WCAG 2.2 is switched on as well: 24 CSS pixels, or as much room.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # no types
from playwright.sync_api import Page

from tests.browser import PageAt
from tests.e2e.access import prove_identifier
from tests.e2e.shopper import Shopper
from tests.speeds import sampled
from tests.stack import Stack, on_postgresql

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


@dataclass(frozen=True)
class Look:
    """A language, the width of the window, and the colour scheme."""

    locale: str
    width: int
    scheme: Literal["light", "dark"]

    def __str__(self) -> str:
        return f"{self.locale} {self.width} {self.scheme}"


LOOKS = [Look(*parts) for parts in product(("en", "ar-AE"), (800, 360, 320), SCHEMES)]
SHORT = (Look("en", 800, "light"), Look("ar-AE", 320, "dark"))
OPTIONS = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
# Forms are sent as they are, so that their errors are examined too.
SIGNED_OUT = ("/sign-in/", "/sign-up/", "/recover/", "/recover/code/")
IN_THE_ACCOUNT = (
    *("/recovery-code/?next=/options/", "/account/", "/account/security/"),
    *("/account/security/password/", "/account/security/recovery-code/"),
    *("/account/addresses/", "/account/addresses/add/", "/account/addresses/code/"),
    *("/account/confirm/", "/account/confirm/address/"),
)


@pytest.fixture(scope="module")
def alice(postgresql_stack: Stack) -> Iterator[Shopper]:
    """Return a customer who has something on each page, and whom a code is on its way to."""
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


@on_postgresql
@pytest.mark.parametrize("look", sampled(LOOKS, in_short=SHORT), ids=str)
def test_axe_finds_nothing(stack: Stack, alice: Shopper, page_at: PageAt, look: Look) -> None:
    page = page_at(look.width, 640, look.locale)
    page.emulate_media(color_scheme=look.scheme, reduced_motion="reduce")

    found = {path: findings_of_form(page, stack.base_url + path) for path in SIGNED_OUT}
    cookies = alice.client.cookies.items()
    page.context.add_cookies(
        [{"name": name, "value": value, "url": stack.base_url} for name, value in cookies]
    )
    for path in (*IN_THE_ACCOUNT, message_of(alice)):
        page.goto(stack.base_url + path)
        found[path] = findings(page)

    assert {path: texts for path, texts in found.items() if texts} == {}


def findings_of_form(page: Page, url: str) -> list[str]:
    """Examine a page, then the same page with the errors of its empty form."""
    page.goto(url)
    empty = findings(page)
    page.eval_on_selector("main form", "form => { form.noValidate = true; }")
    page.locator("#bar .button-primary").click()
    page.locator("#errors").wait_for()
    return empty + findings(page)


def findings(page: Page) -> list[str]:
    """Return what axe finds, and whether the page is wider than its window."""
    violations: list[dict[str, Any]] = Axe().run(page, options=OPTIONS).response["violations"]
    found = [f"{one['id']}: {node['html']}" for one in violations for node in one["nodes"]]
    sizes = "document.documentElement.scrollWidth > window.innerWidth"
    return [*found, "wider than its window"] if page.evaluate(sizes) else found


def message_of(alice: Shopper) -> str:
    alice.open("/account/")
    return alice.wait_for_link("/account/messages/")

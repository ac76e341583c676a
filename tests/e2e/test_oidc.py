"""Sign-in and sign-out with the operator's OpenID Connect provider, in a browser."""

import json
import secrets
from contextlib import suppress
from typing import Any

import httpx
import pytest
from playwright.sync_api import Error, expect

from tests.browser import PageAt
from tests.e2e.access import (
    DESK,
    PLAIN_PHONE,
    Look,
    customer_at,
    in_looks,
    lose_session,
    opens,
)
from tests.e2e.customer import Customer
from tests.e2e.lines import PLAN, open_line, wait_for_line
from tests.e2e.payload import INNER, parse_payload
from tests.oidc_provider import FakeProvider
from tests.stack import Stack

pytestmark = [
    pytest.mark.parametrize("oidc_shop", ["postgresql"], indirect=True),
    in_looks(DESK, PLAIN_PHONE),
]


@pytest.fixture
def noor(oidc_shop: Stack, page_at: PageAt, look: Look) -> Customer:
    """Return a customer who has launched the portal and stands at the first page."""
    customer = customer_at(oidc_shop, page_at, look)
    customer.launch()
    customer.sees("Get online in the United States")
    return customer


def sign_in(noor: Customer) -> None:
    """Follow the link to the provider, sign in there and come back."""
    noor.page.get_by_role("link", name="Sign in with Kestrel ID").click()
    noor.sees("Provider: sign in")
    noor.page.get_by_role("link", name="I am Noor").click()


def sign_out(noor: Customer) -> None:
    noor.page.goto(f"{noor.base_url}/account/")
    noor.press("Sign out")


def payload(noor: Customer) -> dict[str, Any]:
    """Return what the handoff page gives to the host, whether script runs or not."""
    noor.page.wait_for_url("**/handoff/")
    text = noor.page.locator("#handoff").text_content() or ""
    result: dict[str, Any] = parse_payload(json.loads(text))[INNER]
    return result


def go_back_from_error(noor: Customer) -> None:
    """Go back from Chromium's own error page, which another process of it is about to show."""
    for _ in range(20):
        noor.page.wait_for_timeout(100)
        with suppress(Error):
            noor.page.go_back()
            return
    pytest.fail("there is no way back from the error page")


def assert_signed_out(noor: Customer) -> None:
    noor.page.goto(f"{noor.base_url}/account/")
    noor.sees("Sign in")


def test_a_customer_of_the_operator_comes_in_and_leaves_over_the_provider(
    noor: Customer, provider: FakeProvider
) -> None:
    sign_in(noor)
    noor.page.wait_for_url("**/options/")

    sign_out(noor)
    noor.sees("Provider: signed out")
    noor.page.get_by_role("link", name="Back").click()

    assert payload(noor)["userAccount"] == "Existing"
    assert_signed_out(noor)


def test_a_provider_that_dies_at_sign_out_leaves_the_customer_signed_out_here(
    noor: Customer, provider: FakeProvider
) -> None:
    sign_in(noor)
    noor.page.wait_for_url("**/options/")
    provider.is_dead_at_sign_out = True

    sign_out(noor)
    with pytest.raises(Error, match="ERR_EMPTY_RESPONSE"):
        noor.page.wait_for_url("chrome-error://**")
    go_back_from_error(noor)

    noor.sees("You are signed out")
    noor.page.get_by_role("link", name="Continue").click()
    assert payload(noor)["userAccount"] == "Existing"
    assert_signed_out(noor)


def test_the_draft_survives_a_logout_by_the_provider_and_a_refused_answer(
    noor: Customer, provider: FakeProvider
) -> None:
    sign_in(noor)
    noor.choose()
    noor.choose_plan()
    noor.sees("How would you like to pay?")
    httpx.post(f"{noor.base_url}/oidc/logout/", data={"logout_token": provider.logout_token()})
    noor.page.reload()
    noor.sees("Sign in")

    provider.claims["nonce"] = "of another attempt"
    sign_in(noor)
    noor.sees("Sign in")
    expect(noor.page.get_by_text("We couldn't confirm your sign-in.")).to_be_visible()
    assert noor.page.locator("[autocomplete=current-password]").is_visible()

    del provider.claims["nonce"]
    sign_in(noor)
    noor.sees("How would you like to pay?")


def test_cancel_does_not_lead_to_the_provider(noor: Customer, provider: FakeProvider) -> None:
    sign_in(noor)
    noor.page.wait_for_url("**/options/")
    provider.paths.clear()

    noor.press("Cancel")

    assert payload(noor)["userAccount"] == "Existing"
    assert provider.paths == []


def test_a_number_that_the_provider_vouches_for_makes_the_holder_of_its_line(
    noor: Customer, provider: FakeProvider, oidc_shop: Stack
) -> None:
    line = open_line(oidc_shop)
    provider.claims["sub"] = secrets.token_hex(6)
    sign_in(noor)
    noor.choose()
    noor.choose_plan()
    noor.sees("How would you like to pay?")
    lose_session(noor)

    provider.claims |= {"phone_number": line.number, "phone_number_verified": True}
    sign_in(noor)

    noor.sees("How would you like to pay?")
    opens(noor, "/account/", "Your account")
    wait_for_line(noor, line)
    row = noor.page.locator(".cards-row", has_text=line.number)
    expect(row.get_by_role("link", name="Contact support")).to_be_visible()
    expect(noor.page.get_by_text(PLAN)).to_be_visible()

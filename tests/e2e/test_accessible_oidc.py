"""axe finds nothing wrong on the pages around the operator's OpenID Connect provider."""

import secrets

import pytest

from tests.browser import PageAt
from tests.e2e.axe import HARD, SIGHTS, Sight, findings, findings_of_form
from tests.e2e.customer import Customer
from tests.e2e.lines import unused_number
from tests.e2e.provider import address_of_an_account, sign_in_at_provider
from tests.oidc_provider import FakeProvider
from tests.speeds import sampled
from tests.stack import Stack

FIRST_PASSWORD = "/account/security/password/first/"


@pytest.mark.parametrize("oidc_shop", ["postgresql"], indirect=True)
@pytest.mark.parametrize("sight", sampled(SIGHTS, in_short=(HARD,)), ids=str)
def test_axe_finds_nothing_around_the_provider(
    oidc_shop: Stack, provider: FakeProvider, page_at: PageAt, sight: Sight
) -> None:
    noor = Customer(sight.open(page_at), oidc_shop.base_url, language=sight.locale[:2])
    provider.claims |= {
        "sub": secrets.token_hex(6),
        "email": address_of_an_account(oidc_shop),
        "email_verified": True,
        "phone_number": unused_number(),
        "nonce": "of another attempt",
    }
    noor.launch()

    found = {"sign-in": findings(noor.page)}
    sign_in_at_provider(noor)
    noor.sees("Sign in")
    found["refused"] = findings(noor.page)
    del provider.claims["nonce"]
    sign_in_at_provider(noor)
    noor.sees("Is this your account?")
    found["join"] = findings(noor.page)
    noor.page.eval_on_selector("#join", "form => { form.noValidate = true; }")
    noor.press("Next")
    noor.page.locator("#errors").wait_for()
    found["join with an error"] = findings(noor.page)
    noor.press("Continue with a separate account")
    noor.page.wait_for_url("**/options/")
    noor.page.goto(f"{noor.base_url}/account/confirm/?next=/account/addresses/")
    found["asked again"] = findings(noor.page)
    noor.page.goto(f"{noor.base_url}/account/security/")
    found["security"] = findings(noor.page)
    found["first password"] = findings_of_form(noor.page, f"{noor.base_url}{FIRST_PASSWORD}")
    noor.page.goto(f"{noor.base_url}/account/")
    noor.press("Sign out")
    noor.page.get_by_role("link", name="Back").wait_for()
    # Whoever comes back stays at this page, which leads to the provider by itself only once.
    noor.page.goto(f"{noor.base_url}/oidc/sign-out/")
    found["signed out"] = findings(noor.page)

    assert {name: texts for name, texts in found.items() if texts} == {}

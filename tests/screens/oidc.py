"""Walks to the pages around the operator's OpenID Connect provider."""

import secrets
from dataclasses import dataclass

from tests.e2e.customer import Customer
from tests.e2e.lines import unused_number
from tests.e2e.provider import address_of_an_account, sign_in_at_provider
from tests.oidc_provider import FakeProvider
from tests.screens.photographer import Photographer


@dataclass(frozen=True)
class ProviderWalks:
    """Walks with a provider that answers as the walk needs."""

    provider: FakeProvider

    def operators_sign_in(self, noor: Customer, photographer: Photographer) -> None:
        """Come in by the provider with an address that an account has, and leave by it."""
        self.provider.claims = {
            "sub": secrets.token_hex(6),
            "name": "Noor Haddad",
            "email": address_of_an_account(photographer.stack),
            "email_verified": True,
            "phone_number": unused_number(),
            "nonce": "of another attempt",
        }
        noor.launch()
        noor.enter_by("I have an account")
        noor.sees("Sign in")
        photographer.take("sign-in-operator")
        sign_in_at_provider(noor)
        noor.page.locator(".notice").wait_for()
        photographer.take("sign-in-operator-refused")

        del self.provider.claims["nonce"]
        sign_in_at_provider(noor)
        noor.sees("Is this your account?")
        photographer.take("join")
        noor.press("Continue with a separate account")
        noor.sees("How would you like to get online?")
        noor.page.goto(f"{noor.base_url}/account/confirm/?next=/account/addresses/add/")
        noor.sees("Confirm it's you")
        photographer.take("confirm-operator")
        noor.page.goto(f"{noor.base_url}/account/security/")
        noor.page.get_by_role("link", name=noor.words("Set a password")).click()
        noor.sees("Set a password")
        photographer.take("first-password")
        noor.page.goto(f"{noor.base_url}/account/")
        noor.press("Sign out")
        noor.sees("You are signed out")
        photographer.take("signed-out-operator")

"""What browser tests and pictures do around the operator's OpenID Connect provider."""

from contextlib import closing

from tests.e2e.customer import Customer
from tests.e2e.shopper import Shopper
from tests.stack import Stack


def sign_in_at_provider(noor: Customer) -> None:
    """Follow the link to the provider, and sign in there."""
    noor.page.locator("a[href^='/oidc/start/']").click()
    noor.page.get_by_role("link", name="I am Noor").click()


def address_of_an_account(stack: Stack) -> str:
    """Sign up somebody else, and return the address that is taken then."""
    shopper = Shopper(stack.base_url)
    with closing(shopper.client):
        shopper.launch()
        shopper.sign_up()
    return shopper.identifier

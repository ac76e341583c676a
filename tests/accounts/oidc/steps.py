"""What a customer and a worker do in the tests of the OpenID Connect provider."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.conf import settings as of_portal
from django.test import Client

from accounts.models import OidcIdentity, OidcProvider, User
from accounts.oidc import provider as of_provider
from tests.e2e.customer import EID
from tests.oidc_provider import FakeProvider
from tests.processing import process_task

LAUNCH = f"/?market=US&location=US&transactionId=MSFT_1&eid={EID}"
DRAFT = "/review/"
FOREIGN = "This sign-in doesn&#x27;t belong to this visit. Please start again."
LOST = "Your sign-in took too long or was interrupted. Please start again."
DECLINED = "You weren&#x27;t signed in. Try again, or use another way to sign in."
INVALID = "We couldn&#x27;t confirm your sign-in. Try again, or use another way to sign in."
AWAY = "This way to sign in isn&#x27;t available right now."


def fetch() -> object:
    """Let a worker fetch what the provider publishes."""
    of_provider.request_fetch()
    return process_task(of_provider.KIND, OidcProvider.objects.get(issuer=of_portal.OIDC_ISSUER).pk)


def start(client: Client, target: str = DRAFT) -> str:
    """Follow the link on the sign-in page. Return the provider's address."""
    response = client.get("/oidc/start/", {"next": target})
    assert response.status_code == 303
    return str(response["Location"])


def come_back(client: Client, address: str) -> Any:
    return client.get(f"/oidc/return/?{urlsplit(address).query}")


def sign_in(client: Client, provider: FakeProvider, target: str = DRAFT, **changes: str) -> Any:
    """Sign in at the provider and come back."""
    return come_back(client, provider.answer(start(client, target), **changes))


def is_signed_in(client: Client) -> bool:
    return client.get("/account/").status_code == 200


def assert_refused(client: Client, response: Any, sentence: str, target: str = DRAFT) -> None:
    """Assert that the customer is back on the sign-in page, which says why and keeps the target."""
    assert (response.status_code, urlsplit(response["Location"]).path) == (303, "/sign-in/")
    assert parse_qs(urlsplit(response["Location"]).query).get("next", [""]) == [target]
    page = client.get(response["Location"]).content.decode()
    assert sentence in page
    assert 'name="password"' in page
    assert not is_signed_in(client)
    assert not OidcIdentity.objects.exists()


def kinds(account: User) -> list[str]:
    return list(account.access_events.order_by("pk").values_list("kind", flat=True))

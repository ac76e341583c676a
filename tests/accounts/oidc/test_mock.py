"""A sign-in and a sign-out at `oidc-provider-mock`, a published mock provider."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.models import OidcIdentity, User
from tests.accounts.oidc.steps import DRAFT, LAUNCH, come_back, fetch, is_signed_in, start
from tests.builders import make_operator
from tests.services import free_port

pytestmark = pytest.mark.processes
PATIENCE = 30.0


@pytest.fixture(scope="module")
def mock() -> Iterator[str]:
    """Start the mock, and return its address."""
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port)]
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen([*command, "--require-nonce", "true"], stderr=subprocess.DEVNULL) as mock:
        try:
            _wait_for(url)
            yield url
        finally:
            mock.terminate()


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            httpx.get(f"{url}/jwks", trust_env=False)
        except httpx.TransportError:
            assert time.monotonic() < deadline, "the mock did not start"
            time.sleep(0.1)
        else:
            return


@pytest.fixture
def client(db: None, mock: str, settings: Settings) -> Client:
    """Return a browser at a portal that knows the mock."""
    make_operator()
    registered = httpx.post(
        f"{mock}/oauth2/clients",
        json={"redirect_uris": [f"{settings.PORTAL_URL}/oidc/return/"]},
        trust_env=False,
    ).json()
    settings.OIDC_ISSUER = mock
    settings.OIDC_CLIENT_ID = registered["client_id"]
    settings.OIDC_CLIENT_SECRET = registered["client_secret"]
    assert fetch() is None
    return Client()


def sign_in_at(mock: str, address: str, *, subject: str, **form: str) -> str:
    """Send the mock's own form, and return where it leads."""
    # The mock does not say by itself when its customer signed in.
    claims = {"email": f"{subject}@example.com", "auth_time": int(time.time())}
    httpx.put(f"{mock}/users/{subject}", json=claims, trust_env=False).raise_for_status()
    assert "sub" in httpx.get(address, trust_env=False).text
    answer = httpx.post(address, data={"sub": subject, **form}, trust_env=False)
    assert answer.is_redirect
    return answer.headers["Location"]


def test_a_customer_signs_in_and_out_at_a_foreign_provider(
    client: Client, mock: str, settings: Settings
) -> None:
    client.get(LAUNCH)

    way_back = sign_in_at(mock, start(client), subject="noor")
    assert come_back(client, way_back)["Location"] == DRAFT

    assert is_signed_in(client)
    assert User.objects.get().username == "noor@example.com"
    assert OidcIdentity.objects.get().subject == "noor"
    assert client.post("/leave/", {"signs_out": "1"})["Location"] == "/oidc/sign-out/"
    page = client.get("/oidc/sign-out/").content.decode()
    link = re.search(r'href="(http[^"]*end_session[^"]*)"', page)
    assert link
    asks = httpx.get(link[1].replace("&amp;", "&"), trust_env=False)
    assert f"{settings.PORTAL_URL}/oidc/signed-out/" in asks.text
    assert not is_signed_in(client)


def test_who_refuses_at_a_foreign_provider_is_back_at_the_sign_in_page(
    client: Client, mock: str
) -> None:
    way_back = sign_in_at(mock, start(client), subject="sami", action="deny")

    assert come_back(client, way_back)["Location"] == "/sign-in/?next=%2Freview%2F"
    assert not is_signed_in(client)


def test_a_code_of_a_foreign_provider_works_once(client: Client, mock: str) -> None:
    way_back = sign_in_at(mock, start(client), subject="lea")
    cookies = dict(client.cookies.items())
    come_back(client, way_back)
    client.logout()
    client.cookies.update(cookies)

    assert come_back(client, way_back)["Location"] == "/sign-in/?next=%2Freview%2F"
    assert not is_signed_in(client)

"""Sign out leads over the provider, and the provider can end the portal's sign-ins."""

import time
from typing import Any

import pytest
import time_machine
from django.conf import settings as of_portal
from django.http import HttpResponseRedirect
from django.test import Client

from accounts.models import OidcLogout, OidcProvider, SignIn, User
from accounts.oidc.tokens import LOGOUT_EVENT
from moportal import retention
from orders.views import leave
from tests.accounts.oidc.steps import LAUNCH, fetch, is_signed_in, kinds, sign_in
from tests.conftest import PASSWORD
from tests.oidc_provider import CLIENT_ID, NO_CLAIM, FakeProvider, new_key

OUT = "/oidc/sign-out/"
# With less than 2 seconds, browsers drop the page from their history.
OPENS = 'http-equiv="refresh" content="2; '


@pytest.fixture
def client(provider: FakeProvider) -> Client:
    """Return a browser in which a customer has signed in with the provider."""
    provider.claims = {"sid": "session 1"}
    client = Client()
    client.get(LAUNCH)
    sign_in(client, provider)
    return client


# -- From the account.


def test_sign_out_in_the_account_leads_over_the_provider_to_the_handoff(
    client: Client, provider: FakeProvider
) -> None:
    assert 'name="signs_out"' in client.get("/account/").content.decode()

    response = client.post("/leave/", {"signs_out": "1"})

    assert response["Location"] == OUT
    assert not is_signed_in(client)
    page = client.get(OUT).content.decode()
    back = "post_logout_redirect_uri=http%3A%2F%2F127.0.0.1%3A8000%2Foidc%2Fsigned-out%2F"
    assert f"{provider.url}/end?client_id={CLIENT_ID}&amp;{back}" in page
    assert OPENS in page
    assert client.get("/oidc/signed-out/")["Location"] == "/handoff/"
    assert client.get("/handoff/").status_code == 200


def test_who_comes_back_from_a_provider_that_is_dead_is_not_sent_there_again(
    client: Client,
) -> None:
    client.post("/leave/", {"signs_out": "1"})
    assert OPENS in client.get(OUT).content.decode()

    page = client.get(OUT).content.decode()

    assert OPENS not in page
    assert 'href="/handoff/"' in page


def test_cancel_and_continue_never_lead_to_the_provider(client: Client) -> None:
    assert 'name="signs_out"' not in client.get("/options/").content.decode()
    assert client.post("/leave/")["Location"] == "/handoff/"


def test_an_order_that_can_no_longer_be_cancelled_keeps_the_customer_here(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    stay = HttpResponseRedirect("/orders/1/", status=303)
    monkeypatch.setattr(leave, "_leave", lambda _request: stay)

    assert client.post("/leave/", {"signs_out": "1"})["Location"] == "/orders/1/"


def test_a_customer_with_a_password_signs_out_here_alone(
    provider: FakeProvider, alice: User
) -> None:
    client = Client()
    client.post("/sign-in/", {"username": alice.username, "password": PASSWORD})

    assert client.post("/leave/", {"signs_out": "1"})["Location"] == "/handoff/"


def test_a_provider_that_does_not_answer_is_left_out(
    client: Client, provider: FakeProvider
) -> None:
    provider.status = 500
    fetch()

    assert client.post("/leave/", {"signs_out": "1"})["Location"] == "/handoff/"


def test_a_provider_without_a_sign_out_page_leaves_a_page_that_leads_on(
    client: Client, provider: FakeProvider
) -> None:
    provider.metadata = {"end_session_endpoint": NO_CLAIM}
    fetch()
    client.post("/leave/", {"signs_out": "1"})

    page = client.get(OUT).content.decode()

    assert OPENS not in page
    assert 'href="/handoff/"' in page
    OidcProvider.objects.all().delete()
    assert 'href="/handoff/"' in client.get(OUT).content.decode()


def test_an_address_of_the_sign_out_page_may_have_a_query(
    client: Client, provider: FakeProvider
) -> None:
    provider.metadata = {"end_session_endpoint": f"{provider.url}/end?realm=1"}
    fetch()

    assert "/end?realm=1&amp;client_id=" in client.get(OUT).content.decode()


# -- From the provider.


def announce(token: str) -> Any:
    """Post a logout token, as the provider does: without cookies and without a CSRF token."""
    return Client(enforce_csrf_checks=True).post("/oidc/logout/", {"logout_token": token})


@pytest.mark.parametrize("who", [{"sid": "session 1"}, {}, {"sub": NO_CLAIM, "sid": "session 1"}])
def test_an_announced_logout_ends_the_sign_ins_that_it_names(
    client: Client, provider: FakeProvider, who: dict[str, Any]
) -> None:
    response = announce(provider.logout_token(**who))

    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"
    assert not is_signed_in(client)
    assert SignIn.objects.get().ended_at
    assert kinds(User.objects.get()) == ["signed_up", "signed_in", "ended_by_provider"]


@pytest.mark.parametrize(
    "who",
    [{"sid": "session 2"}, {"sub": "another"}, {"sub": "another", "sid": "session 1"}],
)
def test_another_logout_ends_nothing(
    client: Client, provider: FakeProvider, who: dict[str, Any]
) -> None:
    assert announce(provider.logout_token(**who)).status_code == 200

    assert is_signed_in(client)


def test_a_sign_in_with_a_password_stays_when_the_provider_signs_out(
    alice: User, provider: FakeProvider
) -> None:
    provider.claims = {"email": alice.username}
    client = Client()
    sign_in(client, provider)
    client.post("/oidc/join/", {"password": PASSWORD})
    other = Client()
    other.post("/sign-in/", {"username": alice.username, "password": PASSWORD})

    announce(provider.logout_token())

    assert (is_signed_in(client), is_signed_in(other)) == (False, True)


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://evil.example"},
        {"aud": "another client"},
        {"iat": NO_CLAIM},
        {"iat": int(time.time()) - 3600},
        {"iat": int(time.time()) + 3600},
        {"exp": 1},
        {"jti": NO_CLAIM},
        {"jti": "x" * 300},
        {"events": NO_CLAIM},
        {"events": {}},
        {"events": {LOGOUT_EVENT: True}},
        {"nonce": "x"},
        {"sub": NO_CLAIM},
        {"sub": 7},
    ],
)
def test_a_wrong_logout_token_is_refused(
    client: Client, provider: FakeProvider, changes: dict[str, Any]
) -> None:
    response = announce(provider.logout_token(**changes))

    assert (response.status_code, response.json()) == (400, {"error": "invalid_request"})
    assert is_signed_in(client)


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_a_logout_that_anybody_can_sign_is_refused(
    client: Client, provider: FakeProvider, algorithm: str
) -> None:
    provider.algorithm = algorithm

    assert announce(provider.logout_token()).status_code == 400
    assert announce("").status_code == 400
    assert is_signed_in(client)


def test_a_logout_counts_once(client: Client, provider: FakeProvider) -> None:
    token = provider.logout_token()
    announce(token)
    sign_in(client, provider)

    assert announce(token).status_code == 400

    assert is_signed_in(client)
    assert OidcLogout.objects.count() == 1


def test_what_was_announced_is_forgotten_after_it_is_too_old_to_count(
    client: Client, provider: FakeProvider
) -> None:
    announce(provider.logout_token())
    with time_machine.travel(time.time() + 900):
        retention.purge("accounts.OidcLogout")

    assert not OidcLogout.objects.exists()


def test_a_logout_with_a_new_key_is_asked_for_again(client: Client, provider: FakeProvider) -> None:
    provider.key = new_key()
    assert announce(provider.logout_token()).status_code == 400
    fetch()

    assert announce(provider.logout_token()).status_code == 200


def test_without_keys_the_provider_is_asked_to_try_again(
    client: Client, provider: FakeProvider
) -> None:
    OidcProvider.objects.all().delete()

    response = announce(provider.logout_token())

    assert (response.status_code, response["Retry-After"]) == (503, "60")
    assert of_portal.OIDC_ISSUER

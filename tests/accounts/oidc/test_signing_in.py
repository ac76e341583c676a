"""Customers sign in with the operator's OpenID Connect provider."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings as of_portal
from django.db import connection
from django.test import Client

from accounts.domain import proofs, reentry
from accounts.models import OidcIdentity, SignIn, User
from accounts.oidc import answers, http
from mobileplans.models import Visit
from tests.accounts.oidc.steps import DRAFT, LAUNCH, come_back, is_signed_in, kinds, sign_in, start
from tests.oidc_provider import CLIENT_ID, SUBJECT, FakeProvider


def test_the_link_leads_to_the_provider_with_everything_that_protects_the_answer(
    provider: FakeProvider,
) -> None:
    client = Client()
    assert "/oidc/start/?next=/review/" in client.get("/sign-in/?next=/review/").content.decode()

    asked = {name: value for name, (value,) in parse_qs(urlsplit(start(client)).query).items()}

    assert asked.pop("state") != asked.pop("nonce")
    assert len(asked.pop("code_challenge")) == 43
    assert asked == {
        "response_type": "code",
        "response_mode": "query",
        "client_id": CLIENT_ID,
        "redirect_uri": f"{of_portal.PORTAL_URL}/oidc/return/",
        "scope": "openid profile email phone",
        "code_challenge_method": "S256",
        "prompt": "login",
        "max_age": "300",
    }


def test_without_a_provider_there_is_no_link_and_no_way_in(alice: User) -> None:
    client = Client()
    assert "oidc" not in client.get("/sign-in/").content.decode()
    assert client.get("/oidc/start/")["Location"] == "/sign-in/"
    assert client.post("/oidc/logout/", {"logout_token": "x"}).status_code == 400


def test_a_first_sign_in_makes_an_account_that_the_host_calls_existing(
    provider: FakeProvider,
) -> None:
    provider.claims = {"name": "Noor Haddad", "email": "Noor@Example.com", "locale": "ar"}
    client = Client()
    client.get(LAUNCH)

    assert sign_in(client, provider)["Location"] == DRAFT

    account = User.objects.get()
    assert (account.username, account.name) == ("noor@example.com", "Noor Haddad")
    assert not account.language
    assert not account.has_usable_password()
    assert is_signed_in(client)
    assert Visit.objects.get().user_account == "Existing"
    assert OidcIdentity.objects.get().subject == SUBJECT
    assert not OidcIdentity.objects.get().is_joined
    assert kinds(account) == ["signed_up", "signed_in"]
    assert of_portal.BROWSER_COOKIE_NAME in client.cookies
    assert not client.cookies[of_portal.OIDC_COOKIE_NAME].value


def test_the_next_sign_in_finds_the_same_account_and_overwrites_nothing(
    provider: FakeProvider,
) -> None:
    provider.claims = {"name": "Noor", "email": "noor@example.com"}
    sign_in(Client(), provider)
    provider.claims = {"name": "Somebody", "email": "other@example.com"}

    sign_in(Client(), provider)

    account = User.objects.get()
    assert (account.username, account.name) == ("noor@example.com", "Noor")
    assert SignIn.objects.filter(identity__account=account).count() == 2


def test_an_account_without_an_address_gets_a_claimed_one_later(provider: FakeProvider) -> None:
    sign_in(Client(), provider)
    assert User.objects.get().username.startswith("account-")
    provider.claims = {"name": "Noor", "phone_number": "+44 20 7946 0018"}

    sign_in(Client(), provider)

    assert (User.objects.get().username, User.objects.get().name) == ("+442079460018", "Noor")


def test_an_account_with_an_address_gets_a_claimed_name_alone(provider: FakeProvider) -> None:
    provider.claims = {"email": "noor@example.com"}
    sign_in(Client(), provider)
    provider.claims = {"name": "Noor", "email": "other@example.com"}

    sign_in(Client(), provider)

    account = User.objects.get()
    assert (account.username, account.name) == ("noor@example.com", "Noor")
    assert "identifier_changed" not in kinds(account)


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "noor@example.com", "email_verified": False},
        {"phone_number": "+442079460018", "phone_number_verified": False},
        {"email": "no address"},
        {"email": 7, "name": ["Noor"]},
        {"email": "noor\0@example.com"},
    ],
)
def test_a_claim_that_says_nothing_usable_is_ignored(
    provider: FakeProvider, claims: dict[str, Any]
) -> None:
    provider.claims = claims

    sign_in(Client(), provider)

    assert User.objects.get().username.startswith("account-")


def test_only_a_signed_in_browser_gets_the_target_and_only_one_of_ours(
    provider: FakeProvider,
) -> None:
    assert sign_in(Client(), provider, "https://evil.example/")["Location"] == "/options/"
    assert sign_in(Client(), provider, "/" + "x" * 400)["Location"] == "/options/"


def test_an_answer_that_is_loaded_again_does_not_disturb_the_customer(
    provider: FakeProvider,
) -> None:
    client = Client()
    way_back = provider.answer(start(client))
    come_back(client, way_back)

    assert come_back(client, way_back)["Location"] == "/options/"
    assert is_signed_in(client)


def test_an_account_that_is_closed_stays_closed(provider: FakeProvider) -> None:
    client = Client()
    sign_in(Client(), provider)
    User.objects.update(is_active=False)

    response = sign_in(client, provider)

    assert "Contact our support team" in client.get(response["Location"]).content.decode()
    assert not is_signed_in(client)


def test_the_exchange_is_one_call_outside_of_a_transaction(
    transactional_db: None, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, seen = http.call, []

    def watched(*arguments: Any, **options: Any) -> Any:
        seen.append((connection.in_atomic_block, options["within"]))
        return real(*arguments, **options)

    monkeypatch.setattr(answers, "call", watched)
    provider.paths.clear()

    sign_in(Client(), provider)

    assert seen == [(False, 5.0)]
    assert provider.paths == ["POST /token"]
    assert provider.token_headers["Authorization"].startswith("Basic ")


def test_no_token_is_kept(provider: FakeProvider) -> None:
    client = Client()
    sign_in(client, provider)

    assert not [key for key in client.session.keys() if "token" in key]  # noqa: SIM118 -- a session is no mapping
    assert "a secret token" not in str(dict(client.session))


def test_a_phone_number_that_the_provider_has_checked_is_the_holders_proof(
    provider: FakeProvider,
) -> None:
    number = "+442079460018"
    provider.claims = {"phone_number": number, "phone_number_verified": True}
    client = Client()
    sign_in(client, provider)
    assert proofs.strength_of(User.objects.get(), number) == proofs.Strength.HOLDER

    provider.claims = {"phone_number": number, "sub": "another"}
    sign_in(Client(), provider)

    assert not proofs.strength_of(User.objects.exclude(username=number).get(), number)


def test_a_customer_without_a_password_is_asked_at_the_provider_again(
    provider: FakeProvider,
) -> None:
    page, asks = "/account/addresses/add/", "/account/confirm/?next=%2Faccount%2Faddresses%2Fadd%2F"
    client = Client()
    sign_in(client, provider)
    assert client.get(page).status_code == 200
    session = client.session
    session[reentry.SESSION_KEY] = 0
    session.save()
    assert client.get(page)["Location"] == asks

    text = client.get(asks).content.decode()

    assert "/oidc/start/?next=/account/addresses/add/" in text
    assert 'type="password"' not in text
    security = client.get("/account/security/").content.decode()
    assert 'href="/account/security/password/"' not in security
    assert 'href="/account/security/password/first/"' in security
    assert sign_in(client, provider, page)["Location"] == page
    assert client.get(page).status_code == 200


def test_a_customer_with_a_password_is_not_sent_to_the_provider(
    provider: FakeProvider, as_alice: Client
) -> None:
    text = as_alice.get("/account/confirm/").content.decode()

    assert "oidc" not in text
    assert 'type="password"' in text
    security = as_alice.get("/account/security/").content.decode()
    assert 'href="/account/security/password/"' in security

"""A claimed address joins an account that exists only after its owner has given its password."""

from typing import Any

import pytest
from django.conf import settings
from django.db import IntegrityError
from django.http import HttpResponse
from django.test import Client
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.domain import recovery
from accounts.domain import sign_in as domain
from accounts.models import Address, OidcIdentity, User
from accounts.oidc import attempts, identities
from messages.models import Message
from tests.accounts.oidc.steps import DRAFT, LOST, assert_refused, is_signed_in, kinds, sign_in
from tests.conftest import PASSWORD
from tests.oidc_provider import SUBJECT, FakeProvider

ASKS = "Is this your account?"


@pytest.fixture
def asked(alice: User, provider: FakeProvider) -> Client:
    """Return a browser in which the provider has claimed Alice's address."""
    provider.claims = {"name": "Alice at the operator", "email": alice.username}
    client = Client()
    assert sign_in(client, provider)["Location"] == "/oidc/join/"
    page = client.get("/oidc/join/").content.decode()
    assert ASKS in page
    assert alice.username in page
    assert not is_signed_in(client)
    return client


def join(client: Client, **fields: str) -> Any:
    return client.post("/oidc/join/", fields)


def test_the_password_joins_and_both_ways_in_lead_to_the_same_account(
    asked: Client, alice: User, provider: FakeProvider
) -> None:
    assert join(asked, password=PASSWORD)["Location"] == DRAFT

    assert OidcIdentity.objects.get().account == alice
    assert OidcIdentity.objects.get().is_joined
    assert kinds(alice) == ["joined", "signed_in"]
    alice.refresh_from_db()
    assert (alice.name, alice.is_from_operator) == ("Alice", False)
    other = Client()
    assert sign_in(other, provider)["Location"] == DRAFT
    assert is_signed_in(other)


def test_all_addresses_of_the_account_are_told_once(asked: Client, alice: User) -> None:
    Address.objects.create(account=alice, value="+442079460018", created_at=now())

    join(asked, password=PASSWORD)

    told = Message.objects.values_list("occasion", "address")
    assert set(told) == {("sign_in_added", "alice@example.com"), ("sign_in_added", "+442079460018")}


def test_a_proven_address_joins_and_shows_no_other_address_of_its_account(
    alice: User, provider: FakeProvider
) -> None:
    number = "+442079460018"
    Address.objects.create(account=alice, value=number, created_at=now(), proven_at=now())
    provider.claims = {"phone_number": number}
    client = Client()
    sign_in(client, provider)

    page = client.get("/oidc/join/").content.decode()

    assert number in page
    assert alice.username not in page
    join(client, password=PASSWORD)
    assert OidcIdentity.objects.get().account == alice


def test_a_wrong_password_joins_nothing_and_is_told(asked: Client, alice: User) -> None:
    assert join(asked, password="wrong")["Location"] == "/oidc/join/"

    assert (
        "This isn&#x27;t the account&#x27;s password" in asked.get("/oidc/join/").content.decode()
    )
    assert join(asked, password="").status_code == 303
    assert not OidcIdentity.objects.exists()
    assert kinds(alice) == ["refused"]


def test_guessing_the_password_here_is_limited_as_at_the_sign_in_page(
    asked: Client, settings: Settings
) -> None:
    settings.PASSWORD_LIMIT = 2
    for guess in ("first", "second", "third"):
        join(asked, password=guess)

    assert "There were too many wrong attempts." in asked.get("/oidc/join/").content.decode()
    assert join(asked, password=PASSWORD)["Location"] == "/oidc/join/"
    assert not OidcIdentity.objects.exists()


def test_a_customer_may_go_on_with_a_separate_account(asked: Client, alice: User) -> None:
    assert join(asked, skip="1")["Location"] == DRAFT

    account = OidcIdentity.objects.get().account
    assert account != alice
    assert account.username.startswith("account-")
    assert is_signed_in(asked)


def test_a_new_password_ends_what_was_joined_with_the_old_one(
    asked: Client, alice: User, provider: FakeProvider
) -> None:
    join(asked, password=PASSWORD)

    asked.post(
        "/account/security/password/",
        {"current": PASSWORD, "new": "another long passphrase"},
    )

    alice.refresh_from_db()
    assert alice.check_password("another long passphrase")
    assert not OidcIdentity.objects.exists()
    assert sign_in(Client(), provider)["Location"] == "/oidc/join/"


def test_a_recovery_ends_what_a_thief_joined_but_not_what_the_account_was_made_for(
    alice: User, provider: FakeProvider
) -> None:
    for subject, is_joined in (("made for it", False), ("thief", True)):
        OidcIdentity.objects.create(
            account=alice, issuer=provider.url, subject=subject, is_joined=is_joined
        )
    code = recovery.renew_code(alice)

    Client().post(
        "/recover/", {"username": alice.username, "code": code, "new": "another long passphrase"}
    )

    assert [row.subject for row in alice.oidc_identities.all()] == ["made for it"]


def test_a_copy_of_the_question_opens_nothing_once_it_was_answered(
    asked: Client, alice: User
) -> None:
    copy = Client()
    name = settings.OIDC_COOKIE_NAME
    copy.cookies[name] = asked.cookies[name].value
    join(asked, password=PASSWORD)

    assert join(copy, skip="1")["Location"].startswith("/sign-in/")
    assert join(copy, password=PASSWORD)["Location"].startswith("/sign-in/")
    assert not is_signed_in(copy)


def test_the_question_is_answered_once(asked: Client) -> None:
    join(asked, skip="1")
    asked.logout()

    assert_lost(asked)


def test_who_leaves_takes_the_question_along(asked: Client) -> None:
    asked.post("/leave/")

    assert_lost(asked)


def assert_lost(client: Client) -> None:
    response = client.get("/oidc/join/")
    assert response["Location"] == "/sign-in/"
    assert LOST in client.get("/sign-in/").content.decode()


def test_the_page_cannot_be_opened_without_an_answer(provider: FakeProvider) -> None:
    client = Client()
    assert_refused(client, client.post("/oidc/join/", {"skip": "1"}), LOST, target="")


@pytest.mark.parametrize(
    "changes", [{"is_staff": True}, {"is_active": False}, {"password": "!unusable"}]
)
def test_an_account_that_no_password_opens_here_is_not_offered(
    alice: User, provider: FakeProvider, changes: dict[str, Any]
) -> None:
    User.objects.filter(pk=alice.pk).update(**changes)
    provider.claims = {"email": alice.username}

    assert sign_in(Client(), provider)["Location"] == DRAFT

    assert OidcIdentity.objects.get().account != alice


def test_an_account_that_was_closed_meanwhile_stays_closed(
    asked: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = identities.join

    def closed(*arguments: Any, **options: Any) -> OidcIdentity:
        identity = real(*arguments, **options)
        identity.account.is_active = False
        return identity

    monkeypatch.setattr(identities, "join", closed)

    assert join(asked, password=PASSWORD)["Location"] == "/sign-in/?next=%2Freview%2F"
    assert not is_signed_in(asked)


def test_a_question_that_was_answered_in_another_window_joins_nothing_twice(
    asked: Client, provider: FakeProvider
) -> None:
    join(asked, skip="1")
    account = OidcIdentity.objects.get().account
    asked.logout()
    write_again(asked, provider)

    assert join(asked, password=PASSWORD)["Location"].startswith("/sign-in/")

    assert OidcIdentity.objects.get().account == account


def test_of_two_answers_at_once_the_first_one_says_which_account_it_is(
    asked: Client, alice: User, provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = User.objects.create_user("account-1")
    real = domain.sign_in

    def meanwhile(*arguments: Any, **options: Any) -> User:
        OidcIdentity.objects.create(account=first, issuer=provider.url, subject=SUBJECT)
        return real(*arguments, **options)

    monkeypatch.setattr(domain, "sign_in", meanwhile)

    assert join(asked, password=PASSWORD)["Location"] == DRAFT

    assert OidcIdentity.objects.get().account == first
    assert kinds(first) == ["signed_in"]
    assert kinds(alice) == []
    assert not Message.objects.filter(occasion="sign_in_added").exists()


def test_a_form_that_was_sent_twice_leads_the_customer_on(
    asked: Client, provider: FakeProvider
) -> None:
    join(asked, password=PASSWORD)
    write_again(asked, provider)

    assert join(asked, password=PASSWORD)["Location"] == DRAFT
    assert is_signed_in(asked)


def write_again(client: Client, provider: FakeProvider) -> None:
    """Give the browser the question again, as in a window that was open before the answer."""
    response = HttpResponse()
    claims = {"issuer": provider.url, "subject": SUBJECT}
    asked = {"claims": claims, "identifier": "alice@example.com", "address": "x", "next": DRAFT}
    attempts.write(response, attempts.JOIN, asked)
    client.cookies.update(response.cookies)


def test_two_first_sign_ins_at_once_make_one_account(
    provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.claims = {"email": "noor@example.com"}
    real = identities._create  # noqa: SLF001 -- the moment between the check and the insert

    def meanwhile(*arguments: Any) -> OidcIdentity:
        monkeypatch.setattr(identities, "_create", real)
        sign_in(Client(), provider)
        return real(*arguments)

    monkeypatch.setattr(identities, "_create", meanwhile)
    client = Client()

    sign_in(client, provider)

    assert User.objects.count() == OidcIdentity.objects.count() == 1
    assert is_signed_in(client)


def test_an_address_that_is_taken_in_the_same_moment_stays_its_owners(
    provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.claims = {"email": "noor@example.com"}
    monkeypatch.setattr(identities, "_free_addresses", lambda _claims: ["noor@example.com"])
    monkeypatch.setattr(identities, "account_to_join", lambda _claims: None)
    User.objects.create_user("noor@example.com", PASSWORD)

    for _ in range(2):
        # The first makes an account, and the second tries to fill in its address.
        sign_in(Client(), provider)

    assert OidcIdentity.objects.get().account.username.startswith("account-")


def test_a_name_that_is_never_free_raises_an_error(
    provider: FakeProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: Any) -> OidcIdentity:
        raise IntegrityError

    monkeypatch.setattr(identities, "_create", refuse)

    with pytest.raises(AssertionError):
        sign_in(Client(), provider)

"""A customer who signs in only with the provider sets a password, after proving who they are."""

from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.test import Client

from accounts.access import sessions
from accounts.domain import reentry, safeguards
from accounts.domain import sign_in as domain
from accounts.models import Address, OidcIdentity, User
from messages.models import Message
from tests.accounts.codes import prove, send_code
from tests.accounts.oidc.steps import come_back, is_signed_in, kinds, sign_in
from tests.accounts.test_sessions import sign_in as sign_in_by_password
from tests.conftest import PASSWORD
from tests.oidc_provider import FakeProvider

SECURITY = "/account/security/"
PAGE, CHANGE = f"{SECURITY}password/first/", f"{SECURITY}password/"
ADDRESS, NUMBER = "noor@example.com", "+12025550142"


@pytest.fixture
def noor(provider: FakeProvider) -> Client:
    """Return the browser of a customer who has just come in over the provider."""
    provider.claims = {"name": "Noor Haddad", "email": ADDRESS}
    browser = Client()
    sign_in(browser, provider)
    return browser


@pytest.fixture
def account(noor: Client) -> User:
    return User.objects.get(username=ADDRESS)


def set_password(browser: Client, password: str = PASSWORD) -> Any:
    return browser.post(PAGE, {"new": password})


def wait_until_asked_again(browser: Client) -> None:
    session = browser.session
    session[reentry.SESSION_KEY] = 0
    session.save()


def test_the_customer_sets_a_password_and_signs_in_with_it(noor: Client, account: User) -> None:
    assert f'href="{PAGE}"' in noor.get(SECURITY).text
    page = noor.get(PAGE).text
    assert f'<bdi dir="ltr">{ADDRESS}</bdi>' in page
    assert 'autocomplete="new-password"' in page
    assert 'autocomplete="current-password"' not in page

    answer = set_password(noor)

    assert answer.headers["Location"] == SECURITY
    page = noor.get(SECURITY).text
    assert "Your password was set. Other devices were signed out." in page
    assert f'href="{CHANGE}"' in page
    assert f'href="{PAGE}"' not in page
    assert "Get a new code" in page
    account.refresh_from_db()
    assert is_signed_in(sign_in_by_password(account))


def test_other_sign_ins_end_and_this_one_gets_a_new_key(
    noor: Client, account: User, provider: FakeProvider
) -> None:
    elsewhere, key = Client(), noor.session.session_key
    sign_in(elsewhere, provider)

    set_password(noor)

    assert (is_signed_in(noor), is_signed_in(elsewhere)) == (True, False)
    assert noor.session.session_key != key
    [only] = sessions.open_sign_ins(account)
    assert only.session_key == noor.session.session_key
    assert sign_in(elsewhere, provider).headers["Location"] == "/review/"
    assert OidcIdentity.objects.filter(account=account).exists()


def test_all_addresses_are_told_and_a_move_waits(noor: Client, account: User) -> None:
    Address.objects.create(account=account, value=NUMBER)
    assert not safeguards.has_changed_lately(account)

    set_password(noor)

    told = Message.objects.filter(occasion="password_set").values_list("address", flat=True)
    assert set(told) == {ADDRESS, NUMBER}
    assert kinds(account)[-2:] == ["ended", "password_set"]
    assert safeguards.has_changed_lately(account)


def test_a_sign_in_at_the_provider_proves_who_sets_it(
    noor: Client, account: User, provider: FakeProvider
) -> None:
    wait_until_asked_again(noor)
    for answer in (noor.get(PAGE), set_password(noor)):
        assert answer.headers["Location"].startswith("/account/confirm/?next=")
    page = noor.get(noor.get(PAGE).headers["Location"]).text
    assert f"/oidc/start/?next={PAGE}" in page
    assert 'name="current"' not in page
    account.refresh_from_db()
    assert not account.has_usable_password()

    again = noor.get("/oidc/start/", {"next": PAGE}).headers["Location"]
    assert come_back(noor, provider.answer(again)).headers["Location"] == PAGE

    assert set_password(noor).headers["Location"] == SECURITY


def test_a_code_to_a_proven_address_proves_who_sets_it(noor: Client, account: User) -> None:
    prove(account, NUMBER)
    wait_until_asked_again(noor)
    typing = noor.post("/account/confirm/address/", {"next": PAGE}).headers["Location"]

    answer = noor.post(typing, {"code": send_code(), "next": PAGE})

    assert answer.headers["Location"] == PAGE
    assert set_password(noor).headers["Location"] == SECURITY


def test_without_an_address_to_sign_in_with_there_is_none(provider: FakeProvider) -> None:
    browser = Client()
    sign_in(browser, provider)

    answer = set_password(browser)

    assert answer.headers["Location"] == "/account/addresses/"
    assert "Before you set a password, add an email address" in browser.get(PAGE, follow=True).text
    assert not User.objects.get().has_usable_password()


def test_a_password_is_replaced_only_by_whoever_types_it(as_alice: Client, alice: User) -> None:
    assert as_alice.get(PAGE).headers["Location"] == CHANGE

    assert set_password(as_alice, "another long pass phrase").headers["Location"] == CHANGE

    assert is_signed_in(sign_in_by_password(alice))


def test_the_page_that_asks_for_the_current_password_leads_to_this_one(noor: Client) -> None:
    assert noor.get(CHANGE).headers["Location"] == PAGE
    answer = noor.post(CHANGE, {"current": "", "new": PASSWORD})
    assert answer.headers["Location"] == PAGE


@pytest.mark.parametrize(
    ("typed", "error"),
    [("short", "too short"), ("noor@example.co", "too similar"), ("", "This field is required")],
)
def test_a_refused_password_says_why_and_is_not_shown(
    noor: Client, account: User, typed: str, error: str
) -> None:
    page = noor.get(set_password(noor, typed).headers["Location"]).text

    assert error in page
    assert not typed or f'value="{typed}"' not in page
    account.refresh_from_db()
    assert not account.has_usable_password()


def test_a_password_that_was_set_in_the_same_moment_stays(
    noor: Client, account: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def set_elsewhere(_password: str, user: User) -> None:
        User.objects.filter(pk=user.pk).update(password=make_password(PASSWORD))

    monkeypatch.setattr(domain, "validate_password", set_elsewhere)

    answer = set_password(noor, "another long pass phrase")

    assert answer.headers["Location"] == CHANGE
    account.refresh_from_db()
    assert account.check_password(PASSWORD)
    assert "password_set" not in kinds(account)

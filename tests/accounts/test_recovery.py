"""The recovery code: it is shown once, works once, and opens only its own account."""

import re
from collections.abc import Callable

import pytest
from cryptography.fernet import Fernet
from django.http import HttpRequest
from django.test import Client, RequestFactory
from pytest_django.fixtures import Settings

from accounts.domain import recovery
from accounts.models import RecoveryCode, User
from moportal.web.gate import Gate
from moportal.web.sessions import SessionStore
from tests.accounts.test_sessions import is_signed_in, kinds, sign_in
from tests.conftest import PASSWORD
from tests.races import at_once

NEW = "another long pass phrase"
CODE = re.compile(r"[A-Z2-9]{4}(?:-[A-Z2-9]{4}){3}")


@pytest.fixture
def code(alice: User) -> str:
    """Return Alice's recovery code."""
    return recovery.renew_code(alice)


def recover(code: str, *, username: str = "alice@example.com", new: str = NEW) -> Client:
    """Return a browser in which the form to recover was sent."""
    client = Client()
    client.post(
        "/recover/?next=/account/",
        {"username": username, "code": code, "new": new, "next": "/account/"},
    )
    return client


def test_sign_up_shows_a_code_once_and_then_goes_on(client: Client, alice: User) -> None:
    typed = {"username": "new@example.com", "name": "New", "password": PASSWORD}

    answer = client.post("/sign-up/", {**typed, "next": "/account/"})
    assert answer.headers["Location"] == "/recovery-code/?next=%2Faccount%2F"

    page = client.get(answer.headers["Location"]).text
    assert CODE.search(page)
    assert client.get("/recovery-code/").text.count(CODE.search(page)[0]) == 1  # type: ignore[index]  # just asserted

    answer = client.post("/recovery-code/", {"next": "/account/"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/account/")
    assert client.get("/recovery-code/").status_code == 303


def test_the_code_is_never_stored_in_plain_text(client: Client, alice: User) -> None:
    typed = {"username": "new@example.com", "name": "New", "password": PASSWORD}
    client.post("/sign-up/", typed)

    code = CODE.search(client.get("/recovery-code/").text)[0]  # type: ignore[index]  # the page shows it

    assert code not in str(dict(client.session))
    assert code not in RecoveryCode.objects.get().hash


@pytest.mark.parametrize("target", ["//evil.example/", "https://evil.example/"])
def test_the_page_of_the_code_never_redirects_to_another_site(client: Client, target: str) -> None:
    assert client.get("/recovery-code/", {"next": target}).headers["Location"] == "/options/"


def test_the_code_sets_a_password_ends_all_sessions_and_is_replaced(alice: User, code: str) -> None:
    elsewhere = sign_in(alice)

    client = recover(code)
    page = client.get("/recovery-code/").text

    assert is_signed_in(client)
    assert not is_signed_in(elsewhere)
    assert is_signed_in(sign_in(alice, password=NEW))
    assert CODE.search(page)
    assert code not in page
    assert "recovered" in kinds(alice)
    assert not is_signed_in(recover(code))


@pytest.mark.parametrize(
    "spelling", [str.lower, lambda code: code.replace("-", " "), lambda code: f" {code}\u200b"]
)
def test_a_code_copied_by_hand_is_accepted(code: str, spelling: Callable[[str], str]) -> None:
    assert is_signed_in(recover(spelling(code)))


def test_a_wrong_code_and_an_unknown_identifier_look_alike(alice: User, code: str) -> None:
    wrong = recover("BBBB-BBBB-BBBB-BBBB").get("/recover/").text
    unknown = recover(code, username="nobody@example.com").get("/recover/").text

    assert "Incorrect email address, phone number or recovery code." in wrong
    without = [page.replace("nobody@", "alice@") for page in (wrong, unknown)]
    assert _without_tokens(without[0]) == _without_tokens(without[1])
    assert code not in unknown


def _without_tokens(page: str) -> str:
    return re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", page)


def test_a_weak_password_keeps_the_code(alice: User, code: str) -> None:
    page = recover(code, new="short").get("/recover/").text

    assert "too short" in page
    assert is_signed_in(recover(code))


def test_the_code_of_an_account_without_access_opens_nothing(alice: User, code: str) -> None:
    User.objects.update(is_active=False)

    assert not is_signed_in(recover(code))


def test_staff_have_no_way_in_by_a_code(clara: User) -> None:
    code = recovery.renew_code(clara)

    recover(code, username=clara.username)

    clara.refresh_from_db()
    assert clara.check_password(PASSWORD)


@pytest.mark.django_db(transaction=True)
def test_of_ten_requests_with_one_code_one_sets_the_password(alice: User, code: str) -> None:
    passwords = iter([f"{NEW} {number}" for number in range(10)])
    done: list[str] = []

    def use() -> None:
        password = next(passwords)
        try:
            recovery.recover(_request(), alice.username, code=code, password=password)
        except recovery.WrongCode:
            return
        done.append(password)

    at_once(use, 10)

    alice.refresh_from_db()
    assert len(done) == 1
    assert alice.check_password(done[0])


def _request() -> HttpRequest:
    request = RequestFactory().post("/recover/")
    request.session = SessionStore()
    return request


def test_a_new_code_needs_the_password(as_alice: Client, alice: User, code: str) -> None:
    page = "/account/security/recovery-code/"
    assert "Get a new code" in as_alice.get(page).text

    as_alice.post(page, {"current": "not this"})
    assert "your current password" in as_alice.get(page).text
    as_alice.post(page, {"current": ""})
    assert "This field is required" in as_alice.get(page).text

    answer = as_alice.post(page, {"current": PASSWORD})

    assert answer.headers["Location"].startswith("/recovery-code/")
    assert CODE.search(as_alice.get("/recovery-code/").text)
    assert not is_signed_in(recover(code))
    assert kinds(alice)[-1] == "code_renewed"


def test_the_page_says_when_the_code_was_created(as_alice: Client, alice: User) -> None:
    assert "None yet" in as_alice.get("/account/security/").text

    recovery.renew_code(alice)

    assert "Created " in as_alice.get("/account/security/").text


def test_while_the_gate_is_full_an_account_is_created_without_a_code(
    client: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(at_once=1, waiting=0, longest_wait=0)
    monkeypatch.setattr("accounts.domain.recovery.GATE", gate)
    typed = {"username": "new@example.com", "name": "New", "password": PASSWORD}

    with gate.enter():
        answer = client.post("/sign-up/", typed)

    assert answer.headers["Location"] == "/options/"
    assert is_signed_in(client)
    assert not RecoveryCode.objects.exists()


def test_while_the_gate_is_full_a_recovery_is_answered_503_and_kept(
    alice: User, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(at_once=1, waiting=0, longest_wait=0)
    monkeypatch.setattr("accounts.domain.recovery.GATE", gate)
    client = Client()
    form = {"username": alice.username, "code": code, "new": NEW}

    with gate.enter():
        answer = client.post("/recover/", form)

    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
    page = client.get("/recover/").text
    assert alice.username in page
    assert code not in page


def test_a_code_that_no_key_opens_any_more_is_not_shown(
    client: Client, alice: User, settings: Settings
) -> None:
    code = recovery.renew_code(alice)
    client.post(
        "/recover/", {"username": alice.username, "code": code, "new": "another long passphrase"}
    )
    settings.SEAL_KEYS = [Fernet.generate_key().decode()]

    assert client.get("/recovery-code/").status_code == 303

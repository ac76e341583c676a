"""The pages for sign-in and sign-up: who may sign in, what page follows, and each error."""

import pytest
from django.test import Client

from accounts.models import AttemptCount, User
from mobileplans.models import Visit
from tests.builders import EID
from tests.conftest import PASSWORD

TYPED = {"username": "new@example.com", "name": "New", "password": PASSWORD}


def test_sign_up_signs_the_customer_in_and_continues(client: Client, db: None) -> None:
    client.get(f"/?market=US&eid={EID}")

    answer = client.post("/sign-up/", TYPED)

    assert (answer.status_code, answer.headers["Location"]) == (303, "/recovery-code/")
    assert client.post("/recovery-code/").headers["Location"] == "/options/"
    visit = Visit.objects.get()
    assert (visit.account, visit.user_account) == (User.objects.get(), "New")


def test_sign_in_keeps_the_visit_and_changes_the_session_key(client: Client, alice: User) -> None:
    client.get(f"/?market=US&eid={EID}")
    before = client.session.session_key

    client.post("/sign-in/", {"username": "ALICE@example.com", "password": PASSWORD})

    visit = Visit.objects.get()
    assert (visit.account, visit.user_account) == (alice, "Existing")
    assert client.session.session_key != before


def test_a_wrong_password_returns_the_form_with_the_name_but_not_the_password(
    client: Client, alice: User
) -> None:
    answer = client.post("/sign-in/", {"username": alice.username, "password": "not this"})
    page = client.get("/sign-in/").text

    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in/")
    assert "Incorrect email address" in page
    assert f'value="{alice.username}"' in page
    assert "not this" not in page


def test_staff_cannot_sign_in_at_the_portal(client: Client, clara: User) -> None:
    client.post("/sign-in/", {"username": clara.username, "password": PASSWORD})

    assert "_auth_user_id" not in client.session
    assert "Incorrect email address" in client.get("/sign-in/").text


def test_a_customer_cannot_open_the_admin(as_alice: Client) -> None:
    assert as_alice.get("/admin/").status_code == 302


@pytest.mark.parametrize("target", ["//evil.example/", "https://evil.example/", "/\\evil.example"])
def test_sign_in_never_redirects_to_another_site(client: Client, alice: User, target: str) -> None:
    answer = client.post(
        "/sign-in/", {"username": alice.username, "password": PASSWORD, "next": target}
    )

    assert answer.headers["Location"] == "/options/"


def test_sign_in_redirects_to_the_requested_page(client: Client, alice: User) -> None:
    typed = {"username": alice.username, "password": PASSWORD, "next": "/account/"}

    assert client.post("/sign-in/", typed).headers["Location"] == "/account/"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"username": "nobody"}, "Enter an email address"),
        ({"username": "a@" + ".".join(["ß" * 57] * 4) + ".com"}, "id_username_error"),
        ({"password": "short"}, "too short"),
        ({"password": "password"}, "too common"),
        ({"name": ""}, "This field is required"),
        ({"name": "4242 4242 4242 4242"}, "This looks like a card number"),
        ({"username": "alice@example.com"}, "Sign in instead"),
    ],
)
def test_an_invalid_account_shows_the_reason(
    client: Client, alice: User, change: dict[str, str], error: str
) -> None:
    answer = client.post("/sign-up/", {**TYPED, **change})

    assert answer.status_code == 303
    assert error in client.get("/sign-up/").text
    assert User.objects.count() == 1


@pytest.mark.parametrize("field", ["username", "name", "next", "unknown"])
def test_no_field_keeps_a_card_number(client: Client, alice: User, field: str) -> None:
    """A form with a mistake is kept in the session: whatever its fields are called."""
    client.post("/sign-up/", {**TYPED, "password": "short", field: "4242-4242-4242-4242"})

    assert "4242" not in str(dict(client.session))
    assert "4242" not in client.get("/sign-up/").text


def test_a_stale_token_returns_the_form_filled_in(alice: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.get("/sign-in/")

    answer = client.post(
        "/sign-in/",
        {"username": alice.username, "password": PASSWORD, "csrfmiddlewaretoken": "stale"},
    )
    page = client.get("/sign-in/").text

    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in/")
    assert "open too long" in page
    assert f'value="{alice.username}"' in page
    assert "_auth_user_id" not in client.session


def test_a_browser_that_blocks_cookies_gets_an_error_page_and_no_redirect(alice: User) -> None:
    answer = Client(enforce_csrf_checks=True).post("/sign-in/", {"username": "x"})

    assert answer.status_code == 403
    assert "Please send the form again" in answer.text
    assert "Your browser blocks our cookies" in answer.text


@pytest.mark.parametrize(
    ("address", "typed"),
    [
        ("/sign-in/", {"username": "alice@example.com"}),
        ("/recover/", {"username": "alice@example.com", "code": "WDJB-MJHT-7KQ4-XZ29"}),
    ],
)
def test_a_form_without_a_password_comes_back_and_nothing_is_counted(
    client: Client, alice: User, address: str, typed: dict[str, str]
) -> None:
    page = client.post(address, typed, follow=True).text

    assert "This field is required." in page
    assert "alice@example.com" in page
    assert not AttemptCount.objects.exists()

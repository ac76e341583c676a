"""`moportal.web.kept_forms`: what the browser keeps of a refused form, and for how long."""

from datetime import timedelta
from http import HTTPStatus

import pytest
import time_machine
from django.conf import settings as of_portal
from django.contrib.sessions.models import Session
from django.core import signing
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.models import User
from moportal.web.kept_forms import ASIDES, LARGEST_COOKIE, SALT
from tests.builders import make_draft
from tests.conftest import PASSWORD

COOKIE = of_portal.KEPT_FORM_COOKIE_NAME
URLENCODED = "application/x-www-form-urlencoded"
SIGN_UP = {"username": "new@example.com", "name": "New", "password": "short"}
# The largest body that one process with all faces reads.
NEARLY_ALL = of_portal.DATA_UPLOAD_MAX_MEMORY_SIZE - 1000


def kept(client: Client) -> dict[str, object]:
    found: dict[str, object] = signing.loads(client.cookies[COOKIE].value, salt=SALT)
    return found


def test_only_the_forms_own_fields_are_kept(client: Client, db: None) -> None:
    client.post("/sign-up/", {**SIGN_UP, "other": "x", "next": "/account/"})

    assert kept(client)["typed"] == {"username": "new@example.com", "name": "New"}


@pytest.mark.parametrize("checks_csrf", [True, False], ids=["stale token", "signed out"])
def test_a_field_with_a_huge_name_is_not_kept(db: None, checks_csrf: bool) -> None:  # noqa: FBT001 -- a case
    client = Client(enforce_csrf_checks=checks_csrf)
    client.get("/sign-in/")

    answer = client.post("/payment/", f"{'n' * NEARLY_ALL}=x&holder=Ada", URLENCODED)

    assert answer.status_code == HTTPStatus.SEE_OTHER
    assert kept(client)["typed"] == {"holder": "Ada"}
    assert sum(len(cookie.value) for cookie in client.cookies.values()) < 2 * LARGEST_COOKIE
    assert not Session.objects.exists()


def test_a_body_that_is_too_large_is_refused(client: Client, db: None) -> None:
    answer = client.post("/sign-in/", f"{'n' * 2_400_000}=x", URLENCODED)

    assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert COOKIE not in client.cookies
    assert not Session.objects.exists()


def test_where_no_files_are_expected_a_file_is_refused(
    client: Client, db: None, settings: Settings
) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 0

    answer = client.post("/sign-in/", {"file": SimpleUploadedFile("x.txt", b"x" * 5_000_000)})

    assert answer.status_code == HTTPStatus.BAD_REQUEST


@pytest.mark.parametrize("letter", ["a", "ß", "\N{SNOWMAN}", "\N{GRINNING FACE}"])
def test_the_cookie_holds_two_kilobytes_at_most(client: Client, db: None, letter: str) -> None:
    # Text that does not compress.
    text = "".join(letter + str(number * 7919) for number in range(60))
    client.post("/sign-up/", {**SIGN_UP, "username": text, "name": text})

    assert len(client.cookies[COOKIE].value) <= LARGEST_COOKIE
    assert "id_username_error" in client.get("/sign-up/").text


def test_values_that_do_not_fit_are_left_out_and_the_errors_stay(
    client: Client, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("moportal.web.kept_forms.LARGEST_COOKIE", 10)

    client.post("/sign-up/", SIGN_UP)

    assert kept(client)["typed"] == {}
    assert "too short" in client.get("/sign-up/").text


def test_after_ten_minutes_nothing_is_kept(client: Client, db: None) -> None:
    client.post("/sign-up/", SIGN_UP)
    assert client.cookies[COOKIE]["max-age"] == 600

    with time_machine.travel(now() + timedelta(seconds=601)):
        assert "new@example.com" not in client.get("/sign-up/").text


def test_showing_the_form_again_does_not_prolong_its_time(client: Client, db: None) -> None:
    client.post("/sign-up/", SIGN_UP)

    with time_machine.travel(now() + timedelta(seconds=590)):
        assert "new@example.com" in client.get("/sign-up/").text
        assert client.cookies[COOKIE]["max-age"] <= 10


def test_a_form_is_gone_once_it_was_accepted(client: Client, alice: User) -> None:
    client.post("/sign-in/", {"username": alice.username, "password": "wrong"})
    client.post("/sign-in/", {"username": alice.username, "password": PASSWORD})

    assert client.cookies[COOKIE].value == ""


def test_a_form_of_another_page_survives_the_sign_in(client: Client, alice: User) -> None:
    make_draft(alice)
    client.post("/payment/", {"holder": "Ada", "number": "4242424242424242"})
    client.post("/sign-in/", {"username": alice.username, "password": PASSWORD})

    page = client.get("/payment/").text
    assert 'value="Ada"' in page
    assert "4242424242424242" not in page


def test_the_handoff_drops_the_form(client: Client, db: None) -> None:
    client.post("/sign-up/", SIGN_UP)
    client.post("/leave/")

    assert client.cookies[COOKIE].value == ""


def test_a_forged_cookie_is_ignored(client: Client, db: None) -> None:
    client.cookies[COOKIE] = "forged"

    assert client.get("/sign-up/").status_code == HTTPStatus.OK


def test_a_page_without_a_form_keeps_nothing(client: Client, db: None) -> None:
    client.post("/orders/0000000000/again/", {"draft": "1", "note": "x"})

    assert COOKIE not in client.cookies


@pytest.mark.parametrize("page", ASIDES)
def test_a_look_at_the_terms_and_the_like_loses_nothing_typed(
    client: Client, db: None, page: str
) -> None:
    answer = client.post("/sign-up/?market=US", {**SIGN_UP, "aside": page})

    assert answer.headers["Location"] == f"/{page}/?next=%2Fsign-up%2F%3Fmarket%3DUS"
    aside = client.get(answer.headers["Location"]).text
    assert 'href="/sign-up/?market=US"' in aside
    back = client.get("/sign-up/?market=US").text
    assert 'value="new@example.com"' in back
    assert "short" not in back
    # The form has not been sent.
    assert "id_username_error" not in back
    assert not User.objects.filter(username="new@example.com").exists()


def test_an_old_page_leads_on_too(db: None) -> None:
    client = Client(enforce_csrf_checks=True)

    answer = client.post("/sign-in/", {"username": "new@example.com", "aside": "terms"})

    assert answer.headers["Location"].startswith("/terms/?next=")
    assert 'value="new@example.com"' in client.get("/sign-in/").text


def test_a_button_leads_to_our_own_pages_alone(client: Client, db: None) -> None:
    answer = client.post("/sign-up/", {**SIGN_UP, "aside": "https://evil.example/"})

    assert answer.headers["Location"] == "/sign-up/"


def test_card_data_is_not_kept_on_the_way_to_the_terms(as_alice: Client, alice: User) -> None:
    make_draft(alice)
    card = {"number": "4242 4242 4242 4242", "csc": "123", "holder": "Alice A.", "method": "new"}

    as_alice.post("/payment/", {**card, "aside": "terms"})

    assert kept(as_alice)["typed"] == {"method": "new", "holder": "Alice A."}


@pytest.mark.parametrize(
    ("page", "form"), [("/sign-in/", "sign-in"), ("/recover/", "recover"), ("/cancel/", "declare")]
)
def test_a_page_with_a_form_leads_on_by_its_buttons(
    client: Client, db: None, page: str, form: str
) -> None:
    text = " ".join(client.get(page).text.split())

    assert f'id="{form}"' in text
    for aside in ASIDES:
        assert f'form="{form}" formnovalidate name="aside" value="{aside}"' in text


def test_a_page_without_a_form_has_links(client: Client, db: None) -> None:
    text = client.get("/support/").text

    assert 'name="aside"' not in text
    assert 'href="/terms/?next=/support/"' in text

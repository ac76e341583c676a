"""Before an important change the password or a code is asked for again, and remembered a while."""

import pytest
import time_machine
from django.test import Client
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.domain import codes
from accounts.models import CodeRequest, User
from accounts.states import CodeState
from tests.accounts.codes import prove, send_code
from tests.builders import make_method
from tests.conftest import PASSWORD

ADD, NUMBER = "/account/addresses/add/", "+12025550142"
CONFIRM = "/account/confirm/?next=%2Faccount%2Faddresses%2Fadd%2F"


@pytest.fixture
def later(as_alice: Client) -> Client:
    """Return Alice's browser, long after the password was asked for."""
    session = as_alice.session
    session["asked_again_at"] = 0
    session.save()
    return as_alice


def confirm(client: Client, password: str = PASSWORD) -> str:
    answer = client.post(CONFIRM, {"current": password, "next": ADD})
    return answer.headers["Location"]


def test_whoever_has_just_signed_in_is_not_asked(as_alice: Client) -> None:
    assert as_alice.get(ADD).status_code == 200


def test_the_password_is_remembered_for_minutes(later: Client, settings: Settings) -> None:
    with time_machine.travel(now(), tick=False) as clock:
        assert later.get(ADD).headers["Location"] == CONFIRM
        assert "Confirm it's you" in later.get(CONFIRM).text
        assert confirm(later) == ADD
        clock.shift(settings.REENTRY_MINUTES * 60 - 1)
        assert later.get(ADD).status_code == 200
        clock.shift(1)
        assert later.get(ADD).headers["Location"] == CONFIRM


def test_what_was_typed_is_kept_while_the_password_is_asked_for(later: Client) -> None:
    answer = later.post(ADD, {"address": "noor@example.com"})
    assert answer.headers["Location"] == CONFIRM

    confirm(later)

    assert "noor@example.com" in later.get(ADD).text
    assert not CodeRequest.objects.exists()


def test_a_wrong_password_leads_nowhere(later: Client, settings: Settings) -> None:
    settings.PASSWORD_LIMIT = 2

    assert confirm(later, "") == CONFIRM
    assert "This field is required" in later.get(CONFIRM).text
    assert confirm(later, "wrong") == CONFIRM
    assert "your current password" in later.get(CONFIRM).text
    confirm(later, "wrong again")
    confirm(later, "wrong once more")
    assert "too many wrong attempts" in later.get(CONFIRM).text
    assert later.get(ADD).status_code == 303


def test_a_code_to_a_proven_address_is_enough(later: Client, alice: User) -> None:
    assert later.get("/account/confirm/address/").headers["Location"] == "/account/confirm/"
    prove(alice, "noor@example.com")
    other = prove(alice, NUMBER)
    assert "Use a code instead" in later.get(CONFIRM).text
    page = later.get(f"/account/confirm/address/?next={ADD}").text
    assert NUMBER in page
    # The identifier is not proven, so no code goes there.
    assert alice.username not in page

    answer = later.post("/account/confirm/address/", {"to": other.pk, "next": ADD})
    code = send_code()
    assert answer.headers["Location"].startswith("/account/confirm/code/?next=")
    assert 'http-equiv="refresh"' in later.get(answer.headers["Location"]).text
    CodeRequest.objects.filter(purpose="reenter").update(state=CodeState.SENT)
    later.post(answer.headers["Location"], {"code": "WRONG1", "next": ADD})
    assert "You have 4 more tries" in later.get(answer.headers["Location"]).text
    later.post(answer.headers["Location"], {"code": "", "next": ADD})
    assert "This field is required" in later.get(answer.headers["Location"]).text
    done = later.post(answer.headers["Location"], {"code": code, "next": ADD})

    assert done.headers["Location"] == ADD
    assert later.get(ADD).status_code == 200
    answer = later.get("/account/confirm/code/")
    assert answer.headers["Location"] == "/account/confirm/"


def test_a_code_used_in_another_tab_asks_no_more(
    later: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    prove(alice, NUMBER)
    later.post("/account/confirm/address/", {"next": ADD})
    code = send_code()
    monkeypatch.setattr(codes, "use", lambda _asked: False)

    later.post("/account/confirm/code/", {"code": code, "next": ADD})

    assert later.get(ADD).status_code == 303


def test_a_new_code_can_be_asked_for(later: Client, alice: User, settings: Settings) -> None:
    settings.CODE_LIMIT = 3
    prove(alice, NUMBER)
    later.post("/account/confirm/address/", {"next": ADD})
    again = "/account/confirm/code/again/"

    assert later.get(again).headers["Location"] == "/account/confirm/code/"
    assert CodeRequest.objects.filter(purpose="reenter").count() == 1
    later.post(again, {"next": ADD})
    assert CodeRequest.objects.filter(purpose="reenter").count() == 2

    answer = later.post(again, {"next": ADD})
    assert answer.headers["Location"].startswith("/account/confirm/address/")
    assert "Several codes were requested" in later.get("/account/confirm/address/").text


def test_a_number_in_this_device_gets_no_code(
    later: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    prove(alice, NUMBER)
    monkeypatch.setattr(codes, "_numbers_in_device", [lambda _request: {NUMBER}])

    answer = later.post("/account/confirm/address/", {"next": ADD})

    assert answer.headers["Location"].startswith("/account/confirm/address/")
    assert "from this device" in later.get("/account/confirm/address/").text


def test_a_payment_method_is_removed_after_the_password(later: Client, alice: User) -> None:
    method = make_method(alice)
    page = f"/account/methods/{method.pk}/remove/"

    assert later.post(page).headers["Location"].startswith("/account/confirm/")
    method.refresh_from_db()
    assert method.last4 == "4242"


@pytest.mark.parametrize("target", ["//evil.example/", "https://evil.example/", ""])
def test_the_page_never_leads_to_another_site(later: Client, target: str) -> None:
    answer = later.post("/account/confirm/", {"current": PASSWORD, "next": target})

    assert answer.headers["Location"] == "/account/"

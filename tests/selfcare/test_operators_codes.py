"""Codes that the operator's service makes and checks: the pages wait for it, without script."""

import pytest
from django.test import Client
from django.utils.timezone import now

from accounts.domain import typed_codes
from accounts.models import CodeRequest, TypedCode, User
from accounts.states import CodeState, TypedVerdict
from tests.accounts.test_sessions import is_signed_in

NUMBER = "+12025550142"
ADD, CODE, ENTER = "/account/addresses/add/", "/account/addresses/code/", "/recover/code/enter/"
REFRESH = '<meta http-equiv="refresh" content="2">'
NEW = "another long pass phrase"


@pytest.fixture
def service(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the operator's service make and check the codes for phone numbers."""
    monkeypatch.setattr("accounts.domain.operator_codes.code_service", object)


def answer(verdict: TypedVerdict) -> None:
    """Say what the service has answered about the code that was typed last."""
    typed_codes._finish(TypedCode.objects.latest("pk"), verdict)  # noqa: SLF001 -- as the worker does


def add(client: Client) -> None:
    client.post(ADD, {"address": NUMBER})
    CodeRequest.objects.update(state=CodeState.SENT)
    client.post(CODE, {"code": "482913", "next": ""})


def test_the_page_waits_until_the_service_has_answered(
    service: None, as_alice: Client, alice: User
) -> None:
    add(as_alice)
    page = as_alice.get(CODE).text
    assert "Checking the code" in page
    assert REFRESH in page

    answer(TypedVerdict.RIGHT)
    page = as_alice.get(CODE).text
    assert "The code is right" in page
    assert REFRESH not in page
    as_alice.post(CODE, {"code": "accepted", "next": ""})

    assert alice.addresses.get(value=NUMBER).proven_at is not None


def test_a_wrong_code_is_told_with_the_tries_that_are_left(service: None, as_alice: Client) -> None:
    add(as_alice)
    answer(TypedVerdict.WRONG)

    page = as_alice.get(CODE).text

    assert "You have 4 more tries" in page
    assert 'name="code"' in page


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        (TypedVerdict.UNKNOWN, "We couldn&#x27;t check the code."),
        (TypedVerdict.EXPIRED, "This code is no longer valid."),
    ],
)
def test_a_code_that_could_not_be_checked_is_over(
    service: None, as_alice: Client, verdict: TypedVerdict, said: str
) -> None:
    add(as_alice)
    answer(verdict)

    page = as_alice.get(CODE).text

    assert said in page
    assert "Send a new code" in page


def test_asked_again_the_page_waits_too(service: None, as_alice: Client, alice: User) -> None:
    prove_by_hand(alice)
    session = as_alice.session
    session["asked_again_at"] = 0
    session.save()
    as_alice.post("/account/confirm/address/", {"next": ADD})
    CodeRequest.objects.update(state=CodeState.SENT)

    location = as_alice.post("/account/confirm/code/", {"code": "482913", "next": ADD})
    assert REFRESH in as_alice.get(location.headers["Location"]).text
    answer(TypedVerdict.RIGHT)
    as_alice.post("/account/confirm/code/", {"code": "accepted", "next": ADD})

    assert as_alice.get(ADD).status_code == 200


def prove_by_hand(alice: User) -> None:
    alice.addresses.create(value=NUMBER, proven_at=now())


def test_coming_back_waits_too_and_asks_for_the_password_once_more(
    service: None, alice: User
) -> None:
    prove_by_hand(alice)
    client = Client()
    client.post("/recover/code/", {"username": NUMBER})
    CodeRequest.objects.update(state=CodeState.SENT)

    client.post(ENTER, {"code": "482913", "new": NEW})
    page = client.get(ENTER).text
    assert REFRESH in page
    assert 'name="new"' not in page
    answer(TypedVerdict.RIGHT)
    page = client.get(ENTER).text
    assert "Enter your new password once more" in page
    client.post(ENTER, {"code": "accepted", "new": NEW})

    assert is_signed_in(client)


@pytest.mark.parametrize("verdict", [TypedVerdict.WRONG, TypedVerdict.UNKNOWN])
def test_whoever_comes_back_reads_the_same_whatever_was_wrong(
    service: None, alice: User, verdict: TypedVerdict
) -> None:
    prove_by_hand(alice)
    for address in (NUMBER, "+12025550143"):
        client = Client()
        client.post("/recover/code/", {"username": address})
        CodeRequest.objects.update(state=CodeState.SENT)
        client.post(ENTER, {"code": "482913", "new": NEW})
        answer(verdict if address == NUMBER else TypedVerdict.WRONG)

        assert "You have 4 more tries" in client.get(ENTER).text

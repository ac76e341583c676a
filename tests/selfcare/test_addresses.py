"""`/account/addresses/`: add by a code, choose what to sign in with, remove, all without script."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.domain import codes
from accounts.models import Address, CodeRequest, User
from accounts.states import CodeState, Refusal
from tests.accounts.codes import prove, send_code

LIST, ADD, CODE = "/account/addresses/", "/account/addresses/add/", "/account/addresses/code/"
NEW, NUMBER = "noor@example.com", "+12025550142"


def add(client: Client, address: str = NEW) -> str:
    """Ask for a code to a new address, let it be sent, and return it."""
    client.post(ADD, {"address": address})
    code = send_code()
    CodeRequest.objects.filter(state=CodeState.SENDING).update(state=CodeState.SENT)
    return code


def test_the_list_says_what_is_confirmed_and_what_the_customer_signs_in_with(
    as_alice: Client, alice: User
) -> None:
    prove(alice, NUMBER)

    page = as_alice.get(LIST).text

    assert page.index(alice.username) < page.index(NUMBER)
    assert "Not confirmed yet" in page
    assert "You sign in with it" in page
    assert "Confirmed " in page
    assert "/account/addresses/" in as_alice.get("/account/security/").text


def test_an_address_is_the_customers_when_its_code_was_typed_in(
    as_alice: Client, alice: User
) -> None:
    assert as_alice.get(ADD).status_code == 200
    answer = as_alice.post(ADD, {"address": " Noor@Example.COM "})
    assert (answer.status_code, answer.headers["Location"]) == (303, CODE)
    page = as_alice.get(CODE).text
    assert "Sending the code" in page
    assert '<meta http-equiv="refresh" content="2">' in page
    assert not alice.addresses.filter(value=NEW).exists()

    code = send_code()
    CodeRequest.objects.update(state=CodeState.SENT)
    page = as_alice.get(CODE).text
    assert 'http-equiv="refresh"' not in page
    answer = as_alice.post(CODE, {"code": f" {code.lower()} ", "next": ""})

    assert answer.headers["Location"] == LIST
    assert alice.addresses.get(value=NEW).proven_at is not None
    assert f"Confirmed: {NEW}" in as_alice.get(LIST).text
    assert as_alice.get(CODE).headers["Location"] == LIST


def test_a_wrong_code_says_how_many_tries_are_left(as_alice: Client, alice: User) -> None:
    add(as_alice)

    as_alice.post(CODE, {"code": "WRONG1"})
    assert "You have 4 more tries" in as_alice.get(CODE).text
    as_alice.post(CODE, {"code": ""})
    assert "This field is required" in as_alice.get(CODE).text
    for number in range(4):
        as_alice.post(CODE, {"code": f"WRONG{number}"})
    page = as_alice.get(CODE).text

    assert "no longer valid" in page
    assert "Send a new code" in page


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        (Refusal.LIMIT, "Many messages went there recently"),
        (Refusal.NUMBER_CHANGED, "changed hands recently"),
        (Refusal.UNDELIVERED, "delivered"),
    ],
)
def test_the_page_says_why_no_code_was_sent(
    as_alice: Client, alice: User, refusal: Refusal, said: str
) -> None:
    add(as_alice)
    CodeRequest.objects.update(state=CodeState.REFUSED, refusal=refusal, ended_at=now())

    page = as_alice.get(CODE).text

    assert "No code was sent" in page
    assert said in page


def test_the_form_is_shown_though_the_answer_about_the_message_was_lost(
    as_alice: Client, alice: User
) -> None:
    add(as_alice)
    long_ago = now() - timedelta(seconds=21)
    CodeRequest.objects.update(state=CodeState.SENDING, created_at=long_ago)

    assert 'name="code"' in as_alice.get(CODE).text


def test_a_new_code_can_be_asked_for(as_alice: Client, alice: User, settings: Settings) -> None:
    add(as_alice)
    settings.CODE_LIMIT = 2
    again = f"{CODE}again/"

    assert as_alice.get(again).headers["Location"] == CODE
    as_alice.post(again, {"next": ""})
    assert CodeRequest.objects.count() == 2
    as_alice.post(again)
    assert "Several codes were requested" in as_alice.get(CODE).text
    assert CodeRequest.objects.count() == 2


@pytest.mark.parametrize(
    ("typed", "said"), [("", "This field is required"), ("noor", "Enter an email address")]
)
def test_what_is_no_address_is_refused(as_alice: Client, typed: str, said: str) -> None:
    answer = as_alice.post(ADD, {"address": typed})

    assert answer.headers["Location"] == ADD
    assert said in as_alice.get(ADD).text


def test_an_address_too_many_is_refused_and_kept(as_alice: Client, alice: User) -> None:
    for number in range(4):
        prove(alice, f"{number}@example.com")

    as_alice.post(ADD, {"address": NEW})

    page = as_alice.get(ADD).text
    assert "several addresses already" in page
    assert NEW in page


def test_a_number_whose_sim_is_in_this_device_gets_no_code(
    as_alice: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codes, "_numbers_in_device", [lambda _request: {NUMBER}])

    as_alice.post(ADD, {"address": NUMBER})

    assert "from this device" in as_alice.get(ADD).text
    assert not CodeRequest.objects.exists()


def test_what_the_customer_signs_in_with_is_confirmed_without_the_password(
    as_alice: Client, alice: User, settings: Settings
) -> None:
    settings.REENTRY_MINUTES = 0
    own = alice.addresses.get()
    page = f"/account/addresses/{own.pk}/prove/"

    assert alice.username in as_alice.get(page).text
    as_alice.post(f"{page}?next=/account/", {"next": "/account/"})
    code = send_code()
    answer = as_alice.post(f"{CODE}?next=/account/", {"code": code, "next": "/account/"})

    assert answer.headers["Location"] == "/account/"
    own.refresh_from_db()
    assert own.proven_at is not None
    assert as_alice.get(page).headers["Location"] == LIST


def test_another_address_is_confirmed_again_after_the_password(
    as_alice: Client, alice: User, settings: Settings
) -> None:
    address = prove(alice, NUMBER)
    Address.objects.update(proven_at=None)
    page = f"/account/addresses/{address.pk}/prove/"
    assert as_alice.get(page).status_code == 200

    settings.REENTRY_MINUTES = 0
    assert as_alice.get(page).headers["Location"].startswith("/account/confirm/")


def test_a_code_that_cannot_be_sent_leads_back_with_a_sentence(
    as_alice: Client, alice: User, settings: Settings
) -> None:
    settings.CODE_LIMIT = 1
    page = f"/account/addresses/{alice.addresses.get().pk}/prove/"
    as_alice.post(page)

    answer = as_alice.post(page)

    assert answer.headers["Location"] == page
    assert "Several codes were requested" in as_alice.get(page).text


def test_an_address_is_removed_after_a_page_that_asks(as_alice: Client, alice: User) -> None:
    address = prove(alice, NUMBER)
    page = f"/account/addresses/{address.pk}/remove/"
    assert "Remove this address?" in as_alice.get(page).text

    answer = as_alice.post(page)

    assert answer.headers["Location"] == LIST
    assert f"Removed: {NUMBER}" in as_alice.get(LIST).text
    assert not alice.addresses.filter(value=NUMBER).exists()


def test_what_the_customer_signs_in_with_is_not_removed(as_alice: Client, alice: User) -> None:
    own = alice.addresses.get()

    as_alice.post(f"/account/addresses/{own.pk}/remove/")

    assert "First choose another one to sign in with" in as_alice.get(LIST).text
    assert alice.addresses.get() == own


def test_the_customer_chooses_what_to_sign_in_with(as_alice: Client, alice: User) -> None:
    own, number = alice.addresses.get(), prove(alice, NUMBER)
    assert as_alice.get(f"/account/addresses/{own.pk}/sign-in/").headers["Location"] == LIST
    page = f"/account/addresses/{number.pk}/sign-in/"
    assert NUMBER in as_alice.get(page).text

    as_alice.post(page)

    alice.refresh_from_db()
    assert alice.username == NUMBER
    assert f"You now sign in with {NUMBER}." in as_alice.get(LIST).text


@pytest.mark.parametrize("action", ["prove", "remove", "sign-in"])
def test_another_customers_address_is_not_found(as_alice: Client, bob: User, action: str) -> None:
    theirs = bob.addresses.get()

    for ask in (as_alice.get, as_alice.post):
        assert ask(f"/account/addresses/{theirs.pk}/{action}/").status_code == 404


def test_an_account_that_has_lost_its_only_address_is_told_what_to_do(
    as_alice: Client, alice: User, bob: User
) -> None:
    prove(bob, alice.username)

    page = as_alice.get(LIST).text

    assert "You no longer have an address to sign in with" in page
    assert "Confirmed by another customer" in page
    assert "Confirm your email address" not in as_alice.get("/account/").text


def test_the_account_offers_to_confirm_until_it_is_done(as_alice: Client, alice: User) -> None:
    assert "Confirm your email address" in as_alice.get("/account/").text

    prove(alice, alice.username)

    assert "Confirm your email address" not in as_alice.get("/account/").text

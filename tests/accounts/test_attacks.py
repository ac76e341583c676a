"""Attacks with something of somebody else's: a mailbox, a name, a link, a network."""

import pytest
from django.conf import settings as own_settings
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.access.limiter import Locked
from accounts.domain import addresses, codes, reentry
from accounts.models import Address, CodeRequest, User
from accounts.states import CodeState, Purpose
from tests.accounts.codes import a_request, ask, prove, send_code
from tests.conftest import PASSWORD

STRANGERS = "noor@example.com"


def sign_in(user: User) -> Client:
    """Return a browser in which this customer has signed in."""
    browser = Client()
    browser.post("/sign-in/", {"username": user.username, "password": PASSWORD})
    return browser


@pytest.mark.parametrize("address", [STRANGERS, "alice@example.com"])
def test_new_browsers_do_not_let_a_customer_send_more_codes_to_a_strangers_address(
    alice: User, settings: Settings, address: str
) -> None:
    settings.CODE_LIMIT = 2

    for _ in range(2):
        request = a_request()
        request.COOKIES = {name: one.value for name, one in sign_in(alice).cookies.items()}
        codes.request_code(request, Purpose.PROVE, address, account=alice)

    request = a_request()
    request.COOKIES = {name: one.value for name, one in sign_in(alice).cookies.items()}
    with pytest.raises(Locked):
        codes.request_code(request, Purpose.PROVE, address, account=alice)


def test_a_customer_with_the_address_of_one_of_the_staff_may_sign_in_with_another(
    alice: User,
) -> None:
    User.objects.create_user("agent@kestrel.example", PASSWORD, is_staff=True)
    proven = prove(alice, "agent@kestrel.example")

    browser = sign_in(alice)
    answer = browser.post(f"/account/addresses/{proven.pk}/sign-in/")

    assert answer.status_code == 303
    alice.refresh_from_db()
    assert alice.username == "alice@example.com"
    assert (
        "sign in with this address. Choose another one." in browser.get("/account/addresses/").text
    )


def test_who_has_lost_the_only_address_may_prove_the_address_of_one_of_the_staff(
    alice: User, bob: User
) -> None:
    User.objects.create_user("agent@kestrel.example", PASSWORD, is_staff=True)
    prove(bob, alice.username)
    alice.refresh_from_db()

    proven = prove(alice, "agent@kestrel.example")

    assert proven.proven_at is not None
    alice.refresh_from_db()
    assert alice.username.startswith("account-")


@pytest.mark.parametrize(
    "target", ["javascript:alert(1)", "//evil.example/", "https://evil.example/"]
)
def test_back_leads_to_no_other_site_and_runs_nothing(alice: User, target: str) -> None:
    browser = sign_in(alice)
    own = Address.objects.get(account=alice)
    browser.post(f"/account/addresses/{own.pk}/prove/")
    pages = [
        browser.get(f"/account/addresses/{own.pk}/prove/", {"next": target}),
        browser.get("/account/addresses/code/", {"next": target}),
    ]

    for page in pages:
        assert page.status_code == 200
        assert f'href="{target}"' not in page.text


def test_a_code_to_an_address_that_was_lost_meanwhile_opens_nothing(alice: User, bob: User) -> None:
    prove(alice, STRANGERS)
    request, _asked, code = ask(alice, STRANGERS, purpose=Purpose.REENTER)

    prove(bob, STRANGERS)

    with pytest.raises(codes.CodeOver):
        reentry.by_code(request, alice, code)
    assert not reentry.is_fresh(request)


def test_an_account_cannot_get_more_addresses_by_several_browsers(alice: User) -> None:
    asked = [ask(alice, f"{number}@example.com") for number in range(6)]

    for request, row, _code in asked[:4]:
        addresses.prove(request, alice, row)
    for request, row, _code in asked[4:]:
        with pytest.raises(addresses.TooMany):
            addresses.prove(request, alice, row)

    assert len(addresses.addresses_of(alice)) == addresses.MOST_ADDRESSES


def test_a_code_that_would_give_an_account_too_many_addresses_says_so(alice: User) -> None:
    browser = sign_in(alice)
    browser.post("/account/addresses/add/", {"address": STRANGERS})
    code = send_code()
    CodeRequest.objects.update(state=CodeState.SENT)
    for number in range(4):
        prove(alice, f"{number}@example.com")

    browser.post("/account/addresses/code/", {"code": code, "next": ""})

    assert not Address.objects.filter(value=STRANGERS).exists()
    assert "Remove one first" in browser.get("/account/addresses/code/").text


def test_no_code_goes_again_to_an_address_that_was_lost_meanwhile(alice: User, bob: User) -> None:
    prove(alice, STRANGERS)
    browser = sign_in(alice)
    browser.post("/account/confirm/address/", {"next": ""})
    prove(bob, STRANGERS)
    count = CodeRequest.objects.count()

    browser.post("/account/confirm/code/again/", {"next": ""})

    assert CodeRequest.objects.count() == count


def test_strangers_cannot_use_up_the_messages_that_an_owner_needs() -> None:
    # Strangers get CODE_LIMIT codes sent to an address, and its owner's browser as many.
    assert own_settings.SMS_PER_HOUR >= 2 * own_settings.CODE_LIMIT
    assert own_settings.MAILS_PER_HOUR >= 2 * own_settings.CODE_LIMIT

"""Attacks on what is around an account: somebody else's mailbox, name, link and place."""

import pytest
from django.conf import settings as own_settings
from django.test import Client
from pytest_django.fixtures import Settings

from accounts import codes, reentry
from accounts.limiter import Locked
from accounts.models import CodeRequest, User
from accounts.states import Purpose
from tests.accounts.codes import a_request, ask, prove
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


def test_a_code_to_an_address_that_was_lost_meanwhile_opens_nothing(alice: User, bob: User) -> None:
    prove(alice, STRANGERS)
    request, _asked, code = ask(alice, STRANGERS, purpose=Purpose.REENTER)

    prove(bob, STRANGERS)

    with pytest.raises(codes.CodeOver):
        reentry.by_code(request, alice, code)
    assert not reentry.is_fresh(request)


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

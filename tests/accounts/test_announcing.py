"""Security messages: every change of access is told to all addresses."""

import pytest
from django.test import Client
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.domain import telling
from accounts.models import AccessEvent, User
from messages.models import Message
from messages.states import Occasion
from tests.accounts.codes import prove
from tests.accounts.test_sessions import EDGE, PHONE, sign_in
from tests.conftest import PASSWORD

NUMBER = "+12025550142"


def told(occasion: Occasion) -> list[Message]:
    return list(Message.objects.filter(occasion=occasion).order_by("address"))


def test_a_sign_in_from_an_unknown_browser_is_told_to_all_addresses(alice: User) -> None:
    prove(alice, NUMBER)
    sign_in(alice)
    assert told(Occasion.NEW_SIGN_IN) == []

    sign_in(alice, agent=PHONE)

    messages = told(Occasion.NEW_SIGN_IN)
    assert [one.address for one in messages] == [NUMBER, alice.username]
    assert messages[0].context["device"] == "Chrome, Android"


def test_a_browser_that_is_known_is_not_told_of(alice: User) -> None:
    client = sign_in(alice, agent=EDGE)
    client.post("/leave/")

    client.post("/sign-in/", {"username": alice.username, "password": PASSWORD})

    assert told(Occasion.NEW_SIGN_IN) == []


def test_an_old_account_is_told_though_its_events_were_deleted(
    alice: User, settings: Settings
) -> None:
    settings.SUPPORT_DAYS = 0
    AccessEvent.objects.all().delete()

    sign_in(alice)

    assert len(told(Occasion.NEW_SIGN_IN)) == 1


def test_a_new_account_is_not_told_of_its_first_sign_in(client: Client, alice: User) -> None:
    typed = {"username": "new@example.com", "name": "New", "password": PASSWORD}
    client.post("/sign-up/", typed)

    assert told(Occasion.NEW_SIGN_IN) == []


def test_staff_are_not_told_here(clara: User) -> None:
    for _ in range(2):
        Client().force_login(clara)

    assert not Message.objects.exists()


def test_a_new_password_is_told_to_all_addresses(alice: User) -> None:
    prove(alice, NUMBER)
    client = sign_in(alice)

    typed = {"current": PASSWORD, "new": "another long pass phrase"}
    client.post("/account/security/password/", typed)

    assert [one.address for one in told(Occasion.PASSWORD_CHANGED)] == [NUMBER, alice.username]


@pytest.mark.parametrize(("lost", "address"), [(None, NUMBER), ("now", "")])
def test_other_messages_go_to_one_address_and_never_to_a_lost_one(
    alice: User, lost: str | None, address: str
) -> None:

    prove(alice, NUMBER)
    User.objects.update(username="account-1")
    alice.refresh_from_db()
    alice.addresses.update(lost_at=now() if lost else None, proven_at=None)
    alice.addresses.exclude(value=NUMBER).delete()
    Message.objects.all().delete()

    telling.tell(alice, Occasion.ORDER_CANCELLED, key="1", context={"number": "1", "plan": "x"})

    assert [one.address for one in Message.objects.all()] == ([address] if address else [])
    assert not telling.undelivered(alice)

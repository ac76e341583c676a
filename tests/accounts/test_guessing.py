"""Guessing does not pay, and no stranger can lock an account's owner out."""

import pytest
import time_machine
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.domain import recovery
from accounts.models import AttemptCount, User
from tests.accounts.test_sessions import is_signed_in, sign_in
from tests.conftest import PASSWORD

LOCKED = "There were too many wrong attempts. Try again in 60 minutes."
WRONG = "Incorrect email address, phone number or password."


@pytest.fixture(autouse=True)
def few_attempts(settings: Settings) -> None:
    settings.PASSWORD_LIMIT = 3
    settings.NETWORK_LIMIT = settings.SIGN_UP_LIMIT = 4
    settings.CLIENT_ADDRESS_HEADER = "X-Real-IP"


def send(
    username: str, password: str, *, address: str = "192.0.2.1", client: Client | None = None
) -> str:
    """Send the sign-in form, and return the page that follows."""
    client = client or Client()
    form = {"username": username, "password": password}
    headers = {"x-real-ip": address}
    return client.post("/sign-in/", form, headers=headers, follow=True).text


def guess(username: str, times: int) -> list[str]:
    """Guess from as many networks, and return the pages that follow."""
    return [send(username, f"guess {n}", address=f"198.51.{n}.1") for n in range(times)]


@pytest.mark.parametrize("username", ["alice@example.com", "nobody@example.com"])
def test_known_and_unknown_identifiers_lock_alike(alice: User, username: str) -> None:
    pages = guess(username, 4)

    assert [WRONG in page for page in pages] == [True, True, True, False]
    assert LOCKED in pages[-1]


def test_while_an_account_is_locked_nothing_is_compared(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    guess(alice.username, 3)
    monkeypatch.setattr(User, "check_password", lambda *_: pytest.fail("compared"))

    assert LOCKED in send(alice.username, PASSWORD)


def test_the_same_wrong_password_counts_once(alice: User) -> None:
    for _ in range(9):
        assert WRONG in send(alice.username, "the same")

    assert "Sign out" in send(alice.username, PASSWORD) or is_signed_in(sign_in(alice))


def test_a_right_password_does_not_count(alice: User) -> None:
    guess(alice.username, 2)
    for _ in range(5):
        assert is_signed_in(sign_in(alice))

    assert WRONG in send(alice.username, "wrong")


def test_a_lock_ends_with_its_hour(alice: User) -> None:
    with time_machine.travel("2027-03-01T10:00:00Z", tick=False) as clock:
        guess(alice.username, 3)
        clock.shift(3600)

        assert is_signed_in(sign_in(alice))


def test_the_owner_s_browser_passes_a_lock_that_strangers_caused(alice: User) -> None:
    own = sign_in(alice)
    own.post("/leave/")
    guess(alice.username, 3)

    send(alice.username, PASSWORD, client=own)

    assert is_signed_in(own)
    assert not is_signed_in(sign_in(alice))


def test_the_owner_s_browser_has_a_count_of_its_own(alice: User) -> None:
    own = sign_in(alice)
    own.post("/leave/")

    pages = [send(alice.username, f"wrong {n}", client=own) for n in range(4)]

    assert LOCKED in pages[-1]
    assert is_signed_in(sign_in(alice))


def test_a_browser_known_to_one_account_is_unknown_to_another(alice: User, bob: User) -> None:
    of_bob = sign_in(bob)
    of_bob.post("/leave/")
    guess(alice.username, 3)

    assert LOCKED in send(alice.username, PASSWORD, client=of_bob)


@pytest.mark.parametrize("cookie", ["", "x", "eyJhIjoxfQ:1abcde:forged"])
def test_a_forged_cookie_is_no_known_browser(alice: User, cookie: str) -> None:
    client = Client()
    client.cookies["browser"] = cookie
    guess(alice.username, 3)

    assert LOCKED in send(alice.username, PASSWORD, client=client)


def test_a_browser_remembers_five_accounts(db: None, alice: User) -> None:
    client = Client()
    others = [User.objects.create_user(f"{n}@example.com", PASSWORD) for n in range(5)]
    for account in [alice, *others]:
        send(account.username, PASSWORD, client=client)
        client.post("/leave/")
    for account in [alice, others[0]]:
        guess(account.username, 3)

    assert LOCKED in send(alice.username, PASSWORD, client=client)
    send(others[0].username, PASSWORD, client=client)
    assert is_signed_in(client)


def test_the_cookie_tells_nothing_about_the_account(alice: User) -> None:
    cookie = sign_in(alice).cookies["browser"]

    assert cookie["httponly"]
    assert alice.username not in cookie.value
    assert "session" not in cookie.value


def test_the_recovery_code_passes_a_lock(alice: User) -> None:
    code = recovery.renew_code(alice)
    guess(alice.username, 3)
    client = Client()

    client.post("/recover/", {"username": alice.username, "code": code, "new": "a new long phrase"})

    assert is_signed_in(client)


def test_a_network_that_tries_many_unknown_identifiers_is_locked(alice: User, bob: User) -> None:
    own = sign_in(alice)
    own.post("/leave/")
    for number in range(4):
        assert WRONG in send(f"nobody{number}@example.com", PASSWORD)

    assert LOCKED in send("nobody4@example.com", PASSWORD)
    assert LOCKED in send(bob.username, PASSWORD, address="192.0.2.200")
    send(alice.username, PASSWORD, client=own)
    assert is_signed_in(own)
    assert WRONG in send(bob.username, "wrong", address="203.0.113.1")


@pytest.mark.parametrize("address", ["", "unknown", "192.0.2.1, 10.0.0.1"])
def test_without_an_address_no_network_is_counted(alice: User, address: str) -> None:
    for number in range(6):
        assert WRONG in send(f"nobody{number}@example.com", PASSWORD, address=address)


def test_without_a_header_no_network_is_counted(alice: User, settings: Settings) -> None:
    settings.CLIENT_ADDRESS_HEADER = ""
    for number in range(6):
        assert WRONG in send(f"nobody{number}@example.com", PASSWORD)


def test_networks_of_ipv6_are_wider_than_an_address(alice: User) -> None:
    for number in range(4):
        send(f"nobody{number}@example.com", PASSWORD, address=f"2001:db8::{number}")

    assert LOCKED in send("nobody@example.com", PASSWORD, address="2001:db8:0:1::1")


def test_sign_ups_are_limited_for_each_network(alice: User) -> None:
    pages = [_sign_up(f"new{number}@example.com") for number in range(5)]

    assert [LOCKED in page for page in pages] == [False, False, False, False, True]
    assert User.objects.filter(username__startswith="new").count() == 4


def _sign_up(username: str) -> str:
    form = {"username": username, "name": "New", "password": PASSWORD}
    return Client().post("/sign-up/", form, headers={"x-real-ip": "192.0.2.1"}, follow=True).text


@pytest.mark.parametrize("page", ["password", "recovery-code"])
def test_the_password_that_is_asked_for_again_is_limited_too(
    as_alice: Client, alice: User, page: str
) -> None:
    address = f"/account/security/{page}/"
    for number in range(3):
        as_alice.post(address, {"current": f"wrong {number}", "new": "a new long phrase"})

    answer = as_alice.post(address, {"current": PASSWORD, "new": "a new long phrase"}, follow=True)

    assert LOCKED in answer.text
    assert sign_in(alice) is not None


def test_the_desk_is_limited_and_says_how_long(clara: User) -> None:
    pages = [_sign_in_at_desk(clara, f"wrong {number}") for number in range(3)]
    assert not any("too many" in page for page in pages)

    assert LOCKED in _sign_in_at_desk(clara, PASSWORD)


def _sign_in_at_desk(account: User, password: str) -> str:
    form = {"username": account.username, "password": password}
    return Client().post("/admin/login/", form).text


def test_a_sign_in_without_a_password_is_refused_without_a_count(db: None) -> None:
    from django.contrib.auth import authenticate  # noqa: PLC0415 -- only this test calls it

    assert authenticate(None, username="x", password=None) is None
    assert not AttemptCount.objects.exists()


def test_a_limit_of_nothing_is_no_limit(alice: User, settings: Settings) -> None:
    settings.PASSWORD_LIMIT = settings.NETWORK_LIMIT = 0

    assert all(WRONG in page for page in guess(alice.username, 12))

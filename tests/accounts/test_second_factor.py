"""Staff sign in by password and by a code of an app. The password alone opens nothing."""

import base64
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.test import Client
from django_otp.oath import TOTP
from pytest_django.fixtures import Settings

from accounts.access import second_factor
from accounts.models import AccessEvent, Authenticator, SignIn, User
from moportal.urls import DESK
from tests.every_page import all_routes

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
NAME = "sam@staff.example"
PAGE = "/admin/second-factor/"
AT = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
# Staff need these before they have signed in.
OPEN = {"/admin/login/", "/admin/logout/", PAGE, "/admin/set-password/", "/admin/jsi18n/"}


@pytest.fixture(autouse=True)
def is_wanted(settings: Settings) -> None:
    settings.SECOND_FACTOR = True


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(AT, tick=False) as clock:
        yield clock


@pytest.fixture
def sam() -> User:
    user = User.objects.create_superuser(NAME, PASSWORD)
    assert user.is_staff
    return user


def type_password() -> Client:
    client = Client()
    client.post("/admin/login/", {"username": NAME, "password": PASSWORD})
    return client


def code_of(user: User) -> str:
    """Return what the app shows now."""
    totp = TOTP(base64.b32decode(Authenticator.objects.get(user=user).key))
    totp.time = datetime.now(UTC).timestamp()
    return f"{totp.token():06d}"


def give(client: Client, code: str, **more: str) -> Any:
    return client.post(PAGE, {"code": code, **more})


def is_in(client: Client) -> bool:
    return client.get("/admin/").status_code == 200


def signed_in(user: User) -> Client:
    """Set the app up, and sign in with it."""
    client = type_password()
    client.get(PAGE)
    give(client, code_of(user))
    return client


def test_the_first_sign_in_sets_the_app_up(sam: User) -> None:
    client = type_password()

    login = client.get("/admin/login/?next=/admin/orders/order/")
    page = client.get(PAGE).content.decode()
    key = re.sub(r"\s", "", re.findall(r"<code>([A-Z2-7 ]+)</code>", page)[0])
    totp = TOTP(base64.b32decode(key))
    totp.time = AT.timestamp()
    answer = give(client, f"{totp.token():06d}", next="/admin/orders/order/")

    assert login.headers["Location"] == f"{PAGE}?next=%2Fadmin%2Forders%2Forder%2F"
    assert 'class="qr"' in page
    assert answer.headers["Location"] == "/admin/orders/order/"
    assert is_in(client)
    assert AccessEvent.objects.filter(account=sam, kind="factor_added").exists()


def test_the_next_sign_in_asks_for_a_code_and_shows_the_key_no_more(
    sam: User, clock: time_machine.Traveller
) -> None:
    signed_in(sam)
    clock.shift(timedelta(minutes=1))
    client = type_password()

    page = client.get(PAGE).content.decode()
    assert 'class="qr"' not in page
    assert Authenticator.objects.get().key not in page.replace(" ", "")
    assert not is_in(client)
    spaced = code_of(sam)
    give(client, f"{spaced[:3]} {spaced[3:]}")
    assert is_in(client)


def test_the_password_alone_reaches_no_address_of_the_desk(sam: User) -> None:
    client, routes = type_password(), dict(all_routes([*DESK]))
    addresses = {re.sub(r"<\w+>", "1", address) for address in routes} - OPEN

    reached = [
        address
        for address in addresses
        for answer in (client.get(address), client.post(address))
        if answer.status_code == 200 or PAGE in answer.headers.get("Location", "")
    ]

    assert len(addresses) > 150
    assert reached == []
    assert sam.pk


def test_the_administrator_reaches_them_with_the_code(sam: User) -> None:
    assert is_in(signed_in(sam))


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "000000", "-00001"])
def test_a_wrong_code_lets_nobody_in(sam: User, code: str) -> None:
    signed_in(sam)
    client = type_password()

    answer = give(client, code)

    assert answer.status_code == 200
    assert not is_in(client)


def test_a_code_works_once(sam: User) -> None:
    signed_in(sam)
    again = type_password()

    answer = give(again, code_of(sam)).content.decode()

    assert "Each code works once" in answer
    assert not is_in(again)


def test_a_clock_that_is_wrong_by_half_a_minute_is_forgiven_and_not_by_two(
    sam: User, clock: time_machine.Traveller
) -> None:
    signed_in(sam)
    clock.shift(timedelta(minutes=10))
    client, code = type_password(), code_of(sam)
    clock.shift(timedelta(minutes=2))
    give(client, code)
    assert not is_in(client)

    code = code_of(sam)
    clock.shift(timedelta(seconds=30))
    give(client, code)
    assert is_in(client)


def test_a_guesser_is_stopped_and_the_right_code_helps_no_more(
    sam: User, clock: time_machine.Traveller
) -> None:
    signed_in(sam)
    clock.shift(timedelta(minutes=1))
    client, right = type_password(), code_of(sam)
    for number in range(5):
        give(client, f"{(int(right) + number + 1) % 10**6:06d}")

    answer = give(client, right).content.decode()

    assert "too many" in answer
    assert not is_in(client)
    clock.shift(timedelta(minutes=16))
    give(client, code_of(sam))
    assert is_in(client)


def test_the_session_has_a_new_key_and_its_sign_in_follows(sam: User) -> None:
    client = type_password()
    before = client.session.session_key
    client.get(PAGE)
    give(client, code_of(sam))

    assert client.session.session_key != before
    assert SignIn.objects.filter(session_key=client.session.session_key).exists()


def test_a_code_leads_to_no_other_host(sam: User) -> None:
    client = type_password()
    client.get(PAGE)

    answer = give(client, code_of(sam), next="https://evil.example/")

    assert answer.headers["Location"] == "/admin/"


def test_the_key_is_sealed_in_the_database(sam: User) -> None:
    signed_in(sam)
    key = Authenticator.objects.get().key

    stored = Authenticator.objects.extra(select={"raw": "key"}).values_list("raw")
    assert key not in str(list(stored))


def test_a_lost_phone_is_forgotten_by_a_command_and_all_sessions_end(sam: User) -> None:
    client = signed_in(sam)

    call_command("reset_second_factor", NAME)

    assert not is_in(client)
    assert not Authenticator.objects.exists()
    assert AccessEvent.objects.filter(account=sam, kind="factor_reset").exists()
    assert not second_factor.reset(sam)


def test_without_an_app_the_sessions_end_all_the_same(
    sam: User, capsys: pytest.CaptureFixture[str]
) -> None:
    type_password()

    call_command("reset_second_factor", NAME)

    assert "There was no app" in capsys.readouterr().out
    assert not SignIn.objects.filter(account=sam, ended_at=None).exists()


def test_the_command_knows_staff_only(sam: User, alice: User) -> None:
    assert sam.pk
    with pytest.raises(CommandError, match="No member of staff"):
        call_command("reset_second_factor", alice.username)


def test_customers_and_a_desk_without_it_are_asked_for_nothing(
    sam: User, settings: Settings
) -> None:
    settings.SECOND_FACTOR = False

    assert is_in(type_password())
    assert sam.pk

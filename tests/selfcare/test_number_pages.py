"""What customers see when the network is asked about their number, over HTTP and without script."""

from datetime import timedelta

import httpx
import pytest
import time_machine
from django.test import Client
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.domain import codes, numbers, typed_codes
from accounts.models import CodeRequest, TypedCode, User
from tests.accounts.codes import prove, send_code
from tests.accounts.service import NUMBER, code_on, texts, wrong
from tests.accounts.test_sessions import is_signed_in
from tests.processing import process_task
from tests.providers import break_it

MAIL = "noor@example.com"
SWAPPED, RECYCLED, FOREIGN = "+12025550191", "+12025550192", "+12025550195"
BLOCKED, NOT_ALLOWED = "+12025550193", "+12025550194"
ADD, CODE = "/account/addresses/add/", "/account/addresses/code/"
ENTER = "/recover/code/enter/"
PASSWORD = "another long pass phrase"
WAITS = 'http-equiv="refresh"'


@pytest.fixture(autouse=True)
def network(operator_api: str) -> str:
    """Let the operator check numbers, and make the codes for them."""
    return operator_api


def add(client: Client, number: str) -> str:
    """Ask for a code to this number, let a worker do its part once, and return the page."""
    client.post(ADD, {"address": number})
    process_task(codes.KIND, CodeRequest.objects.latest("pk").pk)
    return client.get(CODE).text


def type_code(client: Client, code: str) -> str:
    """Type a code, let a worker do its part once, and return the page."""
    client.post(CODE, {"code": code, "next": ""})
    process_task(typed_codes.KIND, TypedCode.objects.latest("pk").pk)
    return client.get(CODE).text


def mail_is_still_a_way(client: Client, account: User) -> bool:
    client.post(ADD, {"address": MAIL})
    client.post(CODE, {"code": send_code(), "next": ""})
    return account.addresses.filter(value=MAIL, proven_at__isnull=False).exists()


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (SWAPPED, "changed hands recently"),
        (RECYCLED, "changed hands recently"),
        (FOREIGN, "find out whether this number changed hands"),
        (BLOCKED, "blocks our SMS"),
        (NOT_ALLOWED, "receive our codes"),
    ],
)
def test_a_number_without_a_code_has_its_reason_and_another_way(
    as_alice: Client, alice: User, network: str, number: str, said: str
) -> None:
    page = add(as_alice, number)

    assert "No code was sent" in page
    assert said in page
    assert "Use another address" in page
    # Only the answer about this number may be another one later.
    assert ("Send a new code" in page) == (number == FOREIGN)
    assert ("Contact support" in page) == (number != FOREIGN)
    assert texts(network) == []
    assert mail_is_still_a_way(as_alice, alice)


@pytest.mark.parametrize("address", ["SIM_SWAP_URL", "ONE_TIME_PASSWORD_URL"])
def test_while_the_network_is_away_the_page_waits_and_then_says_so(
    as_alice: Client, alice: User, settings: Settings, address: str
) -> None:
    setattr(settings, address, "http://127.0.0.1:9")

    assert WAITS in add(as_alice, NUMBER)
    with time_machine.travel(now() + numbers.RETRY_FOR + timedelta(seconds=1)):
        process_task(codes.KIND, CodeRequest.objects.latest("pk").pk)
        page = as_alice.get(CODE).text

    assert "No code was sent" in page
    assert "another" in page
    assert mail_is_still_a_way(as_alice, alice)


def test_a_number_is_proven_by_the_operators_code(
    as_alice: Client, alice: User, network: str
) -> None:
    assert "Enter the code" in add(as_alice, NUMBER)
    as_alice.post(CODE, {"code": code_on(network), "next": ""})
    assert "Checking the code" in as_alice.get(CODE).text

    process_task(typed_codes.KIND, TypedCode.objects.get().pk)
    assert "The code is right" in as_alice.get(CODE).text
    as_alice.post(CODE, {"code": "accepted", "next": ""})

    assert alice.addresses.get(value=NUMBER).proven_at
    assert alice.proofs.get().subject == NUMBER


def test_wrong_codes_are_counted_until_the_service_has_had_enough(
    as_alice: Client, alice: User, network: str
) -> None:
    add(as_alice, NUMBER)
    pages = [type_code(as_alice, wrong(code_on(network))) for _ in range(3)]

    assert "You have 4 more tries" in pages[0]
    assert "You have 3 more tries" in pages[1]
    assert "The code was wrong too many times" in pages[2]
    assert "more tries" not in pages[2]
    assert not alice.addresses.filter(value=NUMBER, proven_at__isnull=False).exists()


def test_a_right_code_whose_answer_is_lost_proves_nothing_and_a_new_one_does(
    as_alice: Client, alice: User, network: str
) -> None:
    add(as_alice, NUMBER)
    break_it(network, "validate-code", "drop_after")
    assert WAITS in type_code(as_alice, code_on(network))
    process_task(typed_codes.KIND, TypedCode.objects.get().pk)
    page = as_alice.get(CODE).text
    assert "check the code. Ask for a new one." in page

    as_alice.post("/account/addresses/code/again/", {"next": ""})
    process_task(codes.KIND, CodeRequest.objects.latest("pk").pk)
    type_code(as_alice, code_on(network))
    as_alice.post(CODE, {"code": "accepted", "next": ""})

    assert alice.addresses.get(value=NUMBER).proven_at


def test_an_attacker_with_a_new_sim_gets_no_code_and_the_owner_comes_back_by_mail(
    alice: User, network: str, settings: Settings
) -> None:
    settings.CODE_SERVICE = ""
    with time_machine.travel(now() - timedelta(days=30)):
        prove(alice, MAIL)
        prove(alice, NUMBER)
    swapped = {"phoneNumber": NUMBER, "simChangedAt": (now() - timedelta(hours=5)).isoformat()}
    httpx.post(f"{network}/numbers", json=swapped, trust_env=False).raise_for_status()

    attacker = Client()
    attacker.post("/recover/code/", {"username": NUMBER})
    assert send_code() == ""
    attacker.post(ENTER, {"code": "482913", "new": PASSWORD})
    owner = Client()
    owner.post("/recover/code/", {"username": MAIL})
    owner.post(ENTER, {"code": send_code(), "new": PASSWORD})

    assert not is_signed_in(attacker)
    assert is_signed_in(owner)
    assert not alice.proofs.filter(ended_at=None).exists()

"""Mallory has got a SIM with Alice's number, and reads every SMS that goes to it.

Whatever Mallory does with it, Alice's line does not move. Moving needs the holder's proof
(`accounts.domain.proofs`), and waits after a change (`accounts.domain.safeguards`).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
import time_machine
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.domain import numbers, proofs, safeguards
from accounts.domain.proofs import Strength, strength_of
from accounts.models import Address, User
from accounts.number_checks.base import Question
from accounts.states import ProofKind
from messages.models import Message
from messages.states import Occasion
from tests.accounts.codes import prove, send_code
from tests.accounts.test_sessions import is_signed_in, sign_in
from tests.conftest import PASSWORD

NUMBER = "+12025550142"
NEW = "another long pass phrase"
ASK, ENTER = "/recover/code/", "/recover/code/enter/"


class Network:
    """A network that knows of the new SIM, or that does not know of it yet."""

    def __init__(self) -> None:
        self.knows = False

    def questions(self) -> Sequence[Question]:
        return [Question.SIM_SWAP]

    def changed_hands_since(self, _question: Question, _number: str, _since: datetime) -> bool:
        return self.knows


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    found = Network()
    monkeypatch.setattr(numbers, "number_checks", lambda: found)
    return found


@pytest.fixture
def holder(alice: User, network: Network) -> User:
    """Return Alice, who holds the line and has proven its number in her account."""
    prove(alice, NUMBER)
    proofs.record(alice, ProofKind.OIDC, NUMBER)
    return alice


@pytest.fixture
def mallory(db: None) -> User:
    return User.objects.create_user("mallory@example.com", PASSWORD, name="Mallory")


def recover_by_sms() -> tuple[Client, str]:
    """Let Mallory ask for a code to the number, and type in what has arrived."""
    browser = Client()
    browser.post(ASK, {"username": NUMBER})
    code = send_code()
    browser.post(ENTER, {"code": code or "BCDFGH", "new": NEW})
    return browser, code


def test_a_sim_that_the_network_knows_of_gets_no_code_and_proves_nothing(
    holder: User, network: Network
) -> None:
    network.knows = True

    browser, code = recover_by_sms()

    assert code == ""
    assert not is_signed_in(browser)
    assert is_signed_in(sign_in(holder))
    # The number proves nothing until it is proven again, for Alice neither.
    assert strength_of(holder, NUMBER) == Strength.NONE
    assert not Address.objects.filter(value=NUMBER, proven_at__isnull=False).exists()


def test_such_a_sim_proves_nothing_in_another_account(
    holder: User, mallory: User, network: Network
) -> None:
    network.knows = True
    browser = sign_in(mallory)

    browser.post("/account/addresses/add/", {"address": NUMBER})

    assert send_code() == ""
    assert strength_of(mallory, NUMBER) == Strength.NONE


def test_a_code_to_a_new_sim_never_makes_its_reader_the_holder(holder: User, mallory: User) -> None:
    prove(mallory, NUMBER)
    proofs.record(mallory, ProofKind.CODE_TO_LINE, NUMBER)

    assert strength_of(mallory, NUMBER) == Strength.USE
    # Alice is told at once, at the address that is still hers.
    told = Message.objects.filter(occasion=Occasion.ADDRESS_LOST)
    assert [one.address for one in told] == [holder.username]


def test_whoever_comes_back_by_sms_in_the_owner_s_account_moves_nothing_for_a_day(
    holder: User,
) -> None:
    at_home = sign_in(holder)
    with time_machine.travel("2027-03-01T10:00:00Z", tick=False) as clock:
        browser, _code = recover_by_sms()

        assert is_signed_in(browser)
        assert not is_signed_in(at_home)
        told = Message.objects.filter(occasion=Occasion.RECOVERED)
        assert {one.address for one in told} == {holder.username, NUMBER}
        assert safeguards.restrained_until(holder) is not None

        clock.shift(timedelta(days=1))
        assert safeguards.restrained_until(holder) is None


def test_after_that_day_a_move_still_waits_so_that_the_owner_can_stop_it(
    holder: User, settings: Settings
) -> None:
    settings.MOVE_WAIT_HOURS = 48
    with time_machine.travel("2027-03-01T10:00:00Z", tick=False) as clock:
        recover_by_sms()
        clock.shift(timedelta(days=2))

        assert safeguards.delay_of_move(holder) == timedelta(hours=48)


def test_the_owner_comes_back_by_the_other_address(holder: User) -> None:
    prove(holder, "alice.home@example.com")
    thief, _code = recover_by_sms()
    owner = Client()

    owner.post(ASK, {"username": "alice.home@example.com"})
    owner.post(ENTER, {"code": send_code(), "new": "a third long pass phrase"})

    assert is_signed_in(owner)
    assert not is_signed_in(thief)

"""`moportal.web.gate`, and the gate before password hashing."""

import threading
import time
from contextlib import ExitStack
from http import HTTPStatus

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.test import Client

from accounts.access.hashing import GATE
from accounts.models import User
from moportal.web.gate import Busy, Gate
from tests.conftest import PASSWORD
from tests.races import at_once


def test_a_full_gate_refuses_at_once() -> None:
    gate = Gate(at_once=1, waiting=0, longest_wait=60)

    with gate.enter(), pytest.raises(Busy), gate.enter():
        pass


def test_a_thread_that_waits_too_long_is_refused() -> None:
    gate = Gate(at_once=1, waiting=1, longest_wait=0.01)

    with gate.enter(), pytest.raises(Busy), gate.enter():
        pass


def test_the_gate_is_free_again_after_an_error() -> None:
    gate = Gate(at_once=1, waiting=0, longest_wait=0)

    for _ in range(2):
        with pytest.raises(KeyError), gate.enter():
            raise KeyError


def test_a_thread_waits_for_its_turn() -> None:
    gate = Gate(at_once=1, waiting=1, longest_wait=60)
    entered = []

    def wait_and_enter() -> None:
        with gate.enter():
            entered.append(True)

    with gate.enter():
        thread = threading.Thread(target=wait_and_enter)
        thread.start()
        assert not entered
    thread.join(timeout=60)

    assert entered == [True]


@pytest.fixture
def full_gate(monkeypatch: pytest.MonkeyPatch) -> ExitStack:
    """Return a stack in which the gate before hashing is full until it is closed."""
    gate = Gate(at_once=1, waiting=0, longest_wait=0)
    monkeypatch.setattr("accounts.access.backend.GATE", gate)
    monkeypatch.setattr("accounts.domain.sign_in.GATE", gate)
    stack = ExitStack()
    stack.enter_context(gate.enter())
    return stack


@pytest.mark.parametrize(
    ("page", "typed"),
    [
        ("/sign-in/", {"username": "alice@example.com", "password": PASSWORD}),
        ("/sign-up/", {"username": "new@example.com", "name": "N", "password": PASSWORD}),
    ],
)
def test_while_the_gate_is_full_a_form_is_answered_503_and_kept(
    client: Client, alice: User, full_gate: ExitStack, page: str, typed: dict[str, str]
) -> None:
    answer = client.post(page, typed)

    assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert int(answer.headers["Retry-After"]) > 0
    assert "in a moment" in answer.text
    assert typed["username"] in client.get(page).text

    full_gate.close()
    assert client.post(page, typed).headers["Location"] != page


def test_while_the_gate_is_full_staff_are_answered_503_too(
    client: Client, clara: User, full_gate: ExitStack
) -> None:
    answer = client.post("/admin/login/", {"username": clara.username, "password": PASSWORD})

    assert answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert answer.headers["Retry-After"]


def test_other_errors_are_no_matter_of_the_gate(
    client: Client, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object, **_kwargs: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("accounts.domain.sign_in.authenticate", fail)

    with pytest.raises(ZeroDivisionError):
        client.post("/sign-in/", {"username": alice.username, "password": PASSWORD})


@pytest.mark.django_db(transaction=True)
def test_of_eight_wrong_passwords_at_once_few_are_hashed_at_the_same_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    User.objects.create_user("alice@example.com", PASSWORD)
    inside, most = [], []

    def slow(hasher: MD5PasswordHasher, password: str, salt: str, *_: object) -> str:
        inside.append(password)
        most.append(len(inside))
        time.sleep(0.02)
        inside.pop()
        return "md5$salt$0"

    monkeypatch.setattr(MD5PasswordHasher, "encode", slow)
    monkeypatch.setattr(MD5PasswordHasher, "must_update", lambda *_: False)

    def attempt() -> int:
        client = Client()
        return client.post(
            "/sign-in/", {"username": "alice@example.com", "password": "x"}
        ).status_code

    statuses = at_once(attempt, 8)

    assert max(most) == 1
    assert set(statuses) <= {HTTPStatus.SEE_OTHER, HTTPStatus.SERVICE_UNAVAILABLE}
    assert HTTPStatus.SEE_OTHER in statuses
    with GATE.enter():
        pass

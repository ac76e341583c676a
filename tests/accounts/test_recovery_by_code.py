"""A new password by a one-time code: three steps, and no answer tells who has an account."""

import re
from collections.abc import Sequence
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.access.events import Kind
from accounts.domain import codes, recovery, safeguards
from accounts.domain.recovery import Found
from accounts.models import Address, CodeRequest, User
from accounts.states import CodeState
from messages.models import Message
from messages.states import Occasion
from moportal.web.gate import Gate
from tests.accounts.codes import a_request, prove, send_code
from tests.accounts.test_sessions import is_signed_in, kinds, sign_in
from tests.conftest import PASSWORD
from tests.races import at_once

NEW = "another long pass phrase"
PROVEN = "alice.home@example.com"
ASK, ENTER, AGAIN = "/recover/code/", "/recover/code/enter/", "/recover/code/again/"


@pytest.fixture
def proven(alice: User) -> User:
    """Return Alice, who has proven another address."""
    prove(alice, PROVEN)
    return alice


def ask(address: str = PROVEN, client: Client | None = None) -> tuple[Client, str]:
    """Return a browser that asked for a code to this address, and the code, if one was sent."""
    client = client or Client()
    client.post(ASK, {"username": address, "next": "/account/"})
    return client, send_code()


def enter(client: Client, code: str, *, new: str = NEW) -> None:
    client.post(ENTER, {"code": code, "new": new, "next": "/account/"})


def test_a_code_to_a_proven_address_leads_back_in_three_steps(proven: User) -> None:
    elsewhere = sign_in(proven)
    client = Client()

    page = client.get("/recover/?next=/account/").text
    assert "/recover/code/?next=/account/" in page
    answer = client.post(ASK, {"username": PROVEN, "next": "/account/"})
    assert answer.headers["Location"] == "/recover/code/enter/?next=%2Faccount%2F"
    code = send_code()
    assert PROVEN in client.get(answer.headers["Location"]).text
    answer = client.post(ENTER, {"code": code, "new": NEW, "next": "/account/"})
    assert answer.headers["Location"] == "/recovery-code/?next=%2Faccount%2F"
    answer = client.post("/recovery-code/", {"next": "/account/"})

    assert answer.headers["Location"] == "/account/"
    assert is_signed_in(client)
    assert not is_signed_in(elsewhere)
    assert is_signed_in(sign_in(proven, password=NEW))
    assert "recovered_by_code" in kinds(proven)
    assert safeguards.restrained_until(proven) is not None


def test_all_addresses_are_told_of_a_recovery_and_not_of_its_sign_in(proven: User) -> None:
    client, code = ask()
    enter(client, code)

    told = Message.objects.filter(occasion=Occasion.RECOVERED)
    assert {one.address for one in told} == {proven.username, PROVEN}
    assert not Message.objects.filter(occasion=Occasion.NEW_SIGN_IN).exists()


@pytest.mark.parametrize("address", ["nobody@example.com", "alice@example.com"])
def test_an_address_that_nobody_has_proven_gets_no_code_and_looks_the_same(
    proven: User, address: str
) -> None:
    seen: list[tuple[list[int], list[str]]] = []
    for typed in (PROVEN, address):
        client, code = ask(typed)
        pages = [client.get(ENTER)]
        for _ in range(6):
            enter(client, "WRONG1")
            pages.append(client.get(ENTER))
        texts = [re.sub(r'value="[^"]{64}"', "", page.text) for page in pages]
        statuses = [page.status_code for page in pages]
        seen.append((statuses, [text.replace(typed, "x") for text in texts]))
        assert bool(code) == (typed == PROVEN)

    for known, unknown in zip(seen[0][1], seen[1][1], strict=True):
        assert known.splitlines() == unknown.splitlines()
    assert seen[0][0] == seen[1][0]
    assert "You have 4 more tries" in seen[0][1][1]
    assert "no longer valid" in seen[0][1][-1]


def test_a_code_that_was_refused_looks_like_one_that_was_sent(alice: User) -> None:
    abroad = "+493023125000"
    Address.objects.create(account=alice, value=abroad, proven_at=now())
    client, code = ask(abroad)
    assert CodeRequest.objects.get().state == CodeState.REFUSED
    assert not code

    enter(client, "WRONG1")

    assert "You have 4 more tries" in client.get(ENTER).text


def test_what_is_no_address_is_refused_with_a_sentence(proven: User) -> None:
    client = Client()

    answer = client.post(ASK, {"username": "alice", "next": ""})

    assert answer.headers["Location"] == ASK
    assert "Enter an email address" in client.get(ASK).text


def test_a_weak_password_keeps_the_code(proven: User) -> None:
    client, code = ask()

    enter(client, code, new="short")
    assert "too short" in client.get(ENTER).text
    # This one is weak for Alice alone, so it costs a try.
    enter(client, code, new="alice@example.co")
    assert "too similar" in client.get(ENTER).text
    enter(client, code)

    assert is_signed_in(client)


def test_the_code_works_in_the_browser_that_asked_and_nowhere_else(proven: User) -> None:
    _client, code = ask()
    stranger = Client()

    assert stranger.get(f"{ENTER}?next=/x/").headers["Location"] == "/recover/code/?next=%2Fx%2F"
    enter(stranger, code)

    assert not is_signed_in(stranger)


def test_a_code_to_an_address_that_another_account_has_proven_since_opens_nothing(
    proven: User, bob: User
) -> None:
    client, code = ask()
    prove(bob, PROVEN)

    enter(client, code)

    assert "no longer valid" in client.get(ENTER).text
    assert not is_signed_in(client)


def test_a_code_to_an_account_that_was_closed_since_opens_nothing(proven: User) -> None:
    client, code = ask()
    User.objects.update(is_active=False)

    enter(client, code)

    proven.refresh_from_db()
    assert proven.check_password(PASSWORD)


def test_a_form_without_a_code_says_so(proven: User) -> None:
    client, _code = ask()

    enter(client, "")

    assert "This field is required" in client.get(ENTER).text


def test_a_code_is_not_accepted_after_its_time(proven: User) -> None:
    client, code = ask()

    with time_machine.travel(now() + timedelta(minutes=10, seconds=1)):
        enter(client, code)
        assert "no longer valid" in client.get(ENTER).text


def test_a_new_code_can_be_asked_for(proven: User) -> None:
    client, old = ask()

    answer = client.post(AGAIN, {"next": "/account/"})
    assert answer.headers["Location"] == "/recover/code/enter/?next=%2Faccount%2F"
    assert "a new code is on its way" in client.get(ENTER).text
    new = send_code()
    enter(client, old)
    assert "not the code" in client.get(ENTER).text
    enter(client, new)

    assert is_signed_in(client)


def test_a_get_asks_for_no_new_code(proven: User) -> None:
    client, _code = ask()

    client.get(AGAIN)

    assert CodeRequest.objects.filter(purpose="recover").count() == 1


def test_who_asks_too_often_is_told_how_long_to_wait(proven: User, settings: Settings) -> None:
    settings.CODE_LIMIT = 1
    client, _code = ask()

    client.post(ASK, {"username": PROVEN})
    assert "Several codes were requested already. Try again in" in client.get(ASK).text
    client.post(AGAIN)
    assert "Several codes were requested already." in client.get(ENTER).text


def test_a_stranger_who_asks_too_often_does_not_shut_the_owner_out(
    proven: User, settings: Settings
) -> None:
    settings.CODE_LIMIT = 1
    known = sign_in(proven)
    known.post("/leave/")
    ask()

    _client, code = ask(client=known)

    assert code


def test_while_the_gate_is_full_the_answer_is_503_and_the_code_stays(
    proven: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, code = ask()
    gate = Gate(at_once=1, waiting=0, longest_wait=0)

    with monkeypatch.context() as patch, gate.enter():
        patch.setattr("accounts.domain.recovery.GATE", gate)
        answer = client.post(ENTER, {"code": code, "new": NEW})
        assert answer.status_code == 503

    enter(client, code)
    assert is_signed_in(client)


def test_staff_have_no_way_in_by_a_code(clara: User) -> None:
    prove(clara, "clara.home@example.com")

    _client, code = ask("clara.home@example.com")

    assert code == ""


@pytest.mark.django_db(transaction=True)
def test_of_ten_recoveries_with_one_code_one_sets_the_password(proven: User) -> None:
    request = a_request()
    asked = codes.request_recovery_code(request, PROVEN)
    code = send_code(asked)
    CodeRequest.objects.update(tries=0)
    done: list[str] = []

    def come_back() -> None:
        own = a_request(**dict(request.session))
        password = f"{NEW} {len(code)} {id(own)}"
        codes.recover(own, code, password=password)
        done.append(password)

    at_once(come_back, 5)

    proven.refresh_from_db()
    assert len(done) == 1
    assert proven.check_password(done[0])


def test_a_code_that_another_request_uses_first_sets_no_password(
    proven: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = a_request()
    code = send_code(codes.request_recovery_code(request, PROVEN))
    use = codes.use
    monkeypatch.setattr(codes, "use", lambda asked: use(asked) and use(asked))
    before = proven.password

    with pytest.raises(codes.CodeOver):
        codes.recover(request, code, password=NEW)

    proven.refresh_from_db()
    assert proven.password == before


@pytest.mark.django_db(transaction=True)
def test_without_the_compare_and_set_one_code_would_set_several_passwords(
    proven: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = a_request()
    code = send_code(codes.request_recovery_code(request, PROVEN))
    monkeypatch.setattr(codes, "use", lambda _asked: True)
    done: list[object] = []

    def come_back() -> None:
        own = a_request(**dict(request.session))
        done.append(codes.recover(own, code, password=f"{NEW} {id(own)}"))

    at_once(come_back, 5)

    assert len(done) > 1


def test_another_kind_of_code_opens_the_same_page(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recovery, "_other_ways", [])
    used: list[str] = []

    def use() -> bool:
        used.append("FROM-STAFF")
        return True

    def find(accounts: Sequence[User], typed: str) -> Found | None:
        is_right = typed == "FROM-STAFF" and alice in accounts
        return Found(alice, use, Kind.RECOVERED) if is_right else None

    recovery.register_way(find)
    client = Client()
    client.post("/recover/", {"username": alice.username, "code": "FROM-STAFF", "new": NEW})

    assert used == ["FROM-STAFF"]
    assert is_signed_in(client)
    assert not is_signed_in(sign_in(alice, password=PASSWORD))

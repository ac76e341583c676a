"""One-time codes: for one purpose, one visit, ten minutes, five tries and one use."""

from datetime import timedelta

import pytest
import time_machine
from django.http import HttpRequest
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.access.limiter import Locked
from accounts.domain import code_sending, codes, numbers
from accounts.models import CodeRequest, User
from accounts.models.codes import MOST_TRIES
from accounts.states import CodeState, Purpose, Refusal
from messages.domain import sending
from messages.models import Message
from messages.senders.base import Letter, MessageRefused
from messages.states import MessageState, Occasion
from moportal.http_client import ServiceUnavailable
from outbox.domain import RetryAfter
from outbox.models import Task
from tests.accounts.codes import a_request, ask, prove, send_code
from tests.processing import process_task
from tests.races import at_once

MAIL, NUMBER = "noor@example.com", "+12025550142"


def check(request: HttpRequest, code: str, account: User) -> CodeRequest:
    return codes.check_code(request, Purpose.PROVE, code, account=account)


def test_a_code_goes_to_its_address_and_is_right_once(alice: User) -> None:
    request, asked, code = ask(alice, MAIL)

    message = Message.objects.get()
    assert (message.occasion, message.address) == (Occasion.CODE, MAIL)
    assert message.lapses_at == asked.expires_at
    assert check(request, code, alice) == asked
    assert codes.use(asked)
    assert not codes.use(asked)
    with pytest.raises(codes.CodeOver):
        check(request, code, alice)


def test_a_code_is_six_characters_that_nobody_confuses_and_is_stored_nowhere(alice: User) -> None:
    _request, asked, code = ask(alice, MAIL)

    assert len(code) == code_sending.LENGTH == 6
    assert not set(code) & set("01OIL AEUY")
    assert code not in str(CodeRequest.objects.values().get())
    assert code not in str(Message.objects.values("context", "key").get())
    assert asked.digest == codes.digest_of(asked, code.lower())


def test_a_code_is_for_its_purpose_its_browser_its_visit_and_its_account_alone(
    alice: User, bob: User
) -> None:
    request, asked, code = ask(alice, MAIL)
    kept = dict(request.session)
    another_visit = a_request(**{**kept, "transaction_id": "visit-2"})

    for browser, purpose, account in [
        (request, Purpose.REENTER, alice),
        (a_request(), Purpose.PROVE, alice),
        (another_visit, Purpose.PROVE, alice),
        (request, Purpose.PROVE, bob),
    ]:
        with pytest.raises(codes.CodeOver):
            codes.check_code(browser, purpose, code, account=account)
    assert check(request, code, alice) == asked


def test_a_code_lasts_ten_minutes(alice: User) -> None:
    with time_machine.travel("2027-03-01T10:00:00Z", tick=False) as clock:
        request, asked, code = ask(alice, MAIL)
        clock.shift(timedelta(minutes=10))

        with pytest.raises(codes.CodeOver):
            check(request, code, alice)
        clock.shift(timedelta(seconds=-1))
        assert check(request, code, alice) == asked


def test_after_five_wrong_tries_the_right_code_is_refused(alice: User) -> None:
    request, _asked, code = ask(alice, MAIL)

    left = []
    for number in range(MOST_TRIES):
        with pytest.raises(codes.WrongCode) as wrong:
            check(request, f"WRONG{number}", alice)
        left.append(wrong.value.tries_left)

    assert left == [4, 3, 2, 1, 0]
    with pytest.raises(codes.CodeOver):
        check(request, code, alice)


def test_a_new_request_makes_a_new_code_and_the_old_one_lapses(alice: User) -> None:
    request, old, old_code = ask(alice, MAIL)
    new = codes.request_code(request, Purpose.PROVE, MAIL, account=alice)
    new_code = send_code(new)

    old.refresh_from_db()
    assert old.state == CodeState.LAPSED
    with pytest.raises(codes.WrongCode):
        check(request, old_code, alice)
    assert check(request, new_code, alice) == new


def test_another_browser_cannot_make_a_code_lapse(alice: User) -> None:
    request, asked, code = ask(alice, MAIL)

    ask(alice, MAIL)

    assert check(request, code, alice) == asked


def test_an_address_gets_a_few_codes_an_hour(alice: User, settings: Settings) -> None:
    settings.CODE_LIMIT = 2
    for _ in range(2):
        ask(alice, MAIL)

    with pytest.raises(Locked):
        ask(alice, MAIL)
    ask(alice, "other@example.com")


def test_a_network_asks_for_a_limited_number_of_codes(alice: User, settings: Settings) -> None:
    settings.NETWORK_LIMIT = 2
    settings.CLIENT_ADDRESS_HEADER = "X-Real-IP"
    request = a_request()
    request.META["HTTP_X_REAL_IP"] = "192.0.2.7"
    for number in range(2):
        codes.request_recovery_code(request, f"{number}@example.com")

    with pytest.raises(Locked):
        codes.request_recovery_code(request, "3@example.com")


def test_a_number_that_gets_no_sms_is_refused_and_the_page_can_say_so(alice: User) -> None:
    _request, asked, code = ask(alice, "+493023125000")

    assert (asked.state, asked.refusal, code) == (CodeState.REFUSED, Refusal.LIMIT, "")
    assert asked.digest == ""
    assert not Message.objects.exists()


class RefusingSender:
    """A sender that refuses every message for good."""

    def send(self, letter: Letter) -> str:
        raise MessageRefused("no such address")


def test_what_became_of_the_message_is_stored_with_the_request(
    alice: User, phone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _request, sent, _code = ask(alice, NUMBER)
    process_task("message", Message.objects.get().pk)
    sent.refresh_from_db()
    assert sent.state == CodeState.SENT

    _request, refused, _code = ask(alice, NUMBER)
    monkeypatch.setattr(sending, "sender_of", lambda _channel: RefusingSender())
    process_task("message", Message.objects.latest("pk").pk)
    refused.refresh_from_db()
    assert (refused.state, refused.refusal) == (CodeState.REFUSED, Refusal.UNDELIVERED)


def test_other_messages_and_codes_whose_message_lapsed_change_no_request(alice: User) -> None:
    _request, asked, _code = ask(alice, MAIL)
    message = Message.objects.get()

    message.state = MessageState.LAPSED
    code_sending.note_ended_message(message)
    message.occasion, message.state = Occasion.ORDER_CONFIRMED, MessageState.SENT
    code_sending.note_ended_message(message)

    asked.refresh_from_db()
    assert asked.state == CodeState.SENDING


def test_a_code_that_was_not_sent_in_time_is_sent_no_more(alice: User) -> None:
    asked = codes.request_code(a_request(), Purpose.PROVE, MAIL, account=alice)

    with time_machine.travel(now() + timedelta(minutes=11)):
        assert send_code(asked) == ""

    asked.refresh_from_db()
    assert asked.state == CodeState.LAPSED


def test_a_task_that_runs_twice_sends_one_code(alice: User) -> None:
    _request, asked, code = ask(alice, MAIL)

    assert send_code(asked) == code
    assert Message.objects.count() == 1


def test_a_request_that_was_deleted_is_no_error(alice: User) -> None:
    _request, asked, _code = ask(alice, MAIL)
    message = Message.objects.get()
    CodeRequest.objects.all().delete()

    assert process_task(codes.KIND, asked.pk) is None
    code_sending.note_ended_message(message)


@pytest.fixture
def number_check(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Return the answers of a check of numbers; it gives the last one again and again."""
    answers: list[object] = []

    def answer(*_asked: object) -> bool:
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(found, Exception):
            raise found
        return bool(found)

    monkeypatch.setattr(numbers, "check_before_code", answer)
    return answers


def test_a_number_that_changed_hands_gets_no_code_and_proves_nothing_any_more(
    alice: User, number_check: list[object]
) -> None:
    number_check.append(False)
    proven = prove(alice, NUMBER)
    number_check[:] = [True]

    _request, asked, code = ask(alice, NUMBER, purpose=Purpose.REENTER)

    assert (asked.state, asked.refusal, code) == (CodeState.REFUSED, Refusal.NUMBER_CHANGED, "")
    proven.refresh_from_db()
    assert proven.proven_at is None
    assert not alice.proofs.filter(ended_at=None).exists()
    assert alice.access_events.latest("pk").kind == "address_doubted"


def test_while_the_network_does_not_answer_the_code_waits(
    alice: User, number_check: list[object]
) -> None:
    number_check[:] = [ServiceUnavailable("away"), False]
    asked = codes.request_code(a_request(), Purpose.PROVE, NUMBER, account=alice)

    assert isinstance(process_task(codes.KIND, asked.pk), RetryAfter)
    assert not Message.objects.exists()

    assert process_task(codes.KIND, asked.pk) is None
    assert Message.objects.exists()


def test_an_email_address_is_not_asked_about(alice: User, number_check: list[object]) -> None:
    number_check.append(True)

    _request, asked, _code = ask(alice, MAIL)

    assert asked.state == CodeState.SENDING


def test_a_code_never_goes_to_a_sim_in_the_device_that_asks(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codes, "_numbers_in_device", [])
    codes.register_numbers_in_device(lambda _request: {NUMBER})

    with pytest.raises(codes.NumberInDevice):
        ask(alice, NUMBER)
    assert not Task.objects.filter(kind=codes.KIND).exists()
    ask(alice, MAIL)


def test_whoever_comes_back_does_not_learn_whose_sim_is_in_the_device(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    prove(alice, NUMBER)
    monkeypatch.setattr(codes, "_numbers_in_device", [lambda _request: {NUMBER}])

    asked = codes.request_recovery_code(a_request(), NUMBER)

    assert asked.account is None
    assert send_code(asked) == ""
    asked.refresh_from_db()
    assert asked.state == CodeState.SENDING


@pytest.mark.django_db(transaction=True)
def test_of_ten_requests_with_one_code_one_uses_it(alice: User) -> None:
    _request, asked, _code = ask(alice, MAIL)

    assert sorted(at_once(lambda: codes.use(asked), 10)) == [False] * 9 + [True]


@pytest.mark.django_db(transaction=True)
def test_ten_guesses_at_once_are_five_tries(alice: User) -> None:
    request, asked, _code = ask(alice, MAIL)

    answers = at_once(lambda: check(request, "WRONG1", alice), 10)

    assert sum(isinstance(answer, codes.WrongCode) for answer in answers) == MOST_TRIES
    assert sum(isinstance(answer, codes.CodeOver) for answer in answers) == 5
    asked.refresh_from_db()
    assert asked.tries == MOST_TRIES

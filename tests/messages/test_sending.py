"""`messages.domain.sending`: each message is sent, and a second time only after a lost answer."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.utils.timezone import now

from messages.models import Message, SendingCall
from messages.senders.base import MessageRefused, SenderUnavailable
from messages.states import NEXT_STATES, MessageState
from moportal.database.statements import move
from outbox.calls import Outcome
from outbox.domain import LeaseLost, RetryAfter
from outbox.models import Task
from tests.messages.conftest import ADDRESS, Postman, process
from tests.processing import process_task

pytestmark = pytest.mark.django_db(transaction=True)
Write = Callable[..., Message]


def test_a_message_is_sent_once_and_keeps_the_gateways_id(
    write_one: Write, postman: Postman
) -> None:
    message = write_one()

    assert process(message) is None
    assert process(message) is None

    assert (message.state, message.gateway_id) == (MessageState.SENT, "at the gateway 1")
    assert message.ended_at is not None
    [letter] = postman.letters
    assert (letter.address, letter.identifier) == (ADDRESS, message.identifier)
    assert letter.subject == "Your order ABCDE-12345 with Kestrel Mobile is cancelled"
    assert letter.text.startswith("Hello Alice,\n\nAs you asked, your order ABCDE-12345")
    assert "text" not in repr(letter)


def test_an_sms_is_short(write_one: Write, postman: Postman) -> None:
    process(write_one("+12025550142"))

    [letter] = postman.letters
    assert letter.subject == ""
    assert letter.text == (
        "Kestrel Mobile: Your order ABCDE-12345 is cancelled. You were not charged."
    )


def test_a_message_is_sent_again_with_the_same_identifier(
    write_one: Write, postman: Postman
) -> None:
    message = write_one()
    postman.errors = [SenderUnavailable("lost"), SenderUnavailable("away", was_sent=False)]

    answers = [process(message) for _ in range(3)]

    assert [isinstance(answer, RetryAfter) for answer in answers] == [True, True, False]
    assert message.state == MessageState.SENT
    assert {letter.identifier for letter in postman.letters} == {message.identifier}
    outcomes = list(message.calls.values_list("outcome", flat=True))
    assert outcomes == [Outcome.UNKNOWN, Outcome.NOT_SENT, Outcome.ANSWERED]


def test_a_refusal_is_final(write_one: Write, postman: Postman) -> None:
    message = write_one()
    postman.errors = [MessageRefused("no such mailbox")]

    assert process(message) is None

    assert (message.state, message.reason) == (MessageState.REFUSED, "no such mailbox")


def test_a_message_without_a_sender_is_refused(
    write_one: Write, settings: pytest.FixtureRequest
) -> None:
    settings.SMS_SENDER = ""  # type: ignore[attr-defined]  # pytest-django's own object
    message = write_one("+12025550142")

    process(message)

    assert (message.state, message.reason) == (MessageState.REFUSED, "SMS_SENDER is not set.")


def test_an_unexpected_error_counts_as_a_failed_attempt(write_one: Write, postman: Postman) -> None:
    message = write_one()
    postman.errors = [KeyError("bug")]

    assert isinstance(process(message), RetryAfter)

    assert (message.state, message.tries) == (MessageState.SENDING, 1)


def test_after_a_day_without_an_answer_staff_see_the_message(
    write_one: Write, postman: Postman
) -> None:
    message = write_one()
    postman.errors = [SenderUnavailable("lost")] * 2
    process(message)

    with time_machine.travel(now() + timedelta(hours=24, minutes=1)):
        assert process(message) is None

    assert message.state == MessageState.UNDELIVERED
    assert message.reason == "SenderUnavailable: lost"


@pytest.mark.parametrize(
    ("outcome", "state"),
    [(Outcome.ANSWERED, MessageState.SENT), (Outcome.REFUSED, MessageState.REFUSED)],
)
def test_a_worker_that_takes_over_uses_the_stored_answer(
    write_one: Write, postman: Postman, outcome: Outcome, state: MessageState
) -> None:
    message = write_one()
    SendingCall.objects.create(message=message, sender="x", outcome=outcome, detail="because")
    Message.objects.update(state=MessageState.SENDING)

    process(message)

    assert message.state == state
    assert postman.letters == []


def test_a_worker_without_its_lease_sends_nothing(write_one: Write, postman: Postman) -> None:
    message = write_one()
    task = Task.objects.get()

    with pytest.raises(LeaseLost):
        _process_without_lease(task)

    assert postman.letters == []
    assert message.calls.get().outcome == Outcome.NOT_SENT


def _process_without_lease(task: Task) -> None:
    from outbox import domain  # noqa: PLC0415 -- the handler under test

    handler = domain._handlers[task.kind]  # noqa: SLF001 -- the same
    handler(task.subject, domain.Lease(task.pk, "another's"))


def test_a_code_is_sealed_and_gone_once_it_is_sent(write_one: Write, postman: Postman) -> None:
    message = write_one(code="QXZW-7305")
    assert Message.objects.filter(code__contains="QXZW").count() == 0

    process(message)

    assert (message.state, message.code) == (MessageState.SENT, "")
    assert "QXZW-7305" in postman.letters[0].text


def test_a_code_whose_time_is_over_is_not_sent(write_one: Write, postman: Postman) -> None:
    message = write_one(code="QXZW-7305")

    with time_machine.travel(now() + timedelta(minutes=11)):
        process(message)

    assert (message.state, message.code) == (MessageState.LAPSED, "")
    assert postman.letters == []


def test_the_table_of_moves_ends_in_each_final_state() -> None:
    final = {state for state, following in NEXT_STATES.items() if not following}

    assert final == {
        MessageState.SENT,
        MessageState.REFUSED,
        MessageState.UNDELIVERED,
        MessageState.LAPSED,
    }


def test_an_ended_message_does_not_move(write_one: Write, postman: Postman) -> None:
    message = write_one()
    process(message)

    assert not move(message, NEXT_STATES, MessageState.SENDING)
    assert process_task("message", message.pk) is None

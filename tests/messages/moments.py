"""One message with one mishap at each moment of its sending, for any sender."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from typing import Any
from unittest import mock

import time_machine
from django.db.models import Sum
from django.utils.timezone import now

from messages import senders
from messages.models import Message, SendingCall, SentCount
from messages.senders.base import Letter, Sender, SenderUnavailable
from messages.states import MessageState
from outbox.calls import Outcome
from outbox.domain import due_tasks, process
from outbox.models import Task
from tests.orders.machine import LONGER_THAN_A_LEASE, Happens, Mishap, Worker

MISHAPS = {
    "dies": Mishap(Happens.DIES, calls=0, at=0),
    "write fails": Mishap(Happens.WRITE_FAILS, calls=0, at=0),
    "write is not confirmed": Mishap(Happens.WRITE_IS_NOT_CONFIRMED, calls=0, at=0),
    "no connection": Mishap(Happens.NO_CONNECTION, calls=0, at=0),
    "no answer": Mishap(Happens.NO_ANSWER, calls=0, at=0),
    "stalls": Mishap(Happens.STALLS, calls=0, at=0),
    "stalls, taken over": Mishap(Happens.STALLS, calls=0, at=0, is_taken_over=True),
}
ROUNDS = 6


class Between:
    """A sender between the portal and the real one, at which a worker may meet its mishap."""

    def __init__(self, sender: Sender, worker: Worker) -> None:
        self.sender = sender
        self.worker = worker

    def send(self, letter: Letter) -> str:
        worker = self.worker
        assert not worker.connection.in_atomic_block, "a message is sent within a transaction"
        worker._may_end_or_stall()  # noqa: SLF001 -- the machine of the orders' plays
        if worker._meets(Happens.NO_CONNECTION):  # noqa: SLF001 -- the same
            raise SenderUnavailable("refused", was_sent=False)
        answer = self.sender.send(letter)
        worker.calls += 1
        worker._may_end_or_stall()  # noqa: SLF001 -- the same
        if worker._meets(Happens.NO_ANSWER):  # noqa: SLF001 -- the same
            raise SenderUnavailable("lost")
        return answer


def losses(
    mishap: Mishap, write: Callable[[str], Message], received: Callable[[], int]
) -> Iterator[str]:
    """Send one message for each moment at which the mishap can happen; yield what is wrong.

    `received` returns how many messages have reached the sender's server so far.
    """
    for at in count(1):
        before = received()
        message = write(f"{mishap.what} {at}")
        has_met_it = _send(message, replace(mishap, at=at))
        for what in _wrong(message, mishap, received() - before):
            yield f"{mishap.what}, moment {at}: {what}"
        if not has_met_it:
            assert at > 1, "the mishap never happens"
            break


def _send(message: Message, mishap: Mishap) -> bool:
    """Let a worker meet the mishap; later, let others finish the message."""
    task = Task.objects.get(kind="message", subject=str(message.pk))
    with time_machine.travel(now(), tick=False) as clock:

        def others_do(_mishap: Mishap) -> None:
            if mishap.is_taken_over:
                clock.shift(LONGER_THAN_A_LEASE)
                _process_due()

        worker = Worker(mishap, others_do)
        real = senders.sender_of
        with mock.patch(
            "messages.domain.sending.sender_of",
            lambda channel: (
                Between(real(channel), worker) if _is_running(worker) else real(channel)
            ),
        ):
            worker.run(task.pk)
        for _ in range(ROUNDS):
            clock.shift(LONGER_THAN_A_LEASE)
            _process_due()
    return worker.has_met_it


def _is_running(worker: Worker) -> bool:
    """Return whether the worker itself sends, and not one that has taken over."""
    return not worker.has_met_it


def _process_due() -> None:
    for task in due_tasks():
        process(task)


def _wrong(message: Message, mishap: Mishap, received: int) -> Iterator[str]:
    message.refresh_from_db()
    if message.state != MessageState.SENT:
        yield f"the message is {message.state}"
    if not received:
        yield "the message was lost"
    if received > 1 and not _answer_was_lost(message, mishap):
        yield f"{received} copies although no answer was lost"
    if Task.objects.filter(closed_at=None).exists():
        yield "a task is left"
    if received > 2:
        yield f"{received} copies"
    # The clock may have passed the end of an hour, so a limit may have several rows.
    counted = dict(SentCount.objects.values_list("name").annotate(Sum("used")))
    if set(counted.values()) != {_messages_begun()}:
        yield f"counted {counted}"


def _answer_was_lost(message: Message, mishap: Mishap) -> bool:
    """Return whether a call has no stored answer, or had none when another worker took over."""
    unknown = [Outcome.UNANSWERED, Outcome.UNKNOWN]
    calls: Any = SendingCall.objects.filter(message=message)
    return mishap.is_taken_over or calls.filter(outcome__in=unknown).exists()


def _messages_begun() -> int:
    return Message.objects.exclude(state=MessageState.QUEUED).count()

"""Fixtures of the messages' tests: a message to write, and a sender that does as it is told."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from messages import senders
from messages.domain.writing import KIND, write
from messages.models import Message
from messages.senders.base import Letter
from messages.states import Occasion
from outbox.domain import RetryAfter
from tests.builders import make_operator
from tests.processing import process_task

ADDRESS, NUMBER = "alice@example.com", "+15550100123"
VALID_NUMBER = "+12025550142"
CONTEXT: dict[str, Any] = {"name": "Alice", "number": "ABCDE-12345", "plan": "Traveller"}


class Postman:
    """A sender in this process: it keeps each letter, and raises the next error."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self.errors: list[Exception] = []

    def send(self, letter: Letter) -> str:
        self.letters.append(letter)
        if self.errors:
            raise self.errors.pop(0)
        return f"at the gateway {len(self.letters)}"


@pytest.fixture
def postman(db: None, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Postman:
    """Let one sender send all mail and SMS, in this process."""
    make_operator()
    sender = Postman()
    monkeypatch.setattr(senders, "_made", lambda _path: sender)
    settings.MAIL_SENDER = settings.SMS_SENDER = "postman"
    return sender


@pytest.fixture
def write_one(db: None) -> Callable[..., Message]:
    """Return a function that writes one message and returns its row."""
    make_operator()

    def write_it(address: str = ADDRESS, *, key: str = "one", code: str = "") -> Message:
        occasion = Occasion.CODE if code else Occasion.ORDER_CANCELLED
        until = now() + timedelta(minutes=10) if code else None
        pk = write(
            occasion,
            key=key,
            address=address,
            language="en",
            context=CONTEXT,
            code=code,
            lapses_at=until,
        )
        assert pk is not None
        return Message.objects.get(pk=pk)

    return write_it


def process(message: Message) -> RetryAfter | None:
    """Send the message as a worker does, and read its row again."""
    answer = process_task(KIND, message.pk)
    message.refresh_from_db()
    return answer

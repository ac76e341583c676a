"""What a sender of messages must be able to do."""

import uuid
from dataclasses import dataclass
from typing import Protocol

from moportal.http_client import ServiceUnavailable


class SenderUnavailable(ServiceUnavailable):
    """The sender gave no usable answer. Sending again may help."""


class MessageRefused(Exception):
    """The sender refused the message for good."""


@dataclass(frozen=True)
class Letter:
    """A message as it leaves. `identifier` is the same for each attempt to send it."""

    identifier: uuid.UUID
    address: str
    language: str
    subject: str
    text: str

    def __repr__(self) -> str:
        # The text may have a code, and errors print what they were called with.
        return f"Letter({self.identifier})"


class Sender(Protocol):
    """Sends messages to customers. It may raise `SenderUnavailable` or `MessageRefused`."""

    def send(self, letter: Letter) -> str:
        """Hand the message over, and return the sender's id of it, if it gives one.

        A sender that knows idempotency keys sends the same identifier once. With any other sender,
        the customer may receive a second copy after a lost answer.
        """

"""What a network must be able to say about a phone number: whether it changed hands since a time.

Whoever has a number's new SIM reads the codes that are sent to the number. So does the next
subscriber of a number that was given up.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from django.db.models import TextChoices

from moportal.http_client import ServiceUnavailable


class Question(TextChoices):
    """What a network is asked about a number. Each question is one call."""

    SIM_SWAP = "sim_swap", "New SIM"
    RECYCLING = "recycling", "New subscriber"


class NumberChecksUnavailable(ServiceUnavailable):
    """The network gave no usable answer. Asking again may help."""


class CannotTell(Exception):
    """The network does not know this number, or not for that long. Asking again does not help."""


class NumberChecks(Protocol):
    """An operator's network. It may raise `NumberChecksUnavailable` or `CannotTell`."""

    def questions(self) -> Sequence[Question]:
        """Return the questions that this network answers, in the order in which they are asked."""

    def changed_hands_since(self, question: Question, number: str, since: datetime) -> bool:
        """Return whether the number, in E.164, changed hands after this time.

        A network may know times less exactly. It then answers yes rather than no.
        """

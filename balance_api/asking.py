"""One question about a SIM: is the caller too fast, was it asked before, and what is left.

PostgreSQL answers all three in one statement (`statement`); elsewhere three plain steps of the
ORM say the same (`plainly`).
"""

import math
from datetime import datetime, timedelta
from functools import cache
from typing import Protocol

from django.conf import settings
from django.db import connection

from balance_api import plainly, statement
from balance_api.models import CallerRate
from balance_api.questions import BURST, Found, Question, Repeated, Rules, TooOften
from subscriptions.balances import Balance, UnknownSim, balances_from


def balances(question: Question) -> list[Balance]:
    """Return what is left on the SIM, and remember that this was answered.

    Raises, in the order in which they count (contract, section 5): `TooOften`, `Repeated`,
    `UnknownSim`. What is refused by the first two is not remembered.
    """
    found = _way().look(question, rules())
    if not found.is_admitted:
        raise TooOften(_wait(question.caller, question.at))
    if not found.is_new:
        raise Repeated
    if found.is_in_programme is None:
        raise UnknownSim(question.iccid)
    return balances_from(
        found.held,
        is_in_programme=found.is_in_programme,
        location=question.location,
        at=question.at,
    )


def count(caller: str, at: datetime) -> None:
    """Count a question that cannot be read, which costs its caller as much; raises `TooOften`."""
    if not _way().admit(caller, at, rules()):
        raise TooOften(_wait(caller, at))


class Way(Protocol):
    """How the database is asked."""

    def look(self, question: Question, rules: Rules) -> Found:
        """Say whether the caller may ask, whether it has, and what the SIM holds."""

    def admit(self, caller: str, at: datetime, rules: Rules) -> bool:
        """Count one question of the caller's, and say whether it is within its limit."""


@cache
def _way() -> Way:
    """Return the one for this database, which stays the same."""
    return statement if connection.vendor == "postgresql" else plainly


def rules() -> Rules:
    """Return the rules as the settings give them."""
    return _rules(settings.BALANCE_RATE, settings.BALANCE_REPLAY_HOURS)


@cache
def _rules(rate: float, hours: float) -> Rules:
    return Rules(
        step=timedelta(seconds=1) / rate if rate else None,
        window=timedelta(hours=hours) if hours else None,
    )


def _wait(caller: str, at: datetime) -> int:
    """Return the whole seconds after which the caller may ask again."""
    free_at = CallerRate.objects.values_list("free_at", flat=True).get(caller=caller)
    return max(math.ceil((free_at - BURST - at).total_seconds()), 1)

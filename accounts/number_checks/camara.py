"""Number checks by CAMARA SIM Swap and CAMARA Number Recycling (docs/numbers.md#apis)."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from django.conf import settings
from django.utils.timezone import now

from accounts import camara
from accounts.number_checks.base import CannotTell, NumberChecksUnavailable, Question
from moportal.http_client import check_address

SETTINGS = {Question.SIM_SWAP: "SIM_SWAP_URL", Question.RECYCLING: "NUMBER_RECYCLING_URL"}
# SIM Swap, maxAge: the hours that `check` looks back at most.
LONGEST_AGE = 2400


class CamaraChecks:
    """Asks SIM_SWAP_URL, NUMBER_RECYCLING_URL, or both."""

    def questions(self) -> Sequence[Question]:
        """Return the questions whose addresses are set."""
        return [question for question, name in SETTINGS.items() if getattr(settings, name)]

    def changed_hands_since(self, question: Question, number: str, since: datetime) -> bool:
        """Ask the question's own API."""
        if question == Question.RECYCLING:
            return _is_recycled(number, since)
        hours = max(1, math.ceil((now() - since) / timedelta(hours=1)))
        if hours <= LONGEST_AGE:
            asked = {"phoneNumber": number, "maxAge": hours}
            return _boolean(_post(question, "check", asked), "swapped")
        return _is_swapped_since(number, since)


def _is_recycled(number: str, since: datetime) -> bool:
    # Only a date can be asked about. A change on the date itself counts as before it: a customer
    # proves a new number on its first day, and no number gets two subscribers in a day.
    asked = {"phoneNumber": number, "specifiedDate": since.astimezone(UTC).date().isoformat()}
    return _boolean(_post(Question.RECYCLING, "check", asked), "phoneNumChanged")


def _is_swapped_since(number: str, since: datetime) -> bool:
    """Compare the date of the latest swap, because `check` does not look back so far."""
    body = _post(Question.SIM_SWAP, "retrieve-date", {"phoneNumber": number})
    latest, monitored = body.get("latestSimChange", ""), body.get("monitoredPeriod")
    if latest is None:
        # No swap within the days that the network remembers. Before them it knows nothing.
        if type(monitored) is int and now() - timedelta(days=monitored) <= since:
            return False
        raise CannotTell(f"the network remembers {monitored} days")
    return _parse_time(latest) > since


def _post(question: Question, operation: str, content: Mapping[str, Any]) -> Mapping[str, Any]:
    name = SETTINGS[question]
    base = check_address(getattr(settings, name), name=name)
    answer = camara.post(f"{base}/{operation}", content, unavailable=NumberChecksUnavailable)
    if httpx.codes.is_client_error(answer.status):
        raise CannotTell(f"HTTP {answer.status} {answer.error}")
    if answer.status != httpx.codes.OK:
        raise NumberChecksUnavailable(f"HTTP {answer.status}")
    return answer.body


def _boolean(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name)
    if not isinstance(value, bool):
        raise NumberChecksUnavailable(f"no boolean {name}")
    return value


def _parse_time(text: Any) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise NumberChecksUnavailable("latestSimChange is no time") from error
    if time.tzinfo is None:
        raise NumberChecksUnavailable("latestSimChange has no time zone")
    return time

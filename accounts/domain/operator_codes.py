"""One-time codes that the operator's service makes and sends (docs/numbers.md#codes).

A sending cannot be repeated safely: each one is another SMS, and only the identifier in the answer
makes its code worth anything. So each call is a row, and a lost answer has a rule of its own.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import QuerySet
from django.utils.timezone import now

from accounts.code_services import code_service
from accounts.code_services.base import (
    CodeRefused,
    CodeServiceUnavailable,
    ServiceRefusal,
)
from accounts.models import CodeRequest, CodeServiceCall
from accounts.models.codes import LIFETIME
from accounts.states import NEXT_STATES, CodeState, Refusal
from brand.queries import operator
from messages.domain import budget
from messages.rendering import render
from messages.states import Channel, Occasion
from moportal.database.statements import move
from outbox.calls import Outcome, record_call
from outbox.domain import Lease, RetryAfter
from outbox.retries import retry_after, retry_delay

log = structlog.get_logger(__name__)
Operation = CodeServiceCall.Operation
# How long a service that does not answer is asked again. Somebody is waiting for the code.
RETRY_FOR = timedelta(minutes=1)
# After a lost answer the SMS may have been sent, but nobody can check its code. So one more is
# sent, and no third.
MOST_SENDINGS = 2
# CAMARA One Time Password SMS: the longest message.
LONGEST_MESSAGE = 160
PLACE = "{{code}}"
# Of such a call nobody knows whether an SMS was sent.
DOUBTFUL = (Outcome.UNANSWERED, Outcome.UNKNOWN)
REFUSALS = {
    ServiceRefusal.TOO_MANY: Refusal.LIMIT,
    ServiceRefusal.NOT_ALLOWED: Refusal.NOT_ALLOWED,
    ServiceRefusal.BLOCKED: Refusal.BLOCKED,
}


def makes_code_for(address: str) -> bool:
    """Return whether the operator's service makes the codes for this address."""
    return address.startswith("+") and code_service() is not None


def begin(asked: CodeRequest) -> bool:
    """Count the SMS against the limits and move the request to sending, or return False.

    Raises `messages.domain.budget.NotAllowed`.
    """
    with transaction.atomic():
        if asked.account is not None:
            budget.check_address(Channel.SMS, asked.address)
            budget.count(Channel.SMS, asked.address)
        asked.expires_at = now() + LIFETIME
        return move(asked, NEXT_STATES, CodeState.SENDING, expires_at=asked.expires_at)


def send(asked: CodeRequest, lease: Lease) -> RetryAfter | None:
    """Let the service send the code, unless an earlier call was answered.

    A request without an account waits in the same state, and no call is made.
    """
    if asked.account is None:
        return None
    call = _finished_call(asked)
    if call is None:
        if _calls(asked).filter(outcome__in=DOUBTFUL).count() >= MOST_SENDINGS:
            _end(asked, Refusal.UNDELIVERED)
            return None
        try:
            call = _call(asked, lease)
        except CodeServiceUnavailable as error:
            return _retry_or_stop(asked, error)
    if call.refusal:
        _end(asked, REFUSALS.get(ServiceRefusal(call.refusal), Refusal.UNDELIVERED))
    else:
        move(asked, NEXT_STATES, CodeState.SENT)
    return None


def identifier_of(asked: CodeRequest) -> str:
    """Return the service's identifier of this request's code, or nothing if none was answered."""
    call = _finished_call(asked)
    return call.identifier if call else ""


def _finished_call(asked: CodeRequest) -> CodeServiceCall | None:
    """Return the sending that was answered, or None. The worker that made it may have died."""
    return _calls(asked).filter(outcome__in=[Outcome.ANSWERED, Outcome.REFUSED]).last()


def _calls(asked: CodeRequest) -> QuerySet[CodeServiceCall]:
    return asked.service_calls.filter(operation=Operation.SEND)


def _call(asked: CodeRequest, lease: Lease) -> CodeServiceCall:
    service = code_service()
    assert service is not None  # noqa: S101 -- `makes_code_for` is true of the address
    call = CodeServiceCall(request=asked, operation=Operation.SEND)
    message = _message(asked)

    def send_it() -> str | CodeRefused:
        try:
            return service.send_code(asked.address, message)
        except CodeRefused as refusal:
            return refusal

    record_call(call, send_it, before_call=lease.cover_call, describe=_describe)
    return call


def _describe(answer: str | CodeRefused) -> Mapping[str, Any]:
    if isinstance(answer, CodeRefused):
        return {"outcome": Outcome.REFUSED, "refusal": answer.reason, "detail": str(answer)}
    return {"outcome": Outcome.ANSWERED, "identifier": answer}


def _message(asked: CodeRequest) -> str:
    """Return the text of the SMS, with the place of the code."""
    minutes = LIFETIME // timedelta(minutes=1)
    context = {"name": "", "code": PLACE, "minutes": minutes}
    words = render(Occasion.CODE, context, language=asked.language, channel=Channel.SMS)
    if len(words.text) <= LONGEST_MESSAGE:
        return words.text
    return f"{operator().name[: LONGEST_MESSAGE - len(PLACE) - 2]}: {PLACE}"


def _retry_or_stop(asked: CodeRequest, error: CodeServiceUnavailable) -> RetryAfter | None:
    calls = _calls(asked)
    doubtful = calls.filter(outcome__in=DOUBTFUL).count()
    if doubtful < MOST_SENDINGS and now() - asked.created_at < RETRY_FOR:
        return RetryAfter(retry_delay(calls.count() - 1, at_least=retry_after(error)))
    _end(asked, Refusal.UNDELIVERED)
    return None


def _end(asked: CodeRequest, refusal: Refusal) -> None:
    log.warning("code not sent", refusal=refusal)
    move(asked, NEXT_STATES, CodeState.REFUSED, refusal=refusal, ended_at=now())

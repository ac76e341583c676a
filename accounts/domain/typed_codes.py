"""Codes that customers typed and that the operator's service must check (docs/numbers.md#codes).

The portal does not know such a code. So what was typed is stored, sealed, and a worker asks the
service while the page waits. If the code is right, the worker stores its digest. The browser that
typed it then needs no code any more.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import structlog
from django.db import transaction
from django.db.models import F
from django.utils.timezone import now

from accounts.code_services import code_service
from accounts.code_services.base import CodeRefused, CodeServiceUnavailable, ServiceRefusal
from accounts.domain import operator_codes
from accounts.models import CodeRequest, CodeServiceCall, TypedCode
from accounts.states import NEXT_STATES, USABLE, CodeState, Purpose, TypedVerdict
from moportal.database.statements import compare_and_set, insert_new, move
from moportal.sealed import digest
from moportal.text.normal_text import normalise_number
from outbox.calls import Outcome, record_call
from outbox.domain import Lease, RetryAfter, enqueue
from outbox.retries import count_failure

log = structlog.get_logger(__name__)
# The outbox's kind for typed codes.
KIND = "typed_code"
# How long a service that does not answer is asked again. The page is waiting.
RETRY_FOR = timedelta(minutes=1)
# CAMARA One Time Password SMS: the longest code.
LONGEST_CODE = 10
# The code's own sending is not answered yet.
NOT_YET = timedelta(seconds=1)
VERDICTS = {
    ServiceRefusal.WRONG: TypedVerdict.WRONG,
    ServiceRefusal.FAILED: TypedVerdict.FAILED,
    ServiceRefusal.EXPIRED: TypedVerdict.EXPIRED,
}


def submit(asked: CodeRequest, typed: str) -> None:
    """Store what the customer typed, and let a worker ask the service.

    Of two codes that are typed at once the first is checked, and the second is dropped.
    """
    with transaction.atomic():
        row = TypedCode(request=asked, code=normalise_typed(typed))
        for key in insert_new([row]):
            enqueue(KIND, key)


def verdict_of(asked: CodeRequest) -> TypedVerdict | None:
    """Return what the service said about the code that was typed last, or None while it waits."""
    latest = asked.typed_codes.last()
    return TypedVerdict(latest.verdict) if latest and latest.verdict else None


def is_being_checked(asked: CodeRequest) -> bool:
    """Return whether a typed code waits for the service's answer."""
    return asked.typed_codes.filter(verdict="").exists()


def is_accepted(asked: CodeRequest) -> bool:
    """Return whether the service has said that this request's code is right."""
    return bool(asked.digest) and verdict_of(asked) == TypedVerdict.RIGHT


def normalise_typed(typed: str) -> str:
    """Return the code without what people add when they copy it. A service may use any letters."""
    return re.sub(r"[^0-9A-Za-z]", "", normalise_number(typed))[: LONGEST_CODE + 1]


def check(subject: str, lease: Lease) -> RetryAfter | None:
    """Ask the service whether the typed code is right. This is the outbox's handler.

    What cannot be the code is wrong without a question.
    """
    typed = TypedCode.objects.select_related("request__account").filter(pk=subject).first()
    if typed is None or typed.verdict:
        return None
    asked = typed.request
    if asked.expires_at <= now():
        _finish(typed, TypedVerdict.EXPIRED)
    elif asked.account is None or not 0 < len(typed.code) <= LONGEST_CODE:
        _finish(typed, TypedVerdict.WRONG)
    elif identifier := operator_codes.identifier_of(asked):
        return _check(typed, identifier, lease)
    elif asked.state == CodeState.SENDING:
        return RetryAfter(NOT_YET)
    else:
        _finish(typed, TypedVerdict.EXPIRED)
    return None


def _check(typed: TypedCode, identifier: str, lease: Lease) -> RetryAfter | None:
    answered = [Outcome.ANSWERED, Outcome.REFUSED]
    try:
        # A worker that died may have stored the answer already.
        call = typed.calls.filter(outcome__in=answered).last() or _call(typed, identifier, lease)
    except CodeServiceUnavailable as error:
        delay = count_failure(typed, error)
        if now() - typed.created_at < RETRY_FOR:
            return RetryAfter(delay)
        _finish(typed, TypedVerdict.UNKNOWN)
    else:
        _finish(typed, _verdict(typed, call))
    return None


def _call(typed: TypedCode, identifier: str, lease: Lease) -> CodeServiceCall:
    service = code_service()
    if service is None:
        raise CodeServiceUnavailable("CODE_SERVICE is not set any more", was_sent=False)
    call = CodeServiceCall(
        request=typed.request, typed=typed, operation=CodeServiceCall.Operation.CHECK
    )

    def ask() -> CodeRefused | None:
        try:
            service.check_code(identifier, typed.code)
        except CodeRefused as refusal:
            return refusal
        return None

    record_call(call, ask, before_call=lease.cover_call, describe=_describe)
    return call


def _describe(refusal: CodeRefused | None) -> Mapping[str, Any]:
    if refusal is None:
        return {"outcome": Outcome.ANSWERED}
    return {"outcome": Outcome.REFUSED, "refusal": refusal.reason, "detail": str(refusal)}


def _verdict(typed: TypedCode, call: CodeServiceCall) -> TypedVerdict:
    if call.outcome == Outcome.ANSWERED:
        return TypedVerdict.RIGHT
    doubtful = typed.calls.filter(outcome__in=operator_codes.DOUBTFUL)
    if call.refusal == ServiceRefusal.EXPIRED and doubtful.exists():
        # A code is right once. An earlier call, whose answer was lost, may have used it up.
        return TypedVerdict.UNKNOWN
    return VERDICTS.get(ServiceRefusal(call.refusal), TypedVerdict.UNKNOWN)


@transaction.atomic
def _finish(typed: TypedCode, verdict: TypedVerdict) -> None:
    """Store the verdict, delete the code, and let the request follow."""
    asked, code = typed.request, typed.code
    if not compare_and_set(TypedCode, typed.pk, {"verdict": ""}, verdict=verdict, code=""):
        return
    log.info("typed code checked", verdict=verdict)
    if verdict == TypedVerdict.RIGHT:
        # When the page goes on, that counts as a try, although it is no further guess.
        still_usable = {"state": USABLE, "digest": ""}
        stored = digest(f"operator's code {asked.identifier.hex} {code}")
        changes = {"digest": stored, "tries": F("tries") - 1}
        compare_and_set(CodeRequest, asked.pk, still_usable, **changes)
    elif verdict != TypedVerdict.WRONG and asked.purpose != Purpose.RECOVER:
        # Somebody who has forgotten the password must not learn whether there was a code.
        move(asked, NEXT_STATES, CodeState.LAPSED, ended_at=now())

"""Calls to an SM-DP+, each recorded before it is made, and what earlier calls may have done."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Generic, TypeVar

import structlog
from django.conf import settings
from django.utils.timezone import now

from esim.domain.decisions import ICCID_IS_GOOD, WITHOUT_EFFECT, Decision, decide
from esim.es2plus import client as es2plus
from esim.es2plus.answers import Answer
from esim.es2plus.functions import DownloadOrder, Function
from esim.models import Es2Call, Profile
from moportal.logs.configuration import mask_identifiers
from outbox.calls import BeforeCall, record_call

log = structlog.get_logger(__name__)
Outcome = Es2Call.Outcome
Result = TypeVar("Result")
# For this long after a profile is created its customer is watching. The timeouts are short then,
# so that three attempts fit.
CUSTOMER_WATCHES = timedelta(seconds=10)


@dataclass(frozen=True)
class Call(Generic[Result]):
    """A call that was made: its row, its answer, and the decision that the answer leads to."""

    row: Es2Call
    answer: Answer[Result]
    decision: Decision

    @property
    def codes(self) -> str:
        return "/".join(filter(None, self.answer.codes))

    @property
    def summary(self) -> str:
        """Return the answer's codes, or the beginning of its text if it has none."""
        return self.codes or self.answer.detail[:200]


def call_and_record(
    profile: Profile, function: Function[Result], before_call: BeforeCall
) -> Call[Result]:
    """Record a call of this function, make it, and decide what its answer means.

    Never raises for anything that the SM-DP+ does. Raises what `before_call` raises.
    """
    message = function.message_fields(profile.provider)
    # Staff can read the row. With the matching id they could install the eSIM themselves.
    if "matchingId" in message:
        message["matchingId"] = _hidden(profile.matching_id)
    row = Es2Call(
        profile=profile, function=function.name, call_identifier=uuid.uuid4(), request=message
    )
    answer = record_call(
        row, lambda: _send(function, row), before_call=before_call, describe=_columns
    )
    call = Call(row, answer, decide(function.name, answer.outcome, answer.codes))
    # A warning counts as success. Only this log line draws attention to it.
    level = log.warning if answer.outcome == Outcome.WARNING else log.info
    level(
        "es2+",
        function=function.name,
        outcome=answer.outcome,
        codes=call.codes,
        decision=call.decision,
    )
    return call


def _send(function: Function[Result], row: Es2Call) -> Answer[Result]:
    profile = row.profile
    answer = es2plus.call(
        function,
        provider=profile.provider,
        call_identifier=row.call_identifier,
        timeout=call_timeout(profile),
    )
    # An answer may repeat the request. The matching id is a secret, so it is hidden before the
    # answer is stored or logged.
    detail = mask_identifiers(
        answer.detail.replace(profile.matching_id, _hidden(profile.matching_id))
    )
    return replace(answer, detail=detail)


def _columns(answer: Answer[Any]) -> Mapping[str, Any]:
    subject_code, reason_code = answer.codes
    return {
        "outcome": answer.outcome,
        "subject_code": subject_code,
        "reason_code": reason_code,
        "detail": answer.detail,
    }


def call_timeout(profile: Profile) -> float:
    """Return the seconds to wait for an answer: fewer while the customer is watching."""
    longest: float = settings.OUTSIDE_CALL_TIMEOUT
    is_watched = now() - profile.created_at < CUSTOMER_WATCHES
    return min(profile.provider.timeout, longest) if is_watched else longest


def _hidden(matching_id: str) -> str:
    return "…" + matching_id[-4:]


def may_exist_at_smdp(profile: Profile) -> bool:
    """Return whether any of the portal's calls may have left something at the SM-DP+."""
    # An unanswered row counts: its process may have ended after it sent the request.
    return profile.calls.exclude(outcome__in=WITHOUT_EFFECT).exists()


def may_be_ordered_again(profile: Profile) -> bool:
    """Return whether nothing was ordered, and no answer says that the ICCID itself is unusable.

    An answer that is not understood counts as one about the ICCID. If such an ICCID went back to
    stock, the next order would be refused for the same reason.
    """
    return all(
        call.outcome in WITHOUT_EFFECT
        and decide(call.function, Outcome(call.outcome), (call.subject_code, call.reason_code))
        in ICCID_IS_GOOD
        for call in profile.calls.all()
    )


def may_have_been_done_before(profile: Profile, call: Es2Call) -> bool:
    """Return whether an earlier call may have had the effect of this one.

    An earlier call that did something else than asked (a contradiction) did not have this effect.
    """
    earlier = profile.calls.filter(function=call.function, pk__lt=call.pk)
    outcomes = {Outcome(outcome) for outcome in earlier.values_list("outcome", flat=True)}
    return Outcome.CONTRADICTION not in outcomes and not outcomes <= WITHOUT_EFFECT


def order_may_still_arrive(profile: Profile) -> bool:
    """Return whether the last DownloadOrder was not answered, so that it may still arrive."""
    last = profile.calls.filter(function=DownloadOrder.name).order_by("pk").last()
    # Every other outcome is an answer, so that request has already arrived.
    return last is not None and last.outcome in {Outcome.UNANSWERED, Outcome.NO_ANSWER}

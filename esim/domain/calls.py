"""The calls to an SM-DP+: each a row before it is a call, with what came of it afterwards."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Generic, TypeVar

import structlog
from django.conf import settings
from django.utils.timezone import now

from esim.domain.decisions import WITHOUT_EFFECT, Decision, decide
from esim.es2plus import client as es2plus
from esim.es2plus.client import DownloadOrder, Function
from esim.models import Es2Call, Profile
from moportal.logging import masked
from moportal.statements import compare_and_set

log = structlog.get_logger(__name__)
Outcome = Es2Call.Outcome
Result = TypeVar("Result")
# For so long a customer looks on, and what hangs is given up soon: three tries are to fit in.
LOOKED_ON = timedelta(seconds=10)


@dataclass(frozen=True)
class Call(Generic[Result]):
    """One call that was made: its row, its answer, and what the table says to do."""

    row: Es2Call
    answer: es2plus.Answer[Result]
    decision: Decision

    @property
    def codes(self) -> str:
        return "/".join(filter(None, self.answer.codes))

    @property
    def said(self) -> str:
        """Return its codes, or what else came of it, in few words."""
        return self.codes or self.answer.detail[:200]


def called(
    profile: Profile, asked: Function[Result], before_call: Callable[[], None]
) -> Call[Result]:
    """Write the call down, make it, and write down what came of it.

    The row comes before `before_call`, where the caller shows that it still holds its lease: who
    took over from a worker that stalled has either seen the row, or the call is never made.
    """
    fields = asked.fields(profile.provider)
    if "matchingId" in fields:
        fields["matchingId"] = _hidden(profile.matching_id)
    row = Es2Call.objects.create(
        profile=profile, function=asked.name, call_identifier=uuid.uuid4(), request=fields
    )
    try:
        before_call()
    except Exception:
        Es2Call.objects.filter(pk=row.pk).update(outcome=Outcome.NOT_SENT)
        raise
    answer = es2plus.call(
        asked,
        provider=profile.provider,
        call_identifier=row.call_identifier,
        within=patience(profile),
    )
    # What came back may repeat what was sent: the secret leaves before anybody keeps or tells it.
    detail = masked(answer.detail.replace(profile.matching_id, _hidden(profile.matching_id)))
    answer = replace(answer, detail=detail)
    compare_and_set(
        Es2Call,
        row.pk,
        {},
        answered_at=now(),
        outcome=answer.outcome,
        subject_code=answer.codes[0],
        reason_code=answer.codes[1],
        detail=answer.detail,
    )
    call = Call(row, answer, decide(asked.name, answer.outcome, answer.codes))
    # A warning is success, but somebody should see it.
    level = log.warning if answer.outcome == Outcome.WARNING else log.info
    level(
        "es2+",
        function=asked.name,
        outcome=answer.outcome,
        codes=call.codes,
        decision=call.decision,
    )
    return call


def patience(profile: Profile) -> float:
    """Return the seconds that an answer is waited for: fewer while a customer looks on."""
    longest: float = settings.OUTSIDE_CALL_TIMEOUT
    is_looked_on = now() - profile.created_at < LOOKED_ON
    return min(profile.provider.timeout, longest) if is_looked_on else longest


def _hidden(matching_id: str) -> str:
    return "…" + matching_id[-4:]


def may_be_there(profile: Profile) -> bool:
    """Say whether any call of ours may have left something at the SM-DP+."""
    return profile.calls.exclude(outcome__in=WITHOUT_EFFECT).exists()


def may_have_done(profile: Profile, before: Es2Call) -> bool:
    """Say whether an earlier call of ours may have had this effect, answered or not.

    One that was executed otherwise than asked has had another one.
    """
    same = profile.calls.filter(function=before.function, pk__lt=before.pk)
    outcomes = {Outcome(outcome) for outcome in same.values_list("outcome", flat=True)}
    return Outcome.CONTRADICTION not in outcomes and not outcomes <= WITHOUT_EFFECT


def may_be_on_its_way(profile: Profile) -> bool:
    """Say whether a DownloadOrder may still arrive: it was never answered, nor any after it."""
    last = profile.calls.filter(function=DownloadOrder.name).order_by("pk").last()
    return last is not None and last.outcome in {Outcome.UNANSWERED, Outcome.NO_ANSWER}

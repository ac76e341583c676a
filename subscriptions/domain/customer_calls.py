"""One call to the customer system: its row is stored before it is made."""

from typing import Any

from outbox.calls import record_call
from outbox.domain import Lease
from subscriptions.customers.base import (
    CustomerSystem,
    CustomerSystemRefused,
    CustomerSystemUnavailable,
    LineOnRecord,
    LineRequest,
    Operation,
    Pending,
    Reason,
)
from subscriptions.models import CustomerCall


def ask(
    system: CustomerSystem, request: LineRequest, call: CustomerCall, lease: Lease
) -> LineOnRecord | Pending:
    """Make the call, and return the answer. The row gets the request's operation and key.

    What the operator does not offer is refused without a call. Raises `CustomerSystemRefused` or
    `CustomerSystemUnavailable`.
    """
    if request.operation not in system.offered:
        raise CustomerSystemRefused(Reason.NOT_OFFERED)
    call.operation, call.key = request.operation, request.key

    def send() -> LineOnRecord | Pending:
        answer = system.carry_out(request)
        _check(request, answer)
        return answer

    return record_call(
        call,
        send,
        before_call=lease.cover_call,
        refusals=(CustomerSystemRefused,),
        describe=_describe,
    )


def _check(request: LineRequest, answer: LineOnRecord | Pending) -> None:
    """Raise `CustomerSystemUnavailable` if the answer is about another line than the request."""
    if isinstance(answer, Pending):
        return
    asked = request.number if request.operation == Operation.FIND else request.line
    answered = answer.number if request.operation == Operation.FIND else answer.reference
    if asked not in {"", answered}:
        raise CustomerSystemUnavailable("an answer about another line", was_sent=True)


def _describe(answer: LineOnRecord | Pending) -> dict[str, Any]:
    if isinstance(answer, Pending):
        detail = f"accepted, ask again in {answer.delay.total_seconds():g} s"
    else:
        detail = f"line {answer.reference}: {len(answer.iccids)} SIMs, {len(answer.plans)} plans"
    return {"outcome": CustomerCall.Outcome.ANSWERED, "detail": detail}

"""Calls to the payment gateway, each recorded before it is made."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from outbox.calls import BeforeCall, Outcome, record_call
from payments.gateways.base import CardRefused, GatewayRefused
from payments.models import GatewayCall, Payment

Answer = TypeVar("Answer")
REFUSALS = (GatewayRefused, CardRefused)


def call_gateway(
    operation: str,
    key: str,
    send: Callable[[], Answer],
    *,
    payment: Payment | None = None,
    before_call: BeforeCall = lambda: None,
    describe: Callable[[Answer], Mapping[str, Any]] = lambda _answer: {"outcome": Outcome.ANSWERED},
) -> Answer:
    """Record a call to the gateway under its idempotency key, make it, and return the answer.

    Raises `GatewayRefused` or `CardRefused`, which are final, or `GatewayUnavailable`.
    """
    row = GatewayCall(payment=payment, operation=operation, key=key)
    return record_call(row, send, before_call=before_call, refusals=REFUSALS, describe=describe)

"""Codes that a gateway sends to customers, and that customers type to pay.

The portal does not know such a code. A request stores what was typed, sealed, and a worker lets the
gateway compare it. The code is deleted when the gateway has answered.
"""

from django.db import transaction

from moportal.database.statements import compare_and_set, insert_new
from outbox.calls import BeforeCall
from outbox.domain import enqueue
from payments.domain import webhooks
from payments.domain.calls import call_gateway
from payments.gateways import gateway
from payments.models import Payment, PaymentCode
from payments.states import CodeVerdict

# How many wrong codes may be typed. The gateway may allow fewer.
MOST_WRONG_CODES = 5


def submit(payment: Payment, code: str) -> bool:
    """Store what the customer typed and let a worker ask the gateway.

    If two codes are typed at once, the first is compared and the second is dropped. Returns
    whether this one is compared.
    """
    with transaction.atomic():
        if not payment.waits_for_code:
            return False
        is_first = bool(insert_new([PaymentCode(payment=payment, code=code)]))
        enqueue(webhooks.KIND, payment.pk)
    return is_first


def check(payment: Payment, *, before_call: BeforeCall) -> None:
    """Let the gateway compare the code that the customer has typed, if there is one.

    After a lost answer the code is sent again: a right code is still right then.
    """
    row = payment.typed_codes.filter(verdict="").first()
    if row is None:
        return
    key, chosen = f"{payment.key}:code:{row.pk}", gateway(payment.method.gateway)
    verdict = call_gateway(
        "confirm_code",
        key,
        lambda: chosen.confirm_code(payment.gateway_id, payment.code_step_id, row.code, key=key),
        payment=payment,
        before_call=before_call,
    )
    compare_and_set(PaymentCode, row.pk, {"verdict": ""}, verdict=verdict, code="")


def delete_unchecked(payment: Payment) -> None:
    """Delete a code that is not compared yet, because the payment no longer needs it."""
    if payment.code_step_id:
        payment.typed_codes.filter(verdict="").update(verdict=CodeVerdict.OVER, code="")


def last_verdict(payment: Payment) -> CodeVerdict | None:
    """Return what the gateway said about the code that was typed last, or None while it waits."""
    last = payment.typed_codes.last()
    return CodeVerdict(last.verdict) if last and last.verdict else None


def is_being_checked(payment: Payment) -> bool:
    """Return whether a code was typed that is not compared yet."""
    return payment.typed_codes.filter(verdict="").exists()


def tries_left(payment: Payment) -> int:
    """Return how many codes the customer may still type. The gateway may take fewer."""
    if last_verdict(payment) == CodeVerdict.OVER:
        return 0
    wrong = payment.typed_codes.filter(verdict=CodeVerdict.WRONG).count()
    return max(0, MOST_WRONG_CODES - wrong)

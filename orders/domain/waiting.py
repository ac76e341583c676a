"""An order whose payment waits: for the customer at the bank, for a code, or for the gateway."""

from datetime import timedelta

from django.db import transaction
from django.utils.timezone import now

from orders.domain import bank_step
from orders.domain.moving import move
from orders.models import Order
from orders.states import OrderState
from outbox.domain import RetryAfter
from payments.domain import codes
from payments.models import Payment

# While the customer confirms at the bank, the gateway is asked at these intervals. Usually the
# customer's return or the gateway's webhook wakes a worker earlier, but either may be lost.
CUSTOMER_STEP_PAUSE, LONGEST_STEP_PAUSE = timedelta(seconds=5), timedelta(minutes=2)
CUSTOMER_STEP_LIMIT = timedelta(minutes=30)


class PaymentDeclined(Exception):
    """The bank refused, or the customer did not confirm at the bank in time."""


def wait_for_customer(order: Order, payment: Payment) -> RetryAfter:
    """Let the order wait, and return when the gateway is asked again.

    Raises `PaymentDeclined` if there is nothing left to wait for.
    """
    if order.state != OrderState.PENDING:
        with transaction.atomic():
            # In the move's transaction: the page must not lead to the bank before the way is open.
            if payment.customer_step_url:
                bank_step.ask_for_way(order)
            move(order, OrderState.PENDING, reason=_reason_to_wait(payment))
    if payment.has_lost_code:
        raise PaymentDeclined("the answer with the code's id was lost")
    if payment.waits_for_code and not codes.tries_left(payment):
        raise PaymentDeclined("the code was wrong too often")
    waited = now() - order.created_at
    if waited > CUSTOMER_STEP_LIMIT:
        raise PaymentDeclined(_reason_to_wait_no_longer(payment))
    # The longer the customer takes, the less often the gateway is asked.
    return RetryAfter(min(max(CUSTOMER_STEP_PAUSE, waited / 4), LONGEST_STEP_PAUSE))


def _reason_to_wait(payment: Payment) -> str:
    """Return what a payment waits for, for the order's history."""
    if payment.customer_step_url:
        return "waits for a confirmation at the bank"
    is_code = payment.code_asked_at is not None
    return "waits for the gateway's code" if is_code else "waits for the gateway's decision"


def _reason_to_wait_no_longer(payment: Payment) -> str:
    if payment.customer_step_url:
        return "the payment was not confirmed at the bank"
    is_code = payment.code_asked_at is not None
    return "no right code was typed in time" if is_code else "the gateway did not decide in time"


def reason_to_go_on(payment: Payment) -> str:
    """Return why an order waits no longer, for the order's history."""
    if payment.customer_step_url:
        return "the customer came back from the bank"
    return "the gateway has decided"

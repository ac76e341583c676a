"""Tell the customer what became of an order, in the transaction that makes it true."""

from datetime import datetime
from typing import Any

from accounts.domain.telling import tell
from messages.states import Occasion
from orders.models import Order
from orders.states import Failure, OrderState
from payments.models import Receipt
from payments.states import PaymentState


def tell_completed(order: Order, receipt: Receipt, *, at: datetime) -> None:
    """Send the confirmation with the receipt."""
    more = {
        "completed_at": at,
        "tax": order.price.tax,
        "receipt": str(receipt),
        **_card(order),
    }
    _tell(order, Occasion.ORDER_CONFIRMED, **more)


def tell_ended(order: Order, state: OrderState, *, failure: object) -> None:
    """Say that the order has failed, or was cancelled as the customer asked."""
    is_decided = order.charge_decided_at is not None
    is_voided = order.payment.state == PaymentState.VOIDED
    is_charged = order.payment.was_charged or (is_decided and not is_voided)
    if state == OrderState.CANCELLED:
        _tell(order, Occasion.ORDER_CANCELLED, is_charged=is_charged)
    if state == OrderState.FAILED:
        is_refused = failure == Failure.PAYMENT_REFUSED
        _tell(order, Occasion.ORDER_FAILED, is_charged=is_charged, is_refused=is_refused)


def tell_refunded(order: Order) -> None:
    """Say that the charge of a completed order goes back to the customer."""
    _tell(order, Occasion.ORDER_REFUNDED, **_card(order))


def _card(order: Order) -> dict[str, str]:
    return {"brand": order.payment.method.brand, "last4": order.payment.method.last4}


def _tell(order: Order, occasion: Occasion, **more: Any) -> None:
    context = {
        "number": order.display_number,
        "plan": order.plan_name,
        "total": order.price.gross,
        **more,
    }
    tell(order.account, occasion, key=order.number, context=context, language=order.language)

"""Tell the customer what became of an order, in the transaction that makes it true."""

from datetime import datetime
from typing import Any

from accounts.domain.telling import tell
from brand.queries import tax_word
from messages.states import Occasion
from orders.domain.consent import renewal_day
from orders.models import Order, Return
from orders.states import Failure, OrderKind, OrderState
from payments.domain.receipts import message_context
from payments.models import CreditNote, Mandate, Receipt, Refund
from payments.states import PaymentState, RefundKind, RefundState


def tell_completed(
    order: Order, receipt: Receipt | None, mandate: Mandate | None, *, at: datetime
) -> None:
    """Send the confirmation with the receipt. The operator's bill is an invoice itself.

    It says when the plan renews. Without a mandate, it says that the plan needs a payment method.
    A wish to start now is in it as the customer has ticked it.
    """
    more: dict[str, Any] = {
        "completed_at": at,
        "tax": order.price.tax,
        "tax_word": tax_word(order.visit.market, order.language),
        **(message_context(receipt) if receipt else {}),
        **_card(order),
    }
    if order.kind == OrderKind.MOVE:
        more["is_move"] = True
    if order.start_now_text:
        more |= {"start_now": order.start_now_text, "start_now_at": order.start_now_at}
    if order.renews:
        more["renews_for"] = order.monthly.gross
        more |= {"renews_on": renewal_day(order.plan, at), "has_mandate": mandate is not None}
    _tell(order, Occasion.ORDER_CONFIRMED, **more)


def tell_ended(order: Order, state: OrderState, *, failure: object) -> None:
    """Say that the order has failed, or was cancelled as the customer asked."""
    is_decided = order.charge_decided_at is not None
    is_voided = order.payment is None or order.payment.state == PaymentState.VOIDED
    is_charged = order.was_charged or (is_decided and not is_voided)
    if state == OrderState.CANCELLED:
        _tell(order, Occasion.ORDER_CANCELLED, is_charged=is_charged)
    if state == OrderState.FAILED:
        is_refused = failure == Failure.PAYMENT_REFUSED
        _tell(order, Occasion.ORDER_FAILED, is_charged=is_charged, is_refused=is_refused)


def tell_taken_back(order_return: Return) -> None:
    """Say that the plan has ended, and how much of the charge goes back to the customer.

    If only another device has left a running plan for nothing, there is nothing to say.
    """
    order = order_return.order
    is_device = order.adds_device
    if not order_return.amount.minor_units:
        if not is_device:
            tell_plan_ended(order)
        return
    notes = CreditNote.objects.filter(refund__payment__order=order)
    last = notes.select_related("receipt").order_by("pk").last()
    more = {
        "total": order_return.amount,
        "is_device": is_device,
        **_card(order),
        **_credit_note(last),
    }
    _tell(order, Occasion.ORDER_REFUNDED, **more)


def tell_plan_ended(order: Order) -> None:
    """Say that the plan has ended, but not why: the disputed card may be another person's."""
    _tell(order, Occasion.PLAN_ENDED)


def tell_part_refunded(refund: Refund, **_signal: object) -> None:
    """Say that a part of the charge goes back, and that the plan stays.

    A refund that ends the plan, or undoes the order, is told with that.
    """
    if (refund.kind, refund.state) != (RefundKind.GOODWILL, RefundState.DONE):
        return
    paid = Order.objects.select_related("account", "payment__method")
    for order in paid.filter(payment=refund.payment_id):
        more: dict[str, Any] = {
            "refunded": refund.amount,
            **_card(order),
            **_credit_note(getattr(refund, "credit_note", None)),
        }
        _tell(order, Occasion.PART_REFUNDED, about=f"{order.number}-{refund.pk}", **more)


def _card(order: Order) -> dict[str, str]:
    """Return what names the payment method, if there was one. Only a card has a brand."""
    method = order.method
    if method is None:
        return {"kind": "", "brand": "", "last4": ""}
    return {"kind": method.kind, "brand": method.brand, "last4": method.last4}


def _credit_note(note: CreditNote | None) -> dict[str, Any]:
    """Return the message's words on the credit note. A refund on the operator's bill has none."""
    if note is None:
        return {}
    return {**message_context(note), "credit_note": str(note), "credited": note.gross}


def _tell(order: Order, occasion: Occasion, *, about: str = "", **more: Any) -> None:
    """Tell the customer once for this occasion and what it is about: the order, if nothing else."""
    context = {
        "number": order.display_number,
        "plan": order.plan_name,
        "total": order.price.gross,
        **more,
    }
    key = about or order.number
    tell(order.account, occasion, key=key, context=context, language=order.language)

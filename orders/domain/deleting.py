"""The deletion of orders that the operator's books need no longer, with all that belongs to them.

The customer's line, plan and eSIM stay: they are the service, not the sale.
"""

from django.db import transaction
from django.db.models import Q

from orders.models import Order
from orders.states import ENDED, DeclarationState, OrderState, RepairState, ReturnState
from payments.domain.deleting import books_begin, delete_payment
from subscriptions.models import Attempt

# An order has some twenty rows.
BATCH = 50


def delete_old_orders() -> int:
    """Delete one batch of orders that are older than BOOKS_YEARS, and return how many."""
    old = Order.objects.filter(created_at__lt=books_begin(), state__in=ENDED)
    orders = list(old.exclude(_is_worked_on()).order_by("pk")[:BATCH])
    for order in orders:
        _delete(order)
    return len(orders)


def _is_worked_on() -> Q:
    """Return the condition that a worker or staff still have to do something for the order."""
    is_not_undone = ~Q(state=OrderState.COMPLETED) & Q(undone_at=None)
    is_repaired = Q(repairs__state=RepairState.ASKED)
    is_a_case = Q(declarations__state=DeclarationState.MATCHED)
    return is_not_undone | is_repaired | is_a_case | Q(taken_back__state=ReturnState.ASKED)


@transaction.atomic
def _delete(order: Order) -> None:
    order.changes.all().delete()
    order.paying_codes.all().delete()
    order.repairs.all().delete()
    order.declarations.all().delete()
    payment, draft = order.payment, order.draft
    if hasattr(order, "taken_back"):
        order.taken_back.delete()
    order.delete()
    draft.delete()
    if payment is not None:
        # An order that changes a plan has paid a period.
        Attempt.objects.filter(payment=payment).delete()
        delete_payment(payment)

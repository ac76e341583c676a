"""Delete the charges of periods when the operator's books no longer need them."""

from django.db import transaction

from payments.domain.cards import STATES_NEEDING_CARD
from payments.domain.deleting import books_begin, delete_payment
from payments.states import Initiator
from subscriptions.models import Attempt

# A payment has some twenty rows.
BATCH = 50


def delete_old_attempts() -> int:
    """Delete one batch of charges that are older than BOOKS_YEARS, and return how many."""
    # What the customer has paid by an order goes with the order.
    operators = Attempt.objects.filter(payment__initiator=Initiator.OPERATOR)
    old = operators.filter(created_at__lt=books_begin()).select_related("payment")
    ended = old.exclude(payment__state__in=STATES_NEEDING_CARD)
    attempts = list(ended.order_by("pk")[:BATCH])
    for attempt in attempts:
        with transaction.atomic():
            attempt.delete()
            delete_payment(attempt.payment)
    return len(attempts)

"""Delete the charges of periods when the operator's books no longer need them."""

from django.db import transaction

from payments.domain.cards import STATES_NEEDING_CARD
from payments.domain.deleting import books_begin, delete_payment
from subscriptions.models import Attempt

# A payment has some twenty rows.
BATCH = 50


def delete_old_attempts() -> int:
    """Delete one batch of charges that are older than BOOKS_YEARS, and return how many."""
    old = Attempt.objects.filter(created_at__lt=books_begin()).select_related("payment")
    ended = old.exclude(payment__state__in=STATES_NEEDING_CARD)
    attempts = list(ended.order_by("pk")[:BATCH])
    for attempt in attempts:
        with transaction.atomic():
            attempt.delete()
            delete_payment(attempt.payment)
    return len(attempts)

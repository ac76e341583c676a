"""How many refunds one of the staff may ask for in a day (`REFUNDS_A_DAY`)."""

from datetime import timedelta

from django.conf import settings

from accounts.access import limiter
from accounts.access.limiter import Counter, Limit
from accounts.models import User
from payments.models import Payment

DAY = timedelta(days=1)
REACHED = (
    "You have asked for as many refunds in 24 hours as one person may. Let a colleague do it, or "
    "let a lock be lifted."
)


def count_refund(payment: Payment | None, *, actor: User) -> None:
    """Count a refund of this payment in the caller's transaction. Raises `Locked` for one too many.

    Only staff are counted. A payment counts once a day, so asking again after a failure is free.
    """
    if payment is None or not actor.is_staff:
        return
    limit = Limit("refunds by staff", settings.REFUNDS_A_DAY, DAY)
    limiter.count_in_transaction(f"payment:{payment.pk}", Counter(limit, f"staff:{actor.pk}"))

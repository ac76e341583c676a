"""When a plan that renews loses its payment method, ask the customer for another at once."""

from typing import Any

from django.utils.timezone import now

from outbox.domain import enqueue
from payments.models import Mandate
from payments.states import MandateEnd
from subscriptions.domain import announcing
from subscriptions.domain.periods import last_paid
from subscriptions.models import KIND, Subscription
from subscriptions.states import RUNNING

# The plan has ended, or the customer has agreed to another method already.
NOTHING_LOST = frozenset({MandateEnd.OVER, MandateEnd.REPLACED})


def ask_for_another(*, mandate: Mandate, **_signal: Any) -> None:
    """Tell the customer of each running plan under this mandate; the receiver of `mandate_ended`.

    A worker voids what is authorised under the mandate. There is no message about a cancelled plan,
    which needs no method, nor about a parked plan, which is not charged.
    """
    if mandate.end_reason in NOTHING_LOST:
        return
    running = Subscription.objects.filter(mandate=mandate, state__in=RUNNING)
    for subscription in running.select_related("line__account"):
        enqueue(KIND, subscription.pk)
        if not subscription.is_cancelled and not subscription.parked_because:
            paid = last_paid(subscription)
            announcing.tell_method_needed(subscription, mandate, paid, at=now())

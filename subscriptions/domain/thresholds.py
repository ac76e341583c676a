"""Tell customers when 80 per cent of their data is used, and when all of it is.

The code that stores usage knows what was used before. So it finds a crossed threshold without a
query. The law requires both messages, so no quiet hours delay them (European Electronic
Communications Code, Art. 102(5)).
"""

from collections.abc import Iterable

from django.utils.timezone import now

from messages.states import Occasion
from outbox.domain import Lease, enqueue
from subscriptions.domain import announcing
from subscriptions.models import Bucket, Master

KIND = "data_used"
LOW, ALL = 80, 100
OCCASIONS = {LOW: Occasion.DATA_LOW, ALL: Occasion.DATA_USED_UP}


def threshold(used: int, total: int) -> int:
    """Return the highest threshold that is reached, in per cent, or 0."""
    percent = 100 * used // total if total else 0
    return max((one for one in OCCASIONS if percent >= one), default=0)


def note_use(buckets: Iterable[tuple[Bucket, int]]) -> None:
    """Enqueue each bucket that has just reached a threshold. The number is what was used before."""
    for bucket, before in buckets:
        if bucket.kind == Bucket.Kind.ALLOWANCE and threshold(
            bucket.used_bytes, bucket.total_bytes
        ) > threshold(before, bucket.total_bytes):
            enqueue(KIND, bucket.pk)


def tell(subject: str, _lease: Lease) -> None:
    """Tell the customer how much is used; the outbox's handler.

    There is no message about a period that is over, because its data can't be used any more. There
    is one message for each threshold, even if usage that arrives late is counted again.
    """
    bucket = Bucket.objects.select_related("period__subscription__line__account").get(pk=subject)
    reached = threshold(bucket.used_bytes, bucket.total_bytes)
    period = bucket.period
    is_over = period.usable_until is None or period.usable_until <= now()
    if not reached or is_over or period.subscription.master != Master.PORTAL:
        return
    announcing.tell_data_used(bucket, OCCASIONS[reached])

"""What is left of a paid period, as a share of its price."""

from datetime import datetime, timedelta

from django.db.models import Sum

from moportal.money import Money
from subscriptions.models import Period, UsageRecord

# Shares of time are counted in this unit, so that they are whole numbers.
TICK = timedelta(microseconds=1)


def unused_price(period: Period, *, at: datetime, counts_data: bool = True) -> Money:
    """Return the share of the period's price that is left at this time, rounded up.

    It is the share of the time. With `counts_data`, it is the smaller of the shares of time and
    data. Unlimited data has no share. A period without bounds has not begun, so all of it is left.
    """
    price = period.price.gross
    if period.starts_at is None or period.ends_at is None:
        return price
    whole = period.ends_at - period.starts_at
    time_left = min(max(period.ends_at - at, timedelta(0)), whole)
    shares = [price.share(time_left // TICK, whole // TICK)]
    buckets = list(period.buckets.all()) if counts_data else []
    total = sum(bucket.total_bytes for bucket in buckets)
    if total and not any(bucket.is_unlimited for bucket in buckets):
        shares.append(price.share(_bytes_left(period, at), total))
    return min(shares, key=lambda share: share.minor_units)


def _bytes_left(period: Period, at: datetime) -> int:
    """Return how much of the data was left at this time.

    A bucket says how much is used by now. So what the line has used since then is added back.
    """
    total = sum(bucket.total_bytes for bucket in period.buckets.all())
    left_now = sum(bucket.left_bytes for bucket in period.buckets.all())
    later = UsageRecord.objects.filter(line=period.line_id, used_at__gte=at)
    used_later = later.aggregate(used=Sum("bytes"))["used"] or 0
    return min(left_now + used_later, total)

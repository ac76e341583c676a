"""Which periods and subscriptions can still be used, which renew, and how much a line uses."""

from collections.abc import Collection
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet, Sum
from django.db.models.functions import TruncDate

from accounts.models import User
from esim.models import Sim
from subscriptions.models import Line, Master, Period, SimOnLine, Subscription, UsageRecord
from subscriptions.states import RUNNING


def usable_periods(after: datetime) -> QuerySet[Period]:
    """Return the periods in which something can be used after this time."""
    return Period.objects.filter(usable_until__gt=after)


def usable_subscriptions(after: datetime) -> QuerySet[Subscription]:
    """Return the subscriptions that can be used after this time."""
    periods = usable_periods(after).filter(subscription=OuterRef("pk"))
    return Subscription.objects.filter(Exists(periods))


def renewing_subscriptions() -> QuerySet[Subscription]:
    """Return the subscriptions of which the portal makes periods, until they have ended."""
    return Subscription.objects.filter(
        state__in=RUNNING, anchored_at__isnull=False, master=Master.PORTAL
    )


def identified_sims(account: User, sims: Collection[Sim]) -> set[int]:
    """Return the keys of those SIMs that are on a line of this customer with an identified holder.

    The operator must have reported the line's holder as identified. Unknown counts as no.
    """
    on_lines = SimOnLine.objects.filter(
        until=None,
        sim__in=sims,
        line__account=account,
        line__operator_line__is_holder_identified=True,
    )
    return set(on_lines.values_list("sim_id", flat=True))


def daily_use(line: Line, *, until: datetime, days: int = 30) -> list[tuple[date, int]]:
    """Return the bytes that the line has used on each of the last days, the oldest first.

    Days are those of the operator's billing zone. Each day is there, also one without use.
    """
    zone = ZoneInfo(settings.BILLING_ZONE)
    today = until.astimezone(zone).date()
    first = today - timedelta(days=days - 1)
    begin = datetime(first.year, first.month, first.day, tzinfo=zone)
    used = UsageRecord.objects.filter(line=line, used_at__gte=begin, used_at__lte=until)
    by_day = used.annotate(local_day=TruncDate("used_at", tzinfo=zone)).values("local_day")
    found = dict(by_day.annotate(total=Sum("bytes")).values_list("local_day", "total"))
    each = (first + timedelta(days=number) for number in range(days))
    return [(day, found.get(day, 0)) for day in each]

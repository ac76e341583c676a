"""Which periods and subscriptions can still be used."""

from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet

from subscriptions.models import Period, Subscription


def usable_periods(after: datetime) -> QuerySet[Period]:
    """Return the periods in which something can be used after this time."""
    return Period.objects.filter(usable_until__gt=after)


def usable_subscriptions(after: datetime) -> QuerySet[Subscription]:
    """Return the subscriptions that can be used after this time."""
    periods = usable_periods(after).filter(subscription=OuterRef("pk"))
    return Subscription.objects.filter(Exists(periods))

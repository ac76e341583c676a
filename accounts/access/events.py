"""What happened to an account's access: a row for its owner and for staff.

The log has the same events with more detail (`moportal/logs/security_log.py`).
"""

from datetime import timedelta

from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils.timezone import now

from accounts.access.devices import describe_device
from accounts.models import AccessEvent, User

Kind = AccessEvent.Kind
# Refused sign-ins within this time are counted in one row, so that guessing adds few rows.
COUNTED_TOGETHER = timedelta(hours=1)


def record(
    account: User, kind: Kind, *, request: HttpRequest | None = None, actor: User | None = None
) -> AccessEvent:
    """Store the event, with the device and the visit that the request belongs to."""
    return AccessEvent.objects.create(account=account, kind=kind, actor=actor, **origin_of(request))


def record_refusal(account: User, *, request: HttpRequest | None = None) -> None:
    """Count a wrong password. The refusals of an hour are one row."""
    recent = AccessEvent.objects.filter(
        account=account, kind=Kind.REFUSED, at__gt=now() - COUNTED_TOGETHER
    )
    latest = recent.order_by("-at").first()
    if latest is None:
        # Two concurrent refusals may both find no row. Then there are two, and none is lost.
        record(account, Kind.REFUSED, request=request)
    else:
        AccessEvent.objects.filter(pk=latest.pk).update(count=F("count") + 1)


def latest_events(account: User, limit: int) -> QuerySet[AccessEvent]:
    return account.access_events.order_by("-at", "-pk")[:limit]


def origin_of(request: HttpRequest | None) -> dict[str, str]:
    """Return the device and the visit that the request belongs to, as columns."""
    if request is None:
        return {}
    transaction_id = str(request.session.get("transaction_id", ""))[:64]
    return {"device": describe_device(request), "transaction_id": transaction_id}

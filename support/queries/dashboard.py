"""How the portal is doing: figures of the last day, read from the newest rows alone.

Nothing is counted over a whole table. Each figure reads an index from its end, so it costs the same
with a thousand orders as with millions.
"""

import statistics
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import reduce
from pathlib import Path
from typing import Any

from cryptography import x509
from django.conf import settings
from django.db.models import CharField, Count, F, Min, OuterRef, Q, QuerySet, Subquery, Value
from django.utils.timezone import now

from esim.models import PoolLevel, Profile
from esim.states import ProfileState
from mobileplans.models import LpaReport, Visit
from orders.models import Order
from orders.states import OrderState
from outbox.health import seconds_since_heartbeat
from outbox.models import Task
from payments.models import Payment
from payments.states import Initiator, PaymentState
from subscriptions.models import Subscription
from support.queries.queue import CaseKind

DAY = timedelta(days=1)
# So many of the newest rows are read.
NEWEST, NEWEST_TIMES, NEWEST_ERRORS = 20_000, 5_000, 5_000
ERROR_DAYS = 30
# Of each kind of case and of the plans that are due, no more are counted.
MOST = 100
# A renewal that is later than this is late.
LATE = timedelta(minutes=15)
CERTIFICATES = (
    ("SMDP_CLIENT_CERTIFICATE", "Ours, for the SM-DP+"),
    ("SMDP_CA", "Authority of the SM-DP+"),
    ("SMDP_CALLBACK_CA", "Authority of the SM-DP+ as a caller"),
    ("BALANCE_CA", "Authority of Get Balance's callers"),
)


@dataclass(frozen=True)
class Step:
    """A step of the funnel, and its share of the first step in percent."""

    name: str
    number: int
    share: int


def funnel(at: datetime) -> list[Step]:
    """Return how many customers of the last day have come to each step."""
    since = at - DAY
    visits = Visit.objects.order_by("-pk")[:NEWEST].aggregate(
        launched=Count("pk", filter=Q(launched_at__gte=since)),
        signed_in=Count("pk", filter=Q(launched_at__gte=since, account__isnull=False)),
    )
    of_day = Q(created_at__gte=since)
    orders = Order.objects.order_by("-pk")[:NEWEST].aggregate(
        placed=Count("pk", filter=of_day),
        completed=Count("pk", filter=of_day & Q(state=OrderState.COMPLETED)),
        on_device=Count("pk", filter=of_day & Q(profile__state=ProfileState.DOWNLOADED)),
    )
    numbers = (
        ("Launched", visits["launched"]),
        ("Signed in", visits["signed_in"]),
        ("Ordered", orders["placed"]),
        ("Order complete", orders["completed"]),
        ("eSIM on the device", orders["on_device"]),
    )
    most = max(1, *(number for _name, number in numbers))
    return [Step(name, number, 100 * number // most) for name, number in numbers]


def orders_by_state(at: datetime) -> list[tuple[str, int]]:
    """Return how many orders of the last day are in each state."""
    newest = Order.objects.order_by("-pk")[:NEWEST]
    counts = newest.aggregate(
        **{
            state.value: Count("pk", filter=Q(state=state, created_at__gte=at - DAY))
            for state in OrderState
        }
    )
    # The labels of the states speak to customers: "Waiting for you".
    return [
        (state.value.replace("_", " ").capitalize(), counts[state.value]) for state in OrderState
    ]


def times_to_profile(at: datetime) -> tuple[timedelta, timedelta] | None:
    """Return the median and the 95th percentile from order to completion, or None without any."""
    newest = Order.objects.order_by("-pk").values_list("created_at", "completed_at")
    times = [
        (completed - created).total_seconds()
        for created, completed in newest[:NEWEST_TIMES]
        if completed is not None and created >= at - DAY
    ]
    if not times:
        return None
    ninety_fifth = statistics.quantiles([*times, times[0]], n=20)[-1]
    return timedelta(seconds=statistics.median(times)), timedelta(seconds=ninety_fifth)


def case_counts(kinds: list[CaseKind]) -> list[tuple[str, str, int]]:
    """Return the name, title and number of each kind with open cases, at most 100 of each."""
    if not kinds:
        return []
    names = (
        kind.open_rows().order_by().annotate(kind_name=Value(kind.name, CharField()))
        for kind in kinds
    )
    parts: list[QuerySet[Any, Any]] = [rows.values_list("kind_name")[:MOST] for rows in names]
    found = Counter(name for (name,) in parts[0].union(*parts[1:], all=True))
    return [(kind.name, kind.title, found[kind.name]) for kind in kinds if found[kind.name]]


def renewals(at: datetime) -> dict[str, int]:
    """Return how many renewals are due within a day, are late, and were refused within a day."""
    due = Subscription.objects.filter(due_at__isnull=False).order_by("due_at")
    refused = Q(
        initiator=Initiator.OPERATOR, state=PaymentState.DECLINED, declined_at__gte=at - DAY
    )
    newest = Payment.objects.order_by("-pk")[:NEWEST]
    return {
        "due": due.filter(due_at__lte=at + DAY)[:MOST].count(),
        "late": due.filter(due_at__lte=at - LATE)[:MOST].count(),
        "refused": newest.aggregate(refused=Count("pk", filter=refused))["refused"],
    }


def pools() -> list[PoolLevel]:
    """Return the levels of the pools, the low ones first."""
    levels = PoolLevel.objects.select_related("provider")
    return list(levels.order_by(F("low_since").asc(nulls_last=True), "profile_type"))


@dataclass(frozen=True)
class Backlog:
    """What workers have not done yet: the oldest task of each kind, and the worker's heartbeat."""

    kinds: list[Any]
    heartbeat: float | None


def backlog(at: datetime) -> Backlog:
    due = Task.objects.filter(closed_at=None, not_before__lte=at)
    kinds = due.values("kind").annotate(number=Count("pk"), oldest=Min("not_before"))
    return Backlog([*kinds.order_by("oldest")], seconds_since_heartbeat())


@dataclass(frozen=True)
class Errors:
    """LPA errors of the last 30 days: by day (the oldest first), by code and by provider."""

    by_day: list[tuple[date, int]]
    by_code: list[tuple[str, int]]
    by_provider: list[tuple[str, int]]

    @property
    def most(self) -> int:
        return max(1, *(number for _day, number in self.by_day))


def lpa_errors(at: datetime) -> Errors:
    """Count the newest LPA errors. Errors without a known eSIM have no provider."""
    provider = Profile.objects.filter(sim__iccid=OuterRef("iccid")).order_by("-pk")
    newest = LpaReport.objects.order_by("-pk").values_list(
        "received_at", "code", Subquery(provider.values("provider__code")[:1])
    )
    first = at.date() - timedelta(days=ERROR_DAYS - 1)
    found = [row for row in newest[:NEWEST_ERRORS] if row[0].date() >= first]
    days = Counter(received.date() for received, _code, _provider in found)
    every = [first + timedelta(days=number) for number in range(ERROR_DAYS)]
    return Errors(
        by_day=[(day, days[day]) for day in every],
        by_code=Counter(code for _at, code, _provider in found).most_common(),
        by_provider=Counter(name or "unknown" for _at, _code, name in found).most_common(),
    )


def certificates() -> Iterator[tuple[str, datetime | None]]:
    """Yield each certificate that a setting names, and when it ends, if this server can read it."""
    for setting, name in CERTIFICATES:
        path = getattr(settings, setting, "")
        if path:
            yield name, _end_of(Path(path))


def _end_of(path: Path) -> datetime | None:
    """Return when the first of the file's certificates ends."""
    try:
        found = x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError):
        return None
    return reduce(min, (one.not_valid_after_utc for one in found))


def dashboard(kinds: list[CaseKind]) -> dict[str, Any]:
    """Return all figures, for the page that shows them."""
    at = now()
    return {
        "at": at,
        "funnel": funnel(at),
        "orders": orders_by_state(at),
        "times": times_to_profile(at),
        "counts": case_counts(kinds),
        "most": MOST,
        "renewals": renewals(at),
        "pools": pools(),
        "backlog": backlog(at),
        "errors": lpa_errors(at),
        "certificates": [*certificates()],
    }

"""Usage in the tests' words: a line with plans, and records of its SIM."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils.timezone import now

from accounts.models import User
from esim.models import Sim
from subscriptions.domain import usage
from subscriptions.domain.usage import Tally
from subscriptions.models import Bucket, Line, Period, SimOnLine, Subscription, UsageRecord
from tests.builders import GB, make_card

DAY = timedelta(days=1)
START = datetime(2026, 3, 1, tzinfo=UTC)


def at(days: float) -> datetime:
    return START + days * DAY


def make_line(account: User, *, since: datetime) -> tuple[Line, Sim]:
    line, card = Line.objects.create(account=account), make_card()
    SimOnLine.objects.create(line=line, sim=card, since=since)
    return line, card


def give(
    line: Line,
    start: datetime,
    end: datetime,
    *,
    total: int | None = GB,
    countries: tuple[str, ...] = ("US",),
    kind: str = "",
) -> Bucket:
    """Put a plan on the line. Without a total it is unlimited."""
    sold = Subscription.objects.create(
        line=line,
        reference=f"R{Subscription.objects.count()}",
        plan_name="x",
        state="active",
    )
    period = Period.objects.create(
        subscription=sold,
        line=line,
        state="paid",
        starts_at=start,
        ends_at=end,
        usable_until=end,
    )
    kind = kind or ("unlimited" if total is None else "allowance")
    return Bucket.objects.create(
        period=period, kind=kind, total_bytes=total or 0, countries=list(countries)
    )


def said(
    name: object, sim: Sim | str, at: datetime, used: int, country: str = "US"
) -> dict[str, Any]:
    iccid = sim if isinstance(sim, str) else sim.iccid
    return {
        "id": str(name),
        "iccid": iccid,
        "usedAt": at.isoformat(),
        "bytes": used,
        "country": country,
    }


def tell(*records: Any, source: str = "one", at: datetime | None = None) -> Tally:
    return usage.store_records(source, list(records), at or now())


def used() -> list[int]:
    """Return the used bytes of each bucket, the oldest first."""
    return list(Bucket.objects.order_by("pk").values_list("used_bytes", flat=True))


def uncovered() -> dict[str, int]:
    rows = UsageRecord.objects.filter(uncovered_bytes__gt=0)
    return dict(rows.values_list("record_id", "uncovered_bytes"))

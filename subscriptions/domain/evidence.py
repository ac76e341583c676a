"""What subscriptions know about a disputed sale: the plan's use, and the notice of its price."""

from django.db.models import Count, Max, Min, Sum

from payments.domain.evidence import Lines, Section, shown
from payments.models import Payment
from subscriptions.models import Period, PriceNotice, Subscription, UsageRecord


def _usage_lines(payment: Payment) -> Lines:
    lines: Lines = []
    for subscription in Subscription.objects.filter(reference=payment.reference):
        for period in subscription.periods.all():
            lines += _period_lines(period)
    return lines


def _period_lines(period: Period) -> Lines:
    used = sum(bucket.used_bytes for bucket in period.buckets.all())
    return [
        ("Plan", period.plan_name),
        ("Active from", shown(period.starts_at) or "never"),
        ("Active until", shown(period.usable_until) or "never"),
        ("Data used", f"{used} bytes"),
        *_records(period),
    ]


def _records(period: Period) -> Lines:
    """Return when the line's data was used, from the period's start on."""
    if period.starts_at is None:
        return []
    records = UsageRecord.objects.filter(line=period.line_id, used_at__gte=period.starts_at)
    found = records.aggregate(
        number=Count("pk"), total=Sum("bytes"), first=Min("used_at"), last=Max("used_at")
    )
    if not found["number"]:
        return []
    return [
        ("Usage records of the line", f"{found['number']}, {found['total']} bytes"),
        ("First use", shown(found["first"])),
        ("Last use", shown(found["last"])),
    ]


USAGE = Section("usage", "The use of the plan", _usage_lines)


def _notice_lines(payment: Payment) -> Lines:
    """Return what the customer was told of a price above the mandate's."""
    if not payment.notice:
        return []
    notice = PriceNotice.objects.get(pk=payment.notice.rpartition("-")[2])
    return [
        ("Old price", str(notice.old_price)),
        ("New price", str(notice.change.price)),
        ("Written", shown(notice.written_at)),
        (str(PriceNotice.Reached(notice.reached_by).label), shown(notice.reached_at)),
        ("Text", notice.text),
    ]


NOTICE = Section("price_notice", "The notice of the price", _notice_lines)

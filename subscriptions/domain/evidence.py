"""What subscriptions know about a disputed sale: how the plan was used."""

from django.db.models import Count, Max, Min, Sum

from payments.domain.evidence import Lines, Section, shown
from payments.models import Payment
from subscriptions.models import Subscription, UsageRecord


def _usage_lines(payment: Payment) -> Lines:
    lines: Lines = []
    for subscription in Subscription.objects.filter(reference=payment.reference):
        lines += [
            ("Plan", subscription.plan_name),
            ("Active from", shown(subscription.starts_at) or "never"),
            ("Active until", shown(subscription.ends_at) or "never"),
        ]
        used = sum(bucket.used_bytes for bucket in subscription.buckets.all())
        lines.append(("Data used", f"{used} bytes"))
        lines += _records(subscription)
    return lines


def _records(subscription: Subscription) -> Lines:
    """Return when the line's data was used, from the plan's start on."""
    if subscription.starts_at is None:
        return []
    records = UsageRecord.objects.filter(
        line=subscription.line_id, used_at__gte=subscription.starts_at
    )
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

"""The events of plans: their months, changes, devices, and the calls to the network."""

from django.db.models import QuerySet

from moportal.timeline import Facts, Kind, Source, Subject, in_brackets
from subscriptions.models import (
    NetworkCall,
    Period,
    PlanChange,
    PriceNotice,
    SimOnLine,
    Subscription,
)


def _calls(subject: Subject) -> QuerySet[NetworkCall]:
    calls = NetworkCall.objects.filter(subscription__in=subject.plans)
    return calls.filter(sent_at__gte=subject.since) if subject.since else calls


def _plans(subject: Subject) -> QuerySet[Subscription]:
    """Return the customer's plans. An order's timeline shows the order's own states instead."""
    keys = subject.plans if subject.is_customer else ()
    return Subscription.objects.filter(pk__in=keys)


def _periods(subject: Subject) -> QuerySet[Period]:
    return Period.objects.filter(subscription__in=_plans(subject))


def _changes(subject: Subject) -> QuerySet[PlanChange]:
    return PlanChange.objects.filter(subscription__in=_plans(subject))


def _notices(subject: Subject) -> QuerySet[PriceNotice]:
    return PriceNotice.objects.filter(subscription__in=_plans(subject))


def _devices(subject: Subject) -> QuerySet[SimOnLine]:
    if not subject.is_customer:
        return SimOnLine.objects.none()
    return SimOnLine.objects.filter(line__account=subject.account)


def _call(facts: Facts) -> str:
    sim = f" …{facts['iccid'][-4:]}" if facts["iccid"] else ""
    return f"{facts['operation']}{sim}: {facts['outcome']} {facts['detail']}"


def _month(facts: Facts) -> str:
    until = f" until {facts['ends_at'][:10]}" if facts["ends_at"] else ""
    return f"{facts['plan']}, period {facts['number']} begins{until}{in_brackets(facts['state'])}"


OF_PLAN = {"plan": "plan_name", "row": "pk"}
OF_SIM = {"iccid": "sim__iccid", "line": "line"}
TO_PLAN = (Subscription, "subscription")

TIMELINE = (
    Source(
        name="network call",
        kind=Kind.PLANS,
        where="network",
        rows=_calls,
        at="sent_at",
        facts={
            "subscription": "subscription",
            "operation": "operation",
            "iccid": "iccid",
            "outcome": "outcome",
            "detail": "detail",
        },
        words=_call,
        page=TO_PLAN,
    ),
    Source(
        name="period",
        kind=Kind.PLANS,
        where="plan",
        rows=_periods,
        at="starts_at",
        facts={
            "subscription": "subscription",
            "plan": "subscription__plan_name",
            "number": "number",
            "ends_at": "ends_at",
            "state": "state",
        },
        words=_month,
        page=TO_PLAN,
    ),
    Source(
        name="plan cancelled",
        kind=Kind.PLANS,
        where="plan",
        rows=_plans,
        at="cancelled_at",
        facts=OF_PLAN,
        words=lambda facts: f"{facts['plan']} cancelled: no month follows",
        page=(Subscription, "row"),
    ),
    Source(
        name="plan ended",
        kind=Kind.PLANS,
        where="plan",
        rows=_plans,
        at="ended_at",
        facts=OF_PLAN,
        words=lambda facts: f"{facts['plan']} ended",
        page=(Subscription, "row"),
    ),
    Source(
        name="plan change",
        kind=Kind.PLANS,
        where="plan",
        rows=_changes,
        at="chosen_at",
        facts={"subscription": "subscription", "plan": "plan_name", "state": "state"},
        words=lambda facts: f"change to {facts['plan']} chosen ({facts['state']})",
        page=TO_PLAN,
    ),
    Source(
        name="price notice",
        kind=Kind.PLANS,
        where="plan",
        rows=_notices,
        at="written_at",
        facts={"subscription": "subscription", "reached": "reached_by"},
        words=lambda facts: f"notice of a new price: {facts['reached'] or 'not reached yet'}",
        page=TO_PLAN,
    ),
    Source(
        name="SIM on a line",
        kind=Kind.PLANS,
        where="line",
        rows=_devices,
        at="since",
        facts=OF_SIM,
        words=lambda facts: f"SIM …{facts['iccid'][-4:]} added to line {facts['line']}",
    ),
    Source(
        name="SIM off a line",
        kind=Kind.PLANS,
        where="line",
        rows=_devices,
        at="until",
        facts=OF_SIM,
        words=lambda facts: f"SIM …{facts['iccid'][-4:]} removed from line {facts['line']}",
    ),
)

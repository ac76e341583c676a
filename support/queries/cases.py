"""What of a customer's waits for staff."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django.db.models import QuerySet

from mobileplans.models import LpaReport
from mobileplans.timeline import TIMELINE as OF_VISITS
from moportal.timeline import Entry, Facts, Kind, Source, Subject, read
from orders.models import Order
from orders.queries.orders import needing_staff
from orders.queries.timeline import TIMELINE as OF_ORDERS
from orders.states import OPEN_CASES
from payments.states import OPEN_DISPUTE
from payments.timeline import TIMELINE as OF_PAYMENTS
from subscriptions.models import Subscription
from support.models import StaffAction
from support.queries.actions import title_of

MOST = 20
Rows = QuerySet[Any]


def _stuck_orders(subject: Subject) -> QuerySet[Order]:
    return needing_staff(Order.objects.filter(pk__in=subject.orders))


def _parked_plans(subject: Subject) -> QuerySet[Subscription]:
    parked = Subscription.objects.filter(pk__in=subject.plans).exclude(parked_because="")
    return parked.filter(ended_at=None)


def _stuck(facts: Facts) -> str:
    return f"order of {facts['plan']} waits for staff: {facts['error'] or facts['state']}"


def _asked(subject: Subject) -> QuerySet[StaffAction]:
    return StaffAction.objects.filter(account=subject.account, state=StaffAction.State.ASKED)


def _waits(facts: Facts) -> str:
    return f"a second person must approve: {title_of(facts['action'])}, {facts['label']}"


# Where an action stands that waits for a second person.
WAITS = "second person"
# The events of the timeline that staff must act on, and which of their rows.
OPEN: dict[str, Callable[[Rows], Rows]] = {
    "LPA error": lambda rows: rows.exclude(state=LpaReport.State.RESOLVED),
    "dispute": lambda rows: rows.filter(state__in=OPEN_DISPUTE),
    "declaration": lambda rows: rows.filter(state__in=OPEN_CASES),
}


def _only_open(source: Source) -> Source:
    def rows(subject: Subject) -> Rows:
        return OPEN[source.name](source.rows(subject))

    return replace(source, rows=rows)


CASES = (
    Source(
        name="order for staff",
        kind=Kind.ORDERS,
        where="order",
        rows=_stuck_orders,
        at="created_at",
        facts={"order": "pk", "plan": "plan_name", "error": "last_error", "state": "state"},
        words=_stuck,
        page=(Order, "order"),
    ),
    Source(
        name="parked plan",
        kind=Kind.PLANS,
        where="plan",
        rows=_parked_plans,
        at="anchored_at",
        facts={"row": "pk", "plan": "plan_name", "because": "parked_because"},
        words=lambda facts: f"{facts['plan']} is parked: {facts['because']}",
        page=(Subscription, "row"),
    ),
    Source(
        name="action to approve",
        kind=Kind.ACCESS,
        where=WAITS,
        rows=_asked,
        at="asked_at",
        facts={
            "row": "pk",
            "action": "action",
            "label": "label",
            "actor": "asked_by__username",
        },
        words=_waits,
        page=(StaffAction, "row"),
    ),
    *(_only_open(one) for one in (*OF_VISITS, *OF_ORDERS, *OF_PAYMENTS) if one.name in OPEN),
)


def cases_of(subject: Subject) -> list[Entry]:
    """Return what waits for staff, the newest first, at most 20."""
    return read(subject, CASES, most=MOST)

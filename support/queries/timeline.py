"""A customer's timeline over all rooms, and what it adds: who opened the page, and did what."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from accounts.models import User
from accounts.timeline import TIMELINE as OF_ACCESS
from esim.models import Profile
from messages.timeline import TIMELINE as OF_MESSAGES
from mobileplans.models import Visit
from moportal.timeline import Entry, Facts, Kind, Source, Subject, read
from orders.models import Order, Repair
from orders.queries.timeline import SOURCES as OF_ORDERS
from payments.models import Payment
from subscriptions.models import Subscription
from support.models import CaseNote, Opening, StaffAction
from support.queries.actions import title_of

# Of each kind of thing, the newest so many have events on the timeline.
MOST_THINGS = 200
# On one page.
MOST_EVENTS = 50


def _openings(subject: Subject) -> QuerySet[Opening]:
    return Opening.objects.filter(account=subject.account)


def _opened(facts: Facts) -> str:
    why = "the caller passed the check" if facts["passed_check"] else facts["reason"]
    return f"page opened: {why}"


OPENED = Source(
    name="opening",
    kind=Kind.ACCESS,
    where="desk",
    rows=_openings,
    at="opened_at",
    facts={
        "row": "pk",
        "reason": "reason",
        "passed_check": "passed_check",
        "actor": "opened_by__username",
    },
    words=_opened,
    page=(Opening, "row"),
)


def _actions(subject: Subject) -> QuerySet[StaffAction]:
    return StaffAction.objects.filter(account=subject.account)


def _decided(subject: Subject) -> QuerySet[StaffAction]:
    return _actions(subject).filter(decided_by__isnull=False)


def _acted(facts: Facts) -> str:
    was_asked = facts["second"] or facts["state"] == StaffAction.State.ASKED
    asked = "asked for a second person: " if was_asked else ""
    return f"{asked}{_named(facts)}: {facts['reason']}"


def _decision(facts: Facts) -> str:
    word = "approved" if facts["state"] == StaffAction.State.DONE else "declined"
    return f"{word}: {_named(facts)}"


def _named(facts: Facts) -> str:
    return f"{title_of(facts['action'])}, {facts['label']}"


ACTION_FACTS = {
    "row": "pk",
    "action": "action",
    "label": "label",
    "reason": "reason",
    "state": "state",
    "second": "decided_by",
}
ACTED = Source(
    name="staff action",
    kind=Kind.ACCESS,
    where="desk",
    rows=_actions,
    at="asked_at",
    facts={**ACTION_FACTS, "actor": "asked_by__username"},
    words=_acted,
    page=(StaffAction, "row"),
)
DECIDED = Source(
    name="staff decision",
    kind=Kind.ACCESS,
    where="desk",
    rows=_decided,
    at="decided_at",
    facts={**ACTION_FACTS, "actor": "decided_by__username"},
    words=_decision,
    page=(StaffAction, "row"),
)


def _notes(subject: Subject) -> QuerySet[CaseNote]:
    return CaseNote.objects.filter(account=subject.account)


NOTED = Source(
    name="case note",
    kind=Kind.ACCESS,
    where="case",
    rows=_notes,
    at="written_at",
    facts={"row": "pk", "text": "text", "actor": "written_by__username"},
    words=lambda facts: f"note: {facts['text']}",
    page=(CaseNote, "row"),
)
SOURCES = (*OF_ORDERS, *OF_ACCESS, *OF_MESSAGES, OPENED, ACTED, DECIDED, NOTED)


def timeline(
    subject: Subject, *, kinds: Collection[str] = (), until: datetime | None = None
) -> tuple[list[Entry], datetime | None]:
    """Return a page of the customer's events, the newest first, and where the next page begins.

    The next page begins with an event that this page does not have. Events of the same moment may
    stand on both, and none is left out. Without kinds, all are shown.
    """
    chosen = [source for source in SOURCES if source.kind in kinds or not kinds]
    entries = read(subject, chosen, most=MOST_EVENTS + 1, until=until)
    has_more = len(entries) > MOST_EVENTS
    return entries[:MOST_EVENTS], entries[-1].at if has_more else None


def subject_of(account: User) -> Subject:
    """Return what belongs to the customer: the newest visits, orders, charges, eSIMs and plans."""
    orders = _keys(Order.objects.filter(account=account))
    profiles = _profiles(orders)
    payments = Payment.objects.filter(method__account=account)
    return Subject(
        account=account.pk,
        is_customer=True,
        addresses=[address.value for address in account.addresses.all()],
        visits=_keys(Visit.objects.filter(account=account)),
        orders=orders,
        # Only their own tables are compared with them, so no list is needed first.
        payments=payments.order_by("-pk").values("pk")[:MOST_THINGS],
        profiles=list(profiles),
        iccids={*profiles.values()},
        plans=_keys(Subscription.objects.filter(line__account=account)),
    )


def _profiles(orders: list[int]) -> dict[int, str]:
    """Return the ICCIDs of the orders' eSIMs, and of those that were replaced, by profile."""
    made = Profile.objects.filter(order__in=orders).order_by()
    replaced = Repair.objects.filter(order__in=orders).order_by().values("old_profile")
    either = made.values("pk").union(replaced)
    return dict(Profile.objects.filter(pk__in=either).values_list("pk", "sim__iccid"))


def _keys(rows: QuerySet[Any]) -> list[int]:
    return list(rows.order_by("-pk").values_list("pk", flat=True)[:MOST_THINGS])

"""Everything that waits for staff, for the whole operator: one queue over all rooms.

Each kind of case is a source of the timeline (`moportal.timeline`) whose rows are open and found by
an index, and a rule of what to do. One statement reads them all.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.timezone import now

from accounts.desk_states import RecoveryState
from accounts.models import StaffRecovery
from messages.models import Message
from messages.states import MessageState
from messages.timeline import TIMELINE as OF_MESSAGES
from mobileplans.domain.lpa_table import TABLE
from mobileplans.models import LpaReport
from mobileplans.timeline import TIMELINE as OF_VISITS
from mobileplans.words import LpaCode
from moportal.timeline import Entry, Facts, Kind, Source, Subject, read
from orders.models import Declaration, Order, Repair, Return
from orders.queries.orders import not_undone, waiting_for_setting
from orders.queries.timeline import SOURCES as OF_ORDERS
from orders.states import (
    OPEN_CASES,
    TRIES_BEFORE_STAFF,
    OrderState,
    RepairState,
    ReturnState,
)
from payments.domain.cards import stuck_removals
from payments.domain.refunds import failed_refunds
from payments.models import BookDifference, Dispute, PaymentMethod, Refund
from payments.states import OPEN_DISPUTE
from subscriptions.models import Subscription, Takeover
from support.models import StaffAction
from support.queries.actions import title_of

PAGE = 50
# A message that nobody could deliver is not a case for ever.
MESSAGE_DAYS = timedelta(days=30)
NOBODY = Subject(account=0)
KNOWN = {source.name: source for source in (*OF_VISITS, *OF_ORDERS, *OF_MESSAGES)}


@dataclass(frozen=True)
class CaseKind:
    """One kind of case. `name` is in addresses, and is the name of its source."""

    name: str
    title: str
    source: Source
    remedy: Callable[[Facts], str]

    def open_rows(self) -> QuerySet[Any]:
        return self.source.rows(NOBODY)


def _kind(
    name: str,
    title: str,
    rows: Callable[[], QuerySet[Any]],
    remedy: str | Callable[[Facts], str],
    *,
    like: str = "",
    account: str = "",
    **columns: Any,
) -> CaseKind:
    """Return a kind of case, like a source of the timeline, or with columns of its own."""
    if like:
        base = KNOWN[like]
        columns = {"page": base.page, "at": base.at, "words": base.words, "facts": base.facts}
    facts = {**columns.pop("facts"), **({"customer": account} if account else {})}
    source = Source(
        name=name,
        kind=Kind.ORDERS,
        where=title,
        rows=lambda _everybody: rows(),
        facts=facts,
        **columns,
    )
    says = remedy if callable(remedy) else (lambda _facts: remedy)
    return CaseKind(name, title, source, says)


def _orders(rows: Callable[[], QuerySet[Order]], name: str, title: str, remedy: str) -> CaseKind:
    return _kind(
        name,
        title,
        rows,
        remedy,
        account="account",
        at="created_at",
        facts={"row": "pk", "plan": "plan_name", "error": "last_error", "number": "number"},
        words=lambda facts: (
            f"order {facts['number'][:5]}-{facts['number'][5:]}, {facts['plan']}: "
            f"{facts['error'] or title.lower()}"
        ),
        page=(Order, "row"),
    )


def _undelivered() -> QuerySet[Message]:
    since = now() - MESSAGE_DAYS
    found = Message.objects.filter(state=MessageState.UNDELIVERED, created_at__gt=since)
    return found.filter(resends=None)


def _advice(facts: Facts) -> str:
    advice = TABLE[LpaCode(facts["code"])]
    return f"{advice.meaning} {advice.staff_advice}"


OF_ORDER = {
    "row": "pk",
    "order": "order",
    "number": "order__number",
    "error": "last_error",
    "tries": "tries",
}


def _of_order(facts: Facts) -> str:
    number = f"{facts['number'][:5]}-{facts['number'][5:]}"
    return f"order {number}: {facts['error']} ({facts['tries']} tries)"


def _open_returns() -> QuerySet[Return]:
    is_slow = Q(state=ReturnState.ASKED, tries__gt=TRIES_BEFORE_STAFF)
    return Return.objects.filter(is_slow | Q(state=ReturnState.REFUSED))


KINDS = (
    _orders(
        lambda: Order.objects.filter(state=OrderState.HELD),
        "held-orders",
        "Order is held",
        "Mend what the error says. Then retry the order, or give it up and refund it.",
    ),
    _orders(
        lambda: Order.objects.filter(waiting_for_setting()),
        "waiting-orders",
        "Order waits for a setting",
        "Correct the setting that the error names. The order goes on by itself, or retry it.",
    ),
    _orders(
        lambda: Order.objects.filter(not_undone()),
        "not-undone-orders",
        "Failed order is not undone",
        "The customer's money or eSIM is not taken back yet. See why, and retry the order.",
    ),
    _kind(
        "repairs",
        "New eSIM is not issued",
        lambda: Repair.objects.filter(state=RepairState.ASKED, tries__gt=TRIES_BEFORE_STAFF),
        "Mend what the error says, such as an empty pool. The repair goes on by itself.",
        account="order__account",
        at="asked_at",
        facts=OF_ORDER,
        words=_of_order,
        page=(Order, "order"),
    ),
    _kind(
        "returns",
        "Refund of an order is not done",
        _open_returns,
        "See the error on the order. If it was refused, refund it by other means or ask again.",
        account="order__account",
        at="asked_at",
        facts=OF_ORDER,
        words=_of_order,
        page=(Order, "order"),
    ),
    _kind(
        "actions",
        "Action waits for a second person",
        lambda: StaffAction.objects.filter(state=StaffAction.State.ASKED),
        "Open the customer's page. Read what was asked for and why, then approve or decline it.",
        account="account",
        at="asked_at",
        facts={"row": "pk", "action": "action", "label": "label", "reason": "reason"},
        words=lambda facts: f"{title_of(facts['action'])}, {facts['label']}: {facts['reason']}",
        page=(StaffAction, "row"),
    ),
    _kind(
        "recoveries",
        "Recovery waits for a second person",
        lambda: StaffRecovery.objects.filter(state=RecoveryState.ASKED, expires_at__gt=now()),
        "Check what the caller knew, then approve or decline the recovery.",
        account="account",
        at="started_at",
        facts={"row": "pk", "reason": "reason"},
        words=lambda facts: f"recovery: {facts['reason']}",
        page=(StaffRecovery, "row"),
    ),
    _kind(
        "lpa-errors",
        "LPA error",
        lambda: LpaReport.objects.exclude(state=LpaReport.State.RESOLVED),
        _advice,
        like="LPA error",
        account="visit__account",
    ),
    _kind(
        "parked-plans",
        "Plan is parked",
        lambda: Subscription.objects.exclude(parked_because="").filter(ended_at=None),
        "Nothing is charged. Repair the fault, or wait for the bank's decision. Then resume it.",
        account="line__account",
        at="anchored_at",
        facts={"row": "pk", "plan": "plan_name", "because": "parked_because"},
        words=lambda facts: f"{facts['plan']}: {facts['because']}",
        page=(Subscription, "row"),
    ),
    _kind(
        "declarations",
        "Withdrawal or cancellation",
        lambda: Declaration.objects.filter(state__in=OPEN_CASES),
        "Find the order or plan, and carry it out or answer it. The law sets the term.",
        like="declaration",
        account="order__account",
    ),
    _kind(
        "disputes",
        "Dispute",
        lambda: Dispute.objects.filter(state__in=OPEN_DISPUTE, ended_at=None),
        "Answer it with evidence before it is lost, or accept it.",
        like="dispute",
        account="payment__method__account",
    ),
    _kind(
        "failed-refunds",
        "Refund failed",
        failed_refunds,
        "Ask the gateway again, or pay the customer by other means and settle it.",
        account="payment__method__account",
        at="ended_at",
        facts={"row": "pk", "reference": "payment__reference", "error": "last_error"},
        words=lambda facts: f"refund of {facts['reference']}: {facts['error']}",
        page=(Refund, "row"),
    ),
    _kind(
        "differences",
        "Difference in the books",
        lambda: BookDifference.objects.filter(settled_at=None),
        "Compare both books for this payment, correct the wrong one, and settle it.",
        at="found_at",
        facts={"row": "pk", "gateway": "gateway", "about": "kind", "subject": "subject"},
        words=lambda facts: f"{facts['gateway']}, {facts['about']}: {facts['subject']}",
        page=(BookDifference, "row"),
    ),
    _kind(
        "takeovers",
        "SIM was taken over",
        lambda: Takeover.objects.filter(decided_at=None),
        "Decide whether the customer before gets a refund.",
        account="old__line__account",
        at="taken_at",
        facts={"row": "pk", "iccid": "old__sim__iccid"},
        words=lambda facts: f"SIM {facts['iccid']}",
        page=(Takeover, "row"),
    ),
    _kind(
        "card-removals",
        "Card is not removed at the gateway",
        stuck_removals,
        "Remove the card at the gateway, then settle it here.",
        account="account",
        at="removed_at",
        facts={"row": "pk", "last4": "last4", "error": "last_error"},
        words=lambda facts: f"card {facts['last4']}: {facts['error']}",
        page=(PaymentMethod, "row"),
    ),
    _kind(
        "messages",
        "Message was not delivered",
        _undelivered,
        "Correct the address with the customer, or send the message again.",
        like="message",
    ),
)
BY_NAME = {kind.name: kind for kind in KINDS}


def queue(
    kinds: Collection[CaseKind],
    *,
    only: dict[str, Collection[int]] | None = None,
    without: dict[str, Collection[int]] | None = None,
    until: datetime | None = None,
) -> tuple[list[Entry], datetime | None]:
    """Return a page of open cases, the newest first, and where the next page begins.

    `only` and `without` name rows by the kinds' names: those that somebody has taken.
    """
    sources = [_narrowed(kind.source, only, without) for kind in kinds]
    if not sources:
        return [], None
    entries = read(NOBODY, sources, most=PAGE + 1, until=until)
    has_more = len(entries) > PAGE
    return entries[:PAGE], entries[-1].at if has_more else None


def case(kind: CaseKind, row: int) -> Entry | None:
    """Return one open case, or None if it is no longer open."""
    source = _narrowed(kind.source, {kind.name: [row]}, None)
    return next(iter(read(NOBODY, [source], most=1)), None)


def _narrowed(
    source: Source,
    only: dict[str, Collection[int]] | None,
    without: dict[str, Collection[int]] | None,
) -> Source:
    key = source.facts["row"]

    def rows(subject: Subject) -> QuerySet[Any]:
        found = source.rows(subject)
        if only is not None:
            found = found.filter(**{f"{key}__in": only.get(source.name, [])})
        if without and source.name in without:
            found = found.exclude(**{f"{key}__in": without[source.name]})
        return found

    return replace(source, rows=rows)


def cases_of(subject: Subject) -> list[Entry]:
    """Return what of a customer's waits for staff, the newest first, at most a page."""
    sources = [source for kind in KINDS if (source := _of_customer(kind.source))]
    return read(subject, sources, most=PAGE)


def _of_customer(source: Source) -> Source | None:
    """Return the source narrowed to a subject's rows, or None if it is about no customer."""
    account = source.facts.get("customer")
    if account is None:
        return None

    def rows(subject: Subject) -> QuerySet[Any]:
        found = source.rows(subject)
        if source.name == "lpa-errors":
            # Also what others have reported about the customer's eSIMs.
            of_subject = KNOWN["LPA error"].rows(subject)
            return found.filter(pk__in=of_subject.values("pk"))
        return found.filter(**{account: subject.account})

    return replace(source, rows=rows)

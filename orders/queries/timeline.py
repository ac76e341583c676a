"""The events of orders, and an order's timeline over all rooms."""

from django.db.models import Q, QuerySet

from esim.timeline import TIMELINE as OF_ESIMS
from mobileplans.timeline import TIMELINE as OF_VISITS
from moportal.timeline import Entry, Facts, Kind, Source, Subject, in_brackets, read
from orders.models import Declaration, Order, Repair, Return, StateChange
from orders.states import OrderState
from payments.timeline import TIMELINE as OF_PAYMENTS
from subscriptions.timeline import TIMELINE as OF_PLANS


def _orders(subject: Subject) -> QuerySet[Order]:
    return Order.objects.filter(pk__in=subject.orders)


def _changes(subject: Subject) -> QuerySet[StateChange]:
    return StateChange.objects.filter(order__in=subject.orders)


def _repairs(subject: Subject) -> QuerySet[Repair]:
    return Repair.objects.filter(order__in=subject.orders)


def _returns(subject: Subject) -> QuerySet[Return]:
    return Return.objects.filter(order__in=subject.orders)


def _declarations(subject: Subject) -> QuerySet[Declaration]:
    of_account = Q(account=subject.account) if subject.is_customer else Q()
    return Declaration.objects.filter(Q(order__in=subject.orders) | of_account)


def _moved(facts: Facts) -> str:
    old, new = OrderState(facts["old"]).label, OrderState(facts["new"]).label
    return f"{old} → {new}{in_brackets(facts['reason'])}"


def _repair_ended(facts: Facts) -> str:
    return f"{facts['repair']} {facts['state']}{in_brackets(facts['error'])}"


def _declared(facts: Facts) -> str:
    return f"{facts['declared']} declared by {facts['address']}: {facts['state']}"


OF_ORDER = {"order": "order"}
TO_ORDER = (Order, "order")

TIMELINE = (
    Source(
        name="order",
        kind=Kind.ORDERS,
        where="order",
        rows=_orders,
        at="created_at",
        facts={"order": "pk", "plan": "plan_name"},
        words=lambda facts: f"submitted: {facts['plan']}",
        page=TO_ORDER,
    ),
    Source(
        name="state change",
        kind=Kind.ORDERS,
        where="order",
        rows=_changes,
        at="at",
        facts={
            **OF_ORDER,
            "old": "old",
            "new": "new",
            "reason": "reason",
            "actor": "actor__username",
        },
        words=_moved,
        page=TO_ORDER,
    ),
    Source(
        name="repair",
        kind=Kind.ESIMS,
        where="repair",
        rows=_repairs,
        at="asked_at",
        facts={
            **OF_ORDER,
            "repair": "kind",
            "because": "because",
            "actor": "asked_by__username",
        },
        words=lambda facts: f"{facts['repair']} requested ({facts['because']})",
        page=TO_ORDER,
    ),
    Source(
        name="repair ended",
        kind=Kind.ESIMS,
        where="repair",
        rows=_repairs,
        at="ended_at",
        facts={**OF_ORDER, "repair": "kind", "state": "state", "error": "last_error"},
        words=_repair_ended,
        page=TO_ORDER,
    ),
    Source(
        name="return",
        kind=Kind.ORDERS,
        where="return",
        rows=_returns,
        at="asked_at",
        facts={**OF_ORDER, "because": "because", "actor": "asked_by__username"},
        words=lambda facts: f"requested ({facts['because']})",
        page=TO_ORDER,
    ),
    Source(
        name="return ended",
        kind=Kind.ORDERS,
        where="return",
        rows=_returns,
        at="ended_at",
        facts={**OF_ORDER, "state": "state", "error": "last_error"},
        words=lambda facts: f"{facts['state']}{in_brackets(facts['error'])}",
        page=TO_ORDER,
    ),
    Source(
        name="declaration",
        kind=Kind.ORDERS,
        where="declaration",
        rows=_declarations,
        at="declared_at",
        facts={"row": "pk", "declared": "kind", "address": "address", "state": "state"},
        words=_declared,
        page=(Declaration, "row"),
    ),
)
SOURCES = (*TIMELINE, *OF_VISITS, *OF_PAYMENTS, *OF_ESIMS, *OF_PLANS)


def timeline(order: Order) -> list[Entry]:
    """Return all events of the order, oldest first."""
    return [entry for entry in _events(order) if not entry.is_claim]


def unproven_reports(order: Order) -> list[Entry]:
    """Return the error reports about the order's ICCIDs that its customer has not proven."""
    return [entry for entry in _events(order) if entry.is_claim]


def _events(order: Order) -> list[Entry]:
    return read(subject_of(order), SOURCES)[::-1]


def subject_of(order: Order) -> Subject:
    """Return the order with its payment, its plan, its eSIMs and those that it replaced."""
    repairs = list(order.repairs.select_related("old_profile__sim", "new_profile__sim"))
    profiles = [order.profile, *(repair.old_profile for repair in repairs)]
    profiles += [repair.new_profile for repair in repairs]
    esims = {profile.pk: profile.sim.iccid for profile in profiles if profile}
    plan = order.plan_in_use
    return Subject(
        account=order.account_id,
        visits={order.visit_id, *(repair.visit_id for repair in repairs if repair.visit_id)},
        orders=[order.pk],
        references=[order.display_number],
        payments=[order.payment_id] if order.payment_id else [],
        profiles=set(esims),
        iccids={*esims.values(), *([order.sim.iccid] if order.sim else [])},
        plans=[plan.pk] if plan else [],
        since=order.created_at,
    )

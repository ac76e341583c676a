"""Look for the contract of a declaration, and carry it out if the match is certain.

A worker acts alone in two cases. The customer was signed in to the order's account. Or the
declaration names the order's number and an address that the account has proven. In all other cases
staff decide: an address that was only typed at sign-up may belong to a stranger, who has then
received the order's messages. And many people know a phone number.

Source: docs/contract.md#subscriptions.
"""

import re
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import QuerySet, Sum
from django.utils.timezone import now

from accounts.identifier import normalise
from accounts.models import Address
from brand.queries import market_rules
from esim.states import ProfileState
from moportal.database.statements import compare_and_set
from moportal.text.normal_text import normalise_number
from orders.domain import returning
from orders.models import Declaration, Order
from orders.models.orders import CROCKFORD
from orders.queries.orders import return_of
from orders.states import (
    NEXT_DECLARATION_STATES,
    DeclarationKind,
    DeclarationOutcome,
    DeclarationState,
    OrderState,
    ReturnState,
)
from outbox.domain import Lease, RetryAfter
from subscriptions.domain import cancelling
from subscriptions.models import Bucket
from subscriptions.states import RUNNING

log = structlog.get_logger(__name__)
# The outbox's kind for declarations.
KIND = "declaration"
# Letters that look like a digit count as that digit (Crockford's base 32).
LOOKALIKES = str.maketrans("OIL", "011")
NUMBER = re.compile(f"[{CROCKFORD}]{{10}}")
CARRIED_OUT = frozenset({DeclarationOutcome.CANCELLED, DeclarationOutcome.RETURNED})


class IllegalTransition(Exception):
    """The declaration is not in the state that the change needs."""


def match(subject: str, _lease: Lease) -> RetryAfter | None:
    """Look for the order of a declaration, and act; the outbox's handler for declarations."""
    with transaction.atomic():
        # A second worker waits here, and then finds that there is nothing left to do.
        declaration = Declaration.objects.select_for_update().get(pk=subject)
        if declaration.state != DeclarationState.RECEIVED:
            return None
        order = find_order(declaration)
        if order is None:
            outcome, state = DeclarationOutcome.NO_ORDER, DeclarationState.UNMATCHED
        else:
            outcome = _carry_out(declaration, order)
            is_done = outcome in CARRIED_OUT
            state = DeclarationState.DONE if is_done else DeclarationState.MATCHED
        ended = {"done_at": now()} if state == DeclarationState.DONE else {}
        move(declaration, state, order=order, outcome=outcome, **ended)
    return None


def find_order(declaration: Declaration) -> Order | None:
    """Return the order that is named, if the declaration also knows its owner; otherwise None."""
    orders = _orders()
    found = list(orders.filter(number=order_number(declaration.contract)))
    if not found:
        typed = normalise(declaration.contract, declaration.market)
        # Most lines have no number, so an empty one means nothing.
        numbers = [number for number in (typed, typed.removeprefix("+")) if number]
        running = orders.filter(state=OrderState.COMPLETED, subscription__state__in=RUNNING)
        # If the line has two plans, nobody knows which one is meant.
        found = list(running.filter(subscription__line__msisdn__in=numbers)[:2])
    return found[0] if len(found) == 1 and _knows_owner(declaration, found[0]) else None


def order_with_number(text: str) -> Order | None:
    """Return the order with the number that was typed, whoever it belongs to."""
    return _orders().filter(number=order_number(text)).first()


def _orders() -> QuerySet[Order]:
    related = ("account", "visit", "payment", "profile", "subscription__line", "running_plan")
    return Order.objects.select_related(*related)


def order_number(text: str) -> str:
    """Return the order number in its normal form, or an empty text if this cannot be one."""
    typed = normalise_number(text).replace("-", "").upper().translate(LOOKALIKES)
    return typed if NUMBER.fullmatch(typed) else ""


def _knows_owner(declaration: Declaration, order: Order) -> bool:
    return declaration.account_id == order.account_id or _addresses(declaration, order).exists()


def _is_certain(declaration: Declaration, order: Order) -> bool:
    """Return whether no stranger can have declared this (see the module's docstring)."""
    if declaration.account_id == order.account_id:
        return True
    is_proven = _addresses(declaration, order).filter(proven_at__isnull=False).exists()
    return is_proven and order_number(declaration.contract) == order.number


def _addresses(declaration: Declaration, order: Order) -> QuerySet[Address]:
    mine = Address.objects.filter(account=order.account_id, lost_at=None)
    return mine.filter(value=declaration.address)


def _carry_out(declaration: Declaration, order: Order) -> DeclarationOutcome:
    """Cancel the plan or take the order back, or return why staff must decide."""
    if not _is_certain(declaration, order):
        return DeclarationOutcome.NOT_PROVEN
    if declaration.kind == DeclarationKind.CANCEL:
        # The note may name a later day.
        return DeclarationOutcome.HAS_NOTE if declaration.note else _cancel(order)
    return _withdraw(declaration, order)


def _cancel(order: Order) -> DeclarationOutcome:
    try:
        cancel_plan(order)
    except cancelling.NotRenewing:
        return DeclarationOutcome.NOT_RUNNING
    return DeclarationOutcome.CANCELLED


def cancel_plan(order: Order) -> datetime:
    """Cancel the order's plan, and return when it ends. Raises `cancelling.NotRenewing`."""
    plan = order.plan_in_use
    # Another device's order may mean that device alone, or the plan that it shares.
    if plan is None or order.adds_device:
        raise cancelling.NotRenewing(order.number)
    return cancelling.cancel(plan)


def _withdraw(declaration: Declaration, order: Order) -> DeclarationOutcome:
    order_return = return_of(order)
    if order_return is not None and order_return.state != ReturnState.REFUSED:
        return DeclarationOutcome.RETURNED
    if not is_within_term(declaration, order):
        return DeclarationOutcome.TOO_LATE
    if not is_untouched(order):
        return DeclarationOutcome.IN_USE
    try:
        # The return is stored as the customer's own request.
        returning.request_return(order, actor=order.account, because="withdrawal")
    except (returning.NothingToReturn, returning.ChargeDisputed):
        return DeclarationOutcome.REFUSED
    return DeclarationOutcome.RETURNED


def is_within_term(declaration: Declaration, order: Order) -> bool:
    """Return whether the customer declared within the term of the order's market.

    The day of the contract does not count, and the last day counts to its end. One day is added,
    because the last day may end later where the customer is.
    """
    days = market_rules(order.visit.market).withdrawal_days
    began = order.completed_at or order.created_at
    return days > 0 and declaration.declared_at < began + timedelta(days=days + 2)


def is_untouched(order: Order) -> bool:
    """Return whether the eSIM is on no device and nothing of the first period is used."""
    profile, subscription = order.profile, order.subscription
    if profile is None or profile.state != ProfileState.RELEASED or subscription is None:
        return False
    buckets = Bucket.objects.filter(period__subscription=subscription)
    used = buckets.aggregate(used=Sum("used_bytes"))["used"]
    return not used and subscription.periods.count() == 1


def move(declaration: Declaration, new: DeclarationState, **columns: object) -> None:
    """Change the state by compare-and-set; the only place that does. Raises `IllegalTransition`."""
    old = DeclarationState(declaration.state)
    if new not in NEXT_DECLARATION_STATES[old] or not compare_and_set(
        Declaration, declaration.pk, {"state": old}, state=new, **columns
    ):
        raise IllegalTransition(f"{old} to {new}")
    log.info("declaration moved", declaration=declaration.pk, old=old, new=new)

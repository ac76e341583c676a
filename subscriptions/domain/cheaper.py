"""Change a running plan, at the end of its month, for one that is not dearer.

Nothing is charged for it. The choice is a row, and its consent becomes the plan's mandate at once.
The earlier consent is kept, and holds again if the customer undoes the choice, which is possible
until the new month begins (docs/contract.md#subscriptions).

Each step locks the periods, then the subscription's row. The decision to charge a month compares
the mandate in its UPDATE of the same row. So a month is never charged at terms that the customer
has replaced meanwhile.
"""

from dataclasses import dataclass

import structlog
from django.db import transaction
from django.utils.timezone import now

from outbox.domain import enqueue
from payments.domain import mandates
from payments.models import Mandate, PaymentMethod
from payments.states import MandateEnd
from plans.queries import Offer
from subscriptions.domain import announcing, sharing
from subscriptions.domain.changing import (
    Hindrance,
    NotChangeable,
    hindrance_of_offer,
    is_dearer,
)
from subscriptions.domain.chosen import chosen_change, end_other, settle
from subscriptions.domain.lifecycle import lock_line
from subscriptions.domain.periods import lock_plan
from subscriptions.domain.terms import next_terms
from subscriptions.models import KIND, Period, PlanChange, Subscription
from subscriptions.states import RUNNING, ChangeState, PeriodState, SubscriptionState

log = structlog.get_logger(__name__)


class TooLate(Exception):
    """The new plan has begun, or its month is being charged, so it cannot be undone any more."""


@dataclass(frozen=True)
class Consent:
    """What the customer agreed to: the method, and the text that the page showed."""

    method: PaymentMethod
    text: str
    language: str


def check_choosable(subscription: Subscription, paid: Period, offer: Offer) -> None:
    """Raise `NotChangeable` if the offer cannot follow the month that is paid."""
    if why := _hindrance(subscription, paid, offer):
        raise NotChangeable(subscription, why)


def _hindrance(subscription: Subscription, paid: Period, offer: Offer) -> Hindrance | None:
    if why := hindrance_of_offer(subscription, paid, offer, at=now()):
        return why
    change = chosen_change(subscription)
    if change is not None and change.plan_id == offer.plan.pk:
        return Hindrance.CHOSEN_ALREADY
    if is_dearer(offer, paid):
        return Hindrance.DEARER
    has_too_many = sharing.places_taken(subscription) > 1 + offer.plan.more_devices
    return Hindrance.TOO_MANY_DEVICES if has_too_many else None


@transaction.atomic
def choose(subscription: Subscription, offer: Offer, consent: Consent) -> PlanChange:
    """Store that this plan begins when the running month ends, with the customer's consent.

    What is planned already for the next month becomes a month of the new plan. What is authorised
    for it is voided by a worker. An earlier choice lapses.

    Raises `NotChangeable`, `MethodGone` or `NotOffered`. In these cases nothing changes.
    """
    mandate = _agree(subscription, offer, consent)
    fresh, paid, coming = lock_plan(subscription)
    # Race: a device may be joining the plan.
    lock_line(fresh.line_id)
    check_choosable(fresh, paid, offer)
    change = _store(fresh, paid, offer, mandate)
    _use_mandate(fresh, mandate)
    _plan_again(fresh, paid, coming)
    announcing.tell_plan_chosen(change, starts_at=paid.ends_at)
    enqueue(KIND, fresh.pk)
    log.info("plan chosen", subscription=fresh.pk, plan=offer.plan.code, after=paid.number)
    return change


def _agree(subscription: Subscription, offer: Offer, consent: Consent) -> Mandate:
    # The consent to the old plan must stay, even if the same method pays both.
    number = 1 + subscription.plan_changes.count()
    return mandates.agree(
        consent.method,
        purpose=f"{subscription.reference} change {number}",
        text=consent.text,
        language=consent.language,
        limit=offer.price.taxed.gross,
    )


def _store(fresh: Subscription, paid: Period, offer: Offer, mandate: Mandate) -> PlanChange:
    earlier = chosen_change(fresh)
    kept = fresh.mandate
    if earlier is not None:
        kept = earlier.earlier_mandate
        settle(earlier, ChangeState.LAPSED)
        end_other(fresh.mandate, than=kept, reason=MandateEnd.REPLACED)
    return PlanChange.objects.create(
        subscription=fresh,
        plan=offer.plan,
        after_number=paid.number,
        mandate=mandate,
        earlier_mandate=kept,
        chosen_at=now(),
        **offer.price_columns,
    )


@transaction.atomic
def undo(subscription: Subscription) -> None:
    """Let the plan renew as it would have without the choice. Raises `TooLate`.

    The earlier consent pays it again. If that has ended, the customer must choose a method. The
    choice of a cancelled plan cannot be undone before the cancellation.
    """
    fresh, paid, coming = lock_plan(subscription)
    change = chosen_change(fresh)
    is_open = fresh.state == SubscriptionState.ACTIVE and fresh.decided_number == paid.number
    if change is None or not is_open or fresh.is_cancelled:
        raise TooLate(fresh.reference)
    settle(change, ChangeState.UNDONE)
    given = fresh.mandate
    _use_mandate(fresh, change.earlier_mandate)
    end_other(given, than=change.earlier_mandate, reason=MandateEnd.REPLACED)
    _plan_again(fresh, paid, coming)
    announcing.tell_choice_undone(change, next_terms(fresh, paid, starts_at=paid.ends_at), paid)
    enqueue(KIND, fresh.pk)
    log.info("choice of a plan undone", subscription=fresh.pk, plan=change.plan_id)


@transaction.atomic
def begin_if_due(subscription: Subscription, paid: Period) -> bool:
    """Replace the old plan by the chosen one once its month has come. Return whether it did.

    A worker calls it before it charges that month. From then on the choice cannot be undone. The
    anchor stays, and so does the day of the renewal.
    """
    if paid.ends_at is None or now() < paid.ends_at or chosen_change(subscription) is None:
        return False
    # Race: the customer may have undone the choice, or got time back, since it was read.
    fresh, paid, _coming = lock_plan(subscription)
    change = chosen_change(fresh)
    is_over = paid.ends_at is not None and now() >= paid.ends_at
    is_open = fresh.state in RUNNING and not fresh.is_cancelled and not fresh.changing
    if change is None or not is_over or not is_open:
        return False
    settle(change, ChangeState.BEGUN)
    Subscription.objects.filter(pk=fresh.pk).update(plan=change.plan_id, plan_name=change.plan_name)
    end_other(change.earlier_mandate, than=fresh.mandate, reason=MandateEnd.REPLACED)
    log.info("chosen plan begun", subscription=fresh.pk, after=paid.number)
    return True


def _use_mandate(fresh: Subscription, mandate: Mandate | None) -> None:
    fresh.mandate = mandate
    Subscription.objects.filter(pk=fresh.pk).update(mandate=mandate)


def _plan_again(fresh: Subscription, paid: Period, coming: Period | None) -> None:
    """Let the next month, if it is planned already, have the terms that hold now."""
    if coming is not None:
        terms = next_terms(fresh, paid, starts_at=coming.starts_at)
        same = Period.objects.filter(pk=coming.pk, state=PeriodState.PLANNED)
        same.update(plan=terms.plan, **terms.columns)

"""Announce a new price to running subscriptions, and note which notices have reached somebody.

Staff announce it for a plan in a market. A worker gives each customer one notice: a message, and a
sentence in the account. The notice counts from the moment at which its message was delivered, or it
was shown in the account. The first month that begins long enough after it has the new price
(`subscriptions.domain.terms`). A customer keeps the old price until a notice has reached them.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.timezone import now

from accounts.domain.telling import language_of
from accounts.models import User
from brand.queries import market_rules
from messages.models import Message
from messages.rendering import render
from messages.states import MessageState, Occasion
from moportal.database.statements import compare_and_set
from moportal.money import Money
from outbox.domain import Lease, RetryAfter, enqueue
from plans.models import Plan
from subscriptions.domain import announcing
from subscriptions.domain.bounds import bounds_of
from subscriptions.domain.chosen import chosen_change
from subscriptions.domain.terms import notices_of
from subscriptions.models import (
    PRICE_CHANGE_KIND,
    Period,
    PlanChange,
    PriceChange,
    PriceNotice,
    Subscription,
)
from subscriptions.queries import renewing_subscriptions
from subscriptions.states import ChangeState

log = structlog.get_logger(__name__)
AT_A_TIME = 100
Reached = PriceNotice.Reached


class NotAnnounced(Exception):
    """The price was withdrawn already, or its first day has come."""


@dataclass(frozen=True)
class NewPrice:
    """A new price that a customer was told of and does not pay yet."""

    notice: PriceNotice
    old: Money
    # The start of the first month that has the new price.
    starts_at: datetime
    # Set if it is the price of a plan that the customer has chosen for the next month.
    chosen: PlanChange | None = None


@transaction.atomic
def announce(plan: Plan, *, market: str, price: Money, starts_on: date, actor: User) -> PriceChange:
    """Store a new price that staff announce, and enqueue the task that tells the customers."""
    rules = market_rules(market)
    change = PriceChange.objects.create(
        plan=plan,
        market=market,
        minor_units=price.minor_units,
        currency=price.currency,
        starts_on=starts_on,
        notice_days=rules.price_notice_days,
        exit_days=rules.price_exit_days,
    )
    enqueue(PRICE_CHANGE_KIND, change.pk)
    log.info("new price announced", plan=plan.code, market=market, actor=actor.pk)
    return change


def withdraw(change: PriceChange, *, actor: User) -> None:
    """Withdraw a new price before its first day. Raises `NotAnnounced`."""
    is_open = change.starts_at > now()
    if not is_open or not compare_and_set(
        PriceChange, change.pk, {"withdrawn_at": None}, withdrawn_at=now()
    ):
        raise NotAnnounced(str(change))
    log.info("new price withdrawn", change=change.pk, actor=actor.pk)


@transaction.atomic
def tell_some(subject: str, _lease: Lease) -> RetryAfter | None:
    """Tell the next customers of a new price; the outbox's handler for price changes."""
    change = PriceChange.objects.select_for_update(of=("self",)).select_related("plan")
    announced = change.get(pk=subject)
    if announced.told_at or announced.withdrawn_at:
        return None
    found = list(_concerned(announced)[:AT_A_TIME])
    for subscription in found:
        _tell(announced, subscription)
    if found:
        announced.told_up_to = found[-1].pk
    else:
        announced.told_at = now()
    announced.save(update_fields=["told_up_to", "told_at"])
    return RetryAfter(timedelta()) if found else None


def _concerned(change: PriceChange) -> QuerySet[Subscription]:
    """Return the running subscriptions whose next month has this plan, if not looked at yet.

    A cancelled plan ends anyway. If another plan was chosen for the next month, that one counts.
    """
    chosen = PlanChange.objects.filter(subscription=OuterRef("pk"), state=ChangeState.CHOSEN)
    has_next_month = Exists(chosen.filter(plan=change.plan)) | Q(plan=change.plan) & ~Exists(chosen)
    of_market = renewing_subscriptions().filter(has_next_month, market=change.market)
    rest = of_market.filter(pk__gt=change.told_up_to, last_number=None)
    return rest.select_related("line__account", "plan").order_by("pk")


def _tell(change: PriceChange, subscription: Subscription) -> None:
    """Give the subscription its notice, unless it has this price already."""
    chosen = chosen_change(subscription)
    agreed = chosen or _newest(subscription)
    old = agreed.price.gross
    if old == change.price or old.currency != change.currency:
        return
    account = subscription.line.account
    language = language_of(account)
    notice = PriceNotice(
        subscription=subscription,
        change=change,
        old_minor_units=old.minor_units,
        language=language,
    )
    context: dict[str, Any] = {
        "plan": chosen.plan_name if chosen else subscription.plan_name,
        "old": old,
        "new": change.price,
        "starts_at": _first_month(notice, chosen, reached_at=now()),
    }
    # The notice is kept as evidence, so its text must not name the customer.
    notice.text = render(Occasion.PRICE_CHANGES, context, language=language).text
    notice.save(force_insert=True)
    announcing.tell_new_price(notice, context)


def new_price_of(subscription: Subscription) -> NewPrice | None:
    """Return the newest price that the customer was told of and does not pay yet, or None.

    It is the price of the plan that the next month has.
    """
    chosen = chosen_change(subscription)
    notices = notices_of(subscription, chosen)
    if not notices or subscription.is_cancelled:
        return None
    notice = max(notices, key=lambda one: one.pk)
    old = (chosen or _newest(subscription)).price.gross
    if old == notice.change.price:
        return None
    starts_at = _first_month(notice, chosen, reached_at=notice.reached_at or now())
    return NewPrice(notice, old, starts_at, chosen)


def note_shown(notices: Collection[PriceNotice]) -> None:
    """Store that the account has shown these notices."""
    if notices:
        shown = [notice.pk for notice in notices]
        _note(PriceNotice.objects.filter(pk__in=shown), Reached.OPENED)


def note_read(key: str) -> None:
    """Store that the customer has opened the message of a notice in the account."""
    _note(_named(key), Reached.OPENED)


def note_delivered(message: Message, **_signal: Any) -> None:
    """Store that the message of a notice was delivered: a signal receiver."""
    if message.occasion == Occasion.PRICE_CHANGES and message.state == MessageState.SENT:
        _note(_named(message.key), Reached.DELIVERED)


def _named(key: str) -> QuerySet[PriceNotice]:
    return PriceNotice.objects.filter(pk=key.rpartition("-")[2])


def _note(notices: QuerySet[PriceNotice], how: PriceNotice.Reached) -> None:
    """Store that these notices have reached their customers. Only the first time counts."""
    notices.filter(reached_at=None).update(reached_at=now(), reached_by=how)


def _newest(subscription: Subscription) -> Period:
    return max(subscription.periods.all(), key=lambda period: period.number)


def _first_month(
    notice: PriceNotice, chosen: PlanChange | None, *, reached_at: datetime
) -> datetime:
    """Return the start of the first month at the new price.

    A planned month has its price, and so has the first month of a chosen plan.
    """
    holds_from = notice.holds_from(reached_at)
    fixed = _newest(notice.subscription).number
    if chosen is not None:
        fixed = max(fixed, chosen.after_number + 1)
    later = (bounds_of(notice.subscription, number) for number in count(fixed + 1))
    return next(bounds.starts_at for bounds in later if bounds.starts_at >= holds_from)

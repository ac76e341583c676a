"""Tell the customer what happened to a plan that renews, in the transaction that stores it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.timezone import now

from accounts.domain.telling import tell
from messages.states import Occasion
from payments.domain.receipts import message_context
from payments.models import CreditNote, Mandate, Payment, Receipt, Refund
from payments.states import RefundKind, RefundState
from subscriptions.domain.terms import Terms, next_terms
from subscriptions.models import (
    Attempt,
    Bucket,
    Period,
    PlanChange,
    PlanMove,
    PriceNotice,
    Subscription,
)


def tell_ahead(subscription: Subscription, paid: Period) -> None:
    """Say when the plan renews, and for how much, once for each period."""
    about = f"{subscription.reference}-{paid.number + 1}"
    if paid.given_back:
        # The day that the customer was told before is wrong now.
        about += "-later"
    terms = next_terms(subscription, paid, starts_at=paid.ends_at)
    about_it: dict[str, Any] = {"total": terms.price.gross, "ends_at": paid.ends_at}
    if terms.plan != subscription.plan:
        about_it["new_plan"] = terms.columns["plan_name"]
    _tell_of(subscription, Occasion.RENEWAL_AHEAD, about, **about_it)


def tell_renewed(period: Period, receipt: Receipt | None, *, at: datetime) -> None:
    """Send the receipt of a renewed period."""
    _tell(
        period,
        Occasion.RENEWED,
        at=at,
        starts_at=period.starts_at,
        ends_at=period.ends_at,
        **(message_context(receipt) if receipt else {}),
    )


def tell_refunded(refund: Refund, **_signal: object) -> None:
    """Say that the charge of a period is refunded, or a part of it: a signal receiver."""
    if refund.state != RefundState.DONE:
        return
    attempts = Attempt.objects.select_related("period__subscription__line__account")
    for attempt in attempts.filter(payment=refund.payment_id):
        period, method = attempt.period, refund.payment.method
        note = CreditNote.objects.filter(refund=refund).select_related("receipt").first()
        more: dict[str, Any] = {
            "refunded": refund.amount,
            "starts_at": period.starts_at,
            "ends_at": period.ends_at,
            "keeps_plan": refund.kind == RefundKind.GOODWILL,
            "kind": method.kind,
            "brand": method.brand,
            "last4": method.last4,
        }
        if note is not None:
            more |= {**message_context(note), "credit_note": str(note), "credited": note.gross}
        about = f"{period.subscription.reference}-{period.number}-{refund.pk}"
        _tell_of(period.subscription, Occasion.PERIOD_REFUNDED, about, **more)


def tell_refused(period: Period, payment: Payment) -> None:
    """Say that the bank refused to pay the period, once for each period."""
    _tell(period, Occasion.RENEWAL_REFUSED, last4=payment.method.last4)


def tell_not_chargeable(period: Period) -> None:
    """Say that the period cannot be charged before the customer acts, once for each period."""
    _tell(period, Occasion.RENEWAL_REFUSED, last4="")


def tell_method_needed(
    subscription: Subscription, mandate: Mandate, paid: Period, *, at: datetime
) -> None:
    """Ask for another payment method, once for each mandate that has ended."""
    # An overdue month is due now.
    due_at = max(paid.ends_at, at) if paid.ends_at else at
    about = f"{subscription.reference} {mandate.pk}"
    total = next_terms(subscription, paid, starts_at=paid.ends_at).price.gross
    last4 = mandate.method.last4
    _tell_of(subscription, Occasion.METHOD_NEEDED, about, total=total, due_at=due_at, last4=last4)


def tell_grace(period: Period, *, until: datetime) -> None:
    """Say what can be used until the end of grace."""
    _tell(period, Occasion.PAYMENT_OVERDUE, until=until)


def tell_on_hold(period: Period) -> None:
    """Say that the plan is off until it is paid."""
    _tell(period, Occasion.PLAN_ON_HOLD)


def tell_data_used(bucket: Bucket, occasion: Occasion) -> None:
    """Say that most of a period's data is used, or all of it: once for each threshold."""
    about = f"{bucket.pk}-{bucket.total_bytes}"
    left = {"left_bytes": bucket.left_bytes, "total_bytes": bucket.total_bytes}
    until = bucket.period.usable_until
    _tell_of(bucket.period.subscription, occasion, about, until=until, **left)


def tell_new_price(notice: PriceNotice, context: Mapping[str, Any]) -> None:
    """Say that the plan has a new price, from when on, and how to leave at the old one."""
    account = notice.subscription.line.account
    tell(account, Occasion.PRICE_CHANGES, key=notice.key, context=context)


def tell_cancelled(subscription: Subscription, *, ends_at: datetime, at: datetime) -> None:
    """Confirm a cancel, with the day on which the plan ends."""
    # A change that was paid just before moves the last period on. The customer is told the new day.
    about = f"{subscription.reference}-{subscription.last_number} {at.timestamp():.0f}"
    _tell_of(subscription, Occasion.PLAN_CANCELLED, about, ends_at=ends_at, at=at)


def tell_cancel_undone(subscription: Subscription, *, at: datetime) -> None:
    """Confirm that the plan renews again."""
    about = f"{subscription.reference} {at.timestamp():.0f}"
    _tell_of(subscription, Occasion.PLAN_KEPT, about)


def tell_plan_chosen(change: PlanChange, *, starts_at: datetime | None) -> None:
    """Confirm the choice of another plan, with its price and the day on which it begins."""
    about = f"{change.subscription.reference} {change.pk}"
    chosen = {"new_plan": change.plan_name, "total": change.price.gross, "starts_at": starts_at}
    _tell_of(change.subscription, Occasion.PLAN_CHANGES, about, **chosen)


def tell_choice_undone(change: PlanChange, terms: Terms, paid: Period) -> None:
    """Confirm that the plan renews as before, and for how much."""
    about = f"{change.subscription.reference} {change.pk}"
    renews = {"total": terms.price.gross, "ends_at": paid.ends_at}
    _tell_of(change.subscription, Occasion.PLAN_STAYS, about, **renews)


def tell_ended(subscription: Subscription) -> None:
    """Say that the plan is over."""
    _tell_of(subscription, Occasion.RENEWAL_ENDED, subscription.reference)


def tell_moved(move: PlanMove) -> None:
    """Tell all addresses that the plan works on another device, and until when it can be undone."""
    _tell_of_move(move, Occasion.PLAN_MOVED, until=move.retires_at, at=now())


def tell_move_dropped(move: PlanMove) -> None:
    """Say that the plan stays on its device, because the move to another one came to nothing."""
    _tell_of_move(move, Occasion.MOVE_DROPPED)


def tell_resumed(subscription: Subscription, *, at: datetime) -> None:
    """Say that the plan is on again, but not why it was off: the card may be another person's."""
    about = f"{subscription.reference} {at.timestamp():.0f}"
    _tell_of(subscription, Occasion.PLAN_RESUMED, about)


def _tell_of_move(move: PlanMove, occasion: Occasion, **more: Any) -> None:
    sims = {"old_last4": move.old.sim.iccid[-4:], "new_last4": move.new.sim.iccid[-4:]}
    _tell_of(move.subscription, occasion, f"move {move.reference}", **sims, **more)


def _tell(period: Period, occasion: Occasion, **more: Any) -> None:
    about = f"{period.subscription.reference}-{period.number}"
    _tell_of(period.subscription, occasion, about, total=period.price.gross, **more)


def _tell_of(subscription: Subscription, occasion: Occasion, about: str, **more: Any) -> None:
    context = {"plan": subscription.plan_name, **more}
    tell(subscription.line.account, occasion, key=about, context=context)

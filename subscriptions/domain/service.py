"""Tell the network what is stored about a plan: serve until a time, suspend, resume, end."""

from collections.abc import Callable
from datetime import datetime

from django.db.models import Max

from moportal.database.statements import compare_and_set
from outbox.domain import Lease
from subscriptions.domain import activation, paying
from subscriptions.domain.periods import paid_and_coming
from subscriptions.models import NetworkCall, Subscription
from subscriptions.networks import network
from subscriptions.states import ParkReason, SubscriptionState


def bring_up_to_date(subscription: Subscription, lease: Lease) -> None:
    """Make the calls that the network still needs. Raises what the network raises.

    Each call has a higher number than the one before, so a late one changes nothing.
    """
    if subscription.state == SubscriptionState.ENDED:
        activation.end(subscription, before_call=lease.cover_call)
        return
    is_off = subscription.state == SubscriptionState.ON_HOLD
    if is_off or subscription.parked_because == ParkReason.DISPUTE:
        _switch(subscription, lease, off=True)
        return
    until, number = _served(subscription)
    _switch(subscription, lease, off=False)
    serve_until(subscription, number, until, lease)


def _served(subscription: Subscription) -> tuple[datetime, int]:
    """Return until when the network serves the plan, and for which period."""
    paid, period = paid_and_coming(subscription)
    usable = subscription.periods.aggregate(until=Max("usable_until"))["until"]
    if period is None or period.ends_at is None:
        return usable, paid.number
    # A period whose amount is authorised is made ready before it begins.
    attempt = paying.live_attempt(period)
    is_ready = attempt is not None and attempt.payment.state in paying.APPROVED
    is_free = period.gross_minor_units == 0 and not subscription.is_cancelled
    if is_ready or is_free:
        return period.ends_at, period.number
    return usable, period.number if period.grace_until else paid.number


def serve_until(subscription: Subscription, number: int, until: datetime, lease: Lease) -> None:
    """Let the network serve the plan until this time. Nothing is called if it was told so."""
    plan = subscription.plan.code if subscription.plan else ""
    if (subscription.served_until, subscription.served_plan) == (until, plan):
        return

    def send(sequence: int) -> None:
        network().renew(
            subscription.reference, sequence=sequence, period=number, until=until, plan=plan
        )

    _call(subscription, "renew", send, lease)
    told = {"served_until": until, "served_plan": plan}
    compare_and_set(Subscription, subscription.pk, {"ended_at": None}, **told)


def _switch(subscription: Subscription, lease: Lease, *, off: bool) -> None:
    """Suspend the plan, or resume it. Nothing is called if the network was told so already."""
    if subscription.is_suspended == off:
        return
    operation = "suspend" if off else "resume"

    def send(sequence: int) -> None:
        tell = network().suspend if off else network().resume
        tell(subscription.reference, sequence=sequence)

    _call(subscription, operation, send, lease)
    compare_and_set(Subscription, subscription.pk, {"ended_at": None}, is_suspended=off)


def _call(
    subscription: Subscription, operation: str, send: Callable[[int], None], lease: Lease
) -> None:
    call = NetworkCall(subscription=subscription, operation=operation)
    # `call.pk` is the sequence number. The row is stored before the call.
    activation.record(call, lambda: send(call.pk), lease.cover_call)

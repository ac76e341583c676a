"""The plan that a customer has chosen for the next month, as it is stored."""

from django.utils.timezone import now

from moportal.database.statements import move
from payments.domain import mandates
from payments.models import Mandate
from payments.states import MandateEnd
from subscriptions.models import Period, PlanChange, Subscription
from subscriptions.states import NEXT_CHANGE_STATES, ChangeState


def chosen_change(subscription: Subscription) -> PlanChange | None:
    """Return the choice that can still be undone, or None."""
    changes = subscription.plan_changes.all()
    return next((one for one in changes if one.state == ChangeState.CHOSEN), None)


def change_after(subscription: Subscription, paid: Period) -> PlanChange | None:
    """Return the choice whose first month follows this paid one, or None.

    It counts until that month is paid, which may be after grace or hold.
    """
    counts = {ChangeState.CHOSEN, ChangeState.BEGUN}
    changes = subscription.plan_changes.all()
    return next(
        (one for one in changes if one.state in counts and one.after_number == paid.number), None
    )


def purpose_of(subscription: Subscription) -> str:
    """Return the purpose of a mandate that pays the plan from now on.

    While a choice can be undone, it has a purpose of its own. One method may then pay both plans,
    and the consent to the old plan stays.
    """
    change = chosen_change(subscription)
    if change is None or change.mandate is None:
        return subscription.reference
    return change.mandate.purpose


def drop(subscription: Subscription, *, reason: MandateEnd) -> None:
    """Let the choice lapse, because the plan has ended, or another choice takes its place."""
    change = chosen_change(subscription)
    if change is not None:
        settle(change, ChangeState.LAPSED)
        end_other(change.earlier_mandate, than=subscription.mandate, reason=reason)


def settle(change: PlanChange, state: ChangeState) -> None:
    """Store what became of a choice. The caller has locked the subscription's row."""
    move(change, NEXT_CHANGE_STATES, state, settled_at=now())


def end_other(mandate: Mandate | None, *, than: Mandate | None, reason: MandateEnd) -> None:
    """End a consent that is no longer needed, unless it is the one that pays the plan."""
    if mandate is not None and mandate != than:
        mandates.end(mandate, reason=reason)

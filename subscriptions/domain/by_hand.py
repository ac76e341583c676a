"""A customer chooses how a plan is paid: which methods can be used, the consent, the result."""

from datetime import timedelta
from enum import StrEnum

from django.db import transaction
from django.utils.timezone import now

from accounts.models import User
from moportal.money import Money
from outbox.domain import enqueue
from payments.domain import bills, mandates, methods, off_session
from payments.gateways import offered_anywhere, offers
from payments.gateways.base import Ability
from payments.models import Mandate, PaymentMethod
from payments.states import Initiator, MandateEnd, PaymentState
from subscriptions.domain import cancelling, present
from subscriptions.domain.chosen import purpose_of
from subscriptions.domain.outlook import running_renewals
from subscriptions.domain.present import OVERDUE
from subscriptions.models import KIND, Attempt, Subscription
from subscriptions.states import SubscriptionState

# A result is shown this long.
RECENT = timedelta(minutes=15)


class Result(StrEnum):
    """What came of the payment that the customer has just asked for."""

    TRYING = "trying"
    # The bank wants the customer to confirm.
    AT_BANK = "at bank"
    PAID = "paid"
    REFUSED = "refused"
    # The customer did not confirm at the bank in time.
    LEFT = "left"


def split_methods(
    account: User, *, is_due: bool = False
) -> tuple[list[PaymentMethod], list[PaymentMethod]]:
    """Return the methods that can be charged while the customer is away, and those that cannot.

    If something `is_due` now, a method whose bank wants the customer to confirm can be used: the
    customer is there.
    """
    stored = list(methods.stored_methods(account))
    usable = [method for method in stored if _is_usable(method, is_due=is_due)]
    return usable, [method for method in stored if method not in usable]


def plans_paid_with(account: User, method: int) -> list[Subscription]:
    """Return the customer's plans that the method with this key pays next."""
    return [
        plan
        for plan in running_renewals(account)
        if plan.mandate and plan.mandate.method_id == method and _will_charge(plan)
    ]


def methods_in_use(account: User) -> set[int]:
    """Return the keys of the methods that pay a plan of the customer next."""
    return {
        plan.mandate.method_id
        for plan in running_renewals(account)
        if plan.mandate and _will_charge(plan)
    }


@transaction.atomic
def agree_to_pay(
    subscription: Subscription, method: PaymentMethod, *, amount: Money, text: str, language: str
) -> None:
    """Store the customer's consent, and charge the plan to this method from now on.

    An overdue month is tried at once, even with a method that was refused before, and the bank may
    ask the customer to confirm it. While such a payment waits at the bank, a second consent to the
    same method changes nothing.

    Raises `NotRenewing`, `MethodGone` or `NotOffered`.
    """
    purpose = purpose_of(subscription)
    waiting = present.waiting_attempt(subscription)
    is_waiting = waiting is not None and waiting.payment.method_id == method.pk
    if subscription.state in OVERDUE and not is_waiting:
        # The days of tries count from a mandate's refusals. A new consent has none.
        for earlier in method.mandates.filter(purpose=purpose, ended_at=None):
            mandates.end(earlier, reason=MandateEnd.REPLACED)
    mandate = mandates.agree(
        method,
        purpose=purpose,
        text=text,
        language=language,
        limit=amount,
    )
    cancelling.pay_with(subscription, mandate)


def note_return(subscription: Subscription) -> None:
    """Let a worker ask the gateway, because the customer is back from the bank."""
    enqueue(KIND, subscription.pk)


def is_at_bank(subscription: Subscription) -> bool:
    """Return whether a payment of the customer waits at the bank."""
    found = result_of(subscription)
    return found is not None and found[0] == Result.AT_BANK


def result_of(subscription: Subscription) -> tuple[Result, Attempt | None] | None:
    """Return what came of the customer's last choice of a method, or None if nothing is new.

    Nothing is said of it once the plan has ended: there is nothing left to pay.
    """
    mandate = subscription.mandate
    if mandate is None or subscription.state == SubscriptionState.ENDED:
        return None
    waiting = present.waiting_attempt(subscription)
    if waiting is not None:
        # If the customer has chosen another method meanwhile, a worker lets go of this payment.
        is_chosen = waiting.payment.method_id == mandate.method_id
        waits_there = is_chosen and waiting.payment.customer_step_url != ""
        return (Result.AT_BANK if waits_there else Result.TRYING), waiting
    tried = present.tries_since(mandate, subscription).select_related("payment__method")
    attempt = tried.order_by("pk").last()
    if attempt is None:
        is_waiting = subscription.state in OVERDUE and mandate.agreed_at > now() - present.PATIENCE
        return (Result.TRYING, None) if is_waiting else None
    result = _result_of_attempt(subscription, attempt)
    return (result, attempt) if result and _is_recent(attempt, mandate) else None


def _result_of_attempt(subscription: Subscription, attempt: Attempt) -> Result | None:
    payment = attempt.payment
    if payment.state == PaymentState.DECLINED:
        return Result.REFUSED
    if present.was_abandoned(payment) and subscription.state in OVERDUE:
        return Result.LEFT
    if not attempt.is_live:
        # The plan was cancelled meanwhile, for example.
        return None
    if subscription.state in OVERDUE:
        # Right after the charge, the new month is not stored yet.
        return Result.TRYING
    # What is authorised for a month that has not begun is not charged for days.
    return Result.PAID if payment.state == PaymentState.CAPTURED else None


def _is_recent(attempt: Attempt, mandate: Mandate) -> bool:
    payment, since = attempt.payment, mandate.agreed_at
    if payment.initiator == Initiator.CUSTOMER:
        # The customer may have spent a long time at the bank.
        left_at = attempt.created_at + present.TIME_LIMIT
        since = payment.captured_at or payment.declined_at or left_at
    return since > now() - RECENT


def _will_charge(subscription: Subscription) -> bool:
    mandate = subscription.mandate
    return not subscription.is_cancelled and mandate is not None and mandate.ended_at is None


def _is_usable(method: PaymentMethod, *, is_due: bool) -> bool:
    is_gone = method.stopped_at is not None or method.is_expired
    if is_gone or method.gateway not in offered_anywhere() or not bills.may_charge(method):
        return False
    if not offers(method.gateway, Ability.OFF_SESSION) or not methods.has_tries_left(method):
        return False
    if method.payments.filter(retry_at__gt=now()).exists():
        # The gateway advises to wait.
        return False
    if is_due and present.has_step(method):
        return True
    live = method.mandates.filter(ended_at=None).select_related("method")
    return not any(map(off_session.needs_customer, live))

"""A customer chooses how a plan is paid: which methods can be used, the consent, the result."""

from datetime import timedelta
from enum import StrEnum

from django.db import transaction
from django.utils.timezone import now

from accounts.models import User
from moportal.money import Money
from payments.domain import bills, mandates, methods, off_session
from payments.gateways import offered_anywhere, offers
from payments.gateways.base import Ability
from payments.models import PaymentMethod
from payments.states import MandateEnd, PaymentState
from subscriptions.domain import cancelling
from subscriptions.domain.outlook import running_renewals
from subscriptions.models import Attempt, Subscription
from subscriptions.states import SubscriptionState

OVERDUE = frozenset({SubscriptionState.GRACE, SubscriptionState.ON_HOLD})
# A page waits this long for a worker's first try.
WAIT = timedelta(minutes=2)
# A result is shown this long.
RECENT = timedelta(minutes=15)


class Result(StrEnum):
    """What came of the payment that the customer has just asked for."""

    TRYING = "trying"
    PAID = "paid"
    REFUSED = "refused"


def part_methods(account: User) -> tuple[list[PaymentMethod], list[PaymentMethod]]:
    """Return the methods that can be charged while the customer is away, and those that cannot."""
    stored = list(methods.stored_methods(account))
    usable = [method for method in stored if _is_usable(method)]
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

    An overdue month is tried at once, even with a method that was refused before.

    Raises `NotRenewing`, `MethodGone` or `NotOffered`.
    """
    if subscription.state in OVERDUE:
        # The days of tries count from a mandate's refusals. A new consent has none.
        for earlier in method.mandates.filter(purpose=subscription.reference, ended_at=None):
            mandates.end(earlier, reason=MandateEnd.REPLACED)
    mandate = mandates.agree(
        method,
        purpose=subscription.reference,
        text=text,
        language=language,
        limit=amount if amount.minor_units else None,
    )
    cancelling.pay_with(subscription, mandate)


def result_of(subscription: Subscription) -> tuple[Result, Attempt | None] | None:
    """Return what came of the customer's last choice of a method, or None if nothing is new."""
    mandate = subscription.mandate
    if mandate is None or mandate.agreed_at < now() - RECENT:
        return None
    tried = Attempt.objects.filter(payment__mandate=mandate).select_related("payment__method")
    attempt = tried.order_by("pk").last()
    if attempt is None:
        is_waiting = subscription.state in OVERDUE and mandate.agreed_at > now() - WAIT
        return (Result.TRYING, None) if is_waiting else None
    if attempt.payment.state == PaymentState.DECLINED:
        return Result.REFUSED, attempt
    if not attempt.is_live:
        # The plan was cancelled meanwhile, for example.
        return None
    is_paid = attempt.payment.state == PaymentState.CAPTURED
    return (Result.PAID if is_paid else Result.TRYING), attempt


def _will_charge(subscription: Subscription) -> bool:
    mandate = subscription.mandate
    return not subscription.is_cancelled and mandate is not None and mandate.ended_at is None


def _is_usable(method: PaymentMethod) -> bool:
    is_gone = method.stopped_at is not None or method.is_expired
    if is_gone or method.gateway not in offered_anywhere() or not bills.may_charge(method):
        return False
    if not offers(method.gateway, Ability.OFF_SESSION) or not methods.has_tries_left(method):
        return False
    live = method.mandates.filter(ended_at=None).select_related("method")
    is_advised_to_wait = method.payments.filter(retry_at__gt=now()).exists()
    return not is_advised_to_wait and not any(map(off_session.needs_customer, live))

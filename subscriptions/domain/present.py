"""A customer pays an overdue month by hand: they are there and can confirm it at the bank.

The first try after the choice is a payment that the customer starts. Later tries by the portal
itself are made without the customer (`subscriptions.domain.paying`).
"""

from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils.timezone import now

from moportal.web.links import absolute_url
from payments.domain import on_session
from payments.gateways import offers
from payments.gateways.base import Ability
from payments.models import Mandate, Payment, PaymentMethod
from payments.states import Initiator, PaymentState, RefusalKind
from subscriptions.models import Attempt, Period, Subscription
from subscriptions.states import SubscriptionState

OVERDUE = frozenset({SubscriptionState.GRACE, SubscriptionState.ON_HOLD})
# A customer who agreed longer ago than this may have left the page.
PATIENCE = timedelta(minutes=2)
# The same as for an order that waits for the bank.
TIME_LIMIT = timedelta(minutes=30)
# While the customer is at the bank, the gateway is asked at these intervals.
SHORTEST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=2)


def is_customer_there(period: Period, mandate: Mandate) -> bool:
    """Return whether the customer has just agreed to pay this month, and nothing was tried since.

    A charge above the agreed limit never counts as started by the customer.
    """
    subscription = period.subscription
    if subscription.state not in OVERDUE or mandate.agreed_at < now() - PATIENCE:
        return False
    if not has_step(mandate.method) or not mandate.allows(period.price.gross):
        return False
    return not tries_since(mandate, subscription).exists()


def has_step(method: PaymentMethod) -> bool:
    """Return whether the customer can confirm a payment with this method at the bank.

    A gateway that may ask for a code instead is charged without the customer: no page of a plan
    takes such a code.
    """
    return offers(method.gateway, Ability.BANK_STEP) and not offers(method.gateway, Ability.CODE)


def request(period: Period, mandate: Mandate) -> Payment:
    """Store a payment that the customer starts. Raises `NotChargeable`."""
    subscription = period.subscription
    return on_session.request_charge(
        mandate.method,
        period.price.gross,
        reference=f"{subscription.reference}-{period.number}",
        return_url=absolute_url("plan-returned", subscription.reference),
    )


def tries_since(mandate: Mandate, subscription: Subscription) -> QuerySet[Attempt]:
    """Return the attempts since the customer agreed: those under the mandate, and those by hand."""
    by_hand = Q(
        payment__initiator=Initiator.CUSTOMER,
        payment__method=mandate.method_id,
        created_at__gte=mandate.agreed_at,
    )
    own = Attempt.objects.filter(period__subscription=subscription)
    return own.filter(Q(payment__mandate=mandate) | by_hand)


def only_customer_can_try(mandate: Mandate, subscription: Subscription) -> bool:
    """Return whether only the customer can start the next try.

    This is so after a payment by hand that the bank refused because it needs the customer, or that
    the customer abandoned at the bank.
    """
    if subscription.state not in OVERDUE:
        return False
    last = tries_since(mandate, subscription).select_related("payment").order_by("pk").last()
    if last is None or last.payment.initiator != Initiator.CUSTOMER:
        return False
    return was_abandoned(last.payment) or last.payment.refusal_kind == RefusalKind.CUSTOMER


def was_abandoned(payment: Payment) -> bool:
    """Return whether the customer was sent to the bank, and nothing was decided there."""
    return payment.state == PaymentState.VOIDED and bool(payment.customer_step_url)


def waiting_attempt(subscription: Subscription) -> Attempt | None:
    """Return the attempt that waits for the customer or for the gateway, if there is one."""
    waiting = Attempt.objects.filter(
        period__subscription=subscription, is_live=True, payment__state=PaymentState.PENDING
    )
    return waiting.select_related("payment__method").first()


def is_given_up(attempt: Attempt) -> bool:
    """Return whether the customer has not come back from the bank in time."""
    return now() - attempt.created_at > TIME_LIMIT


def time_to_ask_again(subscription: Subscription) -> datetime | None:
    """Return when to ask the gateway again about a payment that waits for the customer."""
    attempt = waiting_attempt(subscription)
    if attempt is None:
        return None
    at = now()
    # The longer the customer takes, the less often the gateway is asked.
    return at + min(max(SHORTEST_PAUSE, (at - attempt.created_at) / 4), LONGEST_PAUSE)

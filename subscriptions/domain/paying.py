"""Attempts to pay a period: each is a payment of its own, and at most one is open or captured.

The customer is away, so a mandate must allow the charge (`payments.domain.off_session`). A refused
attempt is followed by another on the days in `bounds.TRY_DAYS`. For an overdue period that the
customer pays by hand, see `subscriptions.domain.present`.
"""

from datetime import datetime, timedelta
from enum import Enum, auto

import structlog
from django.db import transaction
from django.utils.timezone import now

from outbox.domain import Lease
from payments.domain import off_session, payments
from payments.domain.off_session import Hindrance, NotChargeable
from payments.gateways import offers
from payments.gateways.base import Ability, GatewayRefused, GatewayUnavailable
from payments.models import Mandate, Payment
from payments.states import Initiator, PaymentState
from subscriptions.domain import announcing, present
from subscriptions.domain.bounds import READY_BEFORE, next_try
from subscriptions.domain.terms import evidence_for
from subscriptions.models import Attempt, Period, Subscription
from subscriptions.states import PeriodState

log = structlog.get_logger(__name__)
APPROVED = frozenset({PaymentState.AUTHORISED, PaymentState.CAPTURED})
A_WHILE = timedelta(hours=1)


class Charge(Enum):
    """The result of charging an authorised amount."""

    DONE = auto()
    # The authorisation is gone, and nobody has refused. Another payment may be made at once.
    LAPSED = auto()
    REFUSED = auto()


def make_payable(period: Period, *, due_since: datetime, lease: Lease) -> bool:
    """Try to get the period's amount authorised, and return whether its charge can be decided.

    A period that costs nothing has no payment. `due_since` is the end of the last paid period:
    days of tries count from it. Raises `GatewayUnavailable`.
    """
    attempt = live_attempt(period)
    if attempt is not None and _is_of_another_mandate(attempt):
        _let_go(attempt, lease)
        attempt = None
    if not period.gross_minor_units:
        return True
    attempt = attempt or _begin(period, due_since)
    if attempt is None:
        return False
    _authorise(attempt.payment, lease)
    if attempt.payment.state in APPROVED:
        return True
    if attempt.payment.state != PaymentState.PENDING:
        close(attempt)
    elif present.is_given_up(attempt):
        _let_go(attempt, lease)
    return False


def capture(period: Period, lease: Lease) -> Charge:
    """Charge what is authorised for the period. A period that costs nothing is paid already.

    Raises `GatewayUnavailable`. What can never be charged is voided, so that nothing stays reserved
    on the customer's card.
    """
    if not period.gross_minor_units:
        return Charge.DONE
    attempt = live_attempt(period)
    if attempt is None:
        return Charge.REFUSED
    take = off_session.capture if _is_off_session(attempt.payment) else payments.capture
    try:
        take(attempt.payment, before_call=lease.cover_call)
    except (GatewayRefused, NotChargeable) as error:
        log.warning("period not charged", period=str(period), error=str(error))
        is_void = attempt.payment.state == PaymentState.VOIDED
        # A payment of the last hour never counts as lapsed. Otherwise a gateway that refuses each
        # charge would be asked again without end.
        is_old = attempt.created_at < now() - A_WHILE
        _let_go(attempt, lease)
        return Charge.LAPSED if is_void and is_old else Charge.REFUSED
    return Charge.DONE


def let_go(period: Period, lease: Lease) -> None:
    """Leave nothing authorised for a period that will not be charged."""
    attempt = live_attempt(period)
    if attempt is not None:
        _let_go(attempt, lease)


def let_go_of_lapsed(subscription: Subscription, lease: Lease) -> None:
    """Leave nothing authorised for a period that has lapsed, because another plan took its place.

    Raises `GatewayUnavailable`.
    """
    lapsed = Attempt.objects.filter(
        is_live=True, period__subscription=subscription, period__state=PeriodState.LAPSED
    )
    for attempt in lapsed:
        _let_go(attempt, lease)


def live_attempt(period: Period) -> Attempt | None:
    """Return the attempt whose payment is open or captured, if there is one."""
    attempt = period.attempts.filter(is_live=True).select_related("payment__method").first()
    if attempt is not None:
        attempt.period = period
    return attempt


def time_of_next_try(period: Period, *, due_since: datetime) -> datetime | None:
    """Return when the portal tries the period next, or None if only the customer can try."""
    subscription = period.subscription
    if subscription.mandate is None or subscription.mandate.ended_at:
        return None
    if present.only_customer_can_try(subscription.mandate, subscription):
        return None
    # A payment that was voided, for example by a cancel, does not count as a try.
    tried = present.tries_since(subscription.mandate, subscription).filter(
        payment__state=PaymentState.DECLINED, created_at__gte=due_since - READY_BEFORE
    )
    last = tried.order_by("created_at").values_list("created_at", "payment__retry_at").last()
    last_try, advised = last or (None, None)
    planned = next_try(due_since, last_try=last_try)
    # The gateway's own advice comes before the table of days.
    return max(planned, advised) if planned and advised else planned


def lacks_gateway(subscription: Subscription) -> bool:
    """Return whether the operator's settings do not offer the gateway of the mandate."""
    mandate = subscription.mandate
    if mandate is None or mandate.ended_at:
        return False
    return not offers(mandate.method.gateway, Ability.OFF_SESSION)


def close(attempt: Attempt) -> None:
    """Store that an attempt has failed. The customer is told of a refusal once for each period.

    If the charge of the period was decided already, that decision is taken back.
    """
    with transaction.atomic():
        if not Attempt.objects.filter(pk=attempt.pk, is_live=True).update(is_live=False):
            return
        period = attempt.period
        _take_back_decision(period)
        if attempt.payment.state == PaymentState.DECLINED:
            announcing.tell_refused(period, attempt.payment)


def _is_of_another_mandate(attempt: Attempt) -> bool:
    """Return whether the customer chose another method before this attempt was charged."""
    subscription, payment = attempt.period.subscription, attempt.payment
    is_decided = subscription.decided_number == attempt.period.number
    if is_decided or payment.state == PaymentState.CAPTURED:
        return False
    if _is_off_session(payment):
        return payment.mandate_id != subscription.mandate_id
    mandate = subscription.mandate
    return mandate is not None and payment.method_id != mandate.method_id


def _take_back_decision(period: Period) -> None:
    paid = period.subscription.periods.filter(state="paid").order_by("-number")[0].number
    same = Subscription.objects.filter(pk=period.subscription_id)
    same.filter(decided_number=period.number).update(decided_number=paid)
    # A cancel that came after the decision takes effect one period earlier.
    same.filter(last_number=period.number).update(last_number=paid)


def _begin(period: Period, due_since: datetime) -> Attempt | None:
    """Store the next payment, or return None if it is not time for it or nothing may be charged."""
    mandate = period.subscription.mandate
    due = time_of_next_try(period, due_since=due_since)
    if mandate is None or due is None or due > now():
        return None
    request = present.request if present.is_customer_there(period, mandate) else _request
    try:
        with transaction.atomic():
            return Attempt.objects.create(period=period, payment=request(period, mandate))
    except NotChargeable as error:
        if error.why == Hindrance.NOT_OFFERED:
            # This is the operator's fault, and not a refusal.
            raise GatewayUnavailable(str(error), was_sent=False, is_setting=True) from error
        log.info("period not chargeable", period=str(period), why=str(error.why))
        announcing.tell_not_chargeable(period)
        return None


def _request(period: Period, mandate: Mandate) -> Payment:
    """Store a payment that the operator starts, under the mandate."""
    subscription, amount = period.subscription, period.price.gross
    notice = "" if mandate.allows(amount) else evidence_for(subscription, amount)
    reference = f"{subscription.reference}-{period.number}"
    return off_session.request_charge(mandate, amount, reference=reference, notice=notice)


def _authorise(payment: Payment, lease: Lease) -> None:
    if not _is_off_session(payment):
        payments.authorise(payment, before_call=lease.cover_call)
        return
    try:
        off_session.authorise(payment, before_call=lease.cover_call)
    except NotChargeable as error:
        # The payment is void now.
        log.info("charge forbidden", payment=payment.pk, why=str(error.why))


def _let_go(attempt: Attempt, lease: Lease) -> None:
    reason = "The plan does not renew."
    payments.void_or_refund(attempt.payment, reason=reason, before_call=lease.cover_call)
    close(attempt)


def _is_off_session(payment: Payment) -> bool:
    return payment.initiator == Initiator.OPERATOR

"""Charges that the operator starts while the customer is away (docs/payments.md#off-session).

1. `request_charge` stores the payment. It counts as a try of its method from then on.
2. `authorise` asks the gateway, and `capture` charges later. Before each, the portal checks that
   the charge is still allowed. If not, nothing stays authorised.

A refusal for good stops the method and ends its mandates. After a refusal of the kind *perhaps
later*, no try is made before the time that the gateway advises. After one that needs the customer,
nothing is charged under this mandate until the customer has paid with the method.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from django.db import transaction
from django.db.models import Max
from django.utils.timezone import now

from accounts.domain import numbers
from accounts.number_checks.base import NumberChecksUnavailable
from moportal.money import Money
from outbox.calls import BeforeCall
from payments.domain import bills, methods, payments
from payments.domain.standing import move_payment, was_sent
from payments.gateways import offers
from payments.gateways.base import Ability, GatewayUnavailable
from payments.models import Mandate, Payment, PaymentMethod
from payments.states import Initiator, MethodKind, PaymentState, RefusalKind

APPROVED = [PaymentState.AUTHORISED, PaymentState.CAPTURED, PaymentState.REFUNDED]


class Hindrance(StrEnum):
    """Why a method cannot be charged. If several are there, the first one counts."""

    REMOVED = "the customer has removed the method"
    STOPPED = "the bank refuses the method for good"
    NOT_KEPT = "the gateway has not kept the method"
    MANDATE_ENDED = "the mandate has ended"
    EXPIRED = "the card has expired"
    BEYOND_LIMIT = "the customer agreed to less, or to another currency"
    NOT_OFFERED = "the gateway takes no charges without the customer"
    NUMBER_LOST = "the bill's number is no longer proven to be the customer's"
    NEEDS_CUSTOMER = "the customer must pay with the method first"
    NOT_YET = "the gateway advises to wait"
    TOO_MANY_REFUSALS = "the bank has refused the method too often"


class NotChargeable(Exception):
    """The charge is not allowed. The gateway advises against a new try before `until`."""

    def __init__(self, why: Hindrance, until: datetime | None = None) -> None:
        super().__init__(str(why))
        self.why, self.until = why, until


@transaction.atomic
def request_charge(mandate: Mandate, amount: Money, *, reference: str, notice: str = "") -> Payment:
    """Store a payment that the operator starts. Raises `NotChargeable`, and then stores nothing.

    It may be more than the mandate says, if a `notice` of this price has reached the customer.

    Call it in the transaction that stores what the payment is for.
    """
    method = methods.lock(mandate.method)
    fresh = Mandate.objects.get(pk=mandate.pk)
    fresh.method = method
    _check(fresh, amount, notice=notice)
    return Payment.objects.create(
        method=method,
        initiator=Initiator.OPERATOR,
        mandate=fresh,
        notice=notice,
        reference=reference,
        minor_units=amount.minor_units,
        currency=amount.currency,
    )


def authorise(payment: Payment, *, before_call: BeforeCall) -> Payment:
    """Ask the gateway to authorise the amount. Then the payment is authorised or declined.

    Before the charge of a bill, the network is asked whether the number has changed hands.

    Raises `NotChargeable` if the charge is not allowed any more. Then nothing is authorised.
    """
    if payment.state == PaymentState.INTENDED and not was_sent(payment):
        try:
            _check(_mandate_of(payment), payment.amount, payment, notice=payment.notice)
            _check_number(payment.method, before_call)
        except NotChargeable:
            move_payment(payment, PaymentState.VOIDED)
            raise
    payments.authorise(payment, before_call=before_call)
    _let_go_if_ended(payment, before_call)
    return payment


def capture(payment: Payment, *, before_call: BeforeCall) -> Payment:
    """Charge the authorised amount. Raises what `payments.domain.payments.capture` raises.

    Also raises `NotChargeable` if the mandate ended before the capture was first sent. Then nothing
    stays authorised.
    """
    if not was_sent(payment, "capture"):
        _let_go_if_ended(payment, before_call)
    return payments.capture(payment, before_call=before_call)


def needs_customer(mandate: Mandate) -> bool:
    """Return whether the last charge was refused because the bank wants the customer.

    That is over once the bank has approved a later payment that the customer made with the method.
    """
    declined = mandate.payments.filter(state=PaymentState.DECLINED).order_by("declined_at")
    last = declined.values_list("refusal_kind", "declined_at").last()
    if last is None or last[0] != RefusalKind.CUSTOMER:
        return False
    paid = mandate.method.payments.filter(initiator=Initiator.CUSTOMER, state__in=APPROVED)
    return not paid.filter(created_at__gt=last[1]).exists()


def _mandate_of(payment: Payment) -> Mandate:
    """Return the payment's mandate as it is now."""
    assert payment.mandate_id is not None  # noqa: S101 -- payment_of_the_operator_has_a_mandate
    return Mandate.objects.select_related("method").get(pk=payment.mandate_id)


def _check(mandate: Mandate, amount: Money, payment: Payment | None = None, *, notice: str) -> None:
    """Raise `NotChargeable` for the first hindrance. `payment` itself does not count as a try."""
    of_mandate = {
        Hindrance.MANDATE_ENDED: mandate.ended_at is not None,
        Hindrance.BEYOND_LIMIT: _is_beyond_limit(mandate, amount, notice),
        Hindrance.NEEDS_CUSTOMER: needs_customer(mandate),
    }
    check_method(mandate.method, besides=payment, more=of_mandate)


def check_method(
    method: PaymentMethod,
    *,
    besides: Payment | None = None,
    more: Mapping[Hindrance, bool] = MappingProxyType({}),
) -> None:
    """Raise `NotChargeable` for the first hindrance of the method, or of those in `more`.

    The payment `besides` does not count as a try.
    """
    until = method.payments.filter(retry_at__gt=now()).aggregate(until=Max("retry_at"))["until"]
    hindrances = {
        **more,
        Hindrance.REMOVED: method.removed_at is not None,
        Hindrance.STOPPED: method.stopped_at is not None,
        Hindrance.NOT_KEPT: not method.is_kept or method.token == "",
        Hindrance.EXPIRED: method.is_expired,
        Hindrance.NOT_OFFERED: not offers(method.gateway, Ability.OFF_SESSION),
        Hindrance.NUMBER_LOST: not bills.may_charge(method),
        Hindrance.NOT_YET: until is not None,
        Hindrance.TOO_MANY_REFUSALS: not methods.has_tries_left(method, besides=besides),
    }
    for why in Hindrance:
        if hindrances.get(why):
            raise NotChargeable(why, until)


def _is_beyond_limit(mandate: Mandate, amount: Money, notice: str) -> bool:
    """Return whether the customer agreed to less, and was told of no higher price."""
    is_told = bool(notice) and amount.currency == mandate.currency
    return not is_told and not mandate.allows(amount)


def _check_number(method: PaymentMethod, before_call: BeforeCall) -> None:
    """Raise `NotChargeable` if a bill's number has changed hands, or if nobody can say so.

    Raises `GatewayUnavailable` if the network should be asked again.
    """
    if method.kind != MethodKind.BILL:
        return
    try:
        is_lost = numbers.has_changed_hands(method.token, before_call=before_call)
    except numbers.NumberNotChecked:
        is_lost = True
    except NumberChecksUnavailable as error:
        raise GatewayUnavailable(str(error)) from error
    if is_lost:
        raise NotChargeable(Hindrance.NUMBER_LOST)


def _let_go_if_ended(payment: Payment, before_call: BeforeCall) -> None:
    """Void what is authorised under a mandate that has ended, and raise `NotChargeable`."""
    ended = Mandate.objects.filter(payments=payment, ended_at__isnull=False)
    if payment.state == PaymentState.AUTHORISED and ended.exists():
        reason = "The mandate has ended."
        payments.void_or_refund(payment, reason=reason, before_call=before_call)
        raise NotChargeable(Hindrance.MANDATE_ENDED)

"""Taking a completed order back: its plan ends, the eSIM is cancelled, the charge is given back.

Staff ask for it; `pay_back`, the outbox's handler for refunds, runs in workers alone, reads the
truth each time and may run twice.
"""

import structlog
from django.db import transaction
from django.utils.timezone import now

from accounts.models import User
from esim.domain import provisioning
from orders.models import Order, Refund
from orders.queries.orders import open_repair, refund_of
from orders.states import OrderState, RefundState
from outbox.domain import Lease, RetryAfter, enqueue
from outbox.retries import retry_delay
from payments.domain import payments
from payments.gateways.base import GatewayRefused, GatewayUnavailable
from subscriptions.domain import activation
from subscriptions.domain import lifecycle as subscriptions
from subscriptions.networks.base import NetworkRefused, NetworkUnavailable

log = structlog.get_logger(__name__)
KIND = "refund"


class NothingToRefund(Exception):
    """The order was not completed, is refunded already, or its eSIM is being mended just now."""


def refund(order: Order, *, actor: User, because: str, withdraws_esim: bool = True) -> Refund:
    """Ask for the order to be taken back and its whole charge to be given back.

    One that the gateway has refused may be asked for again. Raises `NothingToRefund`.
    """
    asked = {"because": because, "withdraws_esim": withdraws_esim, "asked_by": actor}
    with transaction.atomic():
        # Held, as a second press or a new eSIM may be asked for at the same moment.
        fresh = Order.objects.select_for_update().get(pk=order.pk)
        before = refund_of(fresh)
        is_there = before is not None and before.state != RefundState.REFUSED
        if fresh.state != OrderState.COMPLETED or is_there or open_repair(fresh):
            raise NothingToRefund(order.number)
        anew = {**asked, "state": RefundState.ASKED, "ended_at": None, "tries": 0}
        mine, _ = Refund.objects.update_or_create(order=order, defaults=anew)
        enqueue(KIND, mine.pk)
    log.info("refund asked", order=order.number, actor=actor.pk)
    return mine


def pay_back(subject: str, lease: Lease) -> RetryAfter | None:
    """Take a refund as far as it goes now; the outbox's handler for refunds.

    The plan ends first, so that nobody has both; then eSIM, service and money, each tried whatever
    becomes of the others.
    """
    related = ("order__payment__method", "order__profile__sim", "order__subscription__line")
    asked = Refund.objects.select_related(*related).get(pk=subject)
    structlog.contextvars.bind_contextvars(order=asked.order.number, refund=asked.pk)
    if asked.state != RefundState.ASKED:
        return None
    assert asked.order.subscription is not None  # noqa: S101 -- constraint completed_order_was_charged_and_has_its_plan
    subscriptions.end(asked.order.subscription)
    troubles = []
    try:
        _withdraw(asked, lease)
    except provisioning.SmdpUnavailable as error:
        troubles.append(f"SM-DP+: {error}")
    try:
        activation.end(asked.order.subscription, before_call=lease.prolong)
    except (NetworkUnavailable, NetworkRefused) as error:
        troubles.append(f"network: {error}")
    try:
        payments.let_go(asked.order.payment, before_call=lease.prolong)
    except GatewayUnavailable as error:
        troubles.append(f"gateway: {error}")
    except GatewayRefused as error:
        _end(asked, RefundState.REFUSED, last_error=str(error))
        return None
    if troubles:
        return _try_later(asked, "; ".join(troubles))
    _end(asked, RefundState.DONE)
    return None


def _withdraw(asked: Refund, lease: Lease) -> None:
    """Cancel an eSIM that is on no device and let its ICCID leave the line."""
    profile = asked.order.profile
    if profile is None or not asked.withdraws_esim:
        return
    if provisioning.cancel(profile, before_call=lease.prolong):
        subscriptions.take_off(profile.sim)


def _try_later(asked: Refund, trouble: str) -> RetryAfter:
    """Come back soon, then ever less often, and never give up: it is the customer's money."""
    log.warning("no useful answer", tries=asked.tries, detail=trouble)
    Refund.objects.filter(pk=asked.pk).update(tries=asked.tries + 1, last_error=trouble[:200])
    return RetryAfter(retry_delay(asked.tries))


def _end(asked: Refund, state: RefundState, *, last_error: str = "") -> None:
    """Compare and set the refund's end; one that another worker ended first is left as it is."""
    mine = Refund.objects.filter(pk=asked.pk, state=RefundState.ASKED)
    if mine.update(state=state, ended_at=now(), last_error=last_error[:200]):
        log.info("refund ended", state=state, last_error=last_error)

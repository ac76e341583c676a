"""Undo an order's effects outside. Each part is tried, even if another part fails."""

from collections.abc import Callable
from functools import partial

import structlog
from django.core.exceptions import ImproperlyConfigured
from django.utils.timezone import now

from esim.domain import provisioning
from moportal.http_client import ServiceUnavailable
from orders.domain import attaching, plan_changes, plan_moves
from orders.models import Order
from orders.states import TRIES_BEFORE_STAFF, OrderKind
from outbox.domain import Lease, RetryAfter
from outbox.retries import count_failure
from payments.domain import payments
from payments.gateways.base import GatewayRefused
from subscriptions.domain import activation
from subscriptions.domain import lifecycle as subscriptions
from subscriptions.models import Subscription
from subscriptions.networks.base import NetworkRefused

log = structlog.get_logger(__name__)
# An order that only puts a device on a running plan takes that device off again.
TAKE_OFF = {OrderKind.ATTACH: attaching.take_off, OrderKind.MOVE: plan_moves.take_off}
MAY_SUCCEED_LATER = (ServiceUnavailable, ImproperlyConfigured)


def undo(order: Order, lease: Lease) -> RetryAfter | None:
    """Undo a failed or cancelled order: the money, the profile, the plan and its service.

    A service that does not answer is called until it does, because somebody's money may still be
    authorised. A service that still refuses after many attempts will refuse for good, so the
    attempts end there. In both cases the order is listed for staff, who can retry it.
    """
    # A worker whose lease expired may have added a profile or a plan since the order was loaded.
    order.refresh_from_db()
    if order.subscription:
        subscriptions.cancel(order.subscription)
    if order.kind == OrderKind.CHANGE:
        plan_changes.release(order)
    parts = (_give_back, _cancel_profile, _end_service)
    errors = try_each(*(partial(part, order, lease) for part in parts))
    if not errors:
        Order.objects.filter(pk=order.pk).update(undone_at=now())
        return None
    return _retry_or_stop(order, errors)


def _retry_or_stop(order: Order, errors: list[Exception]) -> RetryAfter | None:
    # `last_error` says why the order failed. The outcome that the host receives depends on it
    # (`orders.domain.outcomes`).
    delay = count_failure(order, *errors, keeps_error=True)
    needs_staff = order.tries > TRIES_BEFORE_STAFF
    if order.tries == TRIES_BEFORE_STAFF + 1:
        log.error("the order cannot be undone: staff must act")
    # What is refused is refused for good by now. The attempts go on while a service is unavailable:
    # it may still hold money, or keep the line in service.
    may_succeed = any(isinstance(error, MAY_SUCCEED_LATER) for error in errors)
    return RetryAfter(delay) if may_succeed or not needs_staff else None


def _give_back(order: Order, lease: Lease) -> None:
    if order.payment is None:
        return
    # Each attempt at a refused refund is a new row with a new key. So after many attempts only
    # staff begin another one, even if the attempts at the other parts go on.
    if order.tries > TRIES_BEFORE_STAFF and payments.was_last_refused(order.payment):
        raise GatewayRefused("refused many times")
    reason = f"order {order.state}"
    payments.void_or_refund(order.payment, reason=reason, before_call=lease.cover_call)


def _cancel_profile(order: Order, lease: Lease) -> None:
    if order.profile is None:
        return
    is_cancelled = provisioning.cancel(order.profile, before_call=lease.cover_call)
    if not is_cancelled:
        # A device has the eSIM, although nobody paid. No plan may be put on its ICCID any more.
        provisioning.retire(order.profile)


def take_from_network(order: Order, plan: Subscription, lease: Lease) -> None:
    """End the plan in the network. Another device of a running plan is only taken off the plan."""
    take_off = TAKE_OFF.get(OrderKind(order.kind))
    if take_off:
        take_off(order, lease)
    else:
        activation.end(plan, before_call=lease.cover_call)


def _end_service(order: Order, lease: Lease) -> None:
    take_off = TAKE_OFF.get(OrderKind(order.kind))
    if take_off:
        take_off(order, lease)
        return
    if order.subscription is None:
        return
    # As with the money: each attempt is a row.
    if order.tries > TRIES_BEFORE_STAFF and activation.was_last_refused(order.subscription):
        raise NetworkRefused("refused many times")
    activation.end(order.subscription, before_call=lease.cover_call)


def try_each(*parts: Callable[[], object]) -> list[Exception]:
    """Run every part, and return the errors of those that a service refused or did not answer.

    An address, a certificate or a seal key that is not usable counts as no answer.
    The parts do not depend on each other: a profile is cancelled even if the gateway does not
    return the money, and the other way round. Any other error is a bug. It is raised at once, and
    the remaining parts do not run.
    """
    errors: list[Exception] = []
    for part in parts:
        try:
            part()
        except (
            ServiceUnavailable,
            ImproperlyConfigured,
            GatewayRefused,
            NetworkRefused,
        ) as error:
            errors.append(error)
    return errors

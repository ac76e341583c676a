"""Undo an order's effects outside. Each part is tried, even if another part fails."""

from collections.abc import Callable
from functools import partial

import structlog
from django.utils.timezone import now

from esim.domain import provisioning
from moportal.http_client import ServiceUnavailable
from orders.models import Order
from orders.states import TRIES_BEFORE_STAFF
from outbox.domain import Lease, RetryAfter
from outbox.retries import count_failure
from payments.domain import payments
from payments.gateways.base import GatewayRefused
from subscriptions.domain import activation
from subscriptions.domain import lifecycle as subscriptions
from subscriptions.networks.base import NetworkRefused

log = structlog.get_logger(__name__)


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
    give_back = partial(
        payments.void_or_refund,
        order.payment,
        reason=f"order {order.state}",
        before_call=lease.cover_call,
    )
    errors = try_each(
        give_back, partial(_cancel_profile, order, lease), partial(_end_service, order, lease)
    )
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
    # Each attempt at a refused refund is a new row with a new key, so the attempts must end. They
    # go on while a service is unavailable: it may still hold money, or keep the line in service.
    may_succeed = any(isinstance(error, ServiceUnavailable) for error in errors)
    return RetryAfter(delay) if may_succeed or not needs_staff else None


def _cancel_profile(order: Order, lease: Lease) -> None:
    if order.profile is None:
        return
    is_cancelled = provisioning.cancel(order.profile, before_call=lease.cover_call)
    if not is_cancelled:
        # A device has the eSIM, although nobody paid. No plan may be put on its ICCID any more.
        provisioning.retire(order.profile)


def _end_service(order: Order, lease: Lease) -> None:
    if order.subscription:
        activation.end(order.subscription, before_call=lease.cover_call)


def try_each(*parts: Callable[[], object]) -> list[Exception]:
    """Run every part, and return the errors of those that a service refused or did not answer.

    The parts do not depend on each other: a profile is cancelled even if the gateway does not
    return the money, and the other way round. Any other error is a bug. It is raised at once, and
    the remaining parts do not run.
    """
    errors: list[Exception] = []
    for part in parts:
        try:
            part()
        except (ServiceUnavailable, GatewayRefused, NetworkRefused) as error:
            errors.append(error)
    return errors

"""What staff do with an order that waits for them: continue it, or give it up."""

from typing import Any

import structlog
from django.db import transaction

from accounts.models import User
from orders.domain.moving import RESET_TRIES, IllegalTransition, move
from orders.models import KIND, Order
from orders.queries.orders import not_undone, waiting_for_setting
from orders.states import Failure, OrderState
from outbox.domain import enqueue
from payments.domain.staff_limit import count_refund

log = structlog.get_logger(__name__)


def resume(order: Order, *, actor: User) -> None:
    """Continue an order that waits for staff: held, not undone, or stopped by a wrong setting.

    Raises `IllegalTransition` for any other.
    """
    stuck = Order.objects.filter(not_undone() | waiting_for_setting(), pk=order.pk)
    with transaction.atomic():
        if order.state == OrderState.HELD:
            move(order, OrderState.IN_PROGRESS, reason="staff: try again", actor=actor, tries=0)
        elif not stuck.update(**RESET_TRIES):
            raise IllegalTransition(f"{order.state}: it does not wait for staff")
        enqueue(KIND, order.pk)
    log.info("retried by staff", order=order.number, actor=actor.pk)


def give_up(order: Order, *, actor: User, because: str) -> None:
    """Fail a held order: the money goes back, and the profile is cancelled.

    Raises `IllegalTransition` for any other order, and `Locked` after too many refunds of the
    actor's.
    """
    if order.state != OrderState.HELD:
        raise IllegalTransition(f"{order.state}: it does not wait for staff")
    recorded: dict[str, Any] = {"reason": f"staff: {because}", "actor": actor}
    with transaction.atomic():
        count_refund(order.payment, actor=actor)
        move(order, OrderState.FAILED, failure=Failure.GIVEN_UP, **recorded, **RESET_TRIES)
        enqueue(KIND, order.pk)

"""Which actions are possible for a customer now, and who may do them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from accounts.actions import ACTIONS as WITH_ACCOUNTS
from accounts.models import User
from moportal.actions import Action
from orders.actions import ACTIONS as WITH_ORDERS
from payments.actions import ACTIONS as WITH_PAYMENTS
from subscriptions.actions import ACTIONS as WITH_PLANS
from support.queries.overview import Overview

ACTIONS = {
    action.name: action for action in (*WITH_ACCOUNTS, *WITH_ORDERS, *WITH_PAYMENTS, *WITH_PLANS)
}


def title_of(name: str) -> str:
    """Return the title of the action with this name, or the name of one that is no more."""
    return ACTIONS[name].title if name in ACTIONS else name


@dataclass(frozen=True)
class Possible:
    """What can be done with one row now."""

    label: str
    row: int
    actions: list[Action]


def possible_actions(account: User, overview: Overview, *, actor: User) -> list[Possible]:
    """Return what this member of staff can do for the customer now, by row. It asks nothing."""
    of_payments = [order.payment for order in overview.orders if order.payment]
    found = [
        *(_possible(WITH_ORDERS, order, actor) for order in overview.orders),
        *(_possible(WITH_PLANS, one.plan, actor) for one in overview.plans),
        *(_possible(WITH_PAYMENTS, payment, actor) for payment in of_payments),
        _possible(WITH_ACCOUNTS, account, actor),
    ]
    return [one for one in found if one.actions]


def _possible(actions: Iterable[Action], row: Any, actor: User) -> Possible:
    allowed = [action for action in actions if actor.has_perm(action.permission)]
    can_be_done = [action for action in allowed if action.is_possible(row)]
    label = can_be_done[0].label(row) if can_be_done else ""
    return Possible(label[:1].upper() + label[1:], row.pk, can_be_done)

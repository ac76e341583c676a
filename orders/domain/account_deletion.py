"""What the deletion of an account waits for: its orders, their repairs and returns."""

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.domain.endings import Obstacle
from accounts.models import User
from orders.models import Order, Repair, Return
from orders.states import ENDED, OrderState, RepairState, ReturnState

# Payment, eSIM and plan of a failed or cancelled order are reversed after it has ended.
IS_REVERSED = Q(state=OrderState.COMPLETED) | Q(undone_at__isnull=False)


def _has_order(account: User) -> bool:
    orders = Order.objects.filter(account=account)
    return orders.exclude(IS_REVERSED, state__in=sorted(ENDED)).exists()


def _has_repair(account: User) -> bool:
    return Repair.objects.filter(order__account=account, state=RepairState.ASKED).exists()


def _has_return(account: User) -> bool:
    return Return.objects.filter(order__account=account, state=ReturnState.ASKED).exists()


OBSTACLES = (
    Obstacle("order", _("An order that isn't finished"), _has_order),
    Obstacle("repair", _("A repair of your eSIM"), _has_repair),
    Obstacle("return", _("A refund on its way to you"), _has_return),
)

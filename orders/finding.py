"""How the desk finds orders."""

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

from esim.finding import profiles_of_code
from esim.models import Profile
from moportal.finding import Kind, Typed, day
from orders.domain.matching import order_number
from orders.models import Order, Repair


def _orders() -> QuerySet[Order]:
    return Order.objects.select_related("account", "sim", "profile__sim")


def _by_number(typed: Typed) -> QuerySet[Order]:
    number = order_number(typed.text)
    return _orders().filter(number=number) if number else Order.objects.none()


def _by_iccid(typed: Typed) -> QuerySet[Order]:
    """Find by the ICCID that the order's plan is on, or by one that was replaced."""
    if not typed.iccid:
        return Order.objects.none()
    on_sim = Order.objects.filter(sim__iccid=typed.iccid).order_by().values("pk")
    of_profiles = _of_profiles(Profile.objects.filter(sim__iccid=typed.iccid))
    return _orders().filter(pk__in=on_sim.union(*of_profiles))


def _by_code(typed: Typed) -> QuerySet[Order]:
    profiles = profiles_of_code(typed)
    if profiles.query.is_empty():
        return Order.objects.none()
    made, repaired = _of_profiles(profiles)
    return _orders().filter(pk__in=made.union(repaired))


def _of_profiles(profiles: QuerySet[Profile]) -> tuple[QuerySet[Any, Any], ...]:
    """Return the keys of the orders that have these profiles, and of those that had them.

    An OR over several tables would use no index.
    """
    made = Order.objects.filter(profile__in=profiles).order_by().values("pk")
    repairs = Repair.objects.filter(old_profile__in=profiles).order_by().values("order")
    return made, repairs


def _by_eid(typed: Typed) -> QuerySet[Order]:
    return _orders().filter(eid=typed.eid) if typed.eid else Order.objects.none()


def _by_transaction_id(typed: Typed) -> QuerySet[Order]:
    return _orders().filter(visit__transaction_id__in=typed.transaction_ids)


def _facts(order: Order) -> Iterator[str]:
    yield order.get_state_display()
    yield day(order.created_at)
    yield order.plan_name
    yield str(order.price.gross)
    yield str(order.account)
    yield f"ICCID {order.sim_in_use}" if order.sim_in_use else ""


KINDS = (
    Kind("Orders", Order, (_by_number, _by_iccid, _by_eid, _by_code, _by_transaction_id), _facts),
)

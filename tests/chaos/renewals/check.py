"""In the end, the portal's rows and the books of gateway and network must agree."""

import traceback
from typing import Any

from django.db.models import QuerySet, Sum
from django.utils.timezone import now

from moportal.money import Money
from orders.models import Order
from payments.models import Receipt
from subscriptions.models import Attempt, SimOnLine, Subscription
from subscriptions.states import SubscriptionState
from tests.providers import books
from tests.subscriptions.months.bank import Books, Entry
from tests.subscriptions.months.checks import check_end, check_money, check_periods


def find_differences(gateway: str, network: str) -> list[str]:
    """Return what is wrong with any plan, or with the sums."""
    found = read_books(gateway, network)
    wrong = []
    for subscription in Subscription.objects.order_by("pk"):
        try:
            check_money(subscription, found, check_periods(subscription, "UTC"))
            check_end(subscription, found)
            check_service(subscription, found)
            check_devices(subscription, found)
        except AssertionError as error:
            found_at = traceback.extract_tb(error.__traceback__)[-1].line
            wrong.append(
                f"{subscription.reference} ({subscription.state}): {str(error) or found_at}"
            )
    open_orders = Order.objects.exclude(state="completed").filter(undone_at=None)
    wrong += [f"{order} is {order.state}" for order in open_orders]
    return [*wrong, *_compare_sums(found)]


def read_books(gateway: str, network: str) -> Books:
    """Return what the simulators have in their books."""
    payments = books(gateway)["payments"]
    services = books(network)["services"]
    return Books(
        entries=[_entry(one) for one in payments],
        services={one["reference"]: {**one, "ended": one["state"] == "ended"} for one in services},
    )


def check_service(subscription: Subscription, found: Books) -> None:
    """Check that the network serves the plan until the time that the portal knows."""
    service = found.services[subscription.reference]
    if subscription.state == SubscriptionState.ENDED:
        return
    assert bool(service["suspended"]) == subscription.is_suspended, "suspended"
    if subscription.served_until:
        assert service["until"].startswith(f"{subscription.served_until:%Y-%m-%dT%H:%M}"), "served"


def check_devices(subscription: Subscription, found: Books) -> None:
    """Check that the network serves the plan on the devices that share it, and on no other."""
    served = found.services[subscription.reference]["iccids"]
    stays = SimOnLine.objects.filter(line=subscription.line_id, until=None)
    ended = subscription.state == SubscriptionState.ENDED
    assert sorted(served) == sorted([] if ended else stays.values_list("sim__iccid", flat=True))


def totals(found: Books) -> dict[str, int]:
    """Return the sums that must be equal, in minor units."""
    live = Attempt.objects.filter(is_live=True, period__state="paid")
    shared = Order.objects.filter(kind="attach", state="completed")
    return {
        "charged, by the gateway": sum(
            one.amount.minor_units for one in found.entries if one.status == "captured"
        ),
        "paid periods and devices": _sum(live, "payment__minor_units")
        + _sum(shared, "payment__minor_units"),
        "receipts": _sum(Receipt.objects.all(), "minor_units"),
    }


def _sum(rows: QuerySet[Any], column: str) -> int:
    return int(rows.aggregate(sum=Sum(column))["sum"] or 0)


def _compare_sums(found: Books) -> list[str]:
    sums = totals(found)
    return [] if len(set(sums.values())) == 1 else [f"the sums differ: {sums}"]


def _entry(row: dict[str, Any]) -> Entry:
    amount, status = Money(row["amount"], row["currency"]), row["status"]
    at = now() if status in {"captured", "refunded"} else None
    given_back = {"": row["refunded"]}
    return Entry(row["id"], "", "", row["reference"], amount, now(), status, at, given_back)

"""In the end, the portal's rows and the books of gateway and network must agree."""

from typing import Any

from django.db.models import Sum
from django.utils.timezone import now

from moportal.money import Money
from payments.models import Receipt
from subscriptions.models import Attempt, Subscription
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
            check_periods(subscription, "UTC")
            check_money(subscription, found)
            check_end(subscription, found)
            check_service(subscription, found)
        except AssertionError as error:
            wrong.append(
                f"{subscription.reference} ({subscription.state}): {str(error) or 'differs'}"
            )
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


def totals(found: Books) -> dict[str, int]:
    """Return the sums that must be equal, in minor units."""
    live = Attempt.objects.filter(is_live=True, period__state="paid")
    receipts = Receipt.objects.filter(payment__attempt__isnull=False)
    return {
        "charged, by the gateway": sum(
            one.amount.minor_units for one in found.entries if one.status == "captured"
        ),
        "paid periods": live.aggregate(sum=Sum("payment__minor_units"))["sum"] or 0,
        "receipts": receipts.aggregate(sum=Sum("minor_units"))["sum"] or 0,
    }


def _compare_sums(found: Books) -> list[str]:
    sums = totals(found)
    return [] if len(set(sums.values())) == 1 else [f"the sums differ: {sums}"]


def _entry(row: dict[str, Any]) -> Entry:
    amount = Money(row["amount"], row["currency"])
    return Entry(row["id"], "", "", row["reference"], amount, now(), status=row["status"])

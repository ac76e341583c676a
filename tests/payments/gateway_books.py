"""What the tests of a gateway's books share: planted entries, and days that have passed."""

from datetime import timedelta
from typing import Any

import httpx
from django.apps import apps
from django.db.models import DateTimeField, F, QuerySet
from django.utils.timezone import now

from outbox.domain import enqueue
from payments.domain import fetching
from payments.domain.booked import first_day
from payments.models import BookDay, BookDifference
from simulators.payment.booking import fee_of
from tests.processing import process_task

FEES = ["simulator:USD=290+30", "simulator:JPY=290+30"]
# How many days ago the books begin.
BEGAN = 7


def plant(address: str, **entry: Any) -> str:
    """Add an entry to what the simulator has booked, or replace the one with its id."""
    usual = {"kind": "charge", "amount": 1900, "currency": "USD", "fee": fee_of(1900)}
    answer = httpx.post(f"{address}/entries", json={**usual, **entry}, trust_env=False)
    return str(answer.raise_for_status().json()["id"])


def remove(address: str, entry: str) -> None:
    httpx.delete(f"{address}/entries/{entry}", trust_env=False).raise_for_status()


def entry_of(address: str, payment: str, kind: str = "charge") -> dict[str, Any]:
    """Return what the simulator has booked for this payment, of any day."""
    found = httpx.get(f"{address}/books", trust_env=False).json()["entries"]
    (entry,) = [one for one in found if (one["payment"], one["kind"]) == (payment, kind)]
    return dict(entry)


def begin_books(*gateways: str) -> None:
    """Store that the books are known from a week ago on."""
    day = first_day(now()) - timedelta(days=BEGAN)
    for name in gateways:
        BookDay.objects.create(gateway=name, day=day, is_complete=True, compared_at=now())


def let_days_pass(*addresses: str, days: int) -> None:
    """Move the clock for what the portal and the simulators have stored so far."""
    for address in addresses:
        httpx.post(f"{address}/entries/older", json={"days": days}, trust_env=False)
    for label in ("Payment", "Refund", "Dispute", "GatewayCall"):
        model = apps.get_model("payments", label)
        columns = {
            field.name: F(field.name) - timedelta(days=days)
            for field in model._meta.concrete_fields
            if isinstance(field, DateTimeField)
        }
        QuerySet(model).update(**columns)


def fetch() -> None:
    """Fetch and compare all days that are over."""
    fetching.request_books()
    for pk in BookDay.objects.order_by("day").values_list("pk", flat=True):
        enqueue(fetching.KIND, pk)
        process_task(fetching.KIND, pk)


def open_differences() -> list[tuple[str, str]]:
    """Return the kind and the subject of each open difference, sorted."""
    found = BookDifference.objects.filter(settled_at=None)
    return sorted(found.values_list("kind", "subject"))

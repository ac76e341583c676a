"""The entries of a gateway's books. Each is stored once, however often the gateway lists it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db import transaction

from payments.domain import differences
from payments.domain.differences import Difference, open_differences
from payments.gateways.entries import Entry
from payments.models import BookDay, BookEntry
from payments.states import DifferenceKind

# These columns must not change once an entry was listed. Its payout may be named later.
CONTENT = (
    *("kind", "booked_on", "minor_units", "currency", "fee_minor_units"),
    *("gateway_id", "cause_id", "reference"),
)


@dataclass
class Tally:
    """How many entries were new, how many known, and how many known with other content."""

    new: int = 0
    repeated: int = 0
    changed: int = 0


@transaction.atomic
def store_entries(gateway: str, entries: Sequence[Entry]) -> Tally:
    """Store the entries. A day that gets a new entry is compared again.

    If an entry is listed again with other content, the new content is stored, and the change is a
    difference for staff.
    """
    tally = Tally()
    ids = [entry.entry_id for entry in entries]
    # Rows are locked, so two concurrent imports of one file take turns.
    known = BookEntry.objects.select_for_update().filter(gateway=gateway, entry_id__in=ids)
    stored = {row.entry_id: row for row in known}
    days = set[date]()
    for entry in entries:
        new, row = _row(gateway, entry), stored.get(entry.entry_id)
        if row is None:
            new.save(force_insert=True)
            stored[entry.entry_id] = new
            tally.new += 1
            days.add(entry.booked_on)
        elif changed := _changed(row, new):
            _report_change(row, new, changed)
            days |= {row.booked_on, new.booked_on}
            new.pk, new.stored_at = row.pk, row.stored_at
            new.payout_id = new.payout_id or row.payout_id
            new.save(force_update=True)
            stored[entry.entry_id] = new
            tally.changed += 1
        else:
            _name_payout(row, entry.payout_id)
            tally.repeated += 1
    # A new entry may explain what an earlier comparison has missed.
    payments = sorted({entry.gateway_id for entry in entries} - {""})
    explained = open_differences().filter(gateway=gateway, payment__gateway_id__in=payments)
    days |= set(explained.values_list("day", flat=True))
    BookDay.objects.filter(gateway=gateway, day__in=sorted(days)).update(compared_at=None)
    return tally


def _row(gateway: str, entry: Entry) -> BookEntry:
    return BookEntry(
        gateway=gateway,
        entry_id=entry.entry_id,
        kind=entry.kind,
        booked_on=entry.booked_on,
        minor_units=entry.amount.minor_units,
        currency=entry.amount.currency,
        fee_minor_units=entry.fee,
        gateway_id=entry.gateway_id,
        cause_id=entry.cause_id,
        reference=entry.reference,
        payout_id=entry.payout_id,
    )


def _changed(row: BookEntry, new: BookEntry) -> list[str]:
    """Return the names of the columns that have another value than before."""
    names = [name for name in CONTENT if getattr(row, name) != getattr(new, name)]
    is_paid_twice = row.payout_id and new.payout_id not in {"", row.payout_id}
    return [*names, "payout_id"] if is_paid_twice else names


def _name_payout(row: BookEntry, payout_id: str) -> None:
    if payout_id and not row.payout_id:
        row.payout_id = payout_id
        row.save(update_fields=["payout_id"])


def _report_change(row: BookEntry, new: BookEntry, changed: list[str]) -> None:
    told = [f"{name}: {getattr(row, name)} is now {getattr(new, name)}" for name in changed]
    differences.report(
        row.gateway,
        row.booked_on,
        Difference(
            DifferenceKind.ENTRY_CHANGED,
            f"entry:{row.entry_id}",
            ours=row.amount,
            theirs=new.amount,
            detail="; ".join(told),
        ),
    )

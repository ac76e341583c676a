"""What a gateway has booked for one payment, compared with the payment's row."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from django.utils.timezone import now

from moportal.money import Money
from payments.domain.differences import Difference
from payments.domain.fees import agreed_fee
from payments.models import BookEntry, Dispute, Payment, Refund
from payments.states import DifferenceKind, EntryKind, RefundState

# A date alone does not say its time zone. The zones of Earth reach from UTC-12 to UTC+14.
BEHIND, AHEAD = timedelta(hours=12), timedelta(hours=14)


def first_day(at: datetime) -> date:
    """Return the earliest date that any time zone has at this time."""
    return (at - BEHIND).astimezone(UTC).date()


def last_day(at: datetime) -> date:
    """Return the latest date that any time zone has at this time."""
    return (at + AHEAD).astimezone(UTC).date()


@dataclass(frozen=True)
class Booked:
    """All entries for one payment in the order in which they were stored.

    Only differences of `day` are reported, because an entry belongs to the day on which it was
    booked. `payment` is None if the portal has no payment with this id. `capture_sent_at` is when
    the portal first sent the capture, or None if the gateway charged without one.
    """

    day: date
    payment: Payment | None
    entries: Sequence[BookEntry]
    capture_sent_at: datetime | None = None

    def compare(self) -> Iterator[Difference]:
        """Yield each difference."""
        yield from self._compare_charges()
        yield from self._compare_fees()
        yield from self._compare_refunds()
        yield from self._compare_disputes()

    def _compare_charges(self) -> Iterator[Difference]:
        charges = self._of(EntryKind.CHARGE)
        for entry in charges:
            if entry.booked_on != self.day:
                continue
            if entry != charges[0] and self.payment is not None:
                yield self._about(entry, DifferenceKind.DOUBLED)
            elif self.payment is None or self.payment.captured_at is None:
                yield self._about(entry, DifferenceKind.CHARGE_UNKNOWN)
            else:
                began = self.capture_sent_at or self.payment.created_at
                yield from self._compare_amount(entry, self.payment.amount)
                yield from self._compare_day(entry, began, self.payment.captured_at)

    def _compare_amount(self, entry: BookEntry, ours: Money) -> Iterator[Difference]:
        if entry.currency != ours.currency:
            yield self._about(entry, DifferenceKind.WRONG_CURRENCY, ours=ours)
        elif entry.minor_units != ours.minor_units:
            yield self._about(entry, DifferenceKind.WRONG_AMOUNT, ours=ours)

    def _compare_day(
        self, entry: BookEntry, began: datetime, ended: datetime
    ) -> Iterator[Difference]:
        first, last = first_day(began), last_day(ended)
        if not first <= entry.booked_on <= last:
            detail = f"Booked on {entry.booked_on}, and made between {first} and {last}."
            yield self._about(entry, DifferenceKind.WRONG_DAY, detail=detail)

    def _compare_fees(self) -> Iterator[Difference]:
        """Compare what the gateway keeps of the charge with what is agreed.

        A fee may be part of the charge's entry, or an entry of its own. A fee with a cause belongs
        to a dispute.
        """
        charges = self._of(EntryKind.CHARGE)
        fees = [entry for entry in self._of(EntryKind.FEE) if charges and not entry.cause_id]
        agreed = [agreed_fee(entry.gateway, entry.amount) for entry in charges]
        expected = sum(fee for fee in agreed if fee is not None)
        kept = sum(entry.fee_minor_units for entry in charges)
        kept -= sum(entry.minor_units for entry in fees)
        is_known = self.payment is not None and None not in agreed
        if is_known and self._has_today([*charges, *fees]) and kept != expected:
            subject, currency = f"fee:{charges[0].entry_id}", charges[0].currency
            ours, theirs = Money(expected, currency), Money(kept, currency)
            yield Difference(DifferenceKind.WRONG_FEE, subject, self.payment, ours, theirs)

        for cause, entries in self._by_cause(EntryKind.FEE).items():
            if entries[0] in fees or not self._has_today(entries):
                continue
            dispute = self._dispute(cause)
            if dispute is None:
                yield self._about(entries[0], DifferenceKind.FEE_UNKNOWN)
            elif dispute.fee != -_total(entries):
                subject, theirs = f"fee:{entries[0].entry_id}", -_total(entries)
                kind = DifferenceKind.WRONG_FEE
                yield Difference(kind, subject, self.payment, dispute.fee, theirs)

    def _compare_refunds(self) -> Iterator[Difference]:
        refunds = list(self.payment.refunds.all()) if self.payment else []
        known = {refund.gateway_id: refund for refund in refunds if refund.gateway_id}
        # The gateway's answers to these refunds were lost, so only the amounts can match.
        nameless = [
            refund
            for refund in refunds
            if not refund.gateway_id and refund.state != RefundState.FAILED
        ]
        for cause, entries in self._by_cause(EntryKind.REFUND).items():
            refund = known.get(cause) or _take(nameless, -entries[0].minor_units)
            if not self._has_today(entries):
                continue
            if refund is None:
                yield from self._report_unknown_refund(cause, entries)
            else:
                yield from self._compare_refund(refund, entries)

    def _report_unknown_refund(
        self, cause: str, entries: Sequence[BookEntry]
    ) -> Iterator[Difference]:
        """Report the refund, unless the gateway has taken it back by now."""
        total = _total(entries)
        if total.minor_units:
            kind, subject = DifferenceKind.REFUND_UNKNOWN, f"refund:{cause}"
            yield Difference(kind, subject, self.payment, theirs=total)

    def _compare_refund(self, refund: Refund, entries: Sequence[BookEntry]) -> Iterator[Difference]:
        """Compare the entries of one refund: the money that left, and came back if it failed."""
        given = [entry for entry in entries if entry.minor_units < 0]
        doubled = [entry for entry in given[1:] if entry.booked_on == self.day]
        for entry in doubled:
            yield self._about(entry, DifferenceKind.DOUBLED)
        total, due = _total(entries), -refund.amount
        if refund.state == RefundState.FAILED:
            due = Money(0, due.currency)
        if total.currency != due.currency:
            yield self._about(entries[0], DifferenceKind.WRONG_CURRENCY, ours=due)
        elif total != due and not given[1:]:
            subject = f"refund:{entries[0].entry_id}"
            yield Difference(DifferenceKind.WRONG_AMOUNT, subject, self.payment, due, total)
        if given and given[0].booked_on == self.day:
            yield from self._compare_day(given[0], refund.asked_at, refund.ended_at or now())

    def _compare_disputes(self) -> Iterator[Difference]:
        """Compare what each dispute has taken so far, on the day of the last entry about it."""
        for cause, entries in self._by_cause(EntryKind.DISPUTE).items():
            if max(entry.booked_on for entry in entries) != self.day:
                continue
            total, dispute = _total(entries), self._dispute(cause)
            taken = -dispute.taken if dispute else None
            if total != (taken or Money(0, total.currency)):
                kind, subject = DifferenceKind.DISPUTE_DIFFERS, f"dispute:{cause}"
                yield Difference(kind, subject, self.payment, taken, total)

    def _dispute(self, cause: str) -> Dispute | None:
        """Return the payment's dispute with this id at the gateway."""
        disputes = self.payment.disputes.all() if self.payment else []
        return next((dispute for dispute in disputes if dispute.gateway_id == cause), None)

    def _of(self, kind: EntryKind) -> list[BookEntry]:
        return [entry for entry in self.entries if entry.kind == kind]

    def _by_cause(self, kind: EntryKind) -> dict[str, list[BookEntry]]:
        """Return the entries of this kind by their cause. One without a cause stands alone."""
        found = defaultdict[str, list[BookEntry]](list)
        for entry in self._of(kind):
            found[entry.cause_id or entry.entry_id].append(entry)
        return found

    def _has_today(self, entries: Sequence[BookEntry]) -> bool:
        return any(entry.booked_on == self.day for entry in entries)

    def _about(
        self,
        entry: BookEntry,
        kind: DifferenceKind,
        *,
        ours: Money | None = None,
        detail: str = "",
    ) -> Difference:
        """Return a difference about one entry."""
        subject = f"{entry.kind}:{entry.entry_id}"
        return Difference(kind, subject, self.payment, ours, entry.amount, detail)


def _total(entries: Sequence[BookEntry]) -> Money:
    return Money(sum(entry.minor_units for entry in entries), entries[0].currency)


def _take(refunds: list[Refund], minor_units: int) -> Refund | None:
    """Remove the first refund of this amount from the list, and return it."""
    for refund in refunds:
        if refund.minor_units == minor_units:
            refunds.remove(refund)
            return refund
    return None

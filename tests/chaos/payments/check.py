"""The independent check: what is wrong between the portal's books and the gateway's.

It knows nothing of how a payment came to its end. It compares rows, and sums to the minor unit.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from tests.chaos.payments.books import AtGateway, AtPortal, Books

ENDED = frozenset({"completed", "failed", "cancelled"})
# The states of a payment that has ended without a charge.
NOT_CHARGED = frozenset({"voided", "declined"})
Totals = dict[str, tuple[int, int]]


def find_differences(books: Books) -> list[str]:
    """Return one sentence for each difference. There is none if all books agree."""
    known = {payment.gateway_id: payment for payment in books.portal if payment.gateway_id}
    found = list(books.gaps)
    found += _charged_twice(books.gateway)
    for theirs in books.gateway:
        found += _check_at_gateway(theirs, known.get(theirs.gateway_id))
    at_gateway = {theirs.gateway_id for theirs in books.gateway}
    for ours in books.portal:
        found += _check_at_portal(ours, is_known=ours.gateway_id in at_gateway)
    return found + _differing_sums(totals(books))


def _charged_twice(payments: Iterable[AtGateway]) -> list[str]:
    """Return the orders and keys with more than one charge, even if one was given back."""
    charged = [payment for payment in payments if payment.state == "charged"]
    return [
        f"{name}: {count} charges under one {what}"
        for what, names in (
            ("reference", [payment.reference for payment in charged]),
            ("key", [payment.key for payment in charged]),
        )
        for name, count in Counter(names).items()
        if count > 1
    ]


def _check_at_gateway(theirs: AtGateway, ours: AtPortal | None) -> Iterator[str]:
    """Return what is wrong with one payment in the gateway's books."""
    name = f"{theirs.reference} ({theirs.gateway_id})"
    if theirs.state == "open":
        yield f"{name}: still open at the gateway"
    if theirs.refunded + theirs.lost > theirs.amount:
        yield f"{name}: {theirs.refunded} given back of {theirs.amount}, {theirs.lost} lost"
    if theirs.refunded and theirs.state != "charged":
        yield f"{name}: given back without a charge"
    if ours is not None:
        yield from _compare(name, theirs, ours)
        yield from _compare_refunds(name, theirs, ours)
    elif theirs.state == "charged":
        yield f"{name}: charged, and the portal knows no such payment"


def _compare(name: str, theirs: AtGateway, ours: AtPortal) -> Iterator[str]:
    """Return where the two rows of one payment differ."""
    if (theirs.key, theirs.reference) != (ours.key, ours.reference):
        yield f"{name}: another key or reference than the portal's {ours.reference}"
    if (theirs.amount, theirs.currency) != (ours.amount, ours.currency):
        yield f"{name}: {theirs.amount} {theirs.currency}, not {ours.amount} {ours.currency}"
    if (theirs.state == "charged") != ours.is_charged:
        yield f"{name}: {theirs.state} at the gateway, {ours.state} in the portal"
    if (theirs.refunded, theirs.lost) != (ours.refunded, ours.lost):
        yield (
            f"{name}: {theirs.refunded} refunded and {theirs.lost} lost at the gateway,"
            f" {ours.refunded} and {ours.lost} in the portal"
        )


def _compare_refunds(name: str, theirs: AtGateway, ours: AtPortal) -> Iterator[str]:
    """Return what is wrong with the refunds: each is done on both sides, once, or on neither."""
    theirs_done = Counter((one.key, one.amount) for one in theirs.refunds if one.state == "done")
    ours_done = Counter((one.key, one.amount) for one in ours.refunds if one.state == "done")
    for (key, amount), count in (theirs_done - ours_done).items():
        yield f"{name}: refund {key} of {amount}, {count} more at the gateway"
    for (key, amount), count in (ours_done - theirs_done).items():
        yield f"{name}: refund {key} of {amount}, {count} more in the portal"
    yield from (f"{name}: a pending refund" for one in theirs.refunds if one.state == "asked")


def _check_at_portal(ours: AtPortal, *, is_known: bool) -> Iterator[str]:
    """Return what is wrong with one payment in the portal's own books."""
    name = ours.reference
    if ours.order not in ENDED:
        yield f"{name}: the order is {ours.order or 'missing'}"
    if ours.state not in NOT_CHARGED and not ours.is_charged:
        yield f"{name}: the payment is still {ours.state}"
    if ours.is_charged and not is_known:
        yield f"{name}: charged in the portal, and the gateway knows no such payment"
    if (ours.order == "completed" and not ours.is_on_bill) != ours.has_receipt:
        yield f"{name}: {ours.order}, with{'' if ours.has_receipt else 'out'} a receipt"
    if ours.order == "completed" and not ours.is_charged:
        yield f"{name}: completed, and {ours.state}"
    yield from _check_money(name, ours)


def _check_money(name: str, ours: AtPortal) -> Iterator[str]:
    """Return what is wrong with what the portal has kept and given back."""
    kept = ours.amount - ours.refunded - ours.lost if ours.is_charged else 0
    if ours.order != "completed" and kept and not _has_failed_refund(ours):
        yield f"{name}: {ours.order}, and {kept} kept"
    done = [one for one in ours.refunds if one.state == "done"]
    if sum(one.amount for one in done) != ours.refunded:
        yield f"{name}: the refunds do not add up to {ours.refunded}"
    if ours.has_receipt and not all(one.has_note for one in done):
        yield f"{name}: a refund without a credit note"
    yield from (f"{name}: an open refund" for one in ours.refunds if one.state == "asked")


def _has_failed_refund(ours: AtPortal) -> bool:
    """Return whether the bank took no refund. Then it is a case for staff, who see it."""
    return any(one.state == "failed" for one in ours.refunds)


def totals(books: Books) -> dict[str, Totals]:
    """Return, for each currency, what was charged, refunded and lost: the portal's, the gateway's.

    The amounts are in minor units.
    """
    sums: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    for ours in books.portal:
        if ours.is_charged:
            _add(sums[ours.currency], 0, ours.amount, ours.refunded, ours.lost)
    for theirs in books.gateway:
        if theirs.state == "charged":
            _add(sums[theirs.currency], 1, theirs.amount, theirs.refunded, theirs.lost)
    return {
        currency: {what: (both[0], both[1]) for what, both in of_currency.items()}
        for currency, of_currency in sorted(sums.items())
    }


def _add(sums: dict[str, list[int]], side: int, charged: int, refunded: int, lost: int) -> None:
    for what, amount in (("charged", charged), ("refunded", refunded), ("lost", lost)):
        sums[what][side] += amount


def _differing_sums(found: dict[str, Totals]) -> list[str]:
    return [
        f"{currency} {what}: {ours} in the portal, {theirs} at the gateway"
        for currency, sums in found.items()
        for what, (ours, theirs) in sums.items()
        if ours != theirs
    ]

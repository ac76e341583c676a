"""What a payment has lost to disputes. Nothing else writes `lost_minor_units`.

Refunds and losses together never exceed the charge. So a dispute's amount counts as lost only as
far as refunds have not given it back. The rest is money that the customer has twice. That is a case
for staff. It ends when the refund fails and the rest counts as lost, or when staff settle it.
"""

from payments.models import Dispute, Payment
from payments.states import OPEN_DISPUTE, DisputeKind


def recount(payment: Payment) -> None:
    """Compute what the payment has lost, and whether a dispute about it is open.

    The caller holds the lock of the payment's row, and has just read or written the payment.
    """
    gone = payment.refunded_minor_units + payment.refunding_minor_units
    room = payment.minor_units - gone if payment.was_charged else 0
    lost = 0
    disputes = list(payment.disputes.order_by("pk"))
    for dispute in disputes:
        counted = min(_taken(dispute, payment), room - lost)
        lost += counted
        if counted != dispute.counted_minor_units:
            Dispute.objects.filter(pk=dispute.pk).update(counted_minor_units=counted)
    counts = (lost, _in_flight(payment, disputes))
    if counts != (payment.lost_minor_units, payment.in_flight_minor_units):
        payment.lost_minor_units, payment.in_flight_minor_units = counts
        payment.save(update_fields=["lost_minor_units", "in_flight_minor_units"])


def _taken(dispute: Dispute, payment: Payment) -> int:
    """Return what the dispute has taken, in the payment's currency."""
    # An amount in another currency cannot be counted. It is a case for staff.
    return dispute.taken_minor_units if dispute.currency == payment.currency else 0


def _in_flight(payment: Payment, disputes: list[Dispute]) -> int | None:
    """Return the most that refunds may still give back, or None if no dispute is open."""
    if not any(one.kind == DisputeKind.DISPUTE and one.state in OPEN_DISPUTE for one in disputes):
        return None
    before = payment.in_flight_minor_units
    now = payment.refunding_minor_units
    return now if before is None else min(before, now)

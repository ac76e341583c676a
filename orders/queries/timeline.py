"""An order's timeline, read from the rows of all rooms. No copy of it is stored."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from django.db.models import Q

from esim.models import DownloadProgress, Profile
from mobileplans.models import Handoff, LpaReport
from orders.models import Order
from orders.queries.orders import return_of
from payments.models import Payment


class Entry(NamedTuple):
    """An event of the timeline: when it happened, which system it concerns, and what happened."""

    at: datetime
    where: str
    what: str


def timeline(order: Order) -> list[Entry]:
    """Return all events of the order, oldest first."""
    return sorted(_entries(order), key=lambda entry: entry.at)


def _entries(order: Order) -> Iterator[Entry]:
    yield Entry(order.visit.launched_at, "visit", f"launched, {order.visit.transaction_id}")
    yield Entry(order.created_at, "order", "submitted")
    for change in order.changes.all():
        reason = f" ({change.reason})" if change.reason else ""
        yield Entry(change.at, "order", f"{change.old} to {change.new}{reason}")
    if order.payment is not None:
        yield from _payment_entries(order.payment)
        yield from _dispute_entries(order.payment)
    yield from _network_entries(order)
    for profile in _profiles(order):
        yield from _profile_entries(profile)
    yield from _repair_entries(order)
    yield from _return_entries(order)
    yield from _lpa_entries(order)
    for handoff in _handoffs(order):
        yield Entry(handoff.created_at, "handoff", f"{handoff.mo_direct_status}")
        for report in handoff.reports.all():
            yield Entry(report.received_at, "device", f"{report.kind}: {report.result}")


def _payment_entries(payment: Payment) -> Iterator[Entry]:
    for call in payment.calls.all():
        yield Entry(call.sent_at, "gateway", f"{call.operation}: {call.outcome} {call.detail}")
    for event in payment.events.all():
        yield Entry(event.received_at, "gateway", f"reported: {event.status}")


def _dispute_entries(payment: Payment) -> Iterator[Entry]:
    """Return when disputes were opened, decided by staff and ended, and the warnings of fraud."""
    for dispute in payment.disputes.prefetch_related("answers"):
        what = f"{dispute.kind} opened ({dispute.reason}), {dispute.amount}"
        yield Entry(dispute.opened_at, "bank", what)
        for answer in dispute.answers.all():
            yield Entry(answer.asked_at, "dispute", f"{answer.kind} ({answer.because})")
        if dispute.ended_at:
            yield Entry(dispute.ended_at, "bank", f"{dispute.kind} {dispute.state}")
    for warning in payment.fraud_warnings.all():
        yield Entry(warning.received_at, "bank", f"fraud warning ({warning.reason})")


def _profiles(order: Order) -> list[Profile]:
    """Return the order's eSIM and those that it replaced."""
    repairs = order.repairs.select_related("old_profile__sim", "new_profile__sim")
    found = {repair.old_profile_id: repair.old_profile for repair in repairs}
    found |= {repair.new_profile.pk: repair.new_profile for repair in repairs if repair.new_profile}
    if order.profile:
        found[order.profile.pk] = order.profile
    return list(found.values())


def _profile_entries(profile: Profile) -> Iterator[Entry]:
    ending = f"…{profile.sim.iccid[-4:]}"
    for call in profile.calls.all():
        codes = f" {call.subject_code}/{call.reason_code}" if call.reason_code else ""
        yield Entry(call.sent_at, "SM-DP+", f"{call.function} {ending}: {call.outcome}{codes}")
    for progress in profile.progress.all():
        codes = f" {progress.codes}" if progress.codes else ""
        point = f"download progress of {ending}, point {progress.point}"
        status = progress.status or "no status"
        is_ignored = progress.meaning == DownloadProgress.Meaning.NOTHING
        effect = ", which decides nothing" if is_ignored else ""
        what = f"{point}: {status}{codes}{effect}"
        yield Entry(progress.received_at, "device", what)


def _network_entries(order: Order) -> Iterator[Entry]:
    plan = order.plan_in_use
    if plan is None:
        return
    # A running plan has older calls, which are about other orders.
    for call in plan.network_calls.filter(sent_at__gte=order.created_at):
        what = f"{call.operation} …{call.iccid[-4:]}: {call.outcome} {call.detail}"
        yield Entry(call.sent_at, "network", what)


def _repair_entries(order: Order) -> Iterator[Entry]:
    for repair in order.repairs.all():
        yield Entry(repair.asked_at, "repair", f"{repair.kind} requested ({repair.because})")
        if repair.ended_at:
            error = f" ({repair.last_error})" if repair.last_error else ""
            yield Entry(repair.ended_at, "repair", f"{repair.kind} {repair.state}{error}")


def _return_entries(order: Order) -> Iterator[Entry]:
    order_return = return_of(order)
    if order_return:
        yield Entry(order_return.asked_at, "return", f"requested ({order_return.because})")
    if order_return and order_return.ended_at:
        error = f" ({order_return.last_error})" if order_return.last_error else ""
        yield Entry(order_return.ended_at, "return", f"{order_return.state}{error}")


def unproven_reports(order: Order) -> list[Entry]:
    """Return the error reports about the order's ICCIDs that its customer has not proven."""
    entries = (_report_entry(report) for report in _reports(order) if not report.is_proven)
    return sorted(entries, key=lambda entry: entry.at)


def _lpa_entries(order: Order) -> Iterator[Entry]:
    """Return the error reports about the order's ICCIDs from its customer and the SM-DP+."""
    for report in _reports(order):
        if report.is_proven:
            yield _report_entry(report)


def _reports(order: Order) -> list[Any]:
    """Return all reports about the order's ICCIDs, each with `is_proven`."""
    iccids = {profile.sim.iccid for profile in _profiles(order)}
    iccids |= {order.sim.iccid} if order.sim else set()
    is_proven = Q(visit__account=order.account_id) | Q(source=LpaReport.Source.SMDP)
    return list(LpaReport.objects.filter(iccid__in=iccids).annotate(is_proven=Q(is_proven)))


def _report_entry(report: LpaReport) -> Entry:
    on_device = f", {report.at_as_sent} on the device" if report.at_as_sent else ""
    return Entry(report.received_at, "host", f"LPA error {report.code}{on_device}")


def _handoffs(order: Order) -> list[Handoff]:
    """Return the handoffs of the order's visit and of the visits that repaired its eSIM."""
    visits = {order.visit_id, *order.repairs.values_list("visit_id", flat=True)}
    # A later visit may hand the order over too. Its handoff has the order's number.
    by_visit = Handoff.objects.filter(visit__in=visits - {None})
    of_order = Handoff.objects.filter(reference=order.display_number)
    return list((by_visit | of_order).distinct().prefetch_related("reports"))

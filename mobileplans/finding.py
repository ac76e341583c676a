"""How the desk finds visits and LPA errors."""

from collections.abc import Iterator

from django.db.models import QuerySet

from mobileplans.models import LpaReport, Visit
from moportal.finding import Kind, Typed, day

_IMEI_LENGTHS = range(14, 17)


def _visits() -> QuerySet[Visit]:
    # A join may read all accounts, because few visits have one.
    return Visit.objects.prefetch_related("account")


def _by_transaction_id(typed: Typed) -> QuerySet[Visit]:
    return _visits().filter(transaction_id__in=typed.transaction_ids)


def _by_device(typed: Typed) -> QuerySet[Visit]:
    """Find by the EID, SIM card or IMEI that the launch named. The IMEI is stored as sent."""
    if typed.eid:
        return _visits().filter(eid=typed.eid)
    if typed.iccid:
        return _visits().filter(iccid=typed.iccid)
    if typed.compact.isdigit() and len(typed.compact) in _IMEI_LENGTHS:
        return _visits().filter(imei__in={typed.text, typed.compact})
    return Visit.objects.none()


def _reports_by_iccid(typed: Typed) -> QuerySet[LpaReport]:
    if not typed.iccid:
        return LpaReport.objects.none()
    return LpaReport.objects.filter(iccid=typed.iccid)


def _reports_by_transaction_id(typed: Typed) -> QuerySet[LpaReport]:
    return LpaReport.objects.filter(visit__transaction_id__in=typed.transaction_ids)


def _facts_of_visit(visit: Visit) -> Iterator[str]:
    yield day(visit.launched_at)
    yield visit.step
    yield visit.refused_as
    yield str(visit.account or "")


def _facts_of_report(report: LpaReport) -> Iterator[str]:
    yield report.get_state_display()
    yield day(report.received_at)
    yield report.iccid and f"ICCID {report.iccid}"


KINDS = (
    Kind(
        "LPA errors", LpaReport, (_reports_by_iccid, _reports_by_transaction_id), _facts_of_report
    ),
    Kind("Visits", Visit, (_by_transaction_id, _by_device), _facts_of_visit),
)

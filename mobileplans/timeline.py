"""The events of visits: launches, handoffs, and what the device reported."""

from django.db.models import Q, QuerySet

from mobileplans.models import Handoff, HostReport, LpaReport, Visit
from moportal.timeline import Facts, Kind, Source, Subject, in_brackets


def _visits(subject: Subject) -> QuerySet[Visit]:
    return Visit.objects.filter(pk__in=subject.visits)


def _of_handoffs(subject: Subject, path: str = "") -> Q:
    """Match the handoffs of the visits. A later visit may hand an order over, too."""
    of_account = Q(**{f"{path}account": subject.account})
    if not subject.is_customer:
        of_account &= Q(**{f"{path}reference__in": subject.references})
    return Q(**{f"{path}visit__in": subject.visits}) | of_account


def _handoffs(subject: Subject) -> QuerySet[Handoff]:
    return Handoff.objects.filter(_of_handoffs(subject))


def _host_reports(subject: Subject) -> QuerySet[HostReport]:
    return HostReport.objects.filter(_of_handoffs(subject, "handoff__"))


def _lpa_reports(subject: Subject) -> QuerySet[LpaReport]:
    of_subject = Q(iccid__in=subject.iccids)
    if subject.is_customer:
        of_subject |= Q(visit__in=subject.visits)
    return LpaReport.objects.filter(of_subject)


def _launched(facts: Facts) -> str:
    how = "launched" if facts["is_launched"] else "opened without the app"
    refused = f", refused as {facts['refused_as']}" if facts["refused_as"] else ""
    place = f", in {facts['location']}" if facts["location"] else ""
    return f"{how}, {facts['transaction_id']}{place}{refused}"


def _lpa_error(facts: Facts) -> str:
    on_device = f", {facts['on_device']} on the device" if facts["on_device"] else ""
    return f"LPA error {facts['code']}{on_device}"


def _is_claim(subject: Subject, facts: Facts) -> bool:
    """Return whether neither the customer nor the SM-DP+ has reported it."""
    is_of_smdp = facts["source"] == LpaReport.Source.SMDP
    return not (is_of_smdp or facts["account"] == subject.account)


TIMELINE = (
    Source(
        name="visit",
        kind=Kind.VISITS,
        where="visit",
        rows=_visits,
        at="launched_at",
        facts={
            "row": "pk",
            "transaction_id": "transaction_id",
            "is_launched": "is_launched",
            "location": "location",
            "refused_as": "refused_as",
        },
        words=_launched,
        page=(Visit, "row"),
    ),
    Source(
        name="handoff",
        kind=Kind.VISITS,
        where="handoff",
        rows=_handoffs,
        at="created_at",
        facts={"status": "mo_direct_status", "order": "reference"},
        words=lambda facts: f"{facts['status']}{in_brackets(facts['order'])}",
    ),
    Source(
        name="host report",
        kind=Kind.VISITS,
        where="device",
        rows=_host_reports,
        at="received_at",
        facts={"about": "kind", "result": "result"},
        words=lambda facts: f"{facts['about']}: {facts['result']}",
    ),
    Source(
        name="LPA error",
        kind=Kind.ESIMS,
        where="host",
        rows=_lpa_reports,
        at="received_at",
        facts={
            "row": "pk",
            "code": "code",
            "on_device": "at_as_sent",
            "source": "source",
            "account": "visit__account",
        },
        words=_lpa_error,
        page=(LpaReport, "row"),
        is_claim=_is_claim,
    ),
)

"""The events of an account: sign-ins, what changed its access, and what staff did to it."""

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet

from accounts.models import AccessEvent, StaffRecovery, User
from moportal.timeline import Facts, Kind, Source, Subject


def _events(subject: Subject) -> QuerySet[AccessEvent]:
    return AccessEvent.objects.filter(account__in=_accounts(subject))


def _recoveries(subject: Subject) -> QuerySet[StaffRecovery]:
    return StaffRecovery.objects.filter(account__in=_accounts(subject))


def _acts(subject: Subject) -> QuerySet[LogEntry]:
    of_users = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(User))
    return of_users.filter(object_id__in=[str(key) for key in _accounts(subject)])


def _accounts(subject: Subject) -> list[int]:
    return [subject.account] if subject.is_customer else []


def _event(facts: Facts) -> str:
    times = f", {facts['count']} times" if facts["count"] > 1 else ""
    device = f", {facts['device']}" if facts["device"] else ""
    return f"{AccessEvent.Kind(facts['event']).label}{times}{device}"


def _act(facts: Facts) -> str:
    said = LogEntry(action_flag=facts["flag"], change_message=facts["text"]).get_change_message()
    return f"account changed by staff: {said}"


TIMELINE = (
    Source(
        name="access event",
        kind=Kind.ACCESS,
        where="account",
        rows=_events,
        at="at",
        facts={
            "event": "kind",
            "count": "count",
            "device": "device",
            "actor": "actor__username",
        },
        words=_event,
    ),
    Source(
        name="recovery by staff",
        kind=Kind.ACCESS,
        where="support",
        rows=_recoveries,
        at="started_at",
        facts={
            "row": "pk",
            "reason": "reason",
            "state": "state",
            "actor": "asked_by__username",
        },
        words=lambda facts: f"caller wants a new password ({facts['reason']}): {facts['state']}",
        page=(StaffRecovery, "row"),
    ),
    Source(
        name="act of staff",
        kind=Kind.ACCESS,
        where="desk",
        rows=_acts,
        at="action_time",
        facts={"flag": "action_flag", "text": "change_message", "actor": "user__username"},
        words=_act,
    ),
)

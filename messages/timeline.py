"""The messages to a customer, as events of a timeline."""

from django.db.models import QuerySet

from messages.models import Message
from messages.states import Channel, Occasion
from moportal.timeline import Facts, Kind, Source, Subject, in_brackets


def _messages(subject: Subject) -> QuerySet[Message]:
    return Message.objects.filter(address__in=subject.addresses)


def _written(facts: Facts) -> str:
    about = f"“{Occasion(facts['occasion']).label}”"
    by = "SMS" if facts["channel"] == Channel.SMS else "mail"
    return f"{about} by {by} to {facts['address']}: {facts['state']}{in_brackets(facts['reason'])}"


TIMELINE = (
    Source(
        name="message",
        kind=Kind.MESSAGES,
        where="message",
        rows=_messages,
        at="created_at",
        facts={
            "row": "pk",
            "occasion": "occasion",
            "channel": "channel",
            "address": "address",
            "state": "state",
            "reason": "reason",
        },
        words=_written,
        page=(Message, "row"),
    ),
)

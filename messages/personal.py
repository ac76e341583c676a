"""What messages know about a customer: an address, and what was said."""

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from messages.domain.writing import KIND
from messages.models import Message, SendingCall, SentCount
from moportal.personal import (
    INTERNAL,
    SECRET,
    Impersonal,
    Keep,
    Person,
    Personal,
    Reason,
    register,
)

TOLD = Reason(
    "told",
    _("The message that tells you that your account was deleted, with your address."),
    setting="MESSAGE_DAYS",
    is_certain=True,
)


def _sent_to(person: Person) -> Q:
    return Q(address__in=person.addresses)


def _calls_for(person: Person) -> Q:
    return Q(message__address__in=person.addresses)


register(
    Personal(
        Message,
        _sent_to,
        section="messages sent",
        exports={
            "occasion": "about",
            "address": "sent to",
            "channel": "sent by",
            "language": "language",
            "place": "time zone or market",
            "context": "what it says",
            "state": "state",
            "created_at": "written at",
            "ended_at": "sent at",
        },
        withholds={
            "code": SECRET,
            "key": INTERNAL,
            "reason": INTERNAL,
            "gateway_id": INTERNAL,
            "last_error": INTERNAL,
        },
        # The message that confirms the deletion is written after all others are deleted.
        keeps=(Keep(TOLD, ("address", "context", "key")),),
        tasks=(KIND,),
    ),
    Personal(
        SendingCall,
        _calls_for,
        withholds={"detail": INTERNAL, "sender": INTERNAL, "gateway_id": INTERNAL},
    ),
    Impersonal(SentCount, "digests of addresses, for an hour"),
)

"""Senders behind one protocol; MAIL_SENDER and SMS_SENDER name those in use."""

from functools import cache

from django.conf import settings
from django.utils.module_loading import import_string

from messages.senders.base import MessageRefused, Sender
from messages.states import Channel

SETTINGS = {Channel.MAIL: "MAIL_SENDER", Channel.SMS: "SMS_SENDER"}


def sender_of(channel: Channel) -> Sender:
    """Return the sender of this installation, or raise `MessageRefused` if there is none."""
    name = SETTINGS[channel]
    path: str = getattr(settings, name)
    if not path:
        raise MessageRefused(f"{name} is not set.")
    return _made(path)


@cache
def _made(path: str) -> Sender:
    chosen: type[Sender] = import_string(path)
    return chosen()

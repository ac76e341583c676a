"""How long the tables of messages keep their rows."""

from messages.models import Message, SendingCall, SentCount
from moportal.retention import Timed, register

register(
    Timed(
        SendingCall,
        "the attempts to send a message",
        setting="MESSAGE_DAYS",
        since="message__ended_at",
    ),
    Timed(
        Message,
        "a message with its address and what it said; the account keeps a copy",
        setting="MESSAGE_DAYS",
        since="ended_at",
    ),
    Timed(SentCount, "what the limits on messages have counted", since="ends_at"),
)

"""Write a message, in the transaction that makes it true; a worker sends it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import structlog
from django.db import IntegrityError, transaction
from django.utils.timezone import now

from messages.domain.budget import NotAllowed, check_address, check_limits
from messages.models import Message
from messages.states import FAILED, Channel, MessageState, Occasion
from moportal.database.statements import insert_new
from outbox.domain import enqueue

log = structlog.get_logger(__name__)
# The outbox's kind for messages.
KIND = "message"


class CannotResend(Exception):
    """The message is on its way, had a code, or its content was deleted."""


def channel_of(address: str) -> Channel:
    """Return the channel for an email address or a phone number in its normal form."""
    return Channel.MAIL if "@" in address else Channel.SMS


def write(
    occasion: Occasion,
    *,
    key: str,
    address: str,
    language: str,
    context: Mapping[str, Any],
    code: str = "",
    lapses_at: datetime | None = None,
    place: str = "",
) -> int | None:
    """Write a message and return its id, or None if the address was told of this occasion already.

    `place` is the reader's time zone or market: see `messages.domain.quiet_hours`.

    A message with a code must have `lapses_at`. It raises `NotAllowed` if its number gets no SMS or
    a limit is used up, because its reader waits for it. Any other message is then stored as
    refused, and staff see why, because the event that it reports has happened.
    """
    channel = channel_of(address)
    reason = _reason_to_refuse(channel, address, has_code=bool(code))
    if reason:
        log.warning("message refused", occasion=occasion, key=key, reason=reason)
    row = Message(
        occasion=occasion,
        key=key,
        channel=channel,
        address=address,
        language=language,
        place=place,
        context=dict(context),
        code=code,
        lapses_at=lapses_at,
        reason=reason,
        state=MessageState.REFUSED if reason else MessageState.QUEUED,
        ended_at=now() if reason else None,
    )
    return _insert(row)


def _reason_to_refuse(channel: Channel, address: str, *, has_code: bool) -> str:
    """Return why the message may not be sent, or an empty text. Raise it if there is a code."""
    try:
        check_address(channel, address)
        if has_code:
            check_limits(channel, address)
    except NotAllowed as error:
        if has_code:
            raise
        return str(error)
    return ""


def _insert(row: Message) -> int | None:
    with transaction.atomic(savepoint=False):
        keys: list[int] = insert_new([row])
        if keys and row.state == MessageState.QUEUED:
            enqueue(KIND, keys[0])
    return keys[0] if keys else None


def resend(message: Message) -> Message:
    """Write a new message with the same content to the same address, and return it.

    A code is never sent again: its reader asks for a new one. Raises `CannotResend`.
    """
    has_ended = message.state in FAILED | {MessageState.SENT}
    if not has_ended or message.lapses_at or not message.context:
        raise CannotResend(message.pk)
    again = Message(
        occasion=message.occasion,
        key=message.key,
        channel=message.channel,
        address=message.address,
        language=message.language,
        context=message.context,
        resend_of=message,
    )
    try:
        with transaction.atomic():
            again.save(force_insert=True)
            enqueue(KIND, again.pk)
    except IntegrityError as error:
        # Two clicks, or two of the staff.
        raise CannotResend(message.pk) from error
    return again

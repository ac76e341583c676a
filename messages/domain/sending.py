"""Send a message; the outbox's handler for messages.

A worker may die or stall at any moment. What the sender has answered is stored in the call's row,
so the message is sent a second time only if an answer was lost.
"""

from datetime import timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.utils.timezone import now

from messages.domain import budget
from messages.domain.quiet_hours import time_until_day
from messages.models import Message, SendingCall
from messages.rendering import render
from messages.senders import sender_of
from messages.senders.base import Letter, MessageRefused
from messages.signals import message_ended
from messages.states import NEXT_STATES, OPEN, Channel, MessageState, Occasion
from moportal.database.statements import move
from outbox.calls import Outcome, record_call
from outbox.domain import Lease, LeaseLost, RetryAfter
from outbox.retries import count_failure

log = structlog.get_logger(__name__)
LONGEST_REASON = 200


def send(subject: str, lease: Lease) -> RetryAfter | None:
    """Send the message, unless it has ended or its time is over.

    1. Wait for the day, if the message is not urgent.
    2. Count the message against its limits, once.
    3. If an earlier attempt was answered, store its result and send nothing.
    4. Otherwise make one attempt. If the sender gives no usable answer, the message is sent again
       later, for MESSAGE_RETRY_HOURS.
    """
    message = Message.objects.get(pk=subject)
    structlog.contextvars.bind_contextvars(message=message.pk, key=message.key)
    if message.state not in OPEN:
        return None
    if message.lapses_at is not None and message.lapses_at <= now():
        _end(message, MessageState.LAPSED)
        return None
    wait = time_until_day(message, at=now())
    if wait:
        return RetryAfter(wait)
    is_first = message.state == MessageState.QUEUED
    if is_first and not _begin(message):
        return None
    return _send_or_retry(message, lease, is_first=is_first)


def _begin(message: Message) -> bool:
    """Count the message and move it to sending, in one transaction; or refuse it."""
    try:
        with transaction.atomic():
            budget.count(Channel(message.channel), message.address)
            return move(message, NEXT_STATES, MessageState.SENDING)
    except budget.NotAllowed as error:
        _end(message, MessageState.REFUSED, reason=str(error))
        return False


def _send_or_retry(message: Message, lease: Lease, *, is_first: bool) -> RetryAfter | None:
    try:
        earlier = None if is_first else _answered(message)
        call = earlier or _call(message, lease)
    except LeaseLost:
        raise
    except MessageRefused as error:
        _end(message, MessageState.REFUSED, reason=str(error))
    except Exception as error:
        # A bug counts as a failed attempt, so that staff see the message in the end.
        log.exception("message not sent")
        return _retry_or_stop(message, error)
    else:
        _end(message, MessageState.SENT, gateway_id=call.gateway_id)
    return None


def _answered(message: Message) -> SendingCall | None:
    """Return an earlier attempt that was answered, or None. Raises `MessageRefused` likewise.

    The worker that made it died before it ended the message.
    """
    known = message.calls.filter(outcome__in=[Outcome.ANSWERED, Outcome.REFUSED]).last()
    if known and known.outcome == Outcome.REFUSED:
        raise MessageRefused(known.detail)
    return known


def _call(message: Message, lease: Lease) -> SendingCall:
    channel = Channel(message.channel)
    sender = sender_of(channel)
    context = {**message.context, "code": message.code}
    words = render(Occasion(message.occasion), context, language=message.language, channel=channel)
    letter = Letter(
        message.identifier, message.address, message.language, words.subject, words.text
    )
    call = SendingCall(message=message, sender=type(sender).__name__)
    record_call(
        call,
        lambda: sender.send(letter),
        before_call=lease.cover_call,
        refusals=(MessageRefused,),
        describe=lambda answer: {"outcome": Outcome.ANSWERED, "gateway_id": answer},
    )
    return call


def _retry_or_stop(message: Message, error: Exception) -> RetryAfter | None:
    delay = count_failure(message, error)
    # A message may have waited for the day before its first attempt.
    first = message.calls.order_by("pk").first()
    begun_at = first.sent_at if first else message.created_at
    if now() - begun_at < timedelta(hours=settings.MESSAGE_RETRY_HOURS):
        return RetryAfter(delay)
    log.error("the message was not delivered: staff must act")
    _end(message, MessageState.UNDELIVERED, reason=message.last_error)
    return None


def _end(message: Message, state: MessageState, *, reason: str = "", gateway_id: str = "") -> None:
    """End the message and delete its code. A message that has ended is left as it is."""
    has_ended = move(
        message,
        NEXT_STATES,
        state,
        reason=reason[:LONGEST_REASON],
        gateway_id=gateway_id,
        ended_at=now(),
        code="",
    )
    log.info("message ended", state=state, reason=reason)
    if has_ended:
        # A receiver that fails must not let the message be sent again.
        message_ended.send_robust(sender=Message, message=message)

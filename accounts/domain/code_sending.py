"""Make a one-time code and write its message; the outbox's handler for requests."""

import secrets
from datetime import timedelta

import structlog
from django.db import transaction
from django.utils.timezone import now

from accounts.domain import addresses, numbers, operator_codes
from accounts.domain.codes import digest_of
from accounts.domain.recovery import ALPHABET
from accounts.models import CodeRequest
from accounts.models.codes import LIFETIME
from accounts.states import NEXT_STATES, CodeState, Refusal
from messages.domain.budget import NotAllowed
from messages.domain.writing import write
from messages.models import Message
from messages.states import FAILED, MessageState, Occasion
from moportal.database.statements import move
from moportal.http_client import ServiceUnavailable
from outbox.domain import Lease, RetryAfter

log = structlog.get_logger(__name__)
# Six characters out of 27 make nearly 400 million codes. A guesser has CODE_LIMIT times five tries
# an hour at one address.
LENGTH = 6
RETRY = timedelta(seconds=2)


def send(subject: str, lease: Lease) -> RetryAfter | None:
    """Check the number, then make the code and write its message, or let the operator do that.

    A request without an account takes the same steps, but has no message.
    """
    asked = CodeRequest.objects.select_related("account").filter(pk=subject).first()
    # A request with a digest has its message.
    if asked is None or asked.digest or asked.state not in {CodeState.CHECKING, CodeState.SENDING}:
        return None
    if asked.expires_at <= now():
        _end(asked, CodeState.LAPSED)
        return None
    try:
        return _check_and_send(asked, lease)
    except numbers.NumberNotChecked as error:
        log.warning("number not checked", error=str(error))
        _end(asked, CodeState.REFUSED, refusal=Refusal.UNCHECKED)
    except ServiceUnavailable as error:
        log.warning("number not checked yet", error=str(error))
        return RetryAfter(max(RETRY, error.retry_after))
    except NotAllowed as error:
        log.warning("code refused", purpose=asked.purpose, reason=str(error))
        _end(asked, CodeState.REFUSED, refusal=Refusal.LIMIT)
    return None


def _check_and_send(asked: CodeRequest, lease: Lease) -> RetryAfter | None:
    is_new = asked.state == CodeState.CHECKING
    if is_new and _changed_hands(asked, lease):
        addresses.distrust(asked.address)
        _end(asked, CodeState.REFUSED, refusal=Refusal.NUMBER_CHANGED)
        return None
    if not operator_codes.makes_code_for(asked.address):
        _send(asked)
        return None
    if is_new and not operator_codes.begin(asked):
        return None
    return operator_codes.send(asked, lease)


def _changed_hands(asked: CodeRequest, lease: Lease) -> bool:
    is_number = asked.address.startswith("+") and asked.account is not None
    return is_number and numbers.check_before_code(asked, lease)


@transaction.atomic
def _send(asked: CodeRequest) -> None:
    """Store the code's digest and write the message, or neither."""
    code = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    asked.expires_at = now() + LIFETIME
    changed = {"digest": digest_of(asked, code), "expires_at": asked.expires_at}
    is_mine = move(asked, NEXT_STATES, CodeState.SENDING, **changed)
    if not is_mine or asked.account is None:
        return
    write(
        Occasion.CODE,
        key=message_key(asked),
        address=asked.address,
        language=asked.language,
        context={"name": asked.account.name, "minutes": LIFETIME // timedelta(minutes=1)},
        code=code,
        lapses_at=asked.expires_at,
    )


def message_key(asked: CodeRequest) -> str:
    """Return the key of the code's message."""
    return f"code {asked.identifier.hex}"


def note_ended_message(message: Message, **_signal: object) -> None:
    """Store what became of a code's message; a receiver of `messages.signals.message_ended`."""
    if message.occasion != Occasion.CODE:
        return
    identifier = message.key.removeprefix("code ")
    asked = CodeRequest.objects.filter(identifier=identifier).first()
    if asked is None:
        return
    if message.state == MessageState.SENT:
        move(asked, NEXT_STATES, CodeState.SENT)
    elif message.state in FAILED:
        _end(asked, CodeState.REFUSED, refusal=Refusal.UNDELIVERED)


def _end(asked: CodeRequest, state: CodeState, *, refusal: str = "") -> None:
    move(asked, NEXT_STATES, state, refusal=refusal, ended_at=now())

"""What the pages that wait for a one-time code and take it share."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _

from accounts import texts
from accounts.access.limiter import Locked
from accounts.domain import codes, typed_codes
from accounts.forms import CodeForm, RecoveryByCodeForm
from accounts.models import CodeRequest, User
from accounts.models.codes import MOST_TRIES
from accounts.states import CodeState, Purpose, Refusal, TypedVerdict
from accounts.views.shared import own_target
from moportal.web.kept_forms import restore_form

# A page that reloads itself would lose what is being typed. So it stops waiting after a while, even
# if no answer says yet that the code was sent.
PATIENCE = timedelta(seconds=20)


def ask_for_code(request: HttpRequest, purpose: Purpose, address: str, account: User) -> str:
    """Ask for a code to this address, and return why none is sent, or an empty text."""
    try:
        codes.request_code(request, purpose, address, account=account)
    except Locked as locked:
        return texts.too_many_codes_text(locked)
    except codes.NumberInDevice:
        return str(texts.NUMBER_IN_DEVICE)
    return ""


def code_context(
    request: HttpRequest, asked: CodeRequest, *, page: str, others: str
) -> dict[str, Any]:
    """Return what the page of a code shows: that it waits, the form, or why there is no code.

    `page` names the page's URL, `page`-again the one that sends a new code, and `others` the page
    on which another address can be chosen.
    """
    target = request.GET.get("next", "")
    return {
        "phase": phase_of(asked),
        "note": note_of(asked),
        "address": asked.address,
        "why_not": texts.WHY_NOT_SENT.get(Refusal(asked.refusal)) if asked.refusal else "",
        "may_ask_again": not asked.refusal or Refusal(asked.refusal) in texts.MAY_ASK_AGAIN,
        "form": restore_form(request, CodeForm, {"next": target}),
        "next": target,
        "again_url": reverse(f"{page}-again"),
        "others_url": reverse(others),
        "others_text": _("Use another address"),
        "back_url": own_target(target) or reverse(others),
    }


def phase_of(asked: CodeRequest) -> str:
    """Return what the page shows: sending, enter, checking, accepted, refused or over.

    Only the operator's own codes are checked by a worker, while the page waits.
    """
    if asked.state == CodeState.REFUSED:
        return "refused"
    if typed_codes.is_being_checked(asked):
        return "checking"
    # The answer may have come since the row was read. With the old row, the page would ask for the
    # code again, and would not load itself again.
    asked.refresh_from_db()
    if typed_codes.is_accepted(asked):
        return "accepted"
    is_over = asked.expires_at <= now() or asked.tries >= MOST_TRIES
    if is_over or asked.state in {CodeState.USED, CodeState.LAPSED}:
        return "over"
    is_slow = asked.created_at < now() - PATIENCE
    is_sent = asked.state == CodeState.SENT or (asked.state == CodeState.SENDING and is_slow)
    return "enter" if is_sent else "sending"


def note_of(asked: CodeRequest) -> str:
    """Return what the operator's service said about the code that was typed last, if it was wrong.

    A customer who has forgotten the password reads the same in each case.
    """
    verdict = typed_codes.verdict_of(asked)
    if verdict is None or verdict == TypedVerdict.RIGHT:
        return ""
    if verdict in texts.CODE_ENDED and asked.purpose != Purpose.RECOVER:
        return str(texts.CODE_ENDED[verdict])
    return texts.wrong_code_text(MOST_TRIES - asked.tries)


@contextmanager
def shows_code_error(form: CodeForm | RecoveryByCodeForm) -> Iterator[None]:
    """Put what is wrong with the code into the form.

    Raises `accounts.domain.codes.CodeBeingChecked`: the page waits, and shows no error.
    """
    try:
        yield
    except codes.WrongCode as wrong:
        form.add_error("code", texts.wrong_code_text(wrong.tries_left))
    except codes.CodeOver:
        form.add_error("code", texts.CODE_OVER)

"""A customer's way back in that staff start, after they have checked who is calling.

1. One of the staff writes a reason and asks the caller for facts (`accounts.access.caller_facts`).
   `accounts.domain.caller_check` counts and compares the answers.
2. With enough right answers there is a code. It is sent to a proven address, so staff never see it.
   Or it is shown to the one who asked, once, to be read out. Then a second person must have agreed.
3. The customer types the code into the page to recover (`accounts.domain.staff_codes`).

The right answers are on the desk's own pages. So the check keeps strangers out, but not a dishonest
agent. The proven address or the second person does that.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils.timezone import now

from accounts.access import caller_facts, events, limiter
from accounts.access.events import Kind
from accounts.access.known_browsers import browser_of
from accounts.desk_states import OPEN_RECOVERY, RecoveryState
from accounts.domain import caller_check, staff_codes
from accounts.domain.announcing import OCCASIONS, announce
from accounts.domain.staff_codes import move
from accounts.domain.telling import language_of
from accounts.models import PasswordLink, StaffRecovery, User
from messages.domain.budget import NotAllowed
from messages.domain.writing import write
from messages.states import Occasion

log = structlog.get_logger(__name__)
# From the reason to the code.
CHECK_LIFETIME = timedelta(minutes=30)
MINUTES = staff_codes.LIFETIME // timedelta(minutes=1)


class NotPossible(Exception):
    """The step is not possible. The text tells staff why."""


def start(account: User, *, actor: User, reason: str) -> StaffRecovery:
    """Begin to check a caller who says that the account is theirs.

    Raises `NotPossible`, or `accounts.access.limiter.Locked` after too many wrong answers.
    """
    _check_permission(actor)
    if account.is_staff or account.is_superuser or not account.is_active:
        raise NotPossible("This way is for customers with an active account. Never for staff.")
    if not caller_facts.is_enough([fact.name for fact in caller_facts.facts_of(account)]):
        raise NotPossible(
            "The account has too few facts for a check. There is no other way by phone."
        )
    if locked := caller_check.find_lock(account):
        raise locked

    for old in account.staff_recoveries.filter(state__in=OPEN_RECOVERY, expires_at__lte=now()):
        move(old, RecoveryState.LAPSED)
    recovery = StaffRecovery(
        account=account, asked_by=actor, reason=reason, expires_at=now() + CHECK_LIFETIME
    )
    try:
        with transaction.atomic():
            recovery.save(force_insert=True)
            _report(recovery, Kind.SUPPORT_STARTED, actor=actor)
    except IntegrityError as error:
        raise NotPossible("Another recovery of this account is open. Stop it first.") from error
    return recovery


def answer(recovery: StaffRecovery, *, actor: User, answers: Mapping[str, str]) -> dict[str, bool]:
    """Compare the caller's answers, by the names of their facts, and return which were right.

    A right answer stays. The one wrong answer too many ends the recovery.
    """
    _check_asker(recovery, actor)
    _check_state(recovery, RecoveryState.CHECKING)
    found: dict[str, bool] = {}
    for fact in caller_facts.facts_of(recovery.account):
        typed = answers.get(fact.name, "")
        if not fact.normalise(typed) or fact.name in recovery.right:
            continue
        try:
            found[fact.name] = _compare(recovery, fact, typed)
        except limiter.Locked:
            break
    if caller_check.find_lock(recovery.account):
        _refuse(recovery, actor)
    elif caller_facts.is_enough(recovery.right):
        move(recovery, RecoveryState.CHECKED)
    return found


def _compare(recovery: StaffRecovery, fact: caller_facts.CallerFact, typed: str) -> bool:
    is_right = caller_check.compare(fact, recovery.account, typed)
    with transaction.atomic():
        # Two forms may arrive at the same time. Neither may lose the other's answers.
        row = StaffRecovery.objects.select_for_update().get(pk=recovery.pk)
        row.right = sorted({*row.right, fact.name}) if is_right else row.right
        row.wrong += not is_right
        row.save(update_fields=["right", "wrong"])
    recovery.right, recovery.wrong = row.right, row.wrong
    return is_right


def _refuse(recovery: StaffRecovery, actor: User) -> None:
    with transaction.atomic():
        if move(recovery, RecoveryState.REFUSED):
            _report(recovery, Kind.SUPPORT_REFUSED, actor=actor)


def send_code(recovery: StaffRecovery, *, actor: User, address: str) -> None:
    """Send a code to an address that was proven long enough ago. Staff never see it."""
    _check_asker(recovery, actor)
    _check_state(recovery, RecoveryState.CHECKED)
    if address not in staff_codes.addresses_for_code(recovery.account):
        raise NotPossible(
            "A code is sent to an email address that the customer has proven, a week ago or more."
        )
    code, expires_at = _new_code()
    try:
        with transaction.atomic():
            _give_out(recovery, code, expires_at, sent_to=address)
            write(
                Occasion.SUPPORT_CODE,
                key=f"recovery-{recovery.pk}",
                address=address,
                language=language_of(recovery.account),
                context={"name": recovery.account.name, "minutes": MINUTES},
                code=code,
                lapses_at=expires_at,
            )
            _report(recovery, Kind.SUPPORT_CODE, actor=actor)
    except NotAllowed as error:
        recovery.refresh_from_db()
        raise NotPossible(str(error)) from error


def ask_second_person(recovery: StaffRecovery, *, actor: User) -> None:
    """Ask that another person agrees to reading a code out."""
    _check_asker(recovery, actor)
    _move(recovery, RecoveryState.ASKED)


def approve(recovery: StaffRecovery, *, actor: User, request: HttpRequest) -> None:
    """Agree, as the second person, that the one who asked sees a code and reads it out.

    The agent who asked must not agree. Two people of whom one has given the other a password link
    may be the same person, so neither agrees to what the other asks. Nobody agrees in a browser in
    which the agent who asked has signed in.
    """
    _check_permission(actor)
    if actor == recovery.asked_by:
        raise NotPossible("A second person must agree, not the agent who asked.")
    if _may_be_the_same(actor, recovery.asked_by):
        raise NotPossible("One of you has given the other a password link. Ask somebody else.")
    if browser_of(request, recovery.asked_by):
        raise NotPossible("Your colleague has used this browser to sign in. Use your own device.")
    with transaction.atomic():
        _move(recovery, RecoveryState.APPROVED, approved_by=actor)
        _report(recovery, Kind.SUPPORT_APPROVED, actor=actor)


def decline(recovery: StaffRecovery, *, actor: User) -> None:
    """Refuse, as the second person, that a code is read out."""
    _check_permission(actor)
    if actor == recovery.asked_by:
        raise NotPossible("Only a second person can decline. You can stop the recovery instead.")
    _stop(recovery, RecoveryState.DECLINED, actor=actor)


def show_code(recovery: StaffRecovery, *, actor: User) -> str:
    """Return a code for the one who asked, to be read out. It is shown this once."""
    _check_asker(recovery, actor)
    _check_state(recovery, RecoveryState.APPROVED)
    code, expires_at = _new_code()
    with transaction.atomic():
        _give_out(recovery, code, expires_at)
        _report(recovery, Kind.SUPPORT_CODE, actor=actor)
    return code


def withdraw(recovery: StaffRecovery, *, actor: User) -> None:
    """Stop the recovery. A code that was given out works no more."""
    _check_permission(actor)
    _stop(recovery, RecoveryState.WITHDRAWN, actor=actor)


def _stop(recovery: StaffRecovery, new: RecoveryState, *, actor: User) -> None:
    with transaction.atomic():
        _move(recovery, new)
        _report(recovery, Kind.SUPPORT_STOPPED, actor=actor)


def _new_code() -> tuple[str, datetime]:
    return staff_codes.new_code(), now() + staff_codes.LIFETIME


def _give_out(
    recovery: StaffRecovery, code: str, expires_at: datetime, *, sent_to: str = ""
) -> None:
    """Let the code work. A code that is not sent needs the second person's agreement."""
    _move(
        recovery,
        RecoveryState.CODE_MADE,
        expected={"approved_by__isnull": bool(sent_to)},
        code_digest=staff_codes.digest_of(recovery, code),
        code_mark=staff_codes.mark_of(recovery, code),
        sent_to=sent_to,
        expires_at=expires_at,
    )


def _move(recovery: StaffRecovery, new: RecoveryState, **columns: Any) -> None:
    """Move the recovery on, or raise `NotPossible`, because it is elsewhere already."""
    if not move(recovery, new, **columns):
        raise NotPossible(_state_text(recovery))


def _check_state(recovery: StaffRecovery, state: RecoveryState) -> None:
    if recovery.state != state or not recovery.is_open:
        raise NotPossible(_state_text(recovery))


def _state_text(recovery: StaffRecovery) -> str:
    return f"This step is not possible now. The state is: {recovery.shown_state}."


def _check_permission(actor: User) -> None:
    if not actor.is_staff or not actor.has_perm("accounts.start_recovery"):
        raise PermissionDenied


def _check_asker(recovery: StaffRecovery, actor: User) -> None:
    """Only the one who asked the caller goes on with the recovery."""
    _check_permission(actor)
    if actor != recovery.asked_by:
        raise NotPossible("Only the agent who started the recovery can do this.")


def _may_be_the_same(one: User, other: User) -> bool:
    """Return whether one of them may know the other's password, over any number of links.

    Whoever gave a link may have used it. With that password they may have given the next one.
    """
    return other.pk in _within_reach(one) or one.pk in _within_reach(other)


def _within_reach(giver: User) -> set[int]:
    """Return the keys of all users with a password that this user may know, by links."""
    reached: set[int] = set()
    found = {giver.pk}
    while found:
        reached |= found
        given = PasswordLink.objects.filter(issued_by__in=found)
        found = set(given.values_list("user_id", flat=True)) - reached
    return reached


def _report(recovery: StaffRecovery, kind: Kind, *, actor: User) -> None:
    """Store the event and tell the account's addresses. Call it in the transaction of the move."""
    if kind in OCCASIONS:
        announce(recovery.account, kind, actor=actor, context={"step": kind})
    else:
        events.record(recovery.account, kind, actor=actor)
    log.info(
        "recovery by staff",
        kind=kind,
        recovery=recovery.pk,
        account=recovery.account_id,
        actor=actor.pk,
    )

"""Do something for a customer, at once or after a second person has approved it.

Each action is a row with its reason and who did it. The row and the action are stored together, or
neither is. Workers then do what must be done elsewhere.
"""

from collections.abc import Mapping
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.utils.timezone import now

from accounts.models import User
from moportal.actions import Action, ActionRefused
from support.domain import openings
from support.models import StaffAction

log = structlog.get_logger(__name__)


def perform(
    action: Action, row: Any, *, account: User, actor: User, given: Mapping[str, str]
) -> StaffAction:
    """Do this with the row, or ask a second person if the operator wants two for it.

    `given` is what the action's form was filled in with, and is valid. Raises `ActionRefused` if
    the row has changed since it was shown, and `PermissionDenied`.
    """
    _check(action, account, actor)
    is_asked = action.needs_second_person
    values = _values(action, row, given)
    staff_action = StaffAction(
        account=account,
        action=action.name,
        row=row.pk,
        label=action.label(row)[:200],
        reason=values["because"],
        asked_by=actor,
        values=dict(given) if is_asked else {},
        state=StaffAction.State.ASKED if is_asked else StaffAction.State.DONE,
        decided_at=None if is_asked else now(),
    )
    try:
        with transaction.atomic():
            staff_action.save()
            if not is_asked:
                _run(action, row, actor, values)
    except IntegrityError as error:
        raise ActionRefused("It waits for a second person already.") from error
    log.info("action of staff", action=action.name, account=account.pk, actor=actor.pk)
    return staff_action


def approve(asked: StaffAction, action: Action, row: Any, *, actor: User) -> None:
    """Do what a colleague has asked for. Raises `ActionRefused` and `PermissionDenied`.

    Nobody approves what they have asked for.
    """
    _check(action, asked.account, actor)
    if actor.pk == asked.asked_by_id:
        raise PermissionDenied
    with transaction.atomic():
        given = _decide(asked, StaffAction.State.DONE, actor)
        _run(action, row, actor, _values(action, row, given))


def decline(asked: StaffAction, action: Action, *, actor: User) -> None:
    """Do not do it. Whoever has asked may take it back so. Raises what `approve` raises."""
    _check(action, asked.account, actor)
    with transaction.atomic():
        _decide(asked, StaffAction.State.DECLINED, actor)


def _decide(asked: StaffAction, state: StaffAction.State, actor: User) -> dict[str, str]:
    """End the wait, once, and return what was typed."""
    waiting = StaffAction.objects.select_for_update().filter(state=StaffAction.State.ASKED)
    fresh = waiting.filter(pk=asked.pk).first()
    if fresh is None:
        raise ActionRefused("A colleague has decided about it already.")
    given: dict[str, str] = fresh.values
    fresh.state, fresh.decided_by, fresh.decided_at, fresh.values = state, actor, now(), {}
    fresh.save()
    log.info("action of staff decided", action=fresh.action, state=state, actor=actor.pk)
    return given


def _values(action: Action, row: Any, given: Mapping[str, str]) -> dict[str, Any]:
    form = action.form(row, given)
    if not form.is_valid():
        raise ActionRefused("What was typed is not possible any more. Ask for it again.")
    return form.cleaned_data


def _run(action: Action, row: Any, actor: User, values: Mapping[str, Any]) -> None:
    if not action.is_possible(row):
        raise ActionRefused("This is not possible any more. Something else has happened meanwhile.")
    try:
        action.run(row, actor, values)
    except tuple(action.refusals) as error:
        raise ActionRefused(action.refusals[type(error)]) from error


def _check(action: Action, account: User, actor: User) -> None:
    """Only who sees the customer's page acts on it, and only with the action's permission."""
    if not actor.has_perm(action.permission) or not openings.open_now(account, actor=actor):
        raise PermissionDenied

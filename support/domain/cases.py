"""Work on a case: take it, give it back, write what happened."""

import structlog
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.timezone import now

from accounts.models import User
from support.models import CaseNote, CaseWork

log = structlog.get_logger(__name__)


class OwnerChanged(Exception):
    """A colleague has taken or given back the case since it was shown."""


def change_owner(
    kind: str, row: int, *, actor: User, shown_owner: int | None, new_owner: User | None
) -> None:
    """Give the case to its new owner, or to nobody. Raises `OwnerChanged`.

    `shown_owner` is whom the actor saw as its owner.
    """
    _check(actor)
    with transaction.atomic():
        CaseWork.objects.get_or_create(kind=kind, row=row)
        # Race: two of the staff may take it at once. One of them is told so.
        work = CaseWork.objects.filter(kind=kind, row=row, owner=shown_owner)
        if not work.update(owner=new_owner, changed_at=now()):
            raise OwnerChanged(f"{kind} {row}")
    log.info("case owner", kind=kind, row=row, actor=actor.pk, taken=new_owner is not None)


def write_note(kind: str, row: int, *, account: int | None, actor: User, text: str) -> CaseNote:
    """Store what happened, for colleagues and auditors. The customer's timeline shows it, too."""
    _check(actor)
    return CaseNote.objects.create(
        kind=kind, row=row, account_id=account, text=text, written_by=actor
    )


def _check(actor: User) -> None:
    if not actor.has_perm("support.work_cases"):
        raise PermissionDenied

"""The deletion of an account: its owner asks for it, may undo it for a week, and then it is erased.

Plans that renew are cancelled at once. Nothing is erased before the week is over, nor while an
order, a dispute or a repair is open (`accounts.domain.endings`).
"""

from datetime import timedelta

import structlog
from django.db import transaction
from django.http import HttpRequest
from django.utils.timezone import now
from django.utils.translation import get_language

from accounts.access import sessions
from accounts.access.events import Kind
from accounts.domain import endings, erasing
from accounts.domain.announcing import announce
from accounts.domain.endings import When
from accounts.domain.telling import addresses_to_tell, language_of
from accounts.models import Deletion, User
from accounts.states import NEXT_DELETION_STATES, OPEN_DELETION, DeletionState
from messages.domain.writing import write
from messages.states import Occasion
from moportal.database.statements import insert_new, move
from outbox.domain import Lease, RetryAfter, enqueue

log = structlog.get_logger(__name__)
KIND = "deletion"
UNDO_TIME = timedelta(days=7)
# How often a deletion that waits checks its obstacles.
INTERVAL = timedelta(minutes=15)
# A worker ends a plan or removes a card within seconds.
SOON = timedelta(seconds=10)


def open_deletion(account: User) -> Deletion | None:
    """Return the deletion that was asked for and has not ended, or None."""
    return account.deletions.filter(state__in=sorted(OPEN_DELETION)).first()


def ask(request: HttpRequest, account: User) -> None:
    """Store the request, cancel what renews, and tell all addresses. A second call does nothing."""
    at = now()
    due_at = at + UNDO_TIME
    language = language_of(account, get_language() or "")
    row = Deletion(account=account, language=language, asked_at=at, due_at=due_at)
    with transaction.atomic():
        keys = insert_new([row])
        if not keys:
            return
        endings.end_all(account, When.ASKED)
        announce(account, Kind.DELETION_ASKED, request=request, context={"due_at": due_at})
        enqueue(KIND, keys[0])
    log.info("deletion requested", account=account.pk)


def undo(request: HttpRequest, account: User) -> bool:
    """Undo the deletion, and return whether it was undone. Nothing that ended begins again."""
    found = open_deletion(account)
    if found is None:
        return False
    with transaction.atomic():
        if not move(found, NEXT_DELETION_STATES, DeletionState.UNDONE, ended_at=now()):
            return False
        announce(account, Kind.DELETION_UNDONE, request=request)
    log.info("deletion undone", account=account.pk)
    return True


def advance(subject: str, lease: Lease) -> RetryAfter | None:
    """Wait until the account may be erased, then erase it; the outbox's handler for deletions."""
    found = Deletion.objects.select_related("account").get(pk=subject)
    if found.state not in OPEN_DELETION:
        return None
    if (left := found.due_at - now()) > timedelta():
        return RetryAfter(left)

    account = found.account
    if obstacles := endings.obstacles_of(account):
        move(found, NEXT_DELETION_STATES, DeletionState.WAITING)
        log.info("deletion waits", account=account.pk, names=[one.name for one in obstacles])
        return RetryAfter(SOON if found.state == DeletionState.ERASING else INTERVAL)
    if found.state != DeletionState.ERASING:
        _begin_to_erase(found)
        return RetryAfter(timedelta())
    return _erase(found, lease)


@transaction.atomic
def _begin_to_erase(found: Deletion) -> None:
    """Close the account and end what it still has. From now on its owner cannot undo it.

    The plans are ended in the network, and the cards removed at the gateway, by tasks of their own.
    Until that is done, they are obstacles.
    """
    if not move(found, NEXT_DELETION_STATES, DeletionState.ERASING):
        return
    account = found.account
    User.objects.filter(pk=account.pk).update(is_active=False)
    sessions.end_sign_ins(account)
    endings.end_all(account, When.DUE)
    log.info("account closed", account=account.pk)


def _erase(found: Deletion, lease: Lease) -> RetryAfter | None:
    person = erasing.person_of(found.account)
    if erasing.is_worked_on(person):
        return RetryAfter(SOON)
    if erasing.erase_tables(person):
        return RetryAfter(timedelta())
    with transaction.atomic():
        # The last message must be written once. A worker without the lease stops here.
        lease.renew()
        move(found, NEXT_DELETION_STATES, DeletionState.DONE, ended_at=now())
        _tell_the_last_time(found)
        erasing.erase_account(person)
    log.info("account erased", account=found.account_id)
    return None


def _tell_the_last_time(found: Deletion) -> None:
    """Tell each address of the account. No copy is kept in the account, which is erased now."""
    for address in addresses_to_tell(found.account):
        write(
            Occasion.ACCOUNT_DELETED,
            key=f"deletion {found.pk}",
            address=address,
            language=found.language,
            context={"at": now(), "name": found.account.name},
        )

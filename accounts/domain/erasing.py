"""Erasing what the tables know about a customer (`moportal.personal`).

Each batch is a transaction of its own, and each call may be repeated: a worker that dies leaves the
rest to the next one. The account and its addresses go last, because other rows are found by them.
"""

import structlog
from django.db.models import CharField
from django.db.models.functions import Cast

from accounts.models import User
from moportal import personal
from moportal.personal import Person, Reason
from outbox.models import Task

log = structlog.get_logger(__name__)


def person_of(account: User) -> Person:
    """Return the account's key and its own addresses. An address that it has lost is not its own.

    Another account has proven a lost address, so the messages to it may be that account's.
    """
    addresses = account.addresses.filter(lost_at=None).values_list("value", flat=True)
    return Person(account.pk, tuple(dict.fromkeys([account.username, *addresses])))


def is_worked_on(person: Person) -> bool:
    """Return whether a worker still has a task for one of the rows that are to be erased."""
    return any(
        Task.objects.filter(
            kind__in=entry.tasks,
            closed_at=None,
            subject__in=entry.rows(person).values_list(Cast("pk", CharField()), flat=True),
        ).exists()
        for entry in personal.in_order_of_erasing()
        if entry.tasks
    )


def erase_tables(person: Person) -> int:
    """Erase a batch of each table but the account and its addresses. Return how many rows changed.

    Call it until none changes.
    """
    gone = 0
    for entry in personal.in_order_of_erasing():
        gone += entry.erase_batch(person)
    log.info("rows erased", account=person.key, rows=gone)
    return gone


def erase_account(person: Person) -> None:
    """Erase the account and its addresses. Call it in the transaction that ends the deletion."""
    for entry in personal.personal():
        if entry.is_last:
            entry.erase_batch(person)


def reasons_to_keep(person: Person) -> list[Reason]:
    """Return the reasons that apply to this account for keeping something."""
    found: dict[str, Reason] = {}
    for entry in personal.personal():
        for keep in entry.keeps:
            name = keep.reason.name
            if name not in found and (keep.reason.is_certain or entry.rows(person).exists()):
                found[name] = keep.reason
    # The rooms are registered from the lowest up. Reversed, what tax law requires comes first.
    return list(reversed(found.values()))

"""Pause sales, so that no later order is placed (docs/desk.md).

A pause and an order take turns: whoever places an order holds a weak lock on the table of pauses
until the commit, and a new pause waits for all of them. So an order either is placed before the
pause is stored, or finds the pause.
"""

import structlog
from django.db import connection, transaction

from accounts.models import User
from esim.models import Sim
from orders.models import Draft, SalesPause
from orders.queries import pauses

log = structlog.get_logger(__name__)


class SalesPaused(Exception):
    """Staff have paused the sales of the plan."""


@transaction.atomic
def begin(pause: SalesPause, *, actor: User) -> None:
    """Store a new pause. When it is committed, every order is placed already or finds it."""
    # Orders conflict with this mode. Pages and backups, which only read, do not.
    _lock("EXCLUSIVE")
    pause.asked_by = actor
    pause.save(force_insert=True)
    log.warning("sales paused", covers=str(pause), actor=actor.pk)


def check(draft: Draft, sim: Sim | None) -> None:
    """Raise `SalesPaused` if the draft cannot be ordered for this SIM, or for a new eSIM, now.

    Call it in the transaction that creates the order.
    """
    _lock("ROW SHARE")
    if pauses.text_about(draft, sim):
        raise SalesPaused(draft.pk)


def _lock(mode: str) -> None:
    """Lock the table of pauses until this transaction ends. SQLite has only one writer anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {SalesPause._meta.db_table} IN {mode} MODE")

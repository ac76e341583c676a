"""What a customer has proven about a phone number, and what the proofs are worth.

A code to the number proves that the customer holds the SIM: enough to see the line and to top it
up. The holder's proof is a sign-in with the operator, a verified identity, or a code from the bill
together with a code to the number.
"""

from enum import IntEnum

import structlog
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils.timezone import now

from accounts.models import Proof, User
from accounts.signals import line_proven, number_lost
from accounts.states import ProofKind
from moportal.database.statements import insert_new

log = structlog.get_logger(__name__)
HOLDERS = frozenset({ProofKind.OIDC, ProofKind.IDENTITY})


class Strength(IntEnum):
    """What a customer may do with a line."""

    NONE = 0
    # See the line and top it up.
    USE = 1
    # Cancel, pay on the bill, attach, and move.
    HOLDER = 2


def strength_of(account: User, number: str) -> Strength:
    """Return what the account has proven about this number, given in E.164."""
    kinds = set(_open(number).filter(account=account).values_list("kind", flat=True))
    if kinds & HOLDERS or {ProofKind.CODE_TO_LINE, ProofKind.BILL_CODE} <= kinds:
        return Strength.HOLDER
    return Strength.USE if ProofKind.CODE_TO_LINE in kinds else Strength.NONE


def numbers_held(account: User) -> list[str]:
    """Return the numbers, in E.164, whose holder the account has proven to be."""
    proven = Proof.objects.filter(account=account, ended_at=None).order_by("subject")
    numbers = proven.values_list("subject", flat=True).distinct()
    return [number for number in numbers if strength_of(account, number) == Strength.HOLDER]


def record(account: User, kind: ProofKind, number: str) -> Proof:
    """Store that the account has proven the number, and announce it.

    Of two accounts that prove a number the later one holds it: the proofs of all others end. A
    proof that is made again keeps its row, with the new time.
    """
    with transaction.atomic():
        lock(number)
        others = list(_open(number).exclude(account=account))
        Proof.objects.filter(pk__in=[row.pk for row in others]).update(ended_at=now())
        insert_new([Proof(account=account, kind=kind, subject=number, made_at=now())])
        mine = _open(number).filter(account=account, kind=kind)
        mine.update(made_at=now())
        proof = mine.get()
        before = User.objects.filter(pk__in={row.account_id for row in others})
        line_proven.send(sender=Proof, proof=proof, before=list(before))
    log.info("number proven", account=account.pk, kind=kind, others=[row.pk for row in others])
    return proof


def lock(number: str) -> None:
    """Let nobody else prove this number until the end of the transaction."""
    # There is no row to lock before the first proof. SQLite has one writer at a time anyway.
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [number])


def end_all(number: str) -> None:
    """End all proofs of this number, because it has changed hands, and announce it."""
    with transaction.atomic():
        _open(number).update(ended_at=now())
        number_lost.send(sender=Proof, number=number)


def _open(number: str) -> QuerySet[Proof]:
    return Proof.objects.filter(subject=number, ended_at=None)

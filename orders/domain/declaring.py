"""Take a withdrawal or a cancellation by law, which needs no sign-in.

Nothing here looks for the contract. So the answer, its time and its receipt are the same whether or
not the contract exists. A worker looks for it later (`orders.domain.matching`).

Source: docs/contract.md#subscriptions.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.utils.timezone import now

from accounts.access import limiter
from accounts.access.limiter import Counter, Limit
from accounts.models import User
from messages.domain.writing import write
from messages.states import Occasion
from moportal.database.statements import insert_new
from moportal.sealed import digest
from orders.domain.matching import KIND
from orders.models import Declaration
from orders.states import DeclarationKind
from outbox.domain import enqueue

log = structlog.get_logger(__name__)
WINDOW = timedelta(hours=1)


@dataclass(frozen=True)
class Typed:
    """What the customer typed. `address` is in its normal form, everything else as it was typed."""

    kind: DeclarationKind
    name: str
    address: str
    contract: str
    note: str = ""


@dataclass(frozen=True)
class Where:
    """Where it was typed: language, market, network ("" if unknown), and who was signed in."""

    language: str
    market: str
    network: str = ""
    account: User | None = None


def declare(key: UUID, typed: Typed, where: Where) -> Declaration:
    """Store the declaration, send its receipt, and let a worker look for the contract.

    `key` belongs to one confirm page. If the page is sent twice, the first declaration is returned.
    Raises `accounts.access.limiter.Locked`. Call it outside of any transaction.
    """
    limiter.count(str(key), *_counters(typed, where))
    at = now()
    declaration = Declaration(
        key=key,
        **vars(typed),
        account=where.account,
        language=where.language,
        market=where.market,
        declared_at=at,
        due_at=at + timedelta(days=settings.DECLARATION_ANSWER_DAYS),
    )
    with transaction.atomic():
        keys = insert_new([declaration])
        if keys:
            typed_too = {"address": declaration.address, "note": declaration.note}
            write_to_customer(declaration, Occasion.DECLARED, typed_too)
            enqueue(KIND, keys[0])
    if keys:
        log.info("declared", kind=typed.kind, declaration=keys[0], market=where.market)
    return Declaration.objects.get(key=key)


def write_to_customer(declaration: Declaration, occasion: Occasion, said: dict[str, Any]) -> None:
    """Write a message to the address that was typed. `said` is what this occasion says besides."""
    write(
        occasion,
        key=str(declaration.key),
        address=declaration.address,
        language=declaration.language,
        context={
            "name": declaration.name,
            "is_withdrawal": declaration.kind == DeclarationKind.WITHDRAWAL,
            "contract": declaration.contract,
            "declared_at": declaration.declared_at,
            "reference": declaration.reference,
            **said,
        },
    )


def _counters(typed: Typed, where: Where) -> list[Counter]:
    """Return the counters against floods: of messages to one address, and of rows by one network.

    An unknown network has no counter. All unknown networks would share it, so one stranger could
    close the page to everybody.
    """
    to_address = Limit(
        "declarations", settings.DECLARATION_LIMIT, WINDOW, lets_repetitions_pass=True
    )
    counters = [Counter(to_address, f"address:{digest(typed.address)[:32]}")]
    if where.network:
        from_network = Limit(
            "declarations", settings.NETWORK_LIMIT, WINDOW, lets_repetitions_pass=True
        )
        counters.append(Counter(from_network, f"network:{where.network}"))
    return counters

"""What staff do with a declaration that no worker has carried out.

They find its order, carry it out, or close it with an answer. Each is one change of its row. The
end of a case is told to the address that was typed, where its receipt went.
"""

from typing import Any

from django.db import transaction
from django.utils.timezone import now

from accounts.models import User
from messages.states import Occasion
from moportal.money import Money
from orders.domain import declaring, matching, returning
from orders.domain.matching import IllegalTransition
from orders.models import Declaration, Order
from orders.states import DeclarationKind, DeclarationOutcome, DeclarationState


def match_by_hand(declaration: Declaration, order: Order) -> None:
    """Store that this order is meant. Raises `IllegalTransition` unless the case is open."""
    outcome = DeclarationOutcome.BY_STAFF
    matching.move(declaration, DeclarationState.MATCHED, order=order, outcome=outcome)


@transaction.atomic
def carry_out(
    declaration: Declaration, *, actor: User, because: str, amount: Money | None = None
) -> None:
    """Cancel the plan at the end of its period, or end it at once and refund this amount.

    A withdrawal needs the amount. It may be zero. Raises `IllegalTransition` unless the
    declaration has an order and is open, `NotRenewing` for a plan that cannot be cancelled, and
    what `orders.domain.returning.request_return` raises.
    """
    # Two of the staff may decide at once. The second one waits here.
    case = Declaration.objects.select_for_update().get(pk=declaration.pk)
    if case.state != DeclarationState.MATCHED or case.order is None:
        raise IllegalTransition(f"{case.state} is not an open case with an order")
    said: dict[str, Any] = {"is_carried_out": True}
    if case.kind == DeclarationKind.CANCEL:
        said["ends_at"] = matching.cancel_plan(case.order)
        outcome = DeclarationOutcome.CANCELLED
    else:
        assert amount is not None  # noqa: S101 -- the form of a withdrawal asks for it
        returning.request_return(case.order, actor=actor, because=because, amount=amount)
        outcome = DeclarationOutcome.RETURNED
        if amount.minor_units:
            said["refunded"] = amount
    _end(case, actor=actor, note=because, outcome=outcome)
    _tell(case, said)


@transaction.atomic
def close(declaration: Declaration, *, actor: User, note: str) -> None:
    """Close a case because of which nothing ends. `note` is the answer that the customer reads.

    Raises `IllegalTransition` unless it is open.
    """
    _end(declaration, actor=actor, note=note)
    _tell(declaration, {"is_carried_out": False, "answer": note})


def _end(declaration: Declaration, *, actor: User, note: str, **columns: object) -> None:
    done = {"done_at": now(), "settled_by": actor, "staff_note": note}
    matching.move(declaration, DeclarationState.DONE, **done, **columns)


def _tell(declaration: Declaration, said: dict[str, Any]) -> None:
    """Send the answer, unless the address was erased with its account."""
    if declaration.address:
        declaring.write_to_customer(declaration, Occasion.DECLARATION_CLOSED, said)

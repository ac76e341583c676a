"""The operator's bill: offered to a customer who has proven to be the holder of a phone number.

A code to the number is not enough, because whoever takes over the SIM can read it
(docs/accounts.md#proofs). The proof is checked each time the method is offered or charged.
"""

from collections.abc import Callable, Collection
from typing import Any

import structlog

from accounts.domain import proofs, safeguards
from accounts.domain.proofs import Strength
from accounts.models import Proof, User
from payments.domain import cards
from payments.gateways import choose_gateway, is_offered_in
from payments.gateways.base import Ability
from payments.models import PaymentMethod
from payments.states import MethodKind

log = structlog.get_logger(__name__)
# Returns whether another room forbids charges on this number's bill for this account.
Veto = Callable[[User, str], bool]
_vetoes: list[Veto] = []


def register_veto(veto: Veto) -> None:
    """Let another room forbid bills, for example because the line's holder has locked the line."""
    if veto not in _vetoes:
        _vetoes.append(veto)


def takes_bills(market: str, *, renews: bool = False) -> bool:
    """Return whether customers of this market can pay on their bill. `renews`: for such a plan."""
    return is_offered_in(Ability.BILL, market, renews=renews)


def numbers_of(account: User, *, market: str, renews: bool = False) -> list[str]:
    """Return the numbers, in E.164, on whose bill the account can pay in this market."""
    if not takes_bills(market, renews=renews):
        return []
    return [number for number in proofs.numbers_held(account) if _may_charge(account, number)]


def may_charge(method: PaymentMethod) -> bool:
    """Return whether the account may still charge this bill. Other kinds of methods always may."""
    return method.kind != MethodKind.BILL or _may_charge(method.account, method.token)


def _may_charge(account: User, number: str) -> bool:
    return (
        proofs.strength_of(account, number) == Strength.HOLDER
        and safeguards.restrained_until(account) is None
        and not any(veto(account, number) for veto in _vetoes)
    )


def add_bill(
    account: User, number: str, *, market: str, renews: bool = False
) -> PaymentMethod | None:
    """Store the bill of this number as a payment method. A second call returns the same method.

    Returns None for a number on whose bill the account cannot pay.
    """
    if number not in numbers_of(account, market=market, renews=renews):
        return None
    name = choose_gateway(Ability.BILL, market, renews=renews)
    # Race: two requests may both find none. Then one bill has two rows, which does no harm.
    known = next((one for one in _stored(account, number) if one.gateway == name), None)
    return known or PaymentMethod.objects.create(
        account=account, gateway=name, kind=MethodKind.BILL, token=number, last4=number[-4:]
    )


def drop_of_others(proof: Proof, before: Collection[User], **_signal: Any) -> None:
    """Remove the bill from accounts that have lost the number: a signal receiver."""
    for account in before:
        _remove(_stored(account, proof.subject))


def drop_lost(number: str, **_signal: Any) -> None:
    """Remove the bill of a number that has changed hands: a signal receiver."""
    held = PaymentMethod.objects.filter(kind=MethodKind.BILL, removed_at=None, last4=number[-4:])
    _remove([method for method in held if method.token == number])


def _stored(account: User, number: str) -> list[PaymentMethod]:
    rows = PaymentMethod.objects.filter(
        account=account, kind=MethodKind.BILL, removed_at=None, stopped_at=None
    )
    # The numbers are sealed, so the database cannot compare them.
    return [row for row in rows if row.token == number]


def _remove(methods: Collection[PaymentMethod]) -> None:
    for method in methods:
        cards.remove(method)
        log.warning("bill removed: the number is lost", method=method.pk)

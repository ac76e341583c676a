"""A customer's addresses: who holds one, what the customer signs in with, and what others lose.

Whoever proves an address holds it. An account that used it before without a proof, or proved it
earlier, loses the address and nothing else: its orders and payment methods stay. Its owner comes
back with the address and the recovery code, or by staff.
"""

import secrets
from collections.abc import Iterable

import structlog
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils.timezone import now

from accounts.access import events
from accounts.domain import codes, proofs
from accounts.domain.announcing import announce
from accounts.identifier import is_identifier
from accounts.models import Address, CodeRequest, User
from accounts.states import ProofKind
from moportal.database.statements import insert_new

log = structlog.get_logger(__name__)
Kind = events.Kind
# More addresses would only mean more copies of each security message.
MOST_ADDRESSES = 5
# Two accounts that prove an address at once: the second sees the first one's proof when it tries
# again.
MOST_ATTEMPTS = 5


class CannotRemove(Exception):
    """The customer signs in with this address."""


class AddressTaken(Exception):
    """Somebody else signs in with this address, such as one of the staff."""


class TooMany(Exception):
    """The account has as many addresses as it may have."""


def addresses_of(account: User) -> list[Address]:
    """Return the account's addresses, what it signs in with first. A lost one is among them."""
    if is_identifier(account.username):
        # An account that was not created by sign-up has no row yet.
        insert_new([Address(account=account, value=account.username, created_at=now())])
    found = Address.objects.filter(account=account)
    return sorted(found, key=lambda address: address.value != account.username)


def address_to_prove(account: User) -> Address | None:
    """Return what the customer signs in with, unless it is proven."""
    own = [row for row in addresses_of(account) if row.value == account.username]
    return next((row for row in own if row.proven_at is None), None)


def check_room(account: User, value: str) -> None:
    """Raise `TooMany` unless the account may have this address too."""
    kept = [row.value for row in addresses_of(account) if row.lost_at is None]
    if value not in kept and len(kept) >= MOST_ADDRESSES:
        raise TooMany


def prove(request: HttpRequest, account: User, asked: CodeRequest) -> Address:
    """Use the code up, and give the address to the account.

    Every other account that has the address loses it, and is told. Raises
    `accounts.domain.codes.CodeOver` if the code was used meanwhile, or `TooMany`.
    """
    for _ in range(MOST_ATTEMPTS - 1):
        try:
            return _prove(request, account, asked)
        except IntegrityError:
            log.info("address proven at the same time by another account", account=account.pk)
    return _prove(request, account, asked)


@transaction.atomic
def _prove(request: HttpRequest, account: User, asked: CodeRequest) -> Address:
    # Codes that were asked for in several browsers may all arrive.
    check_room(account, asked.address)
    if not codes.use(asked):
        raise codes.CodeOver
    insert_new([Address(account=account, value=asked.address, created_at=now())])
    take_from_others(asked.address, account)
    Address.objects.filter(account=account, value=asked.address).update(
        proven_at=now(), lost_at=None
    )
    # All other customers have lost it. One of the staff may sign in with it at the desk.
    is_free = not User.objects.filter(username=asked.address).exists()
    if is_free and not is_identifier(account.username):
        _sign_in_with(account, asked.address)
    if asked.address.startswith("+"):
        proofs.record(account, ProofKind.CODE_TO_LINE, asked.address)
    announce(account, Kind.ADDRESS_ADDED, request=request, context={"address": asked.address})
    return Address.objects.get(account=account, value=asked.address)


def take_from_others(value: str, account: User) -> None:
    """Let all other customers lose this address."""
    users = User.objects.filter(username=value, is_staff=False).exclude(pk=account.pk)
    _insert_for(users, value)
    # All accounts lock the rows in the same order. Otherwise two of them could deadlock.
    rows = Address.objects.filter(value=value).select_for_update().order_by("pk")
    for row in list(rows):
        if row.account_id != account.pk and row.lost_at is None:
            _lose(row)


def _insert_for(users: Iterable[User], value: str) -> None:
    """Give each of these users a row of the address, unless there is one."""
    rows = [Address(account=user, value=value, created_at=now()) for user in users]
    if rows:
        insert_new(rows)


def _lose(row: Address) -> None:
    loser = row.account
    Address.objects.filter(pk=row.pk).update(proven_at=None, lost_at=now())
    if loser.username == row.value:
        _sign_in_with(loser, _other_identifier(loser))
    announce(loser, Kind.ADDRESS_LOST, context={"address": row.value})
    log.warning("address lost", account=loser.pk)


def _other_identifier(account: User) -> str:
    """Return another address to sign in with, a proven one first, or a name that is no address."""
    mine = Address.objects.filter(account=account, lost_at=None).exclude(value=account.username)
    of_users = User.objects.values("username")
    free = mine.exclude(value__in=of_users).order_by("-proven_at", "pk")
    found = next((row for row in free if row.proven_at), None) or free.first()
    return found.value if found else f"account-{secrets.token_hex(6)}"


def _sign_in_with(account: User, identifier: str) -> None:
    User.objects.filter(pk=account.pk).update(username=identifier)
    account.username = identifier


def sign_in_with(request: HttpRequest, account: User, address: Address) -> None:
    """Let the customer sign in with this proven address from now on. Raises `AddressTaken`."""
    if address.proven_at is None or account.username == address.value:
        return
    try:
        _change_identifier(request, account, address)
    except IntegrityError as error:
        raise AddressTaken from error


def _change_identifier(request: HttpRequest, account: User, address: Address) -> None:
    with transaction.atomic():
        # Somebody may have signed up with it since, without a proof.
        take_from_others(address.value, account)
        _sign_in_with(account, address.value)
        context = {"address": address.value}
        announce(account, Kind.IDENTIFIER_CHANGED, request=request, context=context)


def remove(request: HttpRequest, account: User, address: Address) -> None:
    """Remove an address, after telling all addresses and this one too.

    Raises `CannotRemove` for the address that the customer signs in with. So one always remains.
    """
    if address.value == account.username:
        raise CannotRemove
    with transaction.atomic():
        context = {"address": address.value}
        announce(account, Kind.ADDRESS_REMOVED, request=request, context=context)
        Address.objects.filter(pk=address.pk).delete()


def distrust(value: str) -> None:
    """Let a number prove nothing until it is proven again, because it has changed hands."""
    with transaction.atomic():
        rows = Address.objects.filter(value=value, proven_at__isnull=False)
        for row in rows.select_related("account").select_for_update():
            Address.objects.filter(pk=row.pk).update(proven_at=None)
            events.record(row.account, Kind.ADDRESS_DOUBTED)
        proofs.end_all(value)

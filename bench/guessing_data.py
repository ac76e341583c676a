"""The accounts of `bench.guessing`. All have one password, which is hashed once."""

import secrets

from django.contrib.auth.hashers import make_password
from django.utils.timezone import now

from accounts.domain import recovery
from accounts.models import Address, RecoveryCode, User


def create_customers(count: int, password: str) -> list[str]:
    """Create customers with recovery codes, and return their identifiers."""
    hashed = make_password(password)
    users = User.objects.bulk_create(
        User(username=f"{secrets.token_hex(6)}@example.com", password=hashed) for _ in range(count)
    )
    stored = make_password("ZZZZZZZZZZZZZZZZ")
    RecoveryCode.objects.bulk_create(
        RecoveryCode(account=user, hash=stored, created_at=now()) for user in users
    )
    return [user.username for user in users]


def create_owner(name: str, password: str) -> tuple[str, str]:
    """Create the owner of the guessed account; return identifier and recovery code."""
    username = f"{name.replace(' ', '-')}@example.com"
    user = User.objects.create_user(username, password, name="Noor Haddad")
    user.addresses.update(proven_at=now())
    return username, recovery.renew_code(user)


def renew_code(username: str) -> str:
    """Return a new recovery code of this customer."""
    return recovery.renew_code(User.objects.get(username=username))


def prove(usernames: list[str]) -> None:
    """Store that these customers have proven the addresses that they sign in with."""
    users = User.objects.filter(username__in=usernames)
    Address.objects.bulk_create(
        Address(account=user, value=user.username, proven_at=now()) for user in users
    )

"""How the desk finds customers and staff."""

from collections.abc import Iterator

from django.db.models import QuerySet, Value
from django.db.models.functions import Lower

from accounts.identifier import is_identifier, normalise
from accounts.models import Address, User
from moportal.finding import Kind, Typed, day


def phone_number(typed: Typed) -> str:
    """Return the phone number in E.164, or an empty text if this is none."""
    normal = normalise(typed.text, typed.market)
    return normal if normal.startswith("+") and is_identifier(normal) else ""


def _by_identifier(typed: Typed) -> QuerySet[User]:
    """Find by what somebody signs in with, or by another address, also one that was lost."""
    normal = normalise(typed.text, typed.market)
    signs_in = User.objects.filter(username=normal).values("pk")
    # An OR of two tables would use no index.
    has_address = Address.objects.filter(value=normal).order_by().values("account")
    return User.objects.filter(pk__in=signs_in.union(has_address))


def _by_name(typed: Typed) -> QuerySet[User]:
    named = User.objects.exclude(name="").alias(lower_name=Lower("name"))
    return named.filter(lower_name=Lower(Value(typed.text)))


def _facts(user: User) -> Iterator[str]:
    yield user.name
    yield "Staff" if user.is_staff else "Customer"
    yield f"since {day(user.created_at)}"
    if not user.is_active:
        yield "closed"


KINDS = (Kind("Customers and staff", User, (_by_identifier, _by_name), _facts),)

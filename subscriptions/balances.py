"""The balance rule: which entries Get Balance and the account page show, and in which order.

Seed 003 (Balance resource, error codes, tests) as read by the contract, section 5.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from django.db.models import QuerySet

from accounts.models import User
from esim.models import Sim
from subscriptions.models import Bucket, SubscriptionState

BYTES_PER_HUNDREDTH_MB = 10_000


class UnknownSim(LookupError):
    """The operator knows no SIM of this ICCID."""


class BalanceType(StrEnum):
    """What the source calls a balance's type."""

    WITHOUT_COUNT = "MODIRECT"
    METERED = "MODIRECTPAYG"
    NONE = "NONE"
    NOT_SUPPORTED = "NOTSUPPORTED"


@dataclass(frozen=True)
class Balance:
    """What is left: bytes, time and where. `identifier` is the operator's own."""

    identifier: str
    type: BalanceType
    left_bytes: int = 0
    left_time: timedelta = timedelta()
    locations: tuple[str, ...] = ()

    @property
    def megabytes(self) -> float:
        """Return MB (10^6 bytes) rounded down to 0.01, but 0.01 while a byte is left."""
        hundredths = self.left_bytes // BYTES_PER_HUNDREDTH_MB
        return max(hundredths, 1 if self.left_bytes else 0) / 100


class Held(NamedTuple):
    """A bucket that has something to give now, as it is read: its key, its data and its time."""

    key: int
    is_unlimited: bool
    left_bytes: int
    ends_at: datetime
    countries: list[str]


def balances(iccid: str, *, location: str | None, at: datetime) -> list[Balance]:
    """Return the SIM's balances, the one being consumed first before the others.

    Raises `UnknownSim`.
    """
    sim = Sim.objects.filter(iccid=iccid).only("pk", "is_in_programme").first()
    if sim is None:
        raise UnknownSim(iccid)
    return balances_from(
        held_by(sim, at), is_in_programme=sim.is_in_programme, location=location, at=at
    )


def balances_from(
    held: Iterable[Held], *, is_in_programme: bool, location: str | None, at: datetime
) -> list[Balance]:
    """Return the entries for what a SIM holds, the one being consumed first before the others.

    The rule of consumption: what ends first is used first; of two that end together the metered
    one; then the older one. Never empty: without a balance the one entry is NONE, and NOTSUPPORTED
    for a SIM that is shut out of the programme.
    """
    asked = (location,) if location else ()
    if not is_in_programme:
        return [Balance("notsupported", BalanceType.NOT_SUPPORTED, locations=asked)]
    there = [one for one in held if location is None or location in one.countries]
    there.sort(key=order_of_use)
    return [_balance(one, at) for one in there] or [
        Balance("none", BalanceType.NONE, locations=asked)
    ]


def order_of_use(held: Held) -> tuple[datetime, bool, int]:
    return held.ends_at, held.is_unlimited, held.key


def held_by(sim: Sim, at: datetime) -> tuple[Held, ...]:
    """Return the buckets of the SIM's line that have something to give now."""
    running = running_buckets(at).filter(
        subscription__line__sims__sim=sim, subscription__line__sims__until=None
    )
    return tuple(_held(one) for one in running if one.left_bytes > 0 or one.is_unlimited)


def running_buckets(at: datetime) -> QuerySet[Bucket]:
    """Return the buckets of subscriptions that run at this time, used up or not.

    A microbalance is not among them: it only lets the device reach the portal.
    """
    running = Bucket.objects.filter(
        subscription__state=SubscriptionState.ACTIVE,
        subscription__starts_at__lte=at,
        subscription__ends_at__gt=at,
    )
    return running.exclude(kind=Bucket.Kind.MICROBALANCE).select_related("subscription")


def account_buckets(account: User, *, at: datetime) -> list[Bucket]:
    """Return the account's running buckets in the order in which they are used.

    Used-up ones are among them: the customer sees them until the plan ends.
    """
    buckets = running_buckets(at).filter(subscription__line__account=account)
    with_sims = buckets.select_related("subscription__line").prefetch_related(
        "subscription__line__sims__sim"
    )
    return in_order_of_use(with_sims)


def _held(bucket: Bucket) -> Held:
    ends_at = bucket.subscription.ends_at
    assert ends_at is not None  # noqa: S101 -- active_subscription_has_its_time
    return Held(bucket.pk, bucket.is_unlimited, bucket.left_bytes, ends_at, bucket.countries)


def in_order_of_use(buckets: Iterable[Bucket]) -> list[Bucket]:
    """Return buckets that have their time in the order in which usage is taken from them."""
    return sorted(buckets, key=lambda bucket: order_of_use(_held(bucket)))


def _balance(held: Held, at: datetime) -> Balance:
    return Balance(
        identifier=str(held.key),
        type=BalanceType.WITHOUT_COUNT if held.is_unlimited else BalanceType.METERED,
        left_bytes=0 if held.is_unlimited else held.left_bytes,
        left_time=held.ends_at - at,
        locations=tuple(held.countries),
    )

"""The balance rule: which entries a SIM has, and in which order they are used.

Get Balance, the account page and the allocation of usage all follow it
(docs/contract.md#get-balance).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from operator import attrgetter

from django.conf import settings

from accounts.models import User
from subscriptions.models import Bucket
from subscriptions.usable_buckets import (
    Guard,
    NoGuard,
    UsableBucket,
    read_sim,
    running_buckets,
    usable_bucket,
)

NO_GUARD = NoGuard()


class UnknownSim(LookupError):
    """The operator has no SIM with this ICCID."""


class BalancesTooOld(Exception):
    """The operator's last answer about the SIM's line is too old to be shown."""


class RefusedByGuard(Exception):
    """The guard's verdict refuses the request."""

    def __init__(self, verdict: str) -> None:
        super().__init__(verdict)
        self.verdict = verdict


class BalanceType(StrEnum):
    """A balance's type, in the words of Get Balance."""

    WITHOUT_COUNT = "MODIRECT"
    METERED = "MODIRECTPAYG"
    NONE = "NONE"
    NOT_SUPPORTED = "NOTSUPPORTED"


@dataclass(frozen=True)
class Balance:
    """What is left: bytes, time, and the countries where they can be used."""

    identifier: str
    type: BalanceType
    left_bytes: int = 0
    left_time: timedelta = timedelta()
    locations: tuple[str, ...] = ()


def balances(
    iccid: str | None, *, location: str | None, at: datetime, guard: Guard = NO_GUARD
) -> list[Balance]:
    """Return the SIM's balances at a location, in the order in which they are used.

    The list is never empty. Its only entry is NOTSUPPORTED for a SIM that is
    excluded from the programme, and NONE for a SIM without a balance. A
    location of None means everywhere.

    Raises `RefusedByGuard` if the guard refuses the request, otherwise `UnknownSim`, or
    `BalancesTooOld` for a line of the operator.
    """
    reading = read_sim(iccid, at=at, guard=guard)
    # The guard's refusal comes before the SIM's (docs/contract.md#get-balance).
    if reading.verdict is not None:
        raise RefusedByGuard(reading.verdict)
    if reading.is_in_programme is None:
        raise UnknownSim(iccid)

    # An entry without a bucket names the location that was asked for.
    requested = (location,) if location else ()
    if not reading.is_in_programme:
        return [Balance("notsupported", BalanceType.NOT_SUPPORTED, locations=requested)]
    # An old answer could say that data is left, or that none is. Both may be wrong by now.
    if reading.balances_at is not None and is_too_old(reading.balances_at, at=at):
        raise BalancesTooOld(iccid)
    valid = [
        bucket for bucket in reading.buckets if location is None or location in bucket.countries
    ]
    if not valid:
        return [Balance("none", BalanceType.NONE, locations=requested)]
    valid.sort(key=attrgetter("order_of_use"))
    return [_balance(bucket, at) for bucket in valid]


def is_too_old(balances_at: datetime, *, at: datetime) -> bool:
    """Return whether balances that the operator gave at this time are too old to be shown."""
    return at - balances_at > timedelta(minutes=settings.LINE_BALANCE_AGE)


def account_buckets(account: User, *, at: datetime) -> list[Bucket]:
    """Return the account's running buckets in the order in which they are used.

    Used-up buckets are included: the customer sees them until the plan ends.
    """
    buckets = running_buckets(at).filter(period__line__account=account)
    with_sims = buckets.select_related("period__subscription", "period__line").prefetch_related(
        "period__line__sims__sim"
    )
    return in_order_of_use(with_sims)


def in_order_of_use(buckets: Iterable[Bucket]) -> list[Bucket]:
    """Sort buckets in their order of use. Every bucket's period must be usable until some time."""
    return sorted(buckets, key=lambda bucket: usable_bucket(bucket).order_of_use)


def _balance(bucket: UsableBucket, at: datetime) -> Balance:
    return Balance(
        identifier=str(bucket.key),
        type=BalanceType.WITHOUT_COUNT if bucket.is_unlimited else BalanceType.METERED,
        left_bytes=0 if bucket.is_unlimited else bucket.left_bytes,
        left_time=bucket.ends_at - at,
        locations=tuple(bucket.countries),
    )

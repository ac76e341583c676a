"""The balance rule: which entries a SIM has, and in which order they are used.

Get Balance, the account page and the allocation of usage all follow it
(docs/contract.md#get-balance).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from operator import attrgetter

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

    The list is never empty: without a balance its one entry is NONE, and NOTSUPPORTED for a SIM
    that is excluded from the programme. A location of None means everywhere.

    Raises `RefusedByGuard` if the guard refuses the request, otherwise `UnknownSim`.
    """
    reading = read_sim(iccid, at=at, guard=guard)
    if reading.verdict is not None:
        raise RefusedByGuard(reading.verdict)
    if reading.is_in_programme is None:
        raise UnknownSim(iccid)

    asked = (location,) if location else ()
    if not reading.is_in_programme:
        return [Balance("notsupported", BalanceType.NOT_SUPPORTED, locations=asked)]
    valid = [one for one in reading.buckets if location is None or location in one.countries]
    valid.sort(key=attrgetter("order_of_use"))
    return [_balance(one, at) for one in valid] or [
        Balance("none", BalanceType.NONE, locations=asked)
    ]


def account_buckets(account: User, *, at: datetime) -> list[Bucket]:
    """Return the account's running buckets in the order in which they are used.

    Used-up ones are among them: the customer sees them until the plan ends.
    """
    buckets = running_buckets(at).filter(subscription__line__account=account)
    with_sims = buckets.select_related("subscription__line").prefetch_related(
        "subscription__line__sims__sim"
    )
    return in_order_of_use(with_sims)


def in_order_of_use(buckets: Iterable[Bucket]) -> list[Bucket]:
    """Sort buckets, all of subscriptions with an end, in the order in which usage fills them."""
    return sorted(buckets, key=lambda bucket: usable_bucket(bucket).order_of_use)


def _balance(bucket: UsableBucket, at: datetime) -> Balance:
    return Balance(
        identifier=str(bucket.key),
        type=BalanceType.WITHOUT_COUNT if bucket.is_unlimited else BalanceType.METERED,
        left_bytes=0 if bucket.is_unlimited else bucket.left_bytes,
        left_time=bucket.ends_at - at,
        locations=tuple(bucket.countries),
    )

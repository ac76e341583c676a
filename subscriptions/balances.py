"""The balance rule: which entries Get Balance and the account page show, and in which order.

Seed 003 (Balance resource, error codes, tests) as read by the contract, section 5.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

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


def balances(iccid: str, *, location: str | None, at: datetime) -> list[Balance]:
    """Return the SIM's balances, the one being consumed first before the others.

    The rule of consumption: what ends first is used first; of two that end together the metered
    one; then the older one. Never empty: without a balance the one entry is NONE, and NOTSUPPORTED
    for a SIM that is shut out of the programme. Raises `UnknownSim`.
    """
    sim = Sim.objects.filter(iccid=iccid).only("pk", "is_in_programme").first()
    if sim is None:
        raise UnknownSim(iccid)
    asked = (location,) if location else ()
    if not sim.is_in_programme:
        return [Balance("notsupported", BalanceType.NOT_SUPPORTED, locations=asked)]
    found = [
        _balance(bucket, at)
        for bucket in _in_order_of_use(buckets_of(sim, at))
        if location is None or location in bucket.countries
    ]
    return found or [Balance("none", BalanceType.NONE, locations=asked)]


def buckets_of(sim: Sim, at: datetime) -> Iterable[Bucket]:
    """Return the buckets of the SIM's line that have something to give now."""
    running = Bucket.objects.filter(
        subscription__state=SubscriptionState.ACTIVE,
        subscription__starts_at__lte=at,
        subscription__ends_at__gt=at,
        subscription__line__sims__sim=sim,
        subscription__line__sims__until=None,
    )
    counted = running.exclude(kind=Bucket.Kind.MICROBALANCE).select_related("subscription")
    return [bucket for bucket in counted if bucket.left_bytes > 0 or _is_unlimited(bucket)]


def _is_unlimited(bucket: Bucket) -> bool:
    return bucket.kind == Bucket.Kind.UNLIMITED


def _in_order_of_use(buckets: Iterable[Bucket]) -> list[Bucket]:
    return sorted(buckets, key=lambda b: (b.subscription.ends_at, _is_unlimited(b), b.pk))


def _balance(bucket: Bucket, at: datetime) -> Balance:
    ends_at = bucket.subscription.ends_at
    left_time = ends_at - at if ends_at else timedelta()
    return Balance(
        identifier=str(bucket.pk),
        type=BalanceType.WITHOUT_COUNT if _is_unlimited(bucket) else BalanceType.METERED,
        left_bytes=0 if _is_unlimited(bucket) else bucket.left_bytes,
        left_time=left_time,
        locations=tuple(bucket.countries),
    )

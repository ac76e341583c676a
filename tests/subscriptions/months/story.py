"""A story: everything that happens to one plan, as data. Product and oracle both play it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from math import ceil
from zoneinfo import ZoneInfo

from tests.subscriptions.months.bank import BankCard

# What another device costs once, in minor units.
DEVICE_FEE = 300
GB, TICK = 10**9, timedelta(microseconds=1)


class Act(StrEnum):
    """What a customer does, or what staff do for one."""

    CANCEL = "cancel"
    UNDO = "undo"
    NEW_CARD = "new card"
    REMOVE_CARD = "remove card"
    CHANGE = "change"
    USE = "use data"
    LOSE_TIME = "lose time"
    REFUND = "refund"
    ATTACH = "attach a device"
    REMOVE_DEVICE = "remove a device"
    TAKE_BACK = "take the change back"
    CHOOSE = "choose a cheaper plan for the next month"
    UNDO_CHOICE = "undo the choice"
    MOVE = "move to another device"
    MOVE_AND_BACK = "move to another device, and undo that"
    DISPUTE = "dispute the newest charge"
    REPORT_FRAUD = "dispute the newest charge as fraud"
    WIN_DISPUTE = "win the dispute"
    LOSE_DISPUTE = "lose the dispute"


@dataclass(frozen=True)
class Offer:
    """A monthly plan of the catalogue. `data` is in bytes, or None if it is unlimited."""

    price: int
    data: int | None = 5 * GB


@dataclass(frozen=True)
class Event:
    """Something that happens at a time.

    `amount` is the bytes that are used, the seconds that are lost, or what is refunded at most, in
    minor units.
    """

    at: datetime
    act: Act
    card: BankCard | None = None
    offer: Offer | None = None
    amount: int = 0


@dataclass(frozen=True)
class Story:
    """Everything that happens to one plan."""

    zone: str
    sold_at: datetime
    price: int
    card: BankCard
    events: tuple[Event, ...] = ()
    away: tuple[tuple[datetime, datetime], ...] = ()

    @property
    def first_offer(self) -> Offer:
        return Offer(self.price)


def months_later(start: datetime, months: int, zone: str) -> datetime:
    """Return the same day and time of day in a later month, or the month's last day."""
    local = start.astimezone(ZoneInfo(zone))
    count = local.year * 12 + local.month - 1 + months
    # One day before the first of the month that follows.
    last = datetime((count + 1) // 12, (count + 1) % 12 + 1, 1) - timedelta(days=1)  # noqa: DTZ001 -- a day
    day = last.replace(day=min(local.day, last.day))
    return datetime.combine(day, local.timetz()).astimezone(UTC)


def due_for_change(
    new: int, old: int, *, time_left: timedelta, month: timedelta, data_left: Fraction
) -> int:
    """Return what a change costs now: the new price less the unused share of the old one."""
    share = min(Fraction(time_left // TICK, month // TICK), data_left)
    return max(0, new - ceil(old * share))

"""What must become of a plan that renews, by own arithmetic (docs/contract.md#subscriptions).

It reads no row and imports nothing of the product. It goes from one moment at which something can
happen to the next. Workers take minutes, so it is told when periods after hold, and months of a new
plan, really began. It checks that this is soon after the moment that it expects.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from tests.subscriptions.months.bank import Refusal
from tests.subscriptions.months.decisions import DECISIONS, Choice, may_use
from tests.subscriptions.months.story import Event, Offer, Story, months_later

DAY, WEEK = timedelta(days=1), timedelta(days=7)
TRIES = [timedelta(days=day) for day in (-1, 1, 3, 5, 7, 10, 14)]
SOON = timedelta(minutes=40)


@dataclass
class Paid:
    number: int
    starts_at: datetime
    ends_at: datetime
    # What was charged for it, in minor units. The first month is paid before the story.
    cost: int = 0


@dataclass
class Oracle:
    """One plan. `run_to` moves its time."""

    story: Story
    # When periods after hold, and months of a new plan, really began, by number.
    began: Mapping[int, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        sold_at = self.story.sold_at
        self.at = sold_at
        self.state = "active"
        self.anchor, self.anchor_number = sold_at, 1
        self.paid = [Paid(1, sold_at, self.bound(1))]
        self.number = 1
        self.offer = self.story.first_offer
        # Each charge, by the card's token, and what of which charge was given back.
        self.charges: list[tuple[str, int]] = []
        self.refunded: dict[int, int] = {}
        # Which charge is that of the newest change.
        self.change: int | None = None
        self.uses: list[tuple[datetime, int]] = []
        self.lost: timedelta | None = None
        self.card, self.is_dead = self.story.card, False
        # None, "asked" (the gateway has not heard of it) or "approved".
        self.live: str | None = None
        self.live_card = self.card
        # Each consent has a number.
        self.consent = self.live_consent = 0
        self.asked_at = self.approved_at = sold_at
        self.is_decided = self.is_cancelled = self.is_after_hold = False
        self.is_planned = self.is_owed = False
        # When each device joined that shares the plan, in this order.
        self.devices = [sold_at]
        # What begins when the month ends.
        self.choice: Choice | None = None
        # Which charge is disputed, which were lost to a dispute, and which were fees of devices.
        self.disputed: int | None = None
        self.lost_charges, self.fees = set[int](), set[int]()
        self.last_try: datetime | None = None
        self.advised: datetime | None = None
        self.grace_until: datetime | None = None
        self.graces: list[datetime] = []
        self.waiting = list(self.story.events)
        # Moments that lie so near each other that a worker may see them in another order.
        self.moments: list[datetime] = []

    def bound(self, number: int) -> datetime:
        return months_later(self.anchor, number - self.anchor_number + 1, self.story.zone)

    @property
    def end(self) -> datetime:
        return self.paid[-1].ends_at

    @property
    def usable_until(self) -> datetime | None:
        """Return until when data can be used, or None."""
        if self.state == "ended" or self.is_parked or not may_use(self):
            return None
        if self.at < self.end:
            return self.end
        until = self.grace_until
        if self.state != "grace" or until is None:
            return None
        until = min(until, self.bound(self.number + 1))
        return until if self.at < until else None

    def run_to(self, moment: datetime) -> None:
        while (at := min(self._times(), default=None)) is not None and at <= moment:
            self.at = at
            self.moments.append(at)
            self._work()
            while self.waiting and self.waiting[0].at <= at:
                self._happens(self.waiting.pop(0))
                self._work()
        self.at = moment

    def _times(self) -> Iterator[datetime]:
        times = [self.end - DAY, self.end, self.end + 30 * DAY, self.grace_until, self._due()]
        times += [moment for window in self.story.away for moment in window]
        if self.live == "approved":
            times.append(self.approved_at + WEEK)
        times += [event.at for event in self.waiting]
        return (time for time in times if time and time > self.at)

    @property
    def is_parked(self) -> bool:
        """Return whether a month is disputed. Nothing is charged meanwhile."""
        return self.disputed is not None and self.disputed not in self.fees

    @property
    def next_offer(self) -> Offer:
        return self.choice.offer if self.choice else self.offer

    def is_up(self) -> bool:
        return not any(start <= self.at < end for start, end in self.story.away)

    def used_since(self, moment: datetime) -> int:
        return sum(amount for at, amount in self.uses if at >= moment)

    def left(self, charge: int) -> int:
        """Return what can still be given back of a charge, in minor units."""
        _token, cost = self.charges[charge]
        return 0 if charge in self.lost_charges else cost - self.refunded.get(charge, 0)

    def give_back(self, charge: int, *, at_most: int) -> None:
        given = min(self.left(charge), at_most)
        self.refunded[charge] = self.refunded.get(charge, 0) + given

    def really_began(self, number: int) -> datetime:
        """Return when the month began that begins now, according to who knows it."""
        really = self.began.get(number)
        is_soon = really is not None and timedelta() <= really - self.at < SOON
        return really if really and is_soon else self.at

    def _happens(self, event: Event) -> None:
        if self.state != "ended":
            DECISIONS[event.act](self, event)

    def _work(self) -> None:
        while self.state != "ended" and self._renew():
            pass
        if self.is_owed and self.state == "active" and not self.is_decided:
            self._give_time_back()
        if self.state != "ended" and self.at >= self.end:
            self._follow_time()

    def _due(self) -> datetime | None:
        # Time that was given back moves the first day of tries. What was tried before is no try.
        if self.last_try is None or self.last_try < self.end - DAY:
            return self.end - DAY
        due = next((self.end + day for day in TRIES if self.end + day > self.last_try), None)
        return max(due, self.advised) if due and self.advised else due

    def _renew(self) -> bool:
        if self.choice and self.at >= self.end and not self.is_cancelled:
            self.offer, self.choice = self.choice.offer, None
        if self.is_parked or self._is_last() or self.at < self.end - DAY:
            return False
        self.is_planned = True
        if not self._is_payable():
            return False
        if not self.is_after_hold and self.at < self.end:
            return False
        self.is_decided = True
        if self.offer.price and not self._charge():
            return not self.is_decided
        self._open()
        return True

    def _is_last(self) -> bool:
        """Return whether no month follows. Then nothing stays authorised."""
        is_last = self.is_cancelled and not self.is_decided
        if is_last and (self.live == "asked" or self.is_up()):
            self.live = None
        return is_last

    def _is_payable(self) -> bool:
        if not self.next_offer.price:
            return True
        if self.live and self.live_consent != self.consent and not self.is_decided:
            if self.live == "approved" and not self.is_up():
                return False
            self.live = None
        return self._is_approved()

    def _is_approved(self) -> bool:
        if self.live == "asked" and self.is_dead:
            self.live = None
        if self.live is None:
            due = self._due()
            if self.is_dead or due is None or due > self.at:
                return False
            self.live, self.live_card, self.asked_at = "asked", self.card, self.at
            self.live_consent = self.consent
        if self.live == "asked":
            if not self.is_up():
                return False
            self._ask()
        return self.live == "approved"

    def _ask(self) -> None:
        if not self.card.refuses(self.at):
            self.live, self.approved_at = "approved", self.at
            return
        self.live, self.last_try, self.advised = None, self.asked_at, None
        if self.card.refusal == Refusal.WITH_ADVICE:
            self.advised = self.at + 3 * DAY
        self.is_dead = self.card.refusal in (Refusal.WANTS_CUSTOMER, Refusal.FOR_GOOD)

    def _charge(self) -> bool:
        """Charge what is approved. If that is impossible for good, nothing is decided any more."""
        if not self.is_up():
            return False
        is_gone = self.is_dead or self.live_consent != self.consent
        if is_gone or self.at >= self.approved_at + WEEK:
            self.live, self.is_decided = None, False
            return False
        self.charges.append((self.live_card.token, self.offer.price))
        return True

    def _open(self) -> None:
        self.number += 1
        starts_at = self.really_began(self.number) if self.is_after_hold else self.end
        self.begin(starts_at, cost=self.offer.price)

    def begin(self, starts_at: datetime, *, cost: int) -> None:
        """Begin a month. If it does not follow the one before, the months count from its start."""
        if starts_at != self.end:
            self.anchor, self.anchor_number = starts_at, self.number
            self.paid[-1].ends_at = min(self.end, starts_at)
        self.paid.append(Paid(self.number, starts_at, self.bound(self.number), cost))
        self.live = self.grace_until = self.last_try = self.advised = None
        self.is_decided = self.is_after_hold = self.is_planned = False
        self.state = "active"

    def _give_time_back(self) -> None:
        """Let the newest month end later by the time that was lost, and count from its end."""
        assert self.lost
        self.paid[-1].ends_at += self.lost
        self.anchor, self.anchor_number = self.end, self.number + 1
        self.is_owed = False

    def _follow_time(self) -> None:
        is_over = self.at >= self.end + 30 * DAY and not self.is_parked
        if not self.is_decided and (self.is_cancelled or is_over):
            if self.live != "approved" or self.is_up():
                self.state, self.live, self.grace_until = "ended", None, None
            return
        is_fault = self.is_decided or self.live is not None
        week_later = self.end + WEEK
        if self.state == "active" and is_fault:
            self._start_grace(max(week_later, self.at + WEEK), is_fault=True)
        elif self.state == "active" and self.at < week_later and self._may_have_grace():
            self._start_grace(week_later)
        elif self.state == "active":
            self._hold()
        elif self.state == "grace" and self.grace_until and self.at >= self.grace_until:
            if is_fault:
                is_own = self.grace_until in self.graces
                self.graces = [until for until in self.graces if until != self.grace_until]
                self._start_grace(self.grace_until + WEEK, is_fault=not is_own)
            else:
                self._hold()

    def _may_have_grace(self) -> bool:
        return not self.is_parked and all(until <= self.at - 90 * DAY for until in self.graces)

    def _start_grace(self, until: datetime, *, is_fault: bool = False) -> None:
        self.state, self.grace_until = "grace", until
        # Grace that a fault has caused is not the customer's one in 90 days.
        if not is_fault:
            self.graces.append(until)

    def _hold(self) -> None:
        self.state, self.grace_until, self.is_after_hold = "on_hold", None, True
        self.number += 1


def are_clear(moments: Sequence[datetime]) -> bool:
    """Return whether all moments are equal or well apart, so that minutes do not matter."""
    ordered = sorted(set(moments))
    return all(b - a > SOON for a, b in pairwise(ordered))

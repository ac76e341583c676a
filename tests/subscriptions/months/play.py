"""Play a story with the product: sell the plan, move the clock, let workers come and die."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zlib import crc32

import time_machine
from django.db import connection
from django.utils.timezone import now

from accounts.models import User
from orders import models as orders
from orders.domain import returning
from outbox.domain import due_tasks, process
from outbox.models import Task
from payments.domain import disputes, refunds
from payments.models import PaymentMethod
from subscriptions import models as renewals
from subscriptions.balances import BalanceType, balances
from subscriptions.domain import lifecycle, moves, renewing, sharing
from subscriptions.models import Subscription
from tests.builders import make_card
from tests.payments.conftest import agree
from tests.subscriptions.months.acting import act, plan_of
from tests.subscriptions.months.bank import BankCard, Books, open_books
from tests.subscriptions.months.story import Event, Story
from tests.subscriptions.renewals import prepare

# What workers do for these plans. All other tasks, such as messages, wait.
KINDS = (
    *(renewals.KIND, orders.KIND, refunds.KIND, returning.KIND, sharing.KIND),
    *(moves.KIND, disputes.KIND),
)
WRITES = ("INSERT", "UPDATE", "DELETE")
# More runs of workers than this, in two years, would be a storm.
STORM = 6000


class WorkerDied(BaseException):
    """`kill -9`: no `except Exception` of the product may catch it."""


@dataclass
class Life:
    """One customer's plans, the clock and the workers."""

    account: User
    books: Books
    clock: Any
    subscriptions: list[Subscription]
    # The SIM card that an event of the story brings, by the event's time. The first comes with the
    # sale.
    sims: dict[datetime, str] = field(default_factory=dict)
    # The numbers of the barriers at which a worker dies.
    kills: frozenset[int] = frozenset()
    barriers: int = 0
    runs: int = 0
    # How many transactions are open around a worker.
    depth: int = 0

    def pass_to(self, moment: datetime) -> None:
        """Let time pass. A worker comes at each moment that the portal has planned."""
        while (at := self._next_time()) is not None and at <= moment:
            self.clock.move_to(max(at, now()), tick=False)
            self.work()
        self.clock.move_to(moment, tick=False)
        self.work()

    def work(self) -> None:
        """Let workers process once whatever is due now."""
        renewing.enqueue_due()
        # Nobody sends messages here, so their tasks stay open. They must not fill the limit.
        due = Task.objects.filter(pk__in=due_tasks(limit=10_000), kind__in=KINDS)
        due = due.order_by("not_before", "pk")
        for task in due.values_list("pk", flat=True):
            self._run(task)

    def happens(self, event: Event) -> None:
        """Let somebody do something with the plan, as the story says."""
        [subscription] = self.subscriptions
        subscription.refresh_from_db()
        act(self, subscription, event)
        self.work()

    def keep(self, card: BankCard) -> PaymentMethod:
        self.books.cards[card.token] = card
        return keep(self.account, card)

    def new_sim(self, event: Event) -> str:
        self.sims[event.at] = make_card().iccid
        return self.sims[event.at]

    def left_times(self, subscription: Subscription) -> list[timedelta | None]:
        """Return how long Get Balance lets the plan be used on each of its devices, or None."""
        return [
            max(
                (one.left_time for one in found if one.type != BalanceType.NONE),
                default=None,
            )
            for found in (
                balances(stay.sim.iccid, location="US", at=now())
                for stay in sharing.devices_of(subscription)
            )
        ]

    def _next_time(self) -> datetime | None:
        due = Subscription.objects.filter(due_at__isnull=False).values_list("due_at", flat=True)
        tasks = Task.objects.filter(kind__in=KINDS, closed_at=None)
        times = [time for time in due if time]
        for task in tasks:
            leased = task.lease_until + timedelta(seconds=1) if task.lease_until else None
            times.append(max(task.not_before, leased or task.not_before))
        return min(times, default=None)

    def _run(self, task: int) -> None:
        self.runs += 1
        self.depth = len(connection.savepoint_ids)
        assert self.runs < STORM, "workers come too often"
        self.books.at_barrier = self._barrier
        with suppress(WorkerDied), connection.execute_wrapper(self._executes):
            process(task)
        self.books.at_barrier = None
        error = Task.objects.get(pk=task).last_error
        assert not error, error

    def _executes(self, execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if not sql.startswith(WRITES):
            return execute(sql, *rest)
        self._barrier()
        answer = execute(sql, *rest)
        self._barrier()
        return answer

    def _barrier(self) -> None:
        self.barriers += 1
        # A block without a savepoint would undo what was stored before it too, because the test
        # itself runs in a transaction. To die in it is the same as to die before it.
        is_undoable = connection.savepoint_ids[self.depth :][:1] != [None]
        if self.barriers in self.kills and is_undoable:
            raise WorkerDied


def keep(account: User, card: BankCard) -> PaymentMethod:
    return PaymentMethod.objects.create(
        account=account,
        gateway="bank",
        token=card.token,
        brand="Visa",
        # Two cards with the same number would be one card to the portal.
        last4=f"{crc32(card.token.encode()) % 10_000:04}",
        expiry_month=12,
        expiry_year=2099,
    )


@contextmanager
def living(
    account: User,
    *stories: Story,
    kills: frozenset[int] = frozenset(),
    lost: frozenset[int] = frozenset(),
) -> Iterator[Life]:
    """Sell a plan for each story, all with one card, and begin with the first one's time."""
    first = stories[0]
    books = open_books(away=first.away, lost=lost)
    books.cards[first.card.token] = first.card
    with time_machine.travel(first.sold_at, tick=False) as clock:
        life = Life(account, books, clock, [], kills=kills)
        method = life.keep(first.card)
        plan = plan_of(first.first_offer)
        for number, story in enumerate(stories):
            life.pass_to(story.sold_at)
            sold = _sell(account, plan, method, story, f"R{number}")
            life.subscriptions.append(sold)
            life.sims[story.sold_at] = sharing.devices_of(sold)[0].sim.iccid
        yield life


def _sell(
    account: User, plan: Any, method: PaymentMethod, story: Story, reference: str
) -> Subscription:
    subscription = prepare(account, plan, reference, is_free=not story.price)
    mandate = agree(method, purpose=reference)
    lifecycle.start(subscription, at=story.sold_at, mandate=mandate)
    subscription.refresh_from_db()
    return subscription

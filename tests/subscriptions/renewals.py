"""A plan that renews, in the tests' words: sold, paid by a card, and the time that passes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import time_machine
from django.utils.timezone import now

from accounts.models import AccountMessage, User
from outbox.domain import Lease
from outbox.models import Task
from payments.domain import payments as paying
from plans.models import Plan
from subscriptions.domain import activation, lifecycle, renewing
from subscriptions.models import KIND, Period, Subscription
from tests.builders import make_card, make_plan
from tests.payments.conftest import APPROVED, agree, card
from tests.processing import process_task
from tests.providers import books

# The 31st: the months that follow are shorter. It is in the past, because the gateway has its own
# clock, by which an authorisation lapses after a week.
SOLD = datetime(2025, 1, 31, 9, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
PRICE = 2500


def make_monthly(**more: Any) -> Plan:
    return make_plan(**{"code": "monthly", "category": "recurring", "minor_units": PRICE, **more})


@dataclass
class Renewal:
    """One customer's plan that renews, and the clock."""

    subscription: Subscription
    clock: Any
    gateway: str
    network: str

    def move_to(self, moment: datetime) -> None:
        self.clock.move_to(moment, tick=False)

    def process(self) -> None:
        """Let workers process whatever is due now, until nothing is."""
        renewing.enqueue_due()
        for _ in range(10):
            due = Task.objects.filter(kind=KIND, closed_at=None, not_before__lte=now())
            task = due.order_by("pk").first()
            if task is None:
                return
            answer = process_task(KIND, self.subscription.pk)
            later = {"not_before": now() + answer.delay} if answer else {"closed_at": now()}
            Task.objects.filter(pk=task.pk).update(
                **later, lease_until=None, lease_token="", last_error=""
            )

    def pass_to(self, moment: datetime) -> None:
        """Let time pass. At each moment that the portal has planned, a worker comes."""
        while True:
            self.subscription.refresh_from_db()
            due = self.subscription.due_at
            waiting = Task.objects.filter(kind=KIND, closed_at=None).order_by("not_before").first()
            times = [time for time in (due, waiting and waiting.not_before) if time]
            at = min(times, default=moment)
            if at > moment:
                break
            self.move_to(max(at, now()))
            self.process()
            self.subscription.refresh_from_db()
            if self.subscription.due_at == due and now() >= moment:
                break
        self.move_to(moment)
        self.process()
        self.subscription.refresh_from_db()

    @property
    def periods(self) -> list[tuple[int, str, str, str]]:
        """Return number, state and bounds of each period."""
        rows = Period.objects.filter(subscription=self.subscription).order_by("number")
        return [
            (
                row.number,
                row.state,
                f"{row.starts_at:%d %b}" if row.starts_at else "",
                f"{row.ends_at:%d %b}" if row.ends_at else "",
            )
            for row in rows
        ]

    @property
    def charged(self) -> list[tuple[str, int]]:
        return [(one["status"], one["amount"]) for one in books(self.gateway)["payments"]]

    @property
    def served(self) -> dict[str, Any]:
        found = books(self.network)["services"]
        return next(one for one in found if one["reference"] == self.subscription.reference)

    @property
    def told(self) -> list[str]:
        rows = AccountMessage.objects.filter(account=self.subscription.line.account)
        return [*rows.order_by("pk").values_list("occasion", flat=True)]


@contextmanager
def sell(
    alice: User, gateway: str, network: str, *, number: str = APPROVED, **of_plan: Any
) -> Iterator[Renewal]:
    """Sell a monthly plan to Alice on 31 January, with this card, and let its time begin."""
    # By the gateway's clock, the card must not have expired.
    method = paying.add_card(alice, card(number))
    with time_machine.travel(SOLD, tick=False) as clock:
        subscription = prepare(alice, make_monthly(**of_plan), "R1")
        lifecycle.start(subscription, at=SOLD, mandate=agree(method, purpose="R1"))
        subscription.refresh_from_db()
        yield Renewal(subscription, clock, gateway, network)


def prepare(account: User, plan: Plan, reference: str, *, is_free: bool = False) -> Subscription:
    """Put the plan on a new SIM of the customer, active in the network, at the plan's price."""
    price, sim = plan.prices.get().taxed, make_card()
    sold = Period(
        plan_name="Monthly 5",
        gross_minor_units=0 if is_free else price.gross.minor_units,
        tax_minor_units=0 if is_free else price.tax.minor_units,
        currency="USD",
        tax_rate=900,
    )
    subscription = lifecycle.prepare(
        account, sim=sim, plan=plan, plan_name="Monthly 5", reference=reference, sold=sold
    )
    activate(subscription, sim)
    return subscription


def activate(subscription: Subscription, sim: Any) -> None:
    activation.activate(subscription, sim, before_call=lambda: None)


def lease_of(subscription: Subscription) -> Lease:
    task = Task.objects.filter(kind=KIND, subject=str(subscription.pk)).latest("pk")
    Task.objects.filter(pk=task.pk).update(lease_token="test")
    return Lease(task.pk, "test")

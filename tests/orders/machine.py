"""The stage of a play: a shop with its services, mishaps of a worker, and the books.

`tests.orders.play` has what customers, staff, services and workers do.
"""

from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from unittest import mock

import httpx
import time_machine
from django.apps import apps
from django.db import OperationalError, connections
from django.utils.timezone import now

from accounts.models import User
from moportal.http_client import Reply, exchange
from orders.models import Order, Return, StateChange
from outbox.domain import due_tasks, process
from outbox.models import Task
from payments.models import PaymentMethod, Receipt
from tests.builders import EID, OTHER_EID, make_card, make_plan, make_pool, make_visit
from tests.orders.conftest import new_card

# Two hours before the end of a year, so that there are receipts of two years.
BEGINNING = datetime(2030, 12, 31, 22, tzinfo=UTC)
LONGER_THAN_A_LEASE = timedelta(minutes=1)
LONGER_THAN_ANY_PAUSE = timedelta(minutes=11)
# The rooms whose tables are emptied before each example. Users, operator and texts stay.
EMPTIED = {
    *("customer_messages", "esim", "mobileplans", "orders", "outbox", "payments", "plans"),
    "subscriptions",
}
# The modules through which the product calls outside.
OUTSIDE = ("moportal.http_client", "esim.es2plus.client")
WRITES = ("INSERT", "UPDATE", "DELETE")


class Happens(StrEnum):
    """What can happen to a worker while it processes a task."""

    DIES = "it dies"
    WRITE_FAILS = "the database fails before a write"
    WRITE_IS_NOT_CONFIRMED = "the database fails after a write"
    NO_CONNECTION = "a service cannot be reached"
    NO_ANSWER = "an answer is lost"
    STALLS = "it stalls, as in a machine that is paused"


class Meanwhile(StrEnum):
    """What others do while a worker stalls."""

    CANCEL = "customers cancel"
    YES = "customers say yes at the bank"
    NO = "customers say no at the bank"
    WEBHOOKS = "webhooks come"


@dataclass(frozen=True)
class Mishap:
    """What happens to a worker, at which opportunity, counted after this many outside calls.

    While a worker stalls, others act. At the end another worker may take over its tasks.
    """

    what: Happens
    calls: int
    at: int
    meanwhile: list[Meanwhile] = field(default_factory=list)
    is_taken_over: bool = False


class WorkerDied(BaseException):
    """`kill -9`: no `except Exception` of the product may catch it."""


class DatabaseFailed(OperationalError):
    """The Django error that an error of psycopg becomes."""


class Worker:
    """A worker that processes one task. It intercepts every outside call and every write."""

    def __init__(self, mishap: Mishap | None, others: Callable[[Mishap], None]) -> None:
        self.mishap = mishap
        self.others_do = others
        self.calls = self.opportunities = 0
        self.has_met_it = False
        self.connection = connections["default"]
        self.commit = self.connection.commit
        self.is_unconfirmed = False
        # An error of the test itself, which the product's
        # `except Exception` must not catch.
        self.fault_of_the_test: BaseException | None = None

    def run(self, task: int) -> None:
        """Process the task. If the worker or its database dies, the lease is left behind."""
        with ExitStack() as patches:
            for module in OUTSIDE:
                patches.enter_context(mock.patch(f"{module}.exchange", self.exchanges))
            patches.enter_context(mock.patch.object(self.connection, "commit", self.commits))
            patches.enter_context(self.connection.execute_wrapper(self.executes))
            patches.enter_context(suppress(WorkerDied, DatabaseFailed))
            process(task)
        if self.fault_of_the_test:
            raise self.fault_of_the_test

    def exchanges(self, *request: Any, **options: Any) -> Reply:
        if self.connection.in_atomic_block:
            self._end_the_test(AssertionError("a call outside within a transaction"))
        self._may_end_or_stall()
        if self._meets(Happens.NO_CONNECTION):
            raise httpx.ConnectError("refused")
        reply = exchange(*request, **options)
        self.calls += 1
        self._may_end_or_stall()
        if self._meets(Happens.NO_ANSWER):
            raise httpx.ReadTimeout("lost")
        return reply

    def executes(self, execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if not sql.startswith(WRITES):
            return execute(sql, *rest)
        self._may_end_or_stall()
        if self._meets(Happens.WRITE_FAILS):
            raise DatabaseFailed("before the write")
        answer = execute(sql, *rest)
        if self._meets(Happens.WRITE_IS_NOT_CONFIRMED):
            self.is_unconfirmed = True
            if not self.connection.in_atomic_block:
                self._fail_unconfirmed()
        return answer

    def commits(self) -> None:
        self.commit()
        self._fail_unconfirmed()

    def _fail_unconfirmed(self) -> None:
        if self.is_unconfirmed:
            self.is_unconfirmed = False
            raise DatabaseFailed("after the write")

    def _may_end_or_stall(self) -> None:
        if self._meets(Happens.DIES):
            raise WorkerDied
        # Others act only outside of an open transaction; inside,
        # their writes would be part of it.
        is_open = self.connection.in_atomic_block
        if self.mishap and not is_open and self._meets(Happens.STALLS):
            try:
                self.others_do(self.mishap)
            except BaseException as error:  # noqa: BLE001 -- raised again after the run
                self._end_the_test(error)

    def _meets(self, what: Happens) -> bool:
        """Count an opportunity for this mishap, and return whether it happens now."""
        if self.mishap is None or self.mishap.what != what or self.calls < self.mishap.calls:
            return False
        self.opportunities += 1
        is_now = self.opportunities == self.mishap.at
        self.has_met_it |= is_now
        return is_now

    def _end_the_test(self, fault: BaseException) -> None:
        self.fault_of_the_test = fault
        raise WorkerDied


@dataclass(frozen=True)
class Form:
    """A review page in some tab. Sending it is the customer's decision."""

    draft: int
    version: int
    plan: int
    minor_units: int


@dataclass
class Shop:
    """Two customers, two plans, a pool of ICCIDs and a SIM card; three services; the clock."""

    gateway: str
    smdp: str
    network: str
    customers: tuple[User, User]
    client: httpx.Client

    def open(self) -> None:
        """Empty all books, and set the clock to the beginning."""
        for service in self.services:
            self.post(f"{service}/reset")
        _empty_tables()
        self.travel = time_machine.travel(BEGINNING, tick=False)
        self.clock = self.travel.start()
        self.plans = (make_plan(), make_plan(code="stayer", minor_units=4900))
        make_pool()
        card = make_card()
        self.visits = {
            (customer, has_card): make_visit(
                account=customer, eid="" if has_card else eid, iccid=card.iccid if has_card else ""
            )
            for customer, eid in zip(self.customers, (EID, OTHER_EID), strict=True)
            for has_card in (False, True)
        }
        self.cards: dict[tuple[User, str], PaymentMethod] = {}

    @property
    def services(self) -> tuple[str, str, str]:
        return self.gateway, self.smdp, self.network

    def close(self) -> None:
        self.travel.stop()

    def post(self, url: str, content: dict[str, Any] | None = None) -> None:
        self.client.post(url, json=content or {}).raise_for_status()

    def books(self, service: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get(f"{service}/books").json()
        return found

    def card(self, customer: User, number: str) -> PaymentMethod:
        if (customer, number) not in self.cards:
            self.cards[customer, number] = new_card(customer, number)
        return self.cards[customer, number]

    def pass_time(self, time: timedelta) -> None:
        self.clock.shift(time)

    def pass_time_until_something_is_due(self) -> None:
        """Move the clock to when the next task is due or its lease has expired."""
        tasks = Task.objects.filter(closed_at=None)
        times = [max(task.not_before, task.lease_until or task.not_before) for task in tasks]
        if times and min(times) >= now():
            self.pass_time(min(times) - now() + timedelta(seconds=1))

    def due(self) -> list[int]:
        """Return the due tasks. The clock stands still, so the key decides between equal times."""
        due = Task.objects.filter(pk__in=due_tasks()).order_by("not_before", "pk")
        return list(due.values_list("pk", flat=True))

    def process_all(self) -> None:
        """Process every due task once."""
        for task in self.due():
            process(task)


def _empty_tables() -> None:
    """Delete every row of the shop. TRUNCATE would take twenty times as long.

    Foreign keys are not checked during the deletion, so its order does not matter.
    """
    models = [model for model in apps.get_models() if model._meta.app_label in EMPTIED]
    deletes = "".join(f"DELETE FROM {model._meta.db_table};" for model in models)  # noqa: S608 -- names of our own
    role = "SET session_replication_role ="
    with connections["default"].cursor() as cursor:
        cursor.execute(f"{role} replica; {deletes} {role} DEFAULT")


@dataclass(frozen=True)
class Seen:
    """The four books, as they stand between two steps."""

    orders: list[Order]
    # Payments by the order's number, profiles by ICCID.
    payments: dict[str, list[dict[str, Any]]]
    profiles: dict[str, dict[str, Any]]
    # The network's services, by the order's number.
    services: dict[str, dict[str, Any]]
    # The ids of orders with an open task, and the states of returns by order.
    enqueued: frozenset[int]
    taken_back: dict[int, str]
    receipts: list[Receipt]
    changes: dict[int, list[StateChange]]


def see(shop: Shop) -> Seen:
    payments = defaultdict(list)
    for payment in shop.books(shop.gateway)["payments"]:
        payments[payment["reference"]].append(payment)
    changes = defaultdict(list)
    for change in StateChange.objects.order_by("pk"):
        changes[change.order_id].append(change)
    related = ("payment", "profile__sim", "subscription")
    enqueued = Task.objects.filter(kind="order", closed_at=None).values_list("subject", flat=True)
    return Seen(
        orders=list(Order.objects.select_related(*related).order_by("pk")),
        payments=payments,
        profiles={found["iccid"]: found for found in shop.books(shop.smdp)["profiles"]},
        services={found["reference"]: found for found in shop.books(shop.network)["services"]},
        enqueued=frozenset(map(int, enqueued)),
        taken_back=dict(Return.objects.values_list("order_id", "state")),
        receipts=list(Receipt.objects.order_by("year", "number")),
        changes=changes,
    )

"""What the bare scripts know of an order or a renewal, and the statements on its task."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import psycopg

LEASE = timedelta(seconds=20)


class Sale(Protocol):
    """What both an order and a renewal have."""

    @property
    def number(self) -> str: ...
    @property
    def account(self) -> int: ...
    @property
    def plan_name(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def digest(self) -> str: ...
    @property
    def address(self) -> str: ...


@dataclass(frozen=True)
class Order:
    """What is known before an order is submitted, and the secrets that the portal would make."""

    number: str
    draft: int
    account: int
    visit: int
    eid: str
    plan: int
    plan_code: str
    plan_name: str
    days: int
    data_bytes: int
    countries: list[str]
    gross: int
    tax: int
    tax_rate: int
    currency: str
    terms: str
    method: int
    token: str
    key: str
    sim: int
    iccid: str
    provider: int
    smdp_host: str
    requester: str
    matching_id: str
    sealed: str
    digest: str
    address: str


@dataclass
class Rows:
    """The keys of the rows that were inserted for the order so far."""

    payment: int = 0
    order: int = 0
    task: int = 0
    profile: int = 0
    subscription: int = 0
    period: int = 0
    message: int = 0
    message_task: int = 0


class Statements:
    """The statements of one sale, on a connection in autocommit mode."""

    def __init__(self, connection: psycopg.Connection[Any], order: Sale) -> None:
        self.connection, self.rows = connection, Rows()
        self.order = order
        self.lease = order.digest[:32]

    def claim(self, task: int) -> None:
        at = datetime.now(UTC)
        self.write(
            "UPDATE outbox_task SET lease_until = %s, lease_token = %s, attempts = attempts + 1"
            " WHERE id = %s AND (lease_until IS NULL OR lease_until < %s) AND closed_at IS NULL"
            " AND not_before <= %s",
            *(at + LEASE, self.lease, task, at, at),
        )

    def close(self, task: int) -> None:
        self.write(
            "UPDATE outbox_task SET closed_at = %s, lease_until = NULL, lease_token = '',"
            " last_error = '' WHERE id = %s AND lease_token = %s AND enqueue_count = 1",
            *(datetime.now(UTC), task, self.lease),
        )

    def renew_lease(self) -> None:
        self.write(
            "UPDATE outbox_task SET lease_until = %s WHERE id = %s AND lease_token = %s",
            *(datetime.now(UTC) + LEASE, self.rows.task, self.lease),
        )

    def insert_gateway_call(self, operation: str, key: str) -> int:
        return self.insert(
            "INSERT INTO payments_gatewaycall (payment_id, operation, key, sent_at, outcome,"
            " detail) VALUES (%s, %s, %s, %s, 'unanswered', '') RETURNING id",
            *(self.rows.payment, operation, key, datetime.now(UTC)),
        )

    def insert_task(self, kind: str, subject: int, at: datetime) -> int:
        return self.insert(
            "INSERT INTO outbox_task (kind, subject, not_before, lease_token, attempts,"
            " enqueue_count, created_at, last_error)"
            " VALUES (%s, %s, %s, '', 0, 1, %s, '') RETURNING id",
            *(kind, str(subject), at, at),
        )

    def write(self, statement: str, *values: object) -> None:
        done = self.connection.execute(statement, values).rowcount
        if done != 1:
            raise LookupError(f"{done} rows: {statement}")

    def insert(self, statement: str, *values: object) -> int:
        row = self.connection.execute(statement, values).fetchone()
        if row is None:
            raise LookupError(statement)
        key: int = row[0]
        return key

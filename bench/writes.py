"""The writes that the portal makes for one order, as plain SQL: the same tables, the same rows.

Each method is one transaction of the portal. The portal's reads are left out, because the
benchmark compares the portal with the least that an order needs. `tests/bench` runs these
statements on the current schema.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

LEASE = timedelta(seconds=20)
RETURN_URL = "https://portal.kestrel.example/orders/{}/returned/"


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


@dataclass
class Rows:
    """The keys of the rows that were inserted for the order so far."""

    payment: int = 0
    order: int = 0
    task: int = 0
    profile: int = 0
    subscription: int = 0


class Writes:
    """The writes of one order, on a connection in autocommit mode."""

    def __init__(self, connection: psycopg.Connection[Any], order: Order) -> None:
        self._connection, self._order, self._rows = connection, order, Rows()
        self._lease = order.digest[:32]

    def place_order(self) -> None:
        order, rows, at = self._order, self._rows, datetime.now(UTC)
        with self._connection.transaction():
            self._write(
                "UPDATE orders_draft SET submitted_at = %s WHERE id = %s AND version = 1"
                " AND submitted_at IS NULL AND plan_id IS NOT NULL AND method_id IS NOT NULL",
                *(at, order.draft),
            )
            rows.payment = self._insert(
                "INSERT INTO payments_payment (key, method_id, reference, minor_units, currency,"
                " state, gateway_id, decline_reason, return_url, customer_step_url, created_at)"
                " VALUES (%s, %s, %s, %s, %s, 'intended', '', '', %s, '', %s) RETURNING id",
                *(UUID(order.key), order.method, order.number, order.gross, order.currency),
                *(RETURN_URL.format(order.number), at),
            )
            rows.order = self._insert(
                "INSERT INTO orders_order (plan_name, gross_minor_units, tax_minor_units, tax_rate,"
                " currency, number, draft_id, account_id, visit_id, state, plan_id, language,"
                " terms_version, eid, payment_id, line_is_new, tries, last_error, failure,"
                " created_at)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, 'acknowledged', %s, 'en', %s, %s, %s,"
                " true, 0, '', '', %s) RETURNING id",
                *(order.plan_name, order.gross, order.tax, order.tax_rate, order.currency),
                *(order.number, order.draft, order.account, order.visit, order.plan, order.terms),
                *(order.eid, rows.payment, at),
            )
            rows.task = self._insert(
                "INSERT INTO outbox_task (kind, subject, not_before, lease_token, attempts,"
                " enqueue_count, created_at, last_error)"
                " VALUES ('order', %s, %s, '', 0, 1, %s, '') RETURNING id",
                *(str(rows.order), at, at),
            )

    def claim_task(self) -> None:
        at = datetime.now(UTC)
        self._write(
            "UPDATE outbox_task SET lease_until = %s, lease_token = %s, attempts = attempts + 1"
            " WHERE id = %s AND (lease_until IS NULL OR lease_until < %s) AND closed_at IS NULL"
            " AND not_before <= %s",
            *(at + LEASE, self._lease, self._rows.task, at, at),
        )

    def renew_lease(self) -> None:
        self._write(
            "UPDATE outbox_task SET lease_until = %s WHERE id = %s AND lease_token = %s",
            *(datetime.now(UTC) + LEASE, self._rows.task, self._lease),
        )

    def close_task(self) -> None:
        self._write(
            "UPDATE outbox_task SET closed_at = %s, lease_until = NULL, lease_token = '',"
            " last_error = '' WHERE id = %s AND lease_token = %s AND enqueue_count = 1",
            *(datetime.now(UTC), self._rows.task, self._lease),
        )

    def start_order(self) -> None:
        with self._connection.transaction():
            self._write(
                "UPDATE orders_order SET state = 'in_progress'"
                " WHERE id = %s AND state = 'acknowledged'",
                self._rows.order,
            )
            self._note_change("acknowledged", "in_progress")

    def insert_gateway_call(self, operation: str, key: str) -> int:
        return self._insert(
            "INSERT INTO payments_gatewaycall (payment_id, operation, key, sent_at, outcome,"
            " detail) VALUES (%s, %s, %s, %s, 'unanswered', '') RETURNING id",
            *(self._rows.payment, operation, key, datetime.now(UTC)),
        )

    def store_gateway_answer(self, call: int) -> None:
        self._write(
            "UPDATE payments_gatewaycall SET answered_at = %s, outcome = 'answered', detail = ''"
            " WHERE id = %s",
            *(datetime.now(UTC), call),
        )

    def mark_authorised(self, gateway_id: str) -> None:
        self._write(
            "UPDATE payments_payment SET state = 'authorised', gateway_id = %s"
            " WHERE id = %s AND state IN ('intended', 'pending')",
            *(gateway_id, self._rows.payment),
        )

    def mark_captured(self) -> None:
        self._write(
            "UPDATE payments_payment SET state = 'captured' WHERE id = %s AND state = 'authorised'",
            self._rows.payment,
        )

    def intend_profile(self) -> None:
        order, rows = self._order, self._rows
        with self._connection.transaction():
            self._write(
                "UPDATE esim_sim SET state = 'reserved' WHERE id = %s AND state = 'available'",
                order.sim,
            )
            rows.profile = self._insert(
                "INSERT INTO esim_profile (sim_id, provider_id, eid, state, matching_id,"
                " matching_id_digest, smdp_host, created_at, staff_alert)"
                " VALUES (%s, %s, %s, 'intended', %s, %s, %s, %s, '') RETURNING id",
                *(order.sim, order.provider, order.eid, order.sealed, order.digest),
                *(order.smdp_host, datetime.now(UTC)),
            )
            self._write(
                "UPDATE orders_order SET profile_id = %s WHERE id = %s AND profile_id IS NULL"
                " AND state = 'in_progress'",
                *(rows.profile, rows.order),
            )

    def insert_es2_call(self, function: str, identifier: UUID, request: dict[str, object]) -> int:
        return self._insert(
            "INSERT INTO esim_es2call (profile_id, function, call_identifier, request, sent_at,"
            " outcome, subject_code, reason_code, detail)"
            " VALUES (%s, %s, %s, %s, %s, 'unanswered', '', '', '') RETURNING id",
            *(self._rows.profile, function, identifier, Jsonb(request), datetime.now(UTC)),
        )

    def store_es2_answer(self, call: int, detail: str) -> None:
        self._write(
            "UPDATE esim_es2call SET answered_at = %s, outcome = 'success', subject_code = '',"
            " reason_code = '', detail = %s WHERE id = %s",
            *(datetime.now(UTC), detail, call),
        )

    def mark_profile_reserved(self) -> None:
        self._write(
            "UPDATE esim_profile SET state = 'reserved' WHERE id = %s AND state = 'intended'",
            self._rows.profile,
        )

    def mark_profile_released(self, smdp_host: str) -> None:
        self._write(
            "UPDATE esim_profile SET state = 'released', smdp_host = %s"
            " WHERE id = %s AND state = 'reserved'",
            *(smdp_host, self._rows.profile),
        )

    def create_line(self) -> None:
        order, rows, at = self._order, self._rows, datetime.now(UTC)
        with self._connection.transaction():
            line = self._insert(
                "INSERT INTO subscriptions_line (account_id, msisdn, created_at)"
                " VALUES (%s, '', %s) RETURNING id",
                *(order.account, at),
            )
            self._insert(
                "INSERT INTO subscriptions_simonline (line_id, sim_id, since)"
                " VALUES (%s, %s, %s) RETURNING id",
                *(line, order.sim, at),
            )
            self._write("UPDATE esim_sim SET state = 'in_use' WHERE id = %s", order.sim)
            rows.subscription = self._insert(
                "INSERT INTO subscriptions_subscription (line_id, plan_id, reference, plan_name,"
                " state, live_iccid) VALUES (%s, %s, %s, %s, 'prepared', '') RETURNING id",
                *(line, order.plan, order.number, order.plan_name),
            )
            self._insert(
                "INSERT INTO subscriptions_bucket (subscription_id, kind, total_bytes, used_bytes,"
                " countries) VALUES (%s, 'allowance', %s, 0, %s) RETURNING id",
                *(rows.subscription, order.data_bytes, Jsonb(order.countries)),
            )
            self._write(
                "UPDATE orders_order SET subscription_id = %s, line_is_new = true WHERE id = %s",
                *(rows.subscription, rows.order),
            )

    def insert_network_call(self, iccid: str) -> int:
        return self._insert(
            "INSERT INTO subscriptions_networkcall (subscription_id, operation, iccid, sent_at,"
            " outcome, detail) VALUES (%s, 'activate', %s, %s, 'unanswered', '') RETURNING id",
            *(self._rows.subscription, iccid, datetime.now(UTC)),
        )

    def store_network_answer(self, call: int) -> None:
        self._write(
            "UPDATE subscriptions_networkcall SET answered_at = %s, outcome = 'done', detail = ''"
            " WHERE id = %s",
            *(datetime.now(UTC), call),
        )

    def mark_active_in_network(self, iccid: str) -> None:
        self._write(
            "UPDATE subscriptions_subscription SET live_iccid = %s"
            " WHERE id = %s AND ended_at IS NULL",
            *(iccid, self._rows.subscription),
        )

    def decide_to_charge(self) -> None:
        self._write(
            "UPDATE orders_order SET charge_decided_at = %s WHERE id = %s"
            " AND state = 'in_progress' AND cancel_requested_at IS NULL"
            " AND charge_decided_at IS NULL",
            *(datetime.now(UTC), self._rows.order),
        )

    def complete_order(self) -> None:
        order, rows, at = self._order, self._rows, datetime.now(UTC)
        with self._connection.transaction():
            self._write(
                "UPDATE subscriptions_subscription SET state = 'active', starts_at = %s,"
                " ends_at = %s WHERE id = %s AND state = 'prepared'",
                *(at, at + timedelta(days=order.days), rows.subscription),
            )
            number = self._insert(
                "UPDATE payments_receiptcounter SET last = last + 1 WHERE year = %s RETURNING last",
                at.year,
            )
            self._insert(
                "INSERT INTO payments_receipt (payment_id, year, number)"
                " VALUES (%s, %s, %s) RETURNING id",
                *(rows.payment, at.year, number),
            )
            self._write(
                "UPDATE orders_order SET state = 'completed', completed_at = %s, last_error = ''"
                " WHERE id = %s AND state = 'in_progress'",
                *(at, rows.order),
            )
            self._note_change("in_progress", "completed")

    def _note_change(self, old: str, new: str) -> None:
        self._insert(
            "INSERT INTO orders_statechange (order_id, old, new, reason, at)"
            " VALUES (%s, %s, %s, '', %s) RETURNING id",
            *(self._rows.order, old, new, datetime.now(UTC)),
        )

    def _write(self, statement: str, *values: object) -> None:
        done = self._connection.execute(statement, values).rowcount
        if done != 1:
            raise LookupError(f"{done} rows: {statement}")

    def _insert(self, statement: str, *values: object) -> int:
        row = self._connection.execute(statement, values).fetchone()
        if row is None:
            raise LookupError(statement)
        key: int = row[0]
        return key

"""The writes that the portal makes for one order, as plain SQL: the same tables, the same rows.

Each method is one transaction of the portal. The portal's reads are left out, because the
benchmark compares the portal with the least that an order needs. `tests/bench` runs these
statements on the current schema.
"""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from psycopg.types.json import Jsonb

from bench.message_writes import HOUR, MessageWrites
from bench.statements import Order

MARKS = Jsonb(["a1b2c3"])
RETURN_URL = "https://portal.kestrel.example/orders/{}/returned/"


class Writes(MessageWrites):
    """The writes of one order, on a connection in autocommit mode."""

    order: Order

    def place_order(self) -> None:
        order, rows, at = self.order, self.rows, datetime.now(UTC)
        with self.connection.transaction():
            self.write(
                "UPDATE orders_draft SET submitted_at = %s WHERE id = %s AND version = 1"
                " AND submitted_at IS NULL AND plan_id IS NOT NULL AND method_id IS NOT NULL",
                *(at, order.draft),
            )
            self.count_attempt(at)
            rows.payment = self.insert(
                "INSERT INTO payments_payment (key, method_id, reference, minor_units, currency,"
                " state, gateway_id, decline_reason, return_url, customer_step_url, created_at)"
                " VALUES (%s, %s, %s, %s, %s, 'intended', '', '', %s, '', %s) RETURNING id",
                *(UUID(order.key), order.method, order.number, order.gross, order.currency),
                *(RETURN_URL.format(order.number), at),
            )
            rows.order = self.insert(
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
            rows.task = self.insert_task("order", rows.order, at)

    def claim_task(self) -> None:
        self.claim(self.rows.task)

    def close_task(self) -> None:
        self.close(self.rows.task)

    def start_order(self) -> None:
        with self.connection.transaction():
            self.write(
                "UPDATE orders_order SET state = 'in_progress'"
                " WHERE id = %s AND state = 'acknowledged'",
                self.rows.order,
            )
            self._note_change("acknowledged", "in_progress")

    def store_gateway_answer(self, call: int) -> None:
        self.write(
            "UPDATE payments_gatewaycall SET answered_at = %s, outcome = 'answered', detail = ''"
            " WHERE id = %s",
            *(datetime.now(UTC), call),
        )

    def mark_authorised(self, gateway_id: str) -> None:
        self.write(
            "UPDATE payments_payment SET state = 'authorised', gateway_id = %s"
            " WHERE id = %s AND state IN ('intended', 'pending')",
            *(gateway_id, self.rows.payment),
        )

    def mark_captured(self) -> None:
        self.write(
            "UPDATE payments_payment SET state = 'captured', captured_at = %s"
            " WHERE id = %s AND state = 'authorised'",
            *(datetime.now(UTC), self.rows.payment),
        )

    def intend_profile(self) -> None:
        order, rows = self.order, self.rows
        with self.connection.transaction():
            self.write(
                "UPDATE esim_sim SET state = 'reserved' WHERE id = %s AND state = 'available'",
                order.sim,
            )
            rows.profile = self.insert(
                "INSERT INTO esim_profile (sim_id, provider_id, eid, state, matching_id,"
                " matching_id_digest, smdp_host, created_at, staff_alert)"
                " VALUES (%s, %s, %s, 'intended', %s, %s, %s, %s, '') RETURNING id",
                *(order.sim, order.provider, order.eid, order.sealed, order.digest),
                *(order.smdp_host, datetime.now(UTC)),
            )
            self.write(
                "UPDATE orders_order SET profile_id = %s WHERE id = %s AND profile_id IS NULL"
                " AND state = 'in_progress'",
                *(rows.profile, rows.order),
            )

    def insert_es2_call(self, function: str, identifier: UUID, request: dict[str, object]) -> int:
        return self.insert(
            "INSERT INTO esim_es2call (profile_id, function, call_identifier, request, sent_at,"
            " outcome, subject_code, reason_code, detail)"
            " VALUES (%s, %s, %s, %s, %s, 'unanswered', '', '', '') RETURNING id",
            *(self.rows.profile, function, identifier, Jsonb(request), datetime.now(UTC)),
        )

    def store_es2_answer(self, call: int, detail: str) -> None:
        self.write(
            "UPDATE esim_es2call SET answered_at = %s, outcome = 'success', subject_code = '',"
            " reason_code = '', detail = %s WHERE id = %s",
            *(datetime.now(UTC), detail, call),
        )

    def mark_profile_reserved(self) -> None:
        self.write(
            "UPDATE esim_profile SET state = 'reserved' WHERE id = %s AND state = 'intended'",
            self.rows.profile,
        )

    def mark_profile_released(self, smdp_host: str) -> None:
        self.write(
            "UPDATE esim_profile SET state = 'released', smdp_host = %s"
            " WHERE id = %s AND state = 'reserved'",
            *(smdp_host, self.rows.profile),
        )

    def create_line(self) -> None:
        order, rows, at = self.order, self.rows, datetime.now(UTC)
        with self.connection.transaction():
            line = self.insert(
                "INSERT INTO subscriptions_line (account_id, msisdn, created_at)"
                " VALUES (%s, '', %s) RETURNING id",
                *(order.account, at),
            )
            self.insert(
                "INSERT INTO subscriptions_simonline (line_id, sim_id, since)"
                " VALUES (%s, %s, %s) RETURNING id",
                *(line, order.sim, at),
            )
            self.write("UPDATE esim_sim SET state = 'in_use' WHERE id = %s", order.sim)
            rows.subscription = self.insert(
                "INSERT INTO subscriptions_subscription (line_id, plan_id, reference, plan_name,"
                " state) VALUES (%s, %s, %s, %s, 'prepared') RETURNING id",
                *(line, order.plan, order.number, order.plan_name),
            )
            rows.period = self.insert(
                "INSERT INTO subscriptions_period (subscription_id, line_id, plan_id, plan_name,"
                " gross_minor_units, tax_minor_units, tax_rate, currency, state)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 'planned') RETURNING id",
                *(rows.subscription, line, order.plan, order.plan_name),
                *(order.gross, order.tax, order.tax_rate, order.currency),
            )
            self.insert(
                "INSERT INTO subscriptions_bucket (period_id, kind, total_bytes, used_bytes,"
                " countries) VALUES (%s, 'allowance', %s, 0, %s) RETURNING id",
                *(rows.period, order.data_bytes, Jsonb(order.countries)),
            )
            self.write(
                "UPDATE orders_order SET subscription_id = %s, line_is_new = true WHERE id = %s",
                *(rows.subscription, rows.order),
            )

    def insert_network_call(self, iccid: str) -> int:
        return self.insert(
            "INSERT INTO subscriptions_networkcall (subscription_id, operation, iccid, sent_at,"
            " outcome, detail) VALUES (%s, 'activate', %s, %s, 'unanswered', '') RETURNING id",
            *(self.rows.subscription, iccid, datetime.now(UTC)),
        )

    def store_network_answer(self, call: int) -> None:
        self.write(
            "UPDATE subscriptions_networkcall SET answered_at = %s, outcome = 'done', detail = ''"
            " WHERE id = %s",
            *(datetime.now(UTC), call),
        )

    def mark_active_in_network(self) -> None:
        with self.connection.transaction():
            self.insert(
                "INSERT INTO subscriptions_livesim (subscription_id, sim_id, since)"
                " VALUES (%s, %s, %s) RETURNING id",
                *(self.rows.subscription, self.order.sim, datetime.now(UTC)),
            )
            self.write(
                "UPDATE subscriptions_subscription SET live_sims = live_sims + 1"
                " WHERE id = %s AND ended_at IS NULL",
                self.rows.subscription,
            )

    def decide_to_charge(self) -> None:
        self.write(
            "UPDATE orders_order SET charge_decided_at = %s WHERE id = %s"
            " AND state = 'in_progress' AND cancel_requested_at IS NULL"
            " AND charge_decided_at IS NULL",
            *(datetime.now(UTC), self.rows.order),
        )

    def complete_order(self) -> None:
        order, rows, at = self.order, self.rows, datetime.now(UTC)
        with self.connection.transaction():
            self.write(
                "UPDATE subscriptions_subscription SET state = 'active'"
                " WHERE id = %s AND state = 'prepared'",
                rows.subscription,
            )
            ends_at = at + timedelta(days=order.days)
            self.write(
                "UPDATE subscriptions_period SET state = 'paid', starts_at = %s, ends_at = %s,"
                " usable_until = %s WHERE id = %s",
                *(at, ends_at, ends_at, rows.period),
            )
            number = self.insert(
                "UPDATE payments_receiptcounter SET last = last + 1 WHERE year = %s RETURNING last",
                at.year,
            )
            self.insert(
                "INSERT INTO payments_receipt (payment_id, year, number, issued_on, seller_name,"
                " seller_address, seller_tax_number, buyer_name, item, starts_on, ends_on,"
                " minor_units, net_minor_units, tax_minor_units, tax_rate, currency)"
                " VALUES (%s, %s, %s, %s, 'Kestrel Mobile, Inc.', '100 Example Avenue',"
                " '00-1234567', 'Robin Ade', %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id",
                *(rows.payment, at.year, number, at.date(), order.plan_name, at.date()),
                *(at.date() + timedelta(days=order.days), order.gross, order.gross - order.tax),
                *(order.tax, order.tax_rate, order.currency),
            )
            self.write(
                "UPDATE orders_order SET state = 'completed', completed_at = %s, last_error = ''"
                " WHERE id = %s AND state = 'in_progress'",
                *(at, rows.order),
            )
            self._note_change("in_progress", "completed")
            self.write_message(at)
            self.forget_attempt()

    def _note_change(self, old: str, new: str) -> None:
        self.insert(
            "INSERT INTO orders_statechange (order_id, old, new, reason, at)"
            " VALUES (%s, %s, %s, '', %s) RETURNING id",
            *(self.rows.order, old, new, datetime.now(UTC)),
        )

    def count_attempt(self, at: datetime) -> None:
        subjects = self.counted_subjects()
        self.connection.execute(
            'INSERT INTO accounts_attemptcount ("limit", subject, marks, began_at, ends_at)'
            " VALUES ('orders', %s, %s, %s, %s), ('orders', %s, %s, %s, %s)",
            [value for subject in subjects for value in (subject, MARKS, at, at + HOUR)],
        )

    def counted_subjects(self) -> list[str]:
        return [f"account:{self.order.account}", f"eid:{self.order.eid}"]

    def forget_attempt(self) -> None:
        self.connection.execute(
            "DELETE FROM accounts_attemptcount WHERE \"limit\" = 'orders' AND subject = ANY(%s)",
            [self.counted_subjects()],
        )

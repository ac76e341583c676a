"""The writes that the portal makes for one renewal, as plain SQL: the same rows."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from psycopg.types.json import Jsonb

from bench.message_writes import MessageWrites

MONTH = timedelta(days=30)


@dataclass(frozen=True)
class Renewal:
    """What is known of a plan before it renews. Customer, method and plan have the same key."""

    account: int
    token: str
    plan: int
    plan_code: str
    countries: list[str]
    key: str
    digest: str
    # The end of the first month, in ISO 8601.
    ends_at: str
    plan_name: str = "Monthly"
    minor_units: int = 2500

    @property
    def number(self) -> str:
        return f"B{self.account}"

    @property
    def address(self) -> str:
        return f"renewing{self.account}@bench.example"


class RenewalWrites(MessageWrites):
    """The writes of one renewal. Each method is one transaction of the portal."""

    order: Renewal

    def enqueue(self) -> None:
        at = datetime.now(UTC)
        with self.connection.transaction():
            self._subscription("due_at = %s", at + timedelta(hours=1))
            self.rows.task = self.insert_task("subscription", self.order.account, at)

    def plan_period(self, starts_at: datetime) -> None:
        order = self.order
        self.rows.period = self.insert(
            "INSERT INTO subscriptions_period (plan_name, gross_minor_units, tax_minor_units,"
            " tax_rate, currency, subscription_id, line_id, number, plan_id, state, starts_at,"
            " ends_at, follows_id, after_hold)"
            " VALUES (%s, %s, 208, 900, 'USD', %s, %s, 2, %s, 'planned', %s, %s, %s, false)"
            " RETURNING id",
            *(order.plan_name, order.minor_units, order.account, order.account, order.plan),
            *(starts_at, starts_at + MONTH, order.account),
        )

    def create_payment(self) -> None:
        order, rows, at = self.order, self.rows, datetime.now(UTC)
        with self.connection.transaction():
            rows.payment = self.insert(
                "INSERT INTO payments_payment (key, method_id, initiator, mandate_id, reference,"
                " minor_units, currency, state, gateway_id, decline_reason, refusal_kind,"
                " return_url, customer_step_url, created_at)"
                " VALUES (%s, %s, 'operator', %s, %s, %s, 'USD', 'intended', '', '', '', '', '',"
                " %s) RETURNING id",
                *(order.key, order.account, order.account, f"{order.number}-2"),
                *(order.minor_units, at),
            )
            self.insert(
                "INSERT INTO subscriptions_attempt (period_id, payment_id, is_live, created_at)"
                " VALUES (%s, %s, true, %s) RETURNING id",
                *(rows.period, rows.payment, at),
            )

    def store_gateway_answer(self, call: int, state: str, gateway_id: str) -> None:
        at = datetime.now(UTC)
        self.write(
            "UPDATE payments_gatewaycall SET answered_at = %s, outcome = 'answered' WHERE id = %s",
            *(at, call),
        )
        self.write(
            "UPDATE payments_payment SET state = %s, gateway_id = %s, captured_at = %s"
            " WHERE id = %s AND state IN ('intended', 'pending', 'authorised')",
            *(state, gateway_id, at if state == "captured" else None, self.rows.payment),
        )

    def decide(self) -> None:
        self._subscription("decided_number = 2")

    def open_period(self, starts_at: datetime) -> None:
        order, rows, at = self.order, self.rows, datetime.now(UTC)
        ends_at = starts_at + MONTH
        with self.connection.transaction():
            self.write(
                "UPDATE subscriptions_period SET state = 'paid', usable_until = %s"
                " WHERE id = %s AND state = 'planned'",
                *(ends_at, rows.period),
            )
            self.insert(
                "INSERT INTO subscriptions_bucket (period_id, kind, total_bytes, used_bytes,"
                " countries) VALUES (%s, 'allowance', 5000000000, 0, %s) RETURNING id",
                *(rows.period, Jsonb(order.countries)),
            )
            self._subscription("state = 'active'")
            number = self.insert(
                "INSERT INTO payments_receiptcounter (year, last) VALUES (%s, 1)"
                " ON CONFLICT (year) DO UPDATE SET last = payments_receiptcounter.last + 1"
                " RETURNING last",
                at.year,
            )
            self.insert(
                "INSERT INTO payments_receipt (payment_id, year, number, issued_on, seller_name,"
                " seller_address, seller_tax_number, buyer_name, item, starts_on, ends_on,"
                " minor_units, net_minor_units, tax_minor_units, tax_rate, currency)"
                " VALUES (%s, %s, %s, %s, 'Kestrel Mobile, Inc.', '100 Example Avenue',"
                " '00-1234567', 'Robin Ade', %s, %s, %s, %s, %s, 208, 900, 'USD') RETURNING id",
                *(rows.payment, at.year, number, at.date(), order.plan_name, starts_at.date()),
                *(ends_at.date(), order.minor_units, order.minor_units - 208),
            )
            self.write_message(at)

    def insert_network_call(self) -> int:
        return self.insert(
            "INSERT INTO subscriptions_networkcall (subscription_id, operation, iccid, sent_at,"
            " outcome, detail) VALUES (%s, 'renew', '', %s, 'unanswered', '') RETURNING id",
            *(self.order.account, datetime.now(UTC)),
        )

    def store_network_answer(self, call: int, until: datetime) -> None:
        self.write(
            "UPDATE subscriptions_networkcall SET answered_at = %s, outcome = 'answered'"
            " WHERE id = %s",
            *(datetime.now(UTC), call),
        )
        self._subscription("served_until = %s", until)

    def finish(self, due_at: datetime) -> None:
        self._subscription("due_at = %s, tries = 0, last_error = ''", due_at)
        self.close(self.rows.task)

    def _subscription(self, change: str, *values: object) -> None:
        statement = f"UPDATE subscriptions_subscription SET {change} WHERE id = %s"  # noqa: S608 -- the texts above
        self.write(statement, *values, self.order.account)

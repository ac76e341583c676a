"""The writes for the message that confirms a sale, as plain SQL."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from psycopg.types.json import Jsonb

from bench.statements import Statements

HOUR = timedelta(hours=1)


class MessageWrites(Statements):
    """What the portal writes beside the sale itself. Each method is one transaction or a part."""

    def write_message(self, at: datetime) -> None:
        order, rows = self.order, self.rows
        context = Jsonb({"number": order.number, "plan": order.plan_name})
        self.insert(
            "INSERT INTO accounts_accountmessage (account_id, occasion, key, context, created_at)"
            " VALUES (%s, 'order_confirmed', %s, %s, %s) RETURNING id",
            *(order.account, order.number, context, at),
        )
        rows.message = self.insert(
            "INSERT INTO customer_messages_message (identifier, occasion, key, channel, address,"
            " language, context, code, state, reason, gateway_id, tries, last_error, created_at)"
            " VALUES (%s, 'order_confirmed', %s, 'mail', %s, 'en', %s, '', 'queued', '', '', 0,"
            " '', %s) RETURNING id",
            *(UUID(order.key), order.number, order.address, context, at),
        )
        rows.message_task = self.insert_task("message", rows.message, at)

    def begin_message(self) -> None:
        order, rows = self.order, self.rows
        self.claim(rows.message_task)
        with self.connection.transaction():
            self.insert(
                "INSERT INTO customer_messages_sentcount (name, subject, ends_at, used)"
                " VALUES ('mail address', %s, %s, 1) ON CONFLICT (name, subject, ends_at)"
                " DO UPDATE SET used = customer_messages_sentcount.used + 1 RETURNING id",
                *(order.digest, end_of_hour()),
            )
            self.write(
                "UPDATE customer_messages_message SET state = 'sending'"
                " WHERE id = %s AND state = 'queued'",
                rows.message,
            )

    def insert_sending_call(self) -> int:
        return self.insert(
            "INSERT INTO customer_messages_sendingcall (message_id, sender, sent_at, outcome,"
            " detail, gateway_id) VALUES (%s, 'bare', %s, 'unanswered', '', '') RETURNING id",
            *(self.rows.message, datetime.now(UTC)),
        )

    def end_message(self, call: int, gateway_id: str) -> None:
        self.write(
            "UPDATE customer_messages_sendingcall SET answered_at = %s, outcome = 'answered',"
            " gateway_id = %s WHERE id = %s",
            *(datetime.now(UTC), gateway_id, call),
        )
        self.write(
            "UPDATE customer_messages_message SET state = 'sent', gateway_id = %s, ended_at = %s"
            " WHERE id = %s AND state = 'sending'",
            *(gateway_id, datetime.now(UTC), self.rows.message),
        )
        self.close(self.rows.message_task)


def end_of_hour() -> datetime:
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + HOUR

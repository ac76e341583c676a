"""The books that are compared: what a gateway says of each payment, and what the portal says.

Both are read as they are stored, by statements of their own. Nothing here uses the portal's code.
"""

from collections import defaultdict
from dataclasses import dataclass

import psycopg
from psycopg.rows import dict_row

PAYMENTS = """
SELECT m.id, m.key::text, m.reference, m.gateway_id, m.state, m.minor_units AS amount, m.currency,
    m.refunded_minor_units AS refunded, m.lost_minor_units AS lost,
    coalesce(o.state, '') AS order, r.id IS NOT NULL AS has_receipt, p.kind = 'bill' AS is_on_bill
FROM payments_payment m JOIN payments_paymentmethod p ON p.id = m.method_id
LEFT JOIN orders_order o ON o.payment_id = m.id
LEFT JOIN payments_receipt r ON r.payment_id = m.id
WHERE p.gateway = %s ORDER BY m.id
"""
REFUNDS = """
SELECT f.payment_id, f.key::text, f.minor_units, f.state, c.id IS NOT NULL
FROM payments_refund f LEFT JOIN payments_creditnote c ON c.refund_id = f.id ORDER BY f.id
"""
GAPS = """
SELECT 'receipts', year FROM payments_receipt GROUP BY year HAVING max(number) <> count(*)
UNION ALL
SELECT 'credit notes', year FROM payments_creditnote GROUP BY year HAVING max(number) <> count(*)
"""


@dataclass(frozen=True)
class Refund:
    """One refund, in the portal's words for its state. `has_note`: it has a credit note."""

    key: str
    amount: int
    state: str
    has_note: bool = False


@dataclass(frozen=True)
class AtGateway:
    """A payment in the gateway's books. `state` is open, charged or gone; amounts are minor units.

    `open` is authorised, or waits for the customer. `gone` is voided, lapsed or refused. A charge
    that was given back is still `charged`.
    """

    gateway_id: str
    key: str
    reference: str
    amount: int
    currency: str
    state: str
    refunds: tuple[Refund, ...] = ()
    lost: int = 0

    @property
    def refunded(self) -> int:
        return sum(one.amount for one in self.refunds if one.state == "done")


@dataclass(frozen=True)
class AtPortal:
    """A payment in the portal's database. `order` is its order's state, or empty without one."""

    key: str
    reference: str
    gateway_id: str
    state: str
    amount: int
    currency: str
    refunded: int
    lost: int
    order: str
    has_receipt: bool
    # The operator's bill is the invoice then, and the portal issues no receipt.
    is_on_bill: bool = False
    refunds: tuple[Refund, ...] = ()

    @property
    def is_charged(self) -> bool:
        return self.state in {"captured", "refunded"}


@dataclass(frozen=True)
class Books:
    """Both books, and what is wrong with the numbers of receipts and credit notes."""

    portal: list[AtPortal]
    gateway: list[AtGateway]
    gaps: tuple[str, ...] = ()


def read_portal(database_url: str, gateway: str) -> tuple[list[AtPortal], tuple[str, ...]]:
    """Return the portal's payments by this gateway, and the numbers that have gaps."""
    with psycopg.connect(database_url) as connection:
        refunds = defaultdict(list)
        for payment, key, amount, state, has_note in connection.execute(REFUNDS).fetchall():
            refunds[payment].append(Refund(key, amount, state, has_note))
        rows = connection.cursor(row_factory=dict_row).execute(PAYMENTS, [gateway]).fetchall()
        gaps = connection.execute(GAPS).fetchall()
    found = [AtPortal(**row, refunds=tuple(refunds[pk])) for row in rows for pk in [row.pop("id")]]
    return found, tuple(f"{what} of {year} have a gap" for what, year in gaps)

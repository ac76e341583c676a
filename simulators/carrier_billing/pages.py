"""The simulator's pages: what the bill says and which codes were sent, and the operator's page."""

import html

from simulators.carrier_billing import desk
from simulators.carrier_billing.books import Books, Row
from simulators.carrier_billing.refusals import THOUSANDTHS, BillingRefusal
from simulators.http import Answer, html_answer
from simulators.payment.document import document

FORM = """\
<p>{number} pays {amount}.</p>
<form method="post">
<button name="decision" value="approve">Put it on my bill</button>
<button name="decision" value="refuse">Do not pay</button>
</form>
"""


def overview(books: Books) -> Answer:
    """Show the bill of each number, and the codes that were sent to it."""
    with books.store.transaction():
        rows = [desk.require_payment(books, row["id"]) for row in books.payments()]
    lines = "".join(_line(row) for row in reversed(rows))
    head = "<tr><th>Number</th><th>Amount</th><th>Text</th><th>State</th><th>Code sent</th></tr>"
    main = f"<table>{head}{lines}</table>" if lines else "<p>Nothing is on any bill yet.</p>"
    return html_answer(document("The operator's bills", main))


def _line(row: Row) -> str:
    cells = (row["number"], _amount(row), row["reference"], row["status"], row["code"])
    return "<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in cells) + "</tr>"


def _amount(row: Row) -> str:
    return f"{row['charging']['amount'] / THOUSANDTHS:.3f} {row['charging']['currency']}"


def validation(books: Books, identifier: str) -> Answer:
    """Show the operator's own page, on which a customer confirms a payment."""
    try:
        with books.store.transaction():
            row = desk.require_payment(books, identifier)
    except BillingRefusal as refusal:
        return refusal.answer()
    is_open = row["status"] == "pending_validation" and row["has_page"]
    form = FORM.format(number=html.escape(row["number"]), amount=html.escape(_amount(row)))
    main = form if is_open else "<p>Go back to the shop: it continues by itself.</p>"
    return html_answer(document("Pay on your bill", main))

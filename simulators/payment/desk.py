"""The desk: a page on which somebody plays the customers' bank in the demo. It needs no script."""

import html
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from simulators.keys import Refused, Reply
from simulators.payment import disputes
from simulators.payment.books import Books
from simulators.payment.document import document
from simulators.payment.states import DisputeKind, DisputeStatus, PaymentState

TITLE = "The bank's desk"
TABLE = "<h2>{title}</h2>\n<table>\n{rows}</table>\n"
ROW = "<tr>{cells}<td>{form}</td></tr>\n"
FORM = """\
<form method="post" action="/desk"><input type="hidden" name="subject" value="{subject}">
{buttons}</form>"""
BUTTON = '<button name="do" value="{do}">{label}</button>\n'
# What can be done about a charged payment, and about a dispute.
ABOUT_PAYMENT = {
    "dispute": "Dispute: not received",
    "fraud": "Dispute: fraud",
    "inquiry": "Inquiry",
    "warning": "Warn of fraud",
}
ESCALATE = "escalate"
ABOUT_DISPUTE: dict[str, str] = {
    DisputeStatus.WON: "Merchant wins",
    DisputeStatus.LOST: "Merchant loses",
    DisputeStatus.NEEDS_ANSWER: "Open again",
    ESCALATE: "Make the inquiry a dispute",
}


def page(
    payments: Iterable[Mapping[str, Any]], open_and_ended: Iterable[Mapping[str, Any]]
) -> bytes:
    """Return the desk's HTML, the newest rows first."""
    charged = [one for one in payments if one["status"] == PaymentState.CAPTURED]
    shown = [
        _row(one, ("reference", "amount", "currency", "status"), ABOUT_PAYMENT)
        for one in reversed(charged)
    ]
    disputed = [
        _row(one, ("kind", "reason", "amount", "currency", "status", "evidence"), ABOUT_DISPUTE)
        for one in reversed(list(open_and_ended))
    ]
    main = TABLE.format(title="Disputes", rows="".join(disputed))
    main += TABLE.format(title="Charged payments", rows="".join(shown))
    return document(TITLE, main)


def act(books: Books, subject: str, what: str) -> Reply:
    """Do what a button says, to the payment or dispute with this id."""
    if what == "warning":
        return disputes.open_warning(books, subject)
    if what in {"dispute", "fraud", "inquiry"}:
        kind = DisputeKind.INQUIRY if what == "inquiry" else DisputeKind.DISPUTE
        reason = disputes.FRAUD if what == "fraud" else "product_not_received"
        return disputes.open_dispute(books, subject, {"kind": kind, "reason": reason})
    if what in ABOUT_DISPUTE:
        status = DisputeKind.DISPUTE if what == ESCALATE else what
        return disputes.end_dispute(books, subject, {"status": status})
    raise Refused(HTTPStatus.BAD_REQUEST, "unknown_action")


def _row(row: Mapping[str, Any], names: Iterable[str], buttons: Mapping[str, str]) -> str:
    cells = "".join(f"<td><pre>{html.escape(str(row[name]))}</pre></td>" for name in names)
    shown = "".join(BUTTON.format(do=do, label=label) for do, label in buttons.items())
    form = FORM.format(subject=html.escape(str(row["id"])), buttons=shown)
    return ROW.format(cells=cells, form=form)

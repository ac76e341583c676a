"""The provider's own page for a card, so that the merchant never sees the card number.

A customer can correct a mistyped card on the page. The page ends when a
card is stored, when the bank refuses the card at once, or when the customer
goes back. The first end counts.
"""

import html
import re
from http import HTTPStatus
from typing import Any

from simulators.keys import Refused, Reply
from simulators.payment import cards
from simulators.payment.books import Books
from simulators.payment.document import document
from simulators.payment.gateway import card_fields, parse_return_url
from simulators.payment.states import PageStatus

WORDS = {
    "invalid_number": "Check the card number.",
    "invalid_expiry": "Check the expiry: month and year, such as 12/49.",
    "invalid_csc": "Check the security code.",
}
TITLE = "Enter your card"
MAIN = """\
<p>This page belongs to the payment provider. Nothing is charged here.</p>
{error}<form method="post">
<p><label>Card number <input name="number" autocomplete="cc-number" inputmode="numeric"></label></p>
<p><label>Expiry (MM/YY) <input name="expiry" autocomplete="cc-exp" inputmode="numeric"></label></p>
<p><label>Security code <input name="csc" autocomplete="cc-csc" inputmode="numeric"></label></p>
<p><label>Name on card <input name="name" autocomplete="cc-name"></label></p>
<button name="decision" value="store">Store this card</button>
<button name="decision" value="close">Go back without a card</button>
</form>
"""


def open_page(books: Books, body: dict[str, Any], *, address: str) -> Reply:
    """Open a page; `address` is this provider's address, under which the page is served."""
    identifier = books.add_page(PageStatus.OPEN, parse_return_url(body))
    shown = {"id": identifier, "status": str(PageStatus.OPEN)}
    return HTTPStatus.CREATED, {**shown, "url": f"{address}/card/{identifier}"}


def describe_page(books: Books, identifier: str) -> Reply:
    """Return the status of a page, with the fields of the card that was stored there."""
    with books.transaction():
        page = books.page(identifier)
        if page is None:
            raise Refused(HTTPStatus.NOT_FOUND, "unknown_page")
        card = books.card(page["token"])
    shown = {name: page[name] for name in ("id", "status", "reason")}
    return HTTPStatus.OK, {**shown, **card_fields(page["token"], card)} if card else shown


def submit_card(books: Books, identifier: str, typed: dict[str, str]) -> str | None:
    """Store the card that the customer sends, or end the page without one.

    Return the address to which the customer returns, or None if there is no such page. Raises
    `cards.InvalidCard` for a card that the customer can correct.
    """
    with books.transaction():
        page = books.page(identifier)
        if page is None:
            return None
        if page["status"] == PageStatus.OPEN:
            _end_page(books, identifier, typed)
    return str(page["return_url"])


def _end_page(books: Books, identifier: str, typed: dict[str, str]) -> None:
    if typed.get("decision") != "store":
        books.end_page(identifier, PageStatus.REFUSED, reason="closed_by_customer")
        return
    month, _slash, year = re.sub(r"\s", "", typed.get("expiry", "")).partition("/")
    body = {
        **typed,
        "exp_month": int(month[:2]) if month.isdecimal() else None,
        "exp_year": 2000 + int(year[-2:]) if year.isdecimal() else None,
    }
    card = cards.parse_card(body)
    if card.behaviour in cards.REFUSED_AT_SIGHT:
        books.end_page(identifier, PageStatus.REFUSED, reason=card.behaviour)
    else:
        books.end_page(identifier, PageStatus.TAKEN, token=books.add_token(card))


def page(error: str = "") -> bytes:
    """Return the page's HTML, with a message if the card sent before was invalid."""
    said = f'<p role="alert">{html.escape(WORDS[error])}</p>\n' if error else ""
    return document(TITLE, MAIN.format(error=said))

"""The gateway's pages for a card, and the bank's page, in plain HTML without script."""

import html

from simulators.payment.document import document
from simulators.stripe.books import Object

WORDS = {
    "invalid_number": "Check the card number.",
    "invalid_expiry": "Check the expiry: month and year, such as 12/49.",
    "invalid_csc": "Check the security code.",
}
CHECKOUT = """\
<p>This page belongs to the payment provider.</p>
<p>{name}: {amount}, in the smallest unit of {currency}.</p>
{error}<form method="post">
<p><label>Card number <input name="number" autocomplete="cc-number" inputmode="numeric"></label></p>
<p><label>Expiry (MM/YY) <input name="expiry" autocomplete="cc-exp" inputmode="numeric"></label></p>
<p><label>Security code <input name="csc" autocomplete="cc-csc" inputmode="numeric"></label></p>
<button name="decision" value="pay">Pay</button>
<button name="decision" value="wallet">Pay with a wallet</button>
</form>
<p><a href="{cancel_url}">Back</a></p>
"""
SETUP = """\
<p>This page belongs to the payment provider. It keeps your card. Nothing is charged.</p>
{error}<form method="post">
<p><label>Card number <input name="number" autocomplete="cc-number" inputmode="numeric"></label></p>
<p><label>Expiry (MM/YY) <input name="expiry" autocomplete="cc-exp" inputmode="numeric"></label></p>
<p><label>Security code <input name="csc" autocomplete="cc-csc" inputmode="numeric"></label></p>
<button name="decision" value="keep">Save</button>
</form>
<p><a href="{cancel_url}">Back</a></p>
"""
CHALLENGE = """\
<p>Your bank asks: is this payment yours?</p>
<p>Amount: {amount}, in the smallest unit of {currency}.</p>
<form method="post">
<button name="decision" value="approve">Yes, it is mine</button>
<button name="decision" value="refuse">No</button>
</form>
"""


def checkout(session: Object, error: str = "") -> bytes:
    """Return the page of a session, with a message about the card that was sent before."""
    said = f'<p role="alert">{html.escape(error)}</p>\n' if error else ""
    main = CHECKOUT.format(
        error=said,
        name=html.escape(session["_name"]),
        amount=session["amount_total"],
        currency=html.escape(session["currency"].upper()),
        cancel_url=html.escape(session["cancel_url"] or session["success_url"]),
    )
    return document("Pay", main)


def setup(session: Object, error: str = "") -> bytes:
    """Return the page of a session that keeps a card."""
    said = f'<p role="alert">{html.escape(error)}</p>\n' if error else ""
    back = html.escape(session["cancel_url"] or session["success_url"])
    return document("Save your card", SETUP.format(error=said, cancel_url=back))


def challenge(intent: Object) -> bytes:
    """Return the bank's page for this payment."""
    main = CHALLENGE.format(
        amount=intent["amount"], currency=html.escape(intent["currency"].upper())
    )
    return document("Confirm your payment", main)


CONFIRM_SETUP = document(
    "Confirm your card",
    """\
<p>Your bank asks: is this card yours? Nothing is charged.</p>
<form method="post">
<button name="decision" value="approve">Yes, it is mine</button>
<button name="decision" value="refuse">No</button>
</form>
""",
)

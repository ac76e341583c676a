"""The bank's page, where a customer confirms or refuses a payment. It needs no script."""

import html
from typing import Any

from simulators.payment.document import document

TITLE = "Confirm your payment"
MAIN = """\
<p>Your bank asks: is this payment yours?</p>
<p>Reference {reference}. Amount: {amount}, in the smallest unit of {currency}.</p>
<form method="post">
<button name="decision" value="approve">Yes, it is mine</button>
<button name="decision" value="refuse">No</button>
</form>
"""


def page(payment: dict[str, Any]) -> bytes:
    """Return the HTML of the page for this payment."""
    shown = {name: html.escape(str(value)) for name, value in payment.items()}
    return document(TITLE, MAIN.format(**shown))

"""The bank's page, where a customer confirms a payment or does not; it needs no script."""

import html
from typing import Any

PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Confirm your payment</title>
</head>
<body>
<main>
<h1>Confirm your payment</h1>
<p>Your bank asks: is this payment yours?</p>
<p>Reference {reference}, {amount} {currency} in its smallest unit.</p>
<form method="post">
<button name="decision" value="approve">Yes, it is mine</button>
<button name="decision" value="refuse">No</button>
</form>
</main>
</body>
</html>
"""


def page(payment: dict[str, Any]) -> bytes:
    """Return the page for this payment."""
    shown = {name: html.escape(str(value)) for name, value in payment.items()}
    return PAGE.format(**shown).encode()

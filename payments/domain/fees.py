"""The fees that the operator has agreed with its gateways: `PAYMENT_FEES`."""

import re
from decimal import ROUND_HALF_UP, Decimal

from django.conf import settings

from moportal.money import Money

# The gateway, the currency, basis points, and minor units: simulator:USD=290+30.
_AGREED = re.compile(r"([a-z0-9_-]{1,20}):([A-Z]{3})=([0-9]{1,5})\+([0-9]{1,12})", re.ASCII)


def unreadable_fees() -> list[str]:
    """Return the entries of PAYMENT_FEES that cannot be read."""
    return [text for text in settings.PAYMENT_FEES if not _AGREED.fullmatch(text)]


def agreed_fee(gateway: str, charged: Money) -> int | None:
    """Return the fee for a charge in minor units, rounded half up, or None if none is agreed."""
    for text in settings.PAYMENT_FEES:
        agreed = _AGREED.fullmatch(text)
        if agreed and agreed.group(1, 2) == (gateway, charged.currency):
            share = Decimal(charged.minor_units) * int(agreed[3]) / 10_000
            return int(share.quantize(Decimal(1), rounding=ROUND_HALF_UP)) + int(agreed[4])
    return None

"""What support can ask callers about their orders (`accounts.access.caller_facts`)."""

import re

from accounts.access.caller_facts import CallerFact
from accounts.models import User
from moportal.text.normal_text import normalise_number
from orders.models import Order
from orders.states import OrderState


def _last_order(account: User) -> Order | None:
    return Order.objects.filter(account=account, state=OrderState.COMPLETED).first()


def _number(account: User) -> list[str]:
    order = _last_order(account)
    return [order.number] if order else []


def _normalise_number(text: str) -> str:
    """Return an order's number without its hyphen, with 0 and 1 for the letters like them."""
    letters = re.sub(r"[^0-9A-Z]", "", normalise_number(text).upper())
    return letters.translate(str.maketrans("OIL", "011"))


def _amount(account: User) -> list[str]:
    order = _last_order(account)
    return [str(order.price.gross.amount)] if order else []


def _normalise_amount(text: str) -> str:
    """Return an amount without currency, separators of thousands and zeros at its end.

    The last separator begins the decimals, unless three digits follow it.
    """
    typed = re.sub(r"[^0-9.,]", "", normalise_number(text)).strip(".,")
    if not typed:
        return ""
    ending = re.search(r"[.,]([0-9]{1,2}|[0-9]{4})$", typed)
    decimals = ending[1].rstrip("0") if ending else ""
    whole = re.sub("[.,]", "", typed[: ending.start()] if ending else typed).lstrip("0")
    return f"{whole or '0'}.{decimals or '0'}"


LAST_ORDER = CallerFact(
    "last_order", "Number of the last order", _number, normalise=_normalise_number
)
LAST_RECEIPT = CallerFact(
    "last_receipt", "Amount of the last receipt", _amount, normalise=_normalise_amount
)

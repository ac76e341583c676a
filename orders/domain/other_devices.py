"""Pay for an order from another device, because the first one does not reach the bank.

The first device shows a short address and a code. On another device, the code opens a page with the
plan and the amount, which leads to the bank's page. Nobody signs in there: the bank checks who its
customer is. A stranger with the code can only pay for another person's plan. The page shows and
changes nothing else of the account, so an overheard code does no harm
(docs/payments.md#another-device).
"""

import re
import secrets
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.utils.timezone import now

from accounts.access import limiter
from accounts.access.limiter import Counter, Limit
from moportal.database.statements import compare_and_set
from moportal.sealed import digest
from moportal.text.normal_text import normalise_number
from moportal.web.links import absolute_url
from orders.domain import bank_step
from orders.models import Order, PayingCode
from orders.models.orders import CROCKFORD

log = structlog.get_logger(__name__)
LIFETIME = timedelta(minutes=15)
# How long the other device may see the order after it has entered the code.
USED_FOR = timedelta(minutes=30)
# Eight characters have 40 bits. With the limit on guesses, nobody finds a code by chance.
LENGTH = 8
WINDOW = timedelta(hours=1)
# Letters that look like a digit count as that digit (Crockford's base 32).
LOOKALIKES = str.maketrans("OIL", "011")


def waits_for_bank(order: Order) -> bool:
    """Return whether the order waits for a step at the bank, which another device can do."""
    return bank_step.find(order) is not None


def request_code(order: Order) -> PayingCode | None:
    """Return the order's code, or a new one if there is none that works.

    Returns None if the order does not wait for the bank.
    """
    with transaction.atomic():
        # Two requests at once wait here for each other.
        Order.objects.select_for_update(no_key=True).get(pk=order.pk)
        order.refresh_from_db()
        if not waits_for_bank(order):
            return None
        found = PayingCode.objects.filter(order=order, ended_at=None).first()
        if found is not None and found.is_usable:
            return found
        if found is not None:
            compare_and_set(PayingCode, found.pk, {"ended_at": None}, ended_at=now(), code="")
        code = "".join(secrets.choice(CROCKFORD) for _ in range(LENGTH))
        made = PayingCode.objects.create(
            order=order, code=code, code_digest=digest(code), expires_at=now() + LIFETIME
        )
    log.info("paying code made", order=order.number)
    return made


def find_code(order: Order) -> PayingCode | None:
    """Return the order's newest code, if it works or was used."""
    newest = PayingCode.objects.filter(order=order).first()
    return newest if newest and (newest.is_usable or newest.used_at) else None


def normalise(text: str) -> str:
    """Return the normal form of a typed code, or an empty text if it cannot be a code."""
    typed = normalise_number(text).replace("-", "").upper().translate(LOOKALIKES)
    return typed if re.fullmatch(f"[{CROCKFORD}]{{{LENGTH}}}", typed) else ""


def redeem(text: str, *, network: str) -> PayingCode | None:
    """Use a code up and return it, or None if no such code works.

    The attempt counts before anything is compared. `network` is where the request comes from, or
    empty if that is unknown. Raises `accounts.access.limiter.Locked`. Call it outside of any
    transaction.
    """
    typed = normalise(text)
    counter = _counter(network)
    limiter.count(typed, counter)
    found = PayingCode.objects.select_related("order").filter(code_digest=digest(typed)).first()
    if found is None or not found.is_usable or not waits_for_bank(found.order):
        return None
    at = now()
    # If two devices use one code at once, one of them wins.
    is_first = compare_and_set(
        PayingCode, found.pk, {"ended_at": None}, ended_at=at, used_at=at, code=""
    )
    if not is_first:
        return None
    limiter.forget(typed, counter)
    log.info("paying code used", order=found.order.number)
    return found


def order_of(pk: int) -> Order | None:
    """Return the order of a used code for USED_FOR after its use. `pk` is the code's key."""
    entered = PayingCode.objects.filter(pk=pk, used_at__gt=now() - USED_FOR)
    found = entered.select_related("order__payment__method").first()
    return found.order if found else None


def short_address() -> str:
    """Return the address of the page for codes, without the scheme, as people read it aloud."""
    return absolute_url("pay").partition("://")[2]


def address_with(code: PayingCode) -> str:
    """Return the address that a QR code leads to. Opening it does not use the code up."""
    return f"{absolute_url('pay')}{code.display_code}/"


def _counter(network: str) -> Counter:
    limit = Limit("paying codes", settings.NETWORK_LIMIT, WINDOW)
    # Without a proxy that names the network, all guesses count together.
    return Counter(limit, f"network:{network or 'unknown'}")

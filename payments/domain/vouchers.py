"""Vouchers: a request stores the code sealed, and a worker sends it to the voucher server.

The reasons are in docs/decisions/013-a-voucher-is-a-payment-method.md.
"""

import re
from datetime import timedelta

from django.conf import settings

from accounts.access import limiter
from accounts.access.limiter import Counter, Limit
from accounts.models import User
from moportal.text.normal_text import normalise_number
from payments.domain import cards
from payments.gateways import choose_gateway, is_offered_in
from payments.gateways.base import Ability
from payments.models import PaymentMethod
from payments.states import MethodKind

WINDOW = timedelta(hours=1)
USUAL_FORMAT = r"[0-9A-Z]{10,32}"
# The database holds no longer code, and the last four characters of a code are shown.
ANY_CODE = re.compile(r"[0-9A-Z]{4,64}")


def normalise(text: str) -> str:
    """Return the normal form of a code: capital letters and digits without spaces and hyphens."""
    return normalise_number(text).replace("-", "").upper()


def is_code(text: str) -> bool:
    """Return whether a text in its normal form has the form of the operator's codes."""
    wanted = settings.VOUCHER_FORMAT or USUAL_FORMAT
    return bool(ANY_CODE.fullmatch(text) and re.fullmatch(wanted, text))


def takes_vouchers(market: str, *, renews: bool = False) -> bool:
    """Return whether customers of this market can pay with a voucher for what `renews` or not."""
    return is_offered_in(Ability.VOUCHERS, market, renews=renews)


def add_voucher(account: User, code: str, *, market: str, network: str = "") -> PaymentMethod:
    """Store a voucher's code as a payment method. A second call returns the same method.

    The code counts as an attempt before it is stored. `network` is where the request comes from,
    or empty if that is unknown. Nothing is compared here: a worker asks the voucher server.

    Raises `NotOffered`, or `accounts.access.limiter.Locked` after too many different codes. Call it
    outside of any transaction.
    """
    name = choose_gateway(Ability.VOUCHERS, market)
    limiter.count(code, _counter(account.pk), *_networks(network))
    stored = PaymentMethod.objects.filter(
        account=account, gateway=name, kind=MethodKind.VOUCHER, removed_at=None, stopped_at=None
    )
    # Race: two requests with one code may both find none. Then there are two methods, and the
    # server lets one of them reserve the voucher.
    known = next((method for method in stored if method.token == code), None)
    return known or PaymentMethod.objects.create(
        account=account, gateway=name, kind=MethodKind.VOUCHER, token=code, last4=code[-4:]
    )


def forget_attempt(method: PaymentMethod) -> None:
    """Stop counting a voucher's code for its account, because the code was right."""
    if method.kind == MethodKind.VOUCHER:
        limiter.forget(method.token, _counter(method.account_id))


def use_up(method: PaymentMethod) -> None:
    """Remove a voucher that was charged or refused for good, together with its code.

    It does nothing for a method of another kind, or at a second call.
    """
    if method.kind == MethodKind.VOUCHER:
        cards.remove(method)


def _counter(account: int) -> Counter:
    limit = Limit("vouchers", settings.VOUCHER_LIMIT, WINDOW, lets_repetitions_pass=True)
    return Counter(limit, f"account:{account}")


def _networks(network: str) -> list[Counter]:
    """Return the network's counter: an attacker may use a new account for each guess."""
    limit = Limit("vouchers", settings.NETWORK_LIMIT, WINDOW, lets_repetitions_pass=True)
    return [Counter(limit, f"network:{network}")] if network else []

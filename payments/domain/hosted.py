"""Payments on a page of the gateway, which takes a card or a wallet and confirms the amount.

1. The customer chooses the page and submits the order. Until then nothing is at the gateway.
2. A worker opens the page for this payment alone, and the order page leads the customer there.
3. The customer comes back. `fetch` says how the payment stands, and which card was used.
"""

from dataclasses import asdict
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from accounts.models import User
from moportal.database.statements import compare_and_set
from moportal.http_client import check_address
from payments.gateways import choose_gateway
from payments.gateways.base import Ability, Gateway, GatewayRefused
from payments.gateways.values import StoredCard
from payments.models import PaymentMethod
from payments.states import MethodKind


def choose_page(
    account: User,
    *,
    market: str,
    keep: bool,
    renews: bool = False,
    chosen: PaymentMethod | None = None,
) -> PaymentMethod:
    """Return a payment method for one payment on the payment page of the market's first gateway.

    `keep` says whether the customer wants the card for later. A plan that `renews` needs it.
    `chosen` is the draft's method. If it is such a page without a payment, it is used again. Raises
    `NotOffered`.
    """
    name = choose_gateway(Ability.HOSTED_PAYMENT, market, renews=renews)
    keep = keep or renews
    is_unused = chosen is not None and not chosen.payments.exists()
    if chosen and is_unused and (chosen.kind, chosen.gateway) == (MethodKind.PAGE, name):
        PaymentMethod.objects.filter(pk=chosen.pk).update(is_kept=keep)
        chosen.is_kept = keep
        return chosen
    return PaymentMethod.objects.create(
        account=account, gateway=name, kind=MethodKind.PAGE, is_kept=keep
    )


def name_card(method: PaymentMethod, card: StoredCard | None) -> None:
    """Store which card was used on the page. It is kept only if the gateway keeps it too.

    It does nothing for any other method, or at a second call.
    """
    if card is None or method.kind != MethodKind.PAGE:
        return
    is_kept = method.is_kept and card.token != ""
    fields = {**asdict(card), "token": card.token if is_kept else "", "is_kept": is_kept}
    expected = {"kind": MethodKind.PAGE}
    if compare_and_set(PaymentMethod, method.pk, expected, kind=MethodKind.CARD, **fields):
        method.refresh_from_db()


def check_page_address(url: str, opened_by: Gateway) -> None:
    """Raise `GatewayRefused` for an address to which card data must not go.

    It must be on a host that the adapter lists, by https or, on this machine, plain http. A device
    in the walled garden reaches no other host anyway.
    """
    try:
        check_address(url, name="The card page")
    except ImproperlyConfigured as error:
        raise GatewayRefused(str(error)) from error
    host = urlsplit(url).hostname
    if host not in opened_by.device_hosts():
        raise GatewayRefused(f"The card page: {host} is not a host that the adapter lists")

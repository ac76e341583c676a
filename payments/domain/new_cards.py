"""New cards that customers give, in an order or in the account, and how many one may give.

Whoever has stolen many cards wants to know which of them work. So each new card counts before the
gateway is asked, for the account and for the network from which the request comes.
"""

import uuid
from datetime import timedelta

from django.conf import settings
from django.db import transaction

from accounts.access import limiter
from accounts.access.limiter import Counter, Limit
from accounts.models import User
from payments.domain import pages, payments
from payments.gateways import is_offered_in
from payments.gateways.base import Ability
from payments.gateways.values import Card
from payments.models import CardPage, PaymentMethod

WINDOW = timedelta(hours=1)


def add_card(
    account: User, card: Card, *, network: str, market: str, renews: bool = False
) -> PaymentMethod:
    """Count the card, exchange it for a token and store that.

    `network` is where the request comes from, or empty if that is unknown. Call it outside of any
    transaction.

    Raises `accounts.access.limiter.Locked`, and what `payments.domain.payments.add_card` raises.
    """
    # Each try counts, even with the same card: nothing of a card may be stored to compare it.
    limiter.count(str(uuid.uuid4()), *_counters(account, network))
    return payments.add_card(account, card, market=market, renews=renews)


def open_page(
    account: User, *, key: uuid.UUID, return_url: str, network: str, market: str, renews: bool
) -> CardPage:
    """Count a card, and request a page of the gateway on which the customer types it.

    If the caller's transaction is rolled back, there is no page, and nothing is counted. Raises
    `accounts.access.limiter.Locked` or `NotOffered`.
    """
    with transaction.atomic():
        limiter.count_in_transaction(str(key), *_counters(account, network))
        return pages.request_page(
            account, key=key, return_url=return_url, market=market, renews=renews
        )


def kept_card_ability(market: str, *, renews: bool = False) -> Ability | None:
    """Return how customers of this market give a card outside of an order, or None if they cannot.

    A payment page takes a card only together with a payment. So a card page is needed, or fields in
    the portal, as PAYMENT_CARD_ENTRY says. If the card is for what `renews`, its gateway must take
    charges without the customer.
    """
    is_on_page = settings.PAYMENT_CARD_ENTRY == "page"
    wanted = Ability.HOSTED_PAGE if is_on_page else Ability.CARD_ENTRY
    return wanted if is_offered_in(wanted, market, renews=renews) else None


def _counters(account: User, network: str) -> list[Counter]:
    of_account = Counter(Limit("cards", settings.CARD_LIMIT, WINDOW), f"account:{account.pk}")
    of_network = Limit("cards", settings.NETWORK_LIMIT, WINDOW)
    return [of_account, *([Counter(of_network, f"network:{network}")] if network else [])]

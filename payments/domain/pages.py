"""Pages of the gateway on which a customer types a new card. The portal gets no card data (SAQ A).

1. The customer asks for a page, and a worker opens it at the gateway.
2. The portal redirects the customer's browser there. The gateway redirects it back by GET.
3. A worker asks the gateway for the page's result.

The redirect back decides nothing: it may be missing, repeated or forged. Each page has
its own idempotency key, so it is opened once and its card is stored once.
"""

import uuid
from datetime import datetime, timedelta
from typing import assert_never

import structlog
from django.db import transaction
from django.utils.timezone import now

from accounts.models import User
from moportal.database.statements import move
from outbox.domain import Lease, RetryAfter, enqueue
from outbox.retries import SHORT_TRIES, count_failure
from payments.domain import methods
from payments.domain.calls import call_gateway
from payments.domain.hosted import check_page_address
from payments.gateways import choose_gateway, gateway
from payments.gateways.base import Ability, GatewayRefused, GatewayUnavailable
from payments.gateways.values import NoCard, StillOpen, StoredCard
from payments.models import CardPage
from payments.signals import card_taken
from payments.states import NEXT_PAGE_STATES, PAGE_UNDER_WAY, CardPageState

log = structlog.get_logger(__name__)
KIND = "card_page"
# How often to ask the gateway: a customer who does not come back may still have typed a card.
POLL_INTERVAL = timedelta(minutes=1)
# The same as for a confirmation at the bank.
TIME_LIMIT = timedelta(minutes=30)


def request_page(
    account: User, *, key: uuid.UUID, return_url: str, market: str = "", renews: bool = False
) -> CardPage:
    """Store that this customer needs a page, and enqueue the task that opens it.

    Raises `NotOffered` where no gateway of the market has a page.
    """
    name = choose_gateway(Ability.HOSTED_PAGE, market, renews=renews)
    with transaction.atomic():
        page = CardPage.objects.create(
            account=account, gateway=name, key=key, return_url=return_url
        )
        enqueue(KIND, page.pk)
    return page


def record_redirect(page: CardPage) -> str:
    """Store that the customer's browser is sent to the page, and return the page's address."""
    CardPage.objects.filter(pk=page.pk).update(sent_at=now())
    return page.url


def allow_redirect(page: CardPage) -> None:
    """Let the browser be sent to the page once more, because the customer asked again."""
    CardPage.objects.filter(pk=page.pk).update(sent_at=None)


def record_return(page: CardPage) -> None:
    """Store that the customer came back, and enqueue the task that asks the gateway for the result.

    A page that has lapsed counts as open again: the customer
    may have typed a card after all.
    """
    with transaction.atomic():
        # Without an address the page was never opened, so there is no result to ask for.
        if page.state == CardPageState.LAPSED and page.url:
            _move(page, CardPageState.OPEN)
        is_open = CardPage.objects.filter(pk=page.pk, state=CardPageState.OPEN)
        if is_open.update(returned_at=now(), tries=0):
            enqueue(KIND, page.pk)


def advance_page(subject: str, lease: Lease) -> RetryAfter | None:
    """Open the page, or ask for its result. This is the outbox's handler for card pages.

    A page that cannot be opened lapses after the last attempt. An open page lapses at the
    time limit; until then the gateway is asked from time to time.
    """
    page = CardPage.objects.select_related("account").get(pk=subject)
    if page.state not in PAGE_UNDER_WAY:
        return None
    try:
        if page.state == CardPageState.INTENDED:
            _open(page, lease)
        else:
            _fetch_result(page, lease)
    except GatewayRefused as error:
        _move(page, CardPageState.REFUSED, last_error=str(error)[:200])
    except GatewayUnavailable as error:
        return _retry_or_lapse(page, error)
    return RetryAfter(POLL_INTERVAL) if page.is_under_way else None


def _open(page: CardPage, lease: Lease) -> None:
    if _is_late(page):
        _move(page, CardPageState.LAPSED)
        return

    key, open_page = str(page.key), gateway(page.gateway).open_page
    opened = call_gateway(
        "open_page",
        key,
        lambda: open_page(return_url=page.return_url, key=key),
        before_call=lease.cover_call,
    )

    check_page_address(opened.url, gateway(page.gateway))
    _move(
        page,
        CardPageState.OPEN,
        gateway_id=opened.page_id,
        url=opened.url,
        tries=0,
        last_error="",
    )


def _fetch_result(page: CardPage, lease: Lease) -> None:
    """Ask the gateway for the page's result, and store it."""
    # `returned_at` is read before the call, to notice a
    # customer who comes back during it.
    fetch, returned_at = gateway(page.gateway).fetch_page, page.returned_at
    result = call_gateway(
        "fetch_page", str(page.key), lambda: fetch(page.gateway_id), before_call=lease.cover_call
    )
    match result:
        case StoredCard():
            _store_card(page, result)
        case NoCard(_, reason):
            _move(page, CardPageState.REFUSED, last_error=reason)
        case StillOpen():
            _keep_open(page, returned_at)
        case _:
            assert_never(result)


def _store_card(page: CardPage, card: StoredCard) -> None:
    """Store the card and announce it, in the transaction that moves the page's state."""
    with transaction.atomic():
        method = methods.store(page.account, card, gateway=page.gateway)
        if _move(page, CardPageState.TAKEN, method=method):
            card_taken.send(CardPage, page=page)
        else:
            # Another worker took over the lease and stored the card first.
            transaction.set_rollback(True)


def _keep_open(page: CardPage, returned_at: datetime | None) -> None:
    """Wait for a card until the time limit, whether or not the customer came back."""
    if _is_late(page):
        _move(page, CardPageState.LAPSED)
        return
    # If the customer came back during the call, this keeps the new time. `record_return`
    # has enqueued the page again, so the gateway is asked once more.
    CardPage.objects.filter(pk=page.pk, returned_at=returned_at).update(returned_at=None)
    CardPage.objects.filter(pk=page.pk).update(tries=0, last_error="")


def _retry_or_lapse(page: CardPage, error: GatewayUnavailable) -> RetryAfter | None:
    """Count the failure. After the last short delay, let a page lapse that nobody can use."""
    delay = count_failure(page, error)
    has_used_short_delays = page.tries > SHORT_TRIES
    is_unusable = page.state == CardPageState.INTENDED or _is_late(page)
    if has_used_short_delays and is_unusable:
        _move(page, CardPageState.LAPSED)
        return None
    return RetryAfter(delay)


def _is_late(page: CardPage) -> bool:
    return now() - page.created_at > TIME_LIMIT


def _move(page: CardPage, new: CardPageState, **fields: object) -> bool:
    """Move the page by compare-and-set, and return whether this call moved it.

    Nothing else writes a page's state.
    """
    is_moved = move(page, NEXT_PAGE_STATES, new, **fields)
    log.info("card page", state=page.state, moved=is_moved)
    return is_moved

"""A new card typed at the gateway, on a page of its own: no card data ever comes to us (SAQ A).

The customer asks for the page, a worker has it opened, the customer's browser goes there and comes
back by GET, and a worker asks what has become of it. The way back decides nothing and may be
missing, repeated or made up; a page is opened, asked about and taken once, by its key.
"""

import uuid
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import assert_never

import structlog
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.utils.timezone import now

from accounts.models import User
from moportal.http_client import checked_address
from moportal.statements import move
from outbox.domain import Lease, RetryAfter, enqueue
from outbox.retries import RETRY_DELAYS, count_failure
from payments.domain.calls import call_gateway
from payments.gateways import gateway
from payments.gateways.base import GatewayRefused, GatewayUnavailable, NoCard, StillOpen, StoredCard
from payments.models import CardPage, PaymentMethod
from payments.signals import card_taken
from payments.states import NEXT_PAGE_STATES, CardPageState

log = structlog.get_logger(__name__)
KIND = "card_page"
# A customer who does not come back may have typed a card all the same.
WITHOUT_A_BELL = timedelta(minutes=1)
# As long as a step at the bank may take.
LIMIT = timedelta(minutes=30)


def intend(account: User, *, key: uuid.UUID, return_url: str) -> CardPage:
    """Write down that a page shall be opened for this customer, and ring for a worker."""
    with transaction.atomic():
        page = CardPage.objects.create(account=account, key=key, return_url=return_url)
        enqueue(KIND, page.pk)
    return page


def send(page: CardPage) -> str:
    """Note that the customer's browser is sent to the page, and return its address."""
    CardPage.objects.filter(pk=page.pk).update(sent_at=now())
    return page.url


def send_again(page: CardPage) -> None:
    """Let the browser be sent there once more: the customer asked for it anew."""
    CardPage.objects.filter(pk=page.pk).update(sent_at=None)


def come_back(page: CardPage) -> None:
    """Note that the customer came back, and ring: what that means is the gateway's to say."""
    with transaction.atomic():
        if page.state == CardPageState.LAPSED and page.url:
            _move(page, CardPageState.OPEN)
        mine = CardPage.objects.filter(pk=page.pk, state=CardPageState.OPEN)
        if mine.update(returned_at=now(), tries=0):
            enqueue(KIND, page.pk)


def look(subject: str, lease: Lease) -> RetryAfter | None:
    """Take the page as far as it goes now; the outbox's handler for card pages.

    One that cannot be opened lapses after the last try, one that nobody comes back from at its
    time: until then the gateway is asked now and then.
    """
    page = CardPage.objects.select_related("account").get(pk=subject)
    if not page.is_under_way:
        return None
    try:
        if page.state == CardPageState.INTENDED:
            _open(page, lease)
        else:
            _ask(page, lease)
    except GatewayRefused as error:
        _move(page, CardPageState.REFUSED, last_error=str(error)[:200])
    except GatewayUnavailable as error:
        return _retry_or_lapse(page, error)
    return _next_look(page)


def _open(page: CardPage, lease: Lease) -> None:
    if _is_late(page):
        _move(page, CardPageState.LAPSED)
        return
    key, open_page = str(page.key), gateway().open_page
    opened = call_gateway(
        "open_page",
        key,
        lambda: open_page(return_url=page.return_url, key=key),
        before_call=lease.prolong,
    )
    try:
        # Card data goes there: over https, and in plain only on this very machine.
        checked_address(opened.url, name="The card page")
    except ImproperlyConfigured as error:
        raise GatewayRefused(str(error)) from error
    _move(
        page,
        CardPageState.OPEN,
        gateway_id=opened.page_id,
        url=opened.url,
        tries=0,
        last_error="",
    )


def _ask(page: CardPage, lease: Lease) -> None:
    """Ask the gateway what has become of the page, and take that over."""
    fetch, seen = gateway().fetch_page, page.returned_at
    standing = call_gateway(
        "fetch_page", str(page.key), lambda: fetch(page.gateway_id), before_call=lease.prolong
    )
    match standing:
        case StoredCard():
            _take(page, standing)
        case NoCard(_, reason):
            _move(page, CardPageState.REFUSED, last_error=reason)
        case StillOpen():
            _go_on_waiting(page, seen)
        case _:
            assert_never(standing)


def _take(page: CardPage, card: StoredCard) -> None:
    """Store the card and announce it, once: the state is compared and set in one transaction."""
    with transaction.atomic():
        method = PaymentMethod.objects.create(account=page.account, **asdict(card))
        if _move(page, CardPageState.TAKEN, method=method):
            card_taken.send(CardPage, page=page)
        else:
            # Another worker, to whom the lease went over, was first.
            transaction.set_rollback(True)


def _go_on_waiting(page: CardPage, seen: datetime | None) -> None:
    """Nobody has typed a card there yet, whether or not the customer came back."""
    if _is_late(page):
        _move(page, CardPageState.LAPSED)
        return
    # A customer who came back while we asked is asked about once more.
    CardPage.objects.filter(pk=page.pk, returned_at=seen).update(returned_at=None)
    CardPage.objects.filter(pk=page.pk).update(tries=0, last_error="")
    page.refresh_from_db()


def _next_look(page: CardPage) -> RetryAfter | None:
    if not page.is_under_way:
        return None
    return RetryAfter(timedelta() if page.returned_at else WITHOUT_A_BELL)


def _retry_or_lapse(page: CardPage, error: GatewayUnavailable) -> RetryAfter | None:
    """Count the failure; a page that has no address yet lapses after the last short delay."""
    delay = count_failure(page, error)
    is_exhausted = page.tries > len(RETRY_DELAYS)
    if is_exhausted and (page.state == CardPageState.INTENDED or _is_late(page)):
        _move(page, CardPageState.LAPSED)
        return None
    return RetryAfter(delay)


def _is_late(page: CardPage) -> bool:
    return now() - page.created_at > LIMIT


def _move(page: CardPage, new: CardPageState, **fields: object) -> bool:
    """Compare and set, the one door to a page's state; say whether it was moved by this."""
    is_moved = move(page, NEXT_PAGE_STATES, new, **fields)
    log.info("card page", state=page.state, moved=is_moved)
    return is_moved

"""`payments.domain.pages`: a card typed at the gateway is stored once, or the page says why not."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils.timezone import now

from accounts.models import User
from outbox.domain import RetryAfter, due_tasks, process
from outbox.models import Task
from outbox.retries import RETRY_DELAYS
from payments.domain import pages
from payments.gateways import gateway as gateway_named
from payments.gateways.base import Gateway, GatewayUnavailable
from payments.gateways.values import HostedPage, StillOpen
from payments.models import CardPage, GatewayCall, PaymentMethod
from payments.states import NEXT_PAGE_STATES, CardPageState
from tests.payments.conftest import opened_page, type_card
from tests.processing import process_task
from tests.providers import books, break_it

PAST_TIME_LIMIT = pages.TIME_LIMIT + timedelta(minutes=1)


def simulator() -> Gateway:
    return gateway_named("simulator")


def process_once(page: CardPage) -> RetryAfter | None:
    again = process_task(pages.KIND, page.pk)
    page.refresh_from_db()
    return again


def make_old(page: CardPage) -> None:
    CardPage.objects.filter(pk=page.pk).update(created_at=now() - PAST_TIME_LIMIT)
    page.refresh_from_db()


def requested(account: User) -> CardPage:
    return pages.request_page(account, key=CardPage().key, return_url="http://127.0.0.1/back/")


def enqueued(page: CardPage) -> int:
    return Task.objects.get(kind=pages.KIND, subject=str(page.pk)).enqueue_count


def test_requesting_a_page_makes_no_call(alice: User, gateway: str) -> None:
    page = requested(alice)

    assert page.state == CardPageState.INTENDED
    assert not GatewayCall.objects.exists()
    assert enqueued(page) == 1


def test_a_worker_opens_the_page(alice: User, gateway: str) -> None:
    page = opened_page(alice)

    assert page.state == CardPageState.OPEN
    assert page.url.startswith(f"{gateway}/card/page_")
    assert GatewayCall.objects.get().operation == "open_page"


def test_the_typed_card_is_stored(alice: User, gateway: str) -> None:
    page = opened_page(alice)

    assert type_card(page.url) == page.return_url
    pages.record_return(page)

    assert process_once(page) is None
    assert page.state == CardPageState.TAKEN
    assert page.method is not None
    assert (page.method.account, page.method.brand, page.method.last4) == (alice, "Visa", "4242")
    assert page.method.token.startswith("tok_")


def test_the_card_is_stored_once_however_often_the_page_is_processed(
    alice: User, gateway: str
) -> None:
    page = opened_page(alice)
    type_card(page.url)
    pages.record_return(page)
    process_once(page)

    pages.record_return(page)
    process_once(page)

    assert PaymentMethod.objects.count() == 1
    assert len(books(gateway)["pages"]) == 1


@pytest.mark.parametrize("fault", ["drop_after", "drop_before", "http_500", "html", "malformed"])
@pytest.mark.parametrize("function", ["open_page", "fetch_page"])
def test_an_answer_that_was_lost_is_asked_for_again(
    alice: User, gateway: str, function: str, fault: str
) -> None:
    page = requested(alice)
    break_it(gateway, function, fault)

    for _ in range(2):
        process_once(page)
    type_card(page.url)
    for _ in range(2):
        process_once(page)

    assert page.state == CardPageState.TAKEN
    assert len(books(gateway)["pages"]) == 1
    assert PaymentMethod.objects.count() == 1


def test_of_two_workers_with_the_same_answer_one_stores_the_card(
    alice: User, gateway: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = opened_page(alice)
    type_card(page.url)
    ask = simulator().fetch_page

    def while_another_is_first(page_id: str) -> object:
        monkeypatch.undo()
        process_once(page)
        return ask(page_id)

    monkeypatch.setattr(simulator(), "fetch_page", while_another_is_first, raising=False)
    process_once(page)

    assert page.method == PaymentMethod.objects.get()


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ({"decision": "close"}, "closed_by_customer"),
        ({"number": "4000000000000002"}, "card_declined"),
    ],
)
def test_a_page_without_a_card_says_why(
    alice: User, gateway: str, typed: dict[str, str], reason: str
) -> None:
    page = opened_page(alice)
    type_card(page.url, **typed)

    assert process_once(page) is None
    assert (page.state, page.last_error) == (CardPageState.REFUSED, reason)
    assert not PaymentMethod.objects.exists()


def test_coming_back_without_a_card_leaves_the_page_open(alice: User, gateway: str) -> None:
    page = opened_page(alice)
    pages.record_return(page)

    assert process_once(page) == RetryAfter(pages.POLL_INTERVAL)
    assert (page.state, page.returned_at) == (CardPageState.OPEN, None)


def test_a_customer_who_comes_back_during_the_call_is_asked_about_again_at_once(
    alice: User, gateway: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = opened_page(alice)
    task = Task.objects.get(kind=pages.KIND, subject=str(page.pk))
    # The worker that opened the page has finished.
    Task.objects.update(lease_until=None)
    calls: list[str] = []

    def come_back_during_the_first_call(page_id: str) -> StillOpen:
        calls.append(page_id)
        if len(calls) == 1:
            pages.record_return(page)
        return StillOpen(page_id)

    monkeypatch.setattr(simulator(), "fetch_page", come_back_during_the_first_call, raising=False)

    process(task.pk)
    assert not CardPage.objects.filter(returned_at=None).exists()
    assert due_tasks() == [task.pk]
    process(task.pk)

    assert len(calls) == 2
    assert CardPage.objects.filter(returned_at=None).exists()
    assert due_tasks() == []


def test_coming_back_before_there_is_a_page_changes_nothing(alice: User, gateway: str) -> None:
    page = requested(alice)

    pages.record_return(page)

    assert enqueued(page) == 1


def test_the_card_of_a_customer_who_never_comes_back_is_stored(alice: User, gateway: str) -> None:
    page = opened_page(alice)
    type_card(page.url)

    process_once(page)

    assert page.state == CardPageState.TAKEN


def test_a_page_from_which_nobody_comes_back_lapses(alice: User, gateway: str) -> None:
    page = opened_page(alice)
    assert process_once(page) == RetryAfter(pages.POLL_INTERVAL)
    make_old(page)

    assert process_once(page) is None
    assert page.state == CardPageState.LAPSED


def test_the_card_of_a_customer_who_comes_back_late_is_stored(alice: User, gateway: str) -> None:
    page = opened_page(alice)
    make_old(page)
    process_once(page)
    type_card(page.url)

    pages.record_return(page)
    process_once(page)

    assert page.state == CardPageState.TAKEN


def test_a_customer_who_comes_back_late_without_a_card_finds_the_page_lapsed(
    alice: User, gateway: str
) -> None:
    page = opened_page(alice)
    make_old(page)
    process_once(page)

    pages.record_return(page)
    assert process_once(page) is None

    assert page.state == CardPageState.LAPSED


def test_a_page_that_cannot_be_opened_lapses_while_the_customer_waits(
    alice: User, gateway: str
) -> None:
    page = requested(alice)
    break_it(gateway, "open_page", "http_500", times=100)

    waits = [again.delay.total_seconds() for again in iter(lambda: process_once(page), None)]

    assert waits == pytest.approx(RETRY_DELAYS, rel=0.2)
    assert (page.state, page.url) == (CardPageState.LAPSED, "")
    assert page.last_error
    pages.record_return(page)
    assert process_once(page) is None


def test_a_page_that_waited_too_long_is_not_opened(alice: User, gateway: str) -> None:
    page = requested(alice)
    make_old(page)

    assert process_once(page) is None
    assert page.state == CardPageState.LAPSED
    assert not GatewayCall.objects.exists()


def test_a_gateway_that_is_down_is_asked_until_the_time_limit(alice: User, gateway: str) -> None:
    page = opened_page(alice)
    type_card(page.url)
    pages.record_return(page)
    break_it(gateway, "fetch_page", "http_500", times=len(RETRY_DELAYS) + 2)

    waits = [process_once(page) for _ in range(len(RETRY_DELAYS) + 1)]
    assert waits[-1] is not None
    assert 16 <= waits[-1].delay.total_seconds() <= 32
    assert page.state == CardPageState.OPEN
    assert page.last_error
    make_old(page)
    process_once(page)

    assert page.state == CardPageState.LAPSED


def test_a_success_clears_the_last_error(alice: User, gateway: str) -> None:
    page = opened_page(alice)
    break_it(gateway, "fetch_page", "http_500")
    process_once(page)
    assert page.last_error

    process_once(page)

    assert (page.tries, page.last_error) == (0, "")


@pytest.mark.parametrize("url", ["http://gateway.example/", "javascript:alert(1)", "/card/1"])
def test_card_data_is_never_sent_in_plain_text(
    alice: User, gateway: str, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setattr(
        simulator(),
        "open_page",
        lambda **_asked: HostedPage("page_1", url),
        raising=False,
    )

    page = opened_page(alice)

    assert (page.state, page.url) == (CardPageState.REFUSED, "")
    assert url in page.last_error


def test_a_card_page_on_a_host_that_the_adapter_does_not_list_is_not_opened(
    alice: User, gateway: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        simulator(),
        "open_page",
        lambda **_asked: HostedPage("page_1", "https://gateway.example.evil.example/card/1"),
        raising=False,
    )

    page = opened_page(alice)

    assert (page.state, page.url) == (CardPageState.REFUSED, "")
    assert "gateway.example.evil.example is not a host" in page.last_error


def test_a_page_that_the_gateway_refuses_to_open_is_refused(alice: User, gateway: str) -> None:
    page = pages.request_page(alice, key=CardPage().key, return_url="")

    assert process_once(page) is None
    assert page.state == CardPageState.REFUSED
    assert "HTTP 422" in page.last_error


def test_a_call_to_an_unreachable_gateway_was_not_sent(alice: User, settings: Any) -> None:
    settings.PAYMENT_GATEWAY_URL = "http://127.0.0.1:9"
    page = requested(alice)

    process_once(page)

    assert GatewayCall.objects.get().outcome == GatewayCall.Outcome.NOT_SENT


def test_the_browser_is_sent_automatically_once_per_request(alice: User, gateway: str) -> None:
    page = opened_page(alice)

    assert pages.record_redirect(page) == page.url
    page.refresh_from_db()
    assert page.sent_at is not None
    pages.allow_redirect(page)
    page.refresh_from_db()
    assert page.sent_at is None


def test_every_page_state_has_its_successors() -> None:
    assert set(NEXT_PAGE_STATES) == set(CardPageState)


def test_an_unknown_page_is_reported_as_unavailable(alice: User, gateway: str) -> None:
    page = opened_page(alice)

    with pytest.raises(GatewayUnavailable):
        simulator().fetch_page(f"{page.gateway_id}_unknown")

"""A gateway's books are fetched day by day, again after every failure, and stored once."""

from datetime import timedelta

import httpx
import pytest
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.models import User
from outbox.domain import RetryAfter, enqueue
from outbox.models import Task
from payments.domain import fetching
from payments.domain.booked import first_day
from payments.gateways.base import NotOffered, WithoutBooks
from payments.gateways.entries import EntryPage
from payments.gateways.simulator import SimulatorGateway
from payments.models import BookDay, BookEntry, GatewayCall
from payments.tasks import request_books
from tests.payments.conftest import authorise, capture, make_payment
from tests.payments.gateway_books import (
    begin_books,
    entry_of,
    fetch,
    let_days_pass,
    open_differences,
    plant,
)
from tests.processing import process_task
from tests.providers import break_it

pytestmark = pytest.mark.django_db


def days() -> list[BookDay]:
    return list(BookDay.objects.order_by("day"))


def process(day: BookDay) -> RetryAfter | None:
    result = process_task(fetching.KIND, day.pk)
    day.refresh_from_db()
    return result


def test_the_first_day_is_the_last_one_that_is_over_everywhere(gateway: str) -> None:
    request_books()

    (day,) = days()
    assert day.day == first_day(now()) - timedelta(days=1)
    assert Task.objects.filter(kind=fetching.KIND, subject=str(day.pk)).count() == 1
    assert not GatewayCall.objects.exists()


def test_after_a_pause_each_day_is_fetched_up_to_a_limit(
    gateway: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "MOST_DAYS", 4)
    begin_books("simulator")

    for count in (5, 7, 7):
        request_books()
        assert len(days()) == count

    assert days()[-1].day == first_day(now()) - timedelta(days=1)


def test_a_gateway_that_lists_no_books_is_not_asked(
    gateway: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SimulatorGateway, "abilities", frozenset())

    request_books()

    assert days() == []
    with pytest.raises(NotOffered):
        WithoutBooks().fetch_entries(now().date(), after="")


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "malformed", "http_500"])
def test_after_a_lost_answer_the_page_is_fetched_again(gateway: str, fault: str) -> None:
    request_books()
    (day,) = days()
    break_it(gateway, "entries", fault)

    assert isinstance(process(day), RetryAfter)
    assert (day.is_complete, day.tries) == (False, 1)
    assert day.last_error != ""
    # The task waits, and the next round leaves it alone.
    counted = Task.objects.get(subject=str(day.pk)).enqueue_count
    request_books()
    assert Task.objects.get(subject=str(day.pk)).enqueue_count == counted

    assert process(day) is None
    assert (day.is_complete, day.tries, day.last_error) == (True, 0, "")
    assert day.compared_at is not None


def test_each_page_has_its_call_and_is_stored_before_the_next(alice: User, gateway: str) -> None:
    for number in range(150):
        plant(gateway, id=f"ent_{number:03d}", payment=f"pay_{number}")
    let_days_pass(gateway, days=2)
    BookDay.objects.create(gateway="simulator", day=(now() - timedelta(days=2)).date())
    (day,) = days()
    enqueue(fetching.KIND, day.pk)
    break_it(gateway, "entries", "delay", seconds=0)
    process(day)

    assert BookEntry.objects.count() == 150
    calls = GatewayCall.objects.filter(operation="entries")
    assert [call.detail for call in calls] == ["100 entries", "50 entries"]


def test_an_endless_page_is_no_answer(gateway: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        SimulatorGateway, "fetch_entries", lambda *_given, **_more: EntryPage((), "here")
    )
    request_books()
    (day,) = days()

    assert isinstance(process(day), RetryAfter)

    assert "the same place" in day.last_error


def test_a_day_that_is_missing_holds_up_the_comparison_of_later_ones(
    alice: User, gateway: str
) -> None:
    begin_books("simulator")
    request_books()
    first, second = days()[1:3]

    process(second)
    assert (second.is_complete, second.compared_at) == (True, None)

    process(first)
    second.refresh_from_db()
    assert second.compared_at is not None


def test_a_gateway_that_is_not_listed_any_more_waits(gateway: str, settings: Settings) -> None:
    request_books()
    (day,) = days()
    settings.PAYMENT_GATEWAY = []

    assert isinstance(process(day), RetryAfter)
    request_books()

    assert not day.is_complete


def test_an_open_difference_is_looked_at_again_in_the_next_round(alice: User, gateway: str) -> None:
    begin_books("simulator")
    payment = capture(authorise(make_payment(alice)))
    let_days_pass(gateway, days=4)
    captured_at = payment.captured_at
    type(payment).objects.update(state="authorised", captured_at=None)
    fetch()
    assert [kind for kind, _subject in open_differences()] == ["charge_unknown"]

    # The lost answer to the capture arrives.
    assert captured_at is not None
    at = captured_at - timedelta(days=4)
    type(payment).objects.update(state="captured", captured_at=at)
    fetch()

    assert open_differences() == []


def test_a_day_is_fetched_again_without_doubling_anything(alice: User, gateway: str) -> None:
    begin_books("simulator")
    payment = capture(authorise(make_payment(alice)))
    let_days_pass(gateway, days=4)
    for _ in range(2):
        fetch()
        assert BookEntry.objects.count() == 2

    for day in days():
        assert fetching.fetch_again(day)
        day.refresh_from_db()
        assert not day.is_complete
    fetch()

    assert BookEntry.objects.count() == 2
    assert BookEntry.objects.get(kind="charge").payout_id != ""
    assert entry_of(gateway, payment.gateway_id)["payment"] == payment.gateway_id


def test_a_day_of_a_gateway_without_books_is_not_fetched_again() -> None:
    day = BookDay.objects.create(gateway="paper", day=now().date(), is_complete=True)

    assert not fetching.fetch_again(day)

    day.refresh_from_db()
    assert day.is_complete


def test_the_simulator_refuses_a_day_that_is_none(gateway: str, vouchers: str) -> None:
    for address in (gateway, vouchers):
        answer = httpx.get(f"{address}/entries?day=tomorrow", trust_env=False)
        assert answer.status_code == httpx.codes.BAD_REQUEST

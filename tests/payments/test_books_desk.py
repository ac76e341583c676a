"""Differences at the desk: explained, settled with a reason, and days fetched again."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils.timezone import now

from accounts.models import User
from outbox.models import Task
from payments.domain import deleting, fetching
from payments.models import BookDay, BookDifference, BookEntry
from payments.states import DifferenceKind
from payments.texts import EXPLANATIONS

LIST = "/admin/payments/bookdifference/"


@pytest.fixture
def desk(clara: User) -> Client:
    """Return the browser of the operator's staff."""
    browser = Client()
    browser.force_login(clara)
    return browser


def differ(**more: Any) -> BookDifference:
    known = {"gateway": "simulator", "day": now().date(), "kind": "wrong_amount", "subject": "x"}
    amounts = {"our_minor_units": 1900, "our_currency": "USD", "their_currency": "USD"}
    return BookDifference.objects.create(**{**known, **amounts, "their_minor_units": 1901, **more})


def test_every_kind_has_a_meaning_and_a_remedy() -> None:
    assert set(EXPLANATIONS) == set(DifferenceKind)


def test_a_difference_shows_both_amounts_what_it_means_and_what_to_do(desk: Client) -> None:
    page = desk.get(f"{LIST}{differ().pk}/change/").text

    for text in ("$19.00", "$19.01", *EXPLANATIONS[DifferenceKind.WRONG_AMOUNT]):
        assert text in page.replace("&#x27;", "'")


def test_a_difference_without_an_amount_shows_none(desk: Client) -> None:
    row = differ(our_minor_units=None, our_currency="")

    page = desk.get(f"{LIST}{row.pk}/change/").text

    assert "None" not in page
    assert "$19.01" in page


def test_a_difference_is_settled_with_a_reason(desk: Client, clara: User) -> None:
    chosen = {"action": "settle", "_selected_action": differ().pk}

    asked = desk.post(LIST, chosen).text
    assert "Reason" in asked
    assert BookDifference.objects.get().settled_at is None

    for _ in range(2):
        desk.post(LIST, {**chosen, "because": "The gateway pays one cent back."})

    settled = BookDifference.objects.get()
    assert (settled.settled_by, settled.reason) == (clara, "The gateway pays one cent back.")
    assert f"simulator {settled.day}" not in desk.get(f"{LIST}?staff=1").text.split("<tbody>")[-1]


def test_the_filter_shows_what_is_open(desk: Client) -> None:
    differ(subject="settled", settled_at=now(), reason="x", gateway="closed")
    differ(subject="open", gateway="opened")

    shown, everything = desk.get(f"{LIST}?staff=1").text, desk.get(LIST).text

    assert 'field-gateway">opened' in shown
    assert 'field-gateway">closed' not in shown
    assert 'field-gateway">closed' in everything


def test_a_day_is_fetched_again_only_where_the_gateway_lists_it(desk: Client, gateway: str) -> None:
    day = BookDay.objects.create(gateway="simulator", day=now().date(), is_complete=True)
    paper = BookDay.objects.create(gateway="paper", day=now().date(), is_complete=True)

    chosen = [day.pk, paper.pk]
    desk.post("/admin/payments/bookday/", {"action": "fetch_again", "_selected_action": chosen})

    tasks = Task.objects.filter(kind=fetching.KIND).values_list("subject", flat=True)
    assert list(tasks) == [str(day.pk)]


def test_an_entry_is_found_by_its_ids(desk: Client) -> None:
    BookEntry.objects.create(
        gateway="simulator",
        entry_id="ent_1",
        kind="charge",
        booked_on=now().date(),
        minor_units=1900,
        currency="USD",
        gateway_id="pay_1",
    )

    for text in ("ent_1", "pay_1"):
        assert "$19.00" in desk.get(f"/admin/payments/bookentry/?q={text}").text


def test_old_books_are_deleted_and_open_differences_are_not(clara: User, settings: Any) -> None:
    settings.BOOKS_YEARS = 1
    for day in (now().date(), now().date() - timedelta(days=400)):
        known = {"gateway": "simulator", "kind": "fee", "minor_units": -1, "currency": "USD"}
        BookEntry.objects.create(**known, entry_id=f"{day}", booked_on=day)
        BookDay.objects.create(gateway="simulator", day=day)
        differ(day=day, subject=f"open {day}")
        differ(day=day, subject=f"settled {day}", settled_at=now(), reason="x", settled_by=clara)

    deleted = [
        delete()
        for delete in (
            deleting.delete_old_entries,
            deleting.delete_old_days,
            deleting.delete_old_differences,
        )
    ]

    assert deleted == [1, 1, 1]
    assert BookDifference.objects.filter(settled_at=None).count() == 2

"""`/account/export/`: one file with what the customer typed and bought, and nothing of others."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.test import Client
from django.utils.timezone import now

from accounts.domain import exporting
from accounts.models import AccessEvent, Export, ExportPart, User
from moportal import personal
from orders.models import Order
from tests.accounts.own_data.working import work
from tests.accounts.own_data.world import NUMBER, fill
from tests.builders import EID, OTHER_EID, payment_of
from tests.processing import process_task

pytestmark = [pytest.mark.processes, pytest.mark.django_db]


def download(browser: Client) -> str:
    made = Export.objects.latest("pk")
    answer = browser.get(f"/account/export/{made.key}/")
    assert answer.status_code == 200
    assert answer["Content-Disposition"].startswith('attachment; filename="my-data-')
    return b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]  # it streams


def test_the_file_has_what_the_customer_typed_and_bought_and_nothing_of_others(
    alice: User, bob: User, clara: User, as_alice: Client, sell: Callable[..., Order]
) -> None:
    order, other = sell(alice), sell(bob, eid=OTHER_EID)
    fill(alice, order, staff=clara)
    fill(bob, other, staff=clara, number="+12025550143")

    page = as_alice.post("/account/export/", follow=True).content.decode()
    work()
    text = download(as_alice)

    assert "Making your file" in page
    assert "Your file is ready" in as_alice.get("/account/export/").content.decode()
    told: dict[str, Any] = json.loads(text)
    assert set(told) == {"about this file"} | {
        entry.section for entry in personal.personal() if entry.section
    }
    [bought] = told["orders"]
    assert bought["order number"] == order.number
    assert bought["price"] == "19.00 USD"
    assert bought["device (EID)"] == EID
    assert told["account"][0]["name"] == "Alice"
    assert {row["address"] for row in told["addresses"]} == {alice.username, NUMBER}
    assert [row["bytes"] for row in told["data that you used"]] == [1]
    assert [name for name, rows in told.items() if not rows] == []
    for strange in (bob.username, OTHER_EID, other.number, "+12025550143"):
        assert strange not in text
    assert order.profile
    for secret in (order.profile.matching_id, payment_of(order).method.token, alice.password):
        assert secret
        assert secret not in text


def test_the_file_is_stored_in_parts(
    alice: User, as_alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "PART", 500)
    as_alice.post("/account/export/")
    work()

    assert ExportPart.objects.count() > 1
    assert json.loads(download(as_alice))["account"][0]["you sign in with"] == alice.username


def test_asking_again_waits_for_the_file_that_is_being_made(alice: User, as_alice: Client) -> None:
    as_alice.post("/account/export/")
    first = Export.objects.get()
    as_alice.post("/account/export/")
    assert Export.objects.get() == first
    work()

    as_alice.post("/account/export/")

    assert Export.objects.get() != first
    assert AccessEvent.objects.filter(kind="exported").count() == 2


def test_a_worker_that_takes_over_finds_the_file_made(alice: User, as_alice: Client) -> None:
    as_alice.post("/account/export/")
    made = Export.objects.get()
    work()
    parts = list(ExportPart.objects.all())

    assert process_task(exporting.KIND, made.pk) is None

    assert list(ExportPart.objects.all()) == parts


def test_only_its_customer_downloads_it_and_only_for_a_day(
    alice: User, bob: User, as_alice: Client
) -> None:
    as_alice.post("/account/export/")
    address = f"/account/export/{Export.objects.get().key}/"
    assert as_alice.get(address).status_code == 404
    work()
    assert as_alice.get(address).status_code == 200
    assert as_alice.get(f"/account/export/{uuid4()}/").status_code == 404
    stranger = Client()
    stranger.force_login(bob)
    assert stranger.get(address).status_code == 404

    Export.objects.update(expires_at=now() + timedelta(seconds=1), ready_at=now())
    with time_machine.travel(now() + timedelta(seconds=2)):
        assert as_alice.get(address).status_code == 404
        assert "Make the file" in as_alice.get("/account/export/").content.decode()


def test_the_page_says_when_it_takes_longer(alice: User, as_alice: Client) -> None:
    as_alice.post("/account/export/")
    Export.objects.update(asked_at=now() - timedelta(minutes=1))

    assert "longer than usual" in as_alice.get("/account/export/").content.decode()


@pytest.mark.parametrize("address", ["/account/export/", "/account/delete/"])
def test_both_ask_who_it_is_first(address: str, alice: User, as_alice: Client) -> None:
    with time_machine.travel(now() + timedelta(minutes=11)):
        answer = as_alice.post(address)

    assert answer.headers["Location"].startswith("/account/confirm/")
    assert not Export.objects.exists()
    assert not alice.deletions.exists()

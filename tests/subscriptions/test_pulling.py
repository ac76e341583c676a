"""`subscriptions.domain.pulling`: usage is fetched once, by one worker at a time."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.db import connection
from django.db.models.signals import post_init
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.models import User
from esim.models import Sim
from moportal import retention
from outbox.domain import process
from outbox.models import Task
from subscriptions.charging.http import HttpCharging
from subscriptions.domain import pulling, usage
from subscriptions.models import ChargingCall, UsagePull, UsageRecord
from subscriptions.tasks import request_pull
from tests.providers import break_it
from tests.races import at_once
from tests.serving import Handler, serving
from tests.subscriptions.usages import DAY, give, make_line, said, used

LOST = ["drop_before", "http_500", "html", "drop_after", "malformed"]


@pytest.fixture
def sim(alice: User) -> Sim:
    """Return a SIM on a line with 1 GB in the US since yesterday."""
    line, sim = make_line(alice, since=now() - DAY)
    give(line, now() - DAY, now() + DAY)
    return sim


@pytest.fixture
def charging(network: str, settings: Any, sim: Sim) -> str:
    """Return the address of a charging system that knows the SIM."""
    settings.CHARGING = "subscriptions.charging.http.HttpCharging"
    settings.CHARGING_URL = network
    live = {"sequence": 1, "active": True, "plan": "p", "imsi": "", "msisdn": ""}
    address = f"{network}/subscriptions/x/sims/{sim.iccid}"
    httpx.put(address, json=live, trust_env=False).raise_for_status()
    return network


class Peer:
    """A charging system with a fixed answer. It keeps the tokens that it was sent."""

    def __init__(self) -> None:
        self.answer: Any = None
        self.tokens: list[str] = []


@pytest.fixture
def peer(charging: str, settings: Any) -> Iterator[Peer]:
    fixed = Peer()

    class Answers(Handler):
        def do_GET(self) -> None:  # noqa: N802 -- the base's name
            fixed.tokens.append(self.headers.get("Authorization", ""))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(fixed.answer).encode())

    with serving(Answers) as settings.CHARGING_URL:
        yield fixed


def pull() -> Task:
    """Run beat's task, then the outbox's as if it were due; return the outbox's task."""
    request_pull()
    return process_now()


def process_now() -> Task:
    """Process the open task as if it were due, and return it."""
    task = Task.objects.get(closed_at=None)
    Task.objects.update(not_before=now())
    process(task.pk)
    task.refresh_from_db()
    return task


def use(charging: str, sim: Sim, *names: object, **changes: Any) -> None:
    for name in names:
        told = {**said(name, sim, now() - DAY / 2, 100), **changes}
        httpx.post(f"{charging}/usage", json=told, trust_env=False).raise_for_status()


def test_each_record_is_fetched_once(charging: str, sim: Sim) -> None:
    use(charging, sim, 1, 2)
    pull()
    pull()
    assert used() == [200]

    use(charging, sim, 3)
    pull()

    assert used() == [300]
    row = UsagePull.objects.get()
    assert (row.source, row.tries, row.last_error) == ("charging", 0, "")


def test_each_call_is_recorded(charging: str, sim: Sim) -> None:
    use(charging, sim, 1, 2)
    pull()
    pull()

    first, second = ChargingCall.objects.all()
    assert (first.after, first.outcome, first.detail) == ("", "answered", "2 records")
    assert (second.after, second.detail) == (UsagePull.objects.get().cursor, "0 records")
    assert first.answered_at


def test_old_calls_are_deleted(charging: str) -> None:
    pull()
    ChargingCall.objects.update(sent_at=now() - 8 * DAY)
    pull()
    retention.purge("subscriptions.ChargingCall")

    assert ChargingCall.objects.count() == 1


def test_all_pages_are_fetched(charging: str, sim: Sim, settings: Any) -> None:
    settings.USAGE_BATCH = 2
    use(charging, sim, *range(5))

    pull()

    assert used() == [500]


def test_the_task_stays_open_and_repeats_itself(charging: str) -> None:
    task = pull()

    assert task.closed_at is None
    assert timedelta(seconds=5) < task.not_before - now() <= pulling.POLL_INTERVAL


def test_a_pull_that_is_far_behind_goes_on_at_once(
    charging: str, sim: Sim, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.USAGE_BATCH = 1
    monkeypatch.setattr(pulling, "PAGES_PER_ROUND", 2)
    use(charging, sim, *range(3))

    task = pull()
    assert used() == [200]
    assert task.not_before <= now()

    process(task.pk)
    assert used() == [300]


@pytest.mark.parametrize("fault", LOST)
def test_a_page_is_fetched_again_after_a_lost_answer(charging: str, sim: Sim, fault: str) -> None:
    use(charging, sim, 1)
    break_it(charging, "usage", fault)

    pull()
    row = UsagePull.objects.get()
    assert (used(), row.cursor, row.tries, bool(row.last_error)) == ([0], "", 1, True)
    assert ChargingCall.objects.get().outcome == "unknown"

    process_now()
    row.refresh_from_db()
    assert (used(), row.tries, row.last_error) == ([100], 0, "")


def test_beat_does_not_shorten_the_delay_after_a_failure(charging: str, settings: Any) -> None:
    settings.CHARGING_URL = "http://127.0.0.1:9"
    pull()
    for _ in range(5):
        process_now()
    waiting = Task.objects.get()

    request_pull()

    assert waiting.not_before > now() + timedelta(seconds=5)
    assert Task.objects.get().not_before == waiting.not_before
    assert {call.outcome for call in ChargingCall.objects.all()} == {"not_sent"}


def test_an_outage_is_caught_up(charging: str, sim: Sim, settings: Any) -> None:
    address, settings.CHARGING_URL = settings.CHARGING_URL, "http://127.0.0.1:9"
    pull()
    use(address, sim, *range(3))
    process_now()
    assert used() == [0]

    settings.CHARGING_URL = address
    process_now()

    assert used() == [300]


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {},
        {"records": {}, "cursor": "1", "more": False},
        {"records": [1, 2, 3], "cursor": "1", "more": False},
        {"records": [], "cursor": 1, "more": False},
        {"records": [], "cursor": "x" * 201, "more": False},
        {"records": [], "cursor": "a\0", "more": False},
        {"records": [], "cursor": "1", "more": 1},
        {"records": [], "cursor": "", "more": True},
    ],
    ids=range(9),
)
def test_an_answer_that_is_not_a_page_changes_nothing(
    peer: Peer, settings: Any, answer: Any
) -> None:
    settings.USAGE_BATCH, peer.answer = 2, answer

    pull()

    row = UsagePull.objects.get()
    assert (row.cursor, row.tries, UsageRecord.objects.count()) == ("", 1, 0)
    assert ChargingCall.objects.get().outcome == "unknown"


def test_a_record_that_cannot_be_parsed_is_skipped_and_counted(charging: str, sim: Sim) -> None:
    use(charging, sim, 1)
    use(charging, sim, "x", country="none")
    use(charging, sim, 2)

    pull()

    assert (used(), UsagePull.objects.get().refused) == ([200], 1)


def test_the_cursor_is_stored_with_its_records_or_not_at_all(
    charging: str, sim: Sim, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(charging, sim, 1)

    def crash(*_args: Any) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(usage, "store_records", crash)
        task = pull()

    assert (UsagePull.objects.get().cursor, task.last_error) == ("", "ZeroDivisionError: ")
    pull()
    assert used() == [100]


def test_while_one_worker_has_the_lease_another_makes_no_call(charging: str) -> None:
    request_pull()
    Task.objects.update(lease_token="other", lease_until=now() + DAY)

    process(Task.objects.get().pk)
    assert not ChargingCall.objects.exists()

    Task.objects.update(lease_until=now() - timedelta(seconds=1))
    process(Task.objects.get().pk)
    assert ChargingCall.objects.count() == 1


def lose_lease(**_of_signal: Any) -> None:
    Task.objects.update(lease_token="other", lease_until=now() + DAY)


def test_a_worker_that_lost_its_lease_makes_no_call(
    charging: str, sim: Sim, settings: Settings
) -> None:
    use(charging, sim, 1)
    # A lease without time to spare is renewed before every call.
    settings.OUTBOX_LEASE = settings.OUTSIDE_CALL_TIMEOUT
    post_init.connect(lose_lease, sender=ChargingCall)
    try:
        task = pull()
    finally:
        post_init.disconnect(lose_lease, sender=ChargingCall)

    assert (task.lease_token, UsagePull.objects.get().cursor, used()) == ("other", "", [0])
    assert ChargingCall.objects.get().outcome == "not_sent"


def test_a_worker_that_lost_its_lease_during_the_call_stores_no_page(
    charging: str, sim: Sim, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(charging, sim, 1)
    fetch = HttpCharging.usage

    def fetch_and_lose_lease(self: HttpCharging, after: str, *, limit: int) -> Any:
        page = fetch(self, after, limit=limit)
        lose_lease()
        return page

    monkeypatch.setattr(HttpCharging, "usage", fetch_and_lose_lease)
    task = pull()

    assert (task.lease_token, UsagePull.objects.get().cursor, used()) == ("other", "", [0])
    assert ChargingCall.objects.get().outcome == "answered"


@pytest.mark.django_db(transaction=True)
def test_concurrent_workers_count_each_record_once(charging: str, sim: Sim) -> None:
    use(charging, sim, *range(3))
    request_pull()
    task_id = Task.objects.get().pk

    at_once(lambda: process(task_id), 4)

    assert (used(), ChargingCall.objects.count()) == ([300], 1)


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_during_the_call(
    charging: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch, seen = HttpCharging.usage, []

    def observe(self: HttpCharging, after: str, *, limit: int) -> Any:
        seen.append((connection.in_atomic_block, ChargingCall.objects.get().outcome))
        return fetch(self, after, limit=limit)

    monkeypatch.setattr(HttpCharging, "usage", observe)
    pull()

    assert seen == [(False, "unanswered")]


def test_without_an_adapter_nothing_is_fetched(db: None, settings: Any) -> None:
    settings.CHARGING = ""

    request_pull()

    assert not UsagePull.objects.exists()
    assert not Task.objects.exists()


@pytest.mark.parametrize("name", ["CHARGING", "CHARGING_SOURCE"])
def test_the_task_ends_when_its_source_is_no_longer_set(
    charging: str, settings: Any, name: str
) -> None:
    request_pull()
    setattr(settings, name, "")

    process_now()

    assert Task.objects.get().closed_at
    assert not ChargingCall.objects.exists()


def test_an_address_that_may_not_be_called_is_an_error(charging: str, settings: Any) -> None:
    settings.CHARGING_URL = "http://charging.example"

    task = pull()

    assert task.last_error.startswith("ImproperlyConfigured")


def test_the_token_is_sent(peer: Peer, settings: Any) -> None:
    settings.CHARGING_TOKEN = "secret"
    peer.answer = {"records": [], "cursor": "7", "more": False}

    pull()

    assert peer.tokens == ["Bearer secret"]
    assert UsagePull.objects.get().cursor == "7"

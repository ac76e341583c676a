"""`subscriptions.domain.pulling`: usage is fetched once, by one worker at a time."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.utils.timezone import now

from accounts.models import User
from esim.models import Sim
from subscriptions.charging.http import HttpCharging
from subscriptions.domain import pulling, usage
from subscriptions.models import UsagePull, UsageRecord
from subscriptions.tasks import pull_usage
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
    live = {"sequence": 1, "plan": "p", "iccid": sim.iccid, "imsi": "", "msisdn": ""}
    httpx.put(f"{network}/subscriptions/x", json=live, trust_env=False).raise_for_status()
    return network


class Peer:
    """A charging system that answers as it is told, and keeps the tokens that it was shown."""

    def __init__(self) -> None:
        self.answer: Any = None
        self.shown: list[str] = []


@pytest.fixture
def peer(charging: str, settings: Any) -> Iterator[Peer]:
    told = Peer()

    class Answers(Handler):
        def do_GET(self) -> None:  # noqa: N802 -- the base's name
            told.shown.append(self.headers.get("Authorization", ""))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(told.answer).encode())

    with serving(Answers) as settings.CHARGING_URL:
        yield told


def use(charging: str, sim: Sim, *names: object, **changes: Any) -> None:
    for name in names:
        told = {**said(name, sim, now() - DAY / 2, 100), **changes}
        httpx.post(f"{charging}/usage", json=told, trust_env=False).raise_for_status()


def test_what_became_known_is_fetched_once(charging: str, sim: Sim) -> None:
    use(charging, sim, 1, 2)
    pull_usage()
    pull_usage()
    assert used() == [200]

    use(charging, sim, 3)
    pull_usage()

    assert used() == [300]
    row = UsagePull.objects.get()
    assert (row.source, row.trouble, row.lease_until) == ("charging", "", None)
    assert row.asked_at and row.answered_at and row.asked_at <= row.answered_at  # noqa: PT018 -- one thought


def test_it_goes_on_from_page_to_page(charging: str, sim: Sim, settings: Any) -> None:
    settings.USAGE_BATCH = 2
    use(charging, sim, *range(5))

    pulling.pull()

    assert used() == [500]


def test_one_round_has_an_end(
    charging: str, sim: Sim, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.USAGE_BATCH = 1
    monkeypatch.setattr(pulling, "MOST_PAGES", 2)
    use(charging, sim, *range(3))

    pulling.pull()

    assert used() == [200]


@pytest.mark.parametrize("fault", LOST)
def test_a_lost_answer_is_asked_for_again(charging: str, sim: Sim, fault: str) -> None:
    use(charging, sim, 1)
    break_it(charging, "usage", fault)

    pulling.pull()
    row = UsagePull.objects.get()
    assert (used(), row.cursor, bool(row.trouble), row.lease_until) == ([0], "", True, None)

    pulling.pull()
    assert (used(), UsagePull.objects.get().trouble) == ([100], "")


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
def test_an_answer_that_is_no_page_changes_nothing(peer: Peer, settings: Any, answer: Any) -> None:
    settings.USAGE_BATCH, peer.answer = 2, answer

    pulling.pull()

    row = UsagePull.objects.get()
    assert (row.cursor, bool(row.trouble), UsageRecord.objects.count()) == ("", True, 0)


def test_a_record_that_cannot_be_read_is_passed_over_and_counted(charging: str, sim: Sim) -> None:
    use(charging, sim, 1)
    use(charging, sim, "x", country="none")
    use(charging, sim, 2)

    pulling.pull()

    assert (used(), UsagePull.objects.get().refused) == ([200], 1)


def test_the_cursor_is_written_with_its_records_or_not_at_all(
    charging: str, sim: Sim, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(charging, sim, 1)

    def die(*_args: Any) -> None:
        raise SystemError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(usage, "record", die)
        with pytest.raises(SystemError):
            pulling.pull()

    row = UsagePull.objects.get()
    assert (row.cursor, row.trouble, row.lease_until) == ("", "SystemError", None)
    pulling.pull()
    assert used() == [100]


def test_while_one_holds_the_lease_another_does_not_ask(charging: str, sim: Sim) -> None:
    use(charging, sim, 1)
    held = UsagePull.objects.create(source="charging", lease_token="other", lease_until=now() + DAY)

    pulling.pull()
    assert used() == [0]

    held.lease_until = now() - timedelta(seconds=1)
    held.save()
    pulling.pull()
    assert used() == [100]


@pytest.mark.parametrize("moment", ["before the call", "before the page is kept"])
def test_who_lost_the_lease_writes_nothing(
    charging: str, sim: Sim, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    use(charging, sim, 1)

    def taken_over() -> None:
        UsagePull.objects.update(lease_token="other", lease_until=now() + DAY)

    ask_for, note = HttpCharging.usage, pulling._about_to_ask  # noqa: SLF001 -- the moment of the race

    def lose_and_note(*of_pull: Any) -> None:
        taken_over()
        note(*of_pull)

    def ask_and_lose(self: HttpCharging, after: str, *, limit: int) -> Any:
        page = ask_for(self, after, limit=limit)
        taken_over()
        return page

    if moment == "before the call":
        monkeypatch.setattr(pulling, "_about_to_ask", lose_and_note)
    else:
        monkeypatch.setattr(HttpCharging, "usage", ask_and_lose)

    pulling.pull()

    row = UsagePull.objects.get()
    assert (row.lease_token, row.cursor, used()) == ("other", "", [0])


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_each_record_counts_once(charging: str, sim: Sim) -> None:
    use(charging, sim, *range(3))

    at_once(pulling.pull, 4)
    pulling.pull()

    assert used() == [300]


@pytest.mark.django_db(transaction=True)
def test_no_call_is_made_while_a_transaction_is_open(
    charging: str, sim: Sim, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask_for, seen = HttpCharging.usage, []

    def look(self: HttpCharging, after: str, *, limit: int) -> Any:
        row = UsagePull.objects.get()
        seen.append((connection.in_atomic_block, row.asked_at is not None))
        return ask_for(self, after, limit=limit)

    monkeypatch.setattr(HttpCharging, "usage", look)
    pulling.pull()

    assert seen == [(False, True)]
    assert not transaction.get_connection().in_atomic_block


def test_where_none_is_named_nothing_is_fetched(db: None, settings: Any) -> None:
    settings.CHARGING = ""

    pulling.pull()

    assert not UsagePull.objects.exists()


def test_an_address_that_may_not_be_called_is_an_error(charging: str, settings: Any) -> None:
    settings.CHARGING_URL = "http://charging.example"

    with pytest.raises(ImproperlyConfigured):
        pulling.pull()
    assert UsagePull.objects.get().trouble == "ImproperlyConfigured"


def test_the_token_is_shown(peer: Peer, settings: Any) -> None:
    settings.CHARGING_TOKEN = "secret"
    peer.answer = {"records": [], "cursor": "7", "more": False}

    pulling.pull()

    assert peer.shown == ["Bearer secret"]
    assert UsagePull.objects.get().cursor == "7"

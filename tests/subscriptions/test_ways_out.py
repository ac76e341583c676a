"""`subscriptions.domain.ways_out`: a SIM has at most one way out, and each is closed in the end."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.db import transaction
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.models import AttemptCount
from esim.models import Sim
from outbox.domain import Lease, LeaseLost, RetryAfter
from outbox.models import Task
from subscriptions.domain import ways_out
from subscriptions.models import WayOut, WayOutCall
from subscriptions.networks import network as network_in_use
from subscriptions.states import WayOutState, WayRefusal
from tests.builders import make_card
from tests.processing import process_task
from tests.providers import books, break_it

LOST = ["drop_before", "http_500", "html", "drop_after", "malformed"]
REFERENCE = "ORDER00001"


@pytest.fixture
def sim(db: None) -> Sim:
    return make_card()


def process(way: WayOut) -> RetryAfter | None:
    answer = process_task(ways_out.KIND, way.pk)
    way.refresh_from_db()
    return answer


def opened(sim: Sim, reference: str = REFERENCE) -> WayOut:
    way = ways_out.request(sim, reference=reference)
    process(way)
    return way


def closed(way: WayOut) -> WayOut:
    ways_out.close(way.reference)
    process(way)
    return way


def let_pass(way: WayOut, time: timedelta) -> None:
    """Make the way and its calls so much older."""
    WayOut.objects.filter(pk=way.pk).update(created_at=way.created_at - time)
    for call in way.calls.all():
        WayOutCall.objects.filter(pk=call.pk).update(sent_at=call.sent_at - time)
    way.refresh_from_db()


def at_network(network: str, sim: Sim) -> dict[str, Any]:
    shown: dict[str, Any] = httpx.get(f"{network}/ways/{sim.iccid}", trust_env=False).json()
    return shown


def calls(network: str) -> list[tuple[str, str]]:
    return [(call["operation"], call["answer"]) for call in books(network)["calls"]]


def test_asking_for_a_way_makes_no_call(sim: Sim, network: str) -> None:
    way = ways_out.request(sim, reference=REFERENCE)

    assert (way.state, ways_out.is_waited_for(way)) == (WayOutState.ASKED, True)
    assert calls(network) == []


def test_a_worker_opens_the_way_for_minutes_and_megabytes(
    sim: Sim, network: str, settings: Settings
) -> None:
    settings.WAY_OUT_MINUTES, settings.WAY_OUT_MEGABYTES = 7, 3
    way = ways_out.request(sim, reference=REFERENCE)

    answer = process(way)

    assert way.state == WayOutState.OPEN
    shown = at_network(network, sim)
    assert (shown["state"], shown["sequence"], shown["bytesLeft"]) == ("open", way.pk, 3_000_000)
    assert 400 < shown["seconds"] <= 420
    # The worker comes back when the way lapses.
    assert answer is not None
    assert 400 < answer.delay.total_seconds() <= 420


def test_at_the_return_the_way_is_closed(sim: Sim, network: str) -> None:
    way = closed(opened(sim))

    assert (way.state, at_network(network, sim)["state"]) == (WayOutState.CLOSED, "closed")
    assert calls(network) == [("open_way", "200"), ("close_way", "200")]
    # Nothing is left to close, and nothing is called again.
    ways_out.close(REFERENCE)
    assert process(way) is None
    assert len(calls(network)) == 2


def test_a_way_lapses_and_is_closed_in_the_network_too(sim: Sim, network: str) -> None:
    way = opened(sim)
    let_pass(way, timedelta(minutes=way.minutes))

    assert process(way) is None

    assert way.state == WayOutState.CLOSED
    assert calls(network)[-1] == ("close_way", "200")


def test_a_repeated_request_gets_the_same_way(sim: Sim, network: str) -> None:
    way = ways_out.request(sim, reference=REFERENCE)
    assert ways_out.request(sim, reference=REFERENCE) == way
    process(way)
    assert ways_out.request(sim, reference=REFERENCE) == way

    assert calls(network) == [("open_way", "200")]


def test_after_a_way_has_lapsed_a_request_gets_a_new_one(sim: Sim, network: str) -> None:
    way = opened(sim)
    let_pass(way, timedelta(minutes=way.minutes))

    newer = ways_out.request(sim, reference=REFERENCE)
    process(newer)
    process(way)

    # The old way's end does not touch the newer one.
    assert (way.state, newer.state) == (WayOutState.CLOSED, WayOutState.OPEN)
    assert at_network(network, sim)["sequence"] == newer.pk
    assert at_network(network, sim)["state"] == "open"


def test_a_way_for_something_else_closes_the_one_before(sim: Sim, network: str) -> None:
    first = opened(sim)
    second = opened(sim, "ORDER00002")
    process(first)

    assert (first.state, second.state) == (WayOutState.CLOSED, WayOutState.OPEN)
    assert at_network(network, sim)["state"] == "open"


@pytest.mark.parametrize("fault", LOST)
def test_a_lost_answer_is_asked_for_again_and_makes_the_way_no_longer(
    sim: Sim, network: str, fault: str
) -> None:
    break_it(network, "open_way", fault)
    way = ways_out.request(sim, reference=REFERENCE)

    assert process(way) is not None
    assert way.state == WayOutState.ASKED
    process(way)

    assert way.state == WayOutState.OPEN
    first = way.calls.earliest("pk")
    assert way.ends_at == first.sent_at + timedelta(minutes=way.minutes)
    assert {call.outcome for call in way.calls.all()} == {"unknown", "answered"}


@pytest.mark.parametrize("fault", LOST)
def test_a_lost_answer_to_closing_is_asked_for_again(sim: Sim, network: str, fault: str) -> None:
    way = opened(sim)
    break_it(network, "close_way", fault)
    ways_out.close(REFERENCE)

    assert process(way) is not None
    assert way.state == WayOutState.CLOSING
    assert process(way) is None

    assert (way.state, at_network(network, sim)["state"]) == (WayOutState.CLOSED, "closed")


def test_a_network_that_is_away_is_waited_for_for_seconds_only(sim: Sim, network: str) -> None:
    break_it(network, "open_way", "drop_after", times=99)
    way = ways_out.request(sim, reference=REFERENCE)
    assert process(way) is not None
    let_pass(way, ways_out.PATIENCE)

    process(way)

    # The call may have been carried out, so the way is closed there.
    assert (way.refusal, way.state) == (WayRefusal.NO_ANSWER, WayOutState.CLOSED)
    assert at_network(network, sim)["state"] == "closed"
    assert not ways_out.is_waited_for(way)


def test_an_unreachable_network_opens_nothing_and_closes_nothing(
    sim: Sim, settings: Settings
) -> None:
    settings.NETWORK = "subscriptions.networks.http.HttpNetwork"
    settings.NETWORK_URL = "http://127.0.0.1:9"
    way = ways_out.request(sim, reference=REFERENCE)
    let_pass(way, ways_out.PATIENCE)

    assert process(way) is None

    assert (way.refusal, way.state) == (WayRefusal.NO_ANSWER, WayOutState.REFUSED)
    assert [call.outcome for call in way.calls.all()] == ["not_sent"]
    # The attempt does not count against the SIM's limit.
    assert not AttemptCount.objects.exists()


def test_a_network_that_refuses_is_asked_once(sim: Sim, settings: Settings) -> None:
    settings.NETWORK = "subscriptions.networks.warm.AlwaysWarm"
    way = opened(sim)

    assert (way.refusal, way.state) == (WayRefusal.NETWORK, WayOutState.REFUSED)
    assert "opens no way out" in way.last_error
    assert not AttemptCount.objects.exists()


def test_a_sim_gets_so_many_ways_in_a_day(sim: Sim, network: str, settings: Settings) -> None:
    settings.WAY_OUT_LIMIT = 2
    for number in range(2):
        way = closed(opened(sim, f"ORDER{number}"))
        assert way.refusal == ""

    refused = opened(sim, "ORDER2")

    assert (refused.refusal, refused.state) == (WayRefusal.LIMIT, WayOutState.REFUSED)
    assert len(calls(network)) == 4
    assert opened(make_card(), "ORDER3").state == WayOutState.OPEN


def test_the_last_way_of_a_day_may_be_asked_for_again(
    sim: Sim, network: str, settings: Settings
) -> None:
    settings.WAY_OUT_LIMIT = 1
    break_it(network, "open_way", "drop_after")
    way = ways_out.request(sim, reference=REFERENCE)
    process(way)
    process(way)

    assert way.state == WayOutState.OPEN


def test_a_customer_who_is_back_before_the_answer_has_no_way_open(sim: Sim, network: str) -> None:
    way = ways_out.request(sim, reference=REFERENCE)
    break_it(network, "open_way", "drop_after")
    process(way)

    closed(way)

    assert (way.state, at_network(network, sim)["state"]) == (WayOutState.CLOSED, "closed")


def test_a_way_that_was_never_asked_for_in_the_network_is_not_closed_there(
    sim: Sim, network: str
) -> None:
    way = closed(ways_out.request(sim, reference=REFERENCE))

    assert (way.state, calls(network)) == (WayOutState.CLOSED, [])


def test_a_call_that_arrives_after_the_closing_opens_nothing(
    sim: Sim, network: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker stalls between its row and its call; another one closes the way meanwhile."""
    way = ways_out.request(sim, reference=REFERENCE)
    send = network_in_use().open_way

    def stall(opening: Any) -> None:
        monkeypatch.undo()
        closed(WayOut.objects.get(pk=way.pk))
        send(opening)

    monkeypatch.setattr(type(network_in_use()), "open_way", lambda _self, one: stall(one))
    process(way)

    assert (way.state, at_network(network, sim)["state"]) == (WayOutState.CLOSED, "closed")
    assert calls(network) == [("close_way", "200"), ("open_way", "409")]


def test_a_worker_without_its_lease_makes_no_call(sim: Sim, network: str) -> None:
    way = ways_out.request(sim, reference=REFERENCE)
    Task.objects.update(lease_token="another worker's")

    with pytest.raises(LeaseLost):
        ways_out.advance(str(way.pk), Lease(Task.objects.get().pk, "lost"))

    assert (calls(network), way.calls.get().outcome) == ([], "not_sent")


def test_a_way_that_the_network_never_closes_counts_as_closed_once_it_has_lapsed(
    sim: Sim, network: str
) -> None:
    way = opened(sim)
    break_it(network, "close_way", "http_500", times=99)
    ways_out.close(REFERENCE)
    assert process(way) is not None
    let_pass(way, timedelta(minutes=way.minutes) + ways_out.LAPSED_FOR_SURE)

    assert process(way) is None

    assert (way.state, way.closed_at is not None) == (WayOutState.CLOSED, True)
    assert way.last_error.startswith("NetworkUnavailable")


def test_a_worker_that_comes_late_still_opens_the_way(sim: Sim, network: str) -> None:
    way = ways_out.request(sim, reference=REFERENCE)
    let_pass(way, timedelta(minutes=1))
    assert not ways_out.is_waited_for(way)

    process(way)

    assert way.state == WayOutState.OPEN
    assert way.ends_at is not None
    assert way.ends_at > now() + timedelta(minutes=way.minutes - 1)


def test_a_request_that_is_rolled_back_leaves_no_way(sim: Sim) -> None:
    with transaction.atomic():
        ways_out.request(sim, reference=REFERENCE)
        transaction.set_rollback(True)

    assert ways_out.latest(REFERENCE) is None
    assert not Task.objects.exists()


@pytest.mark.parametrize("is_done", [False, True])
def test_a_worker_that_is_killed_at_a_call_leaves_one_way_and_no_second_one(
    sim: Sim,
    network: str,
    is_done: bool,  # noqa: FBT001 -- a parameter of the test
) -> None:
    """The row is there, and its outcome is unknown. The next worker sends the same number."""
    way = ways_out.request(sim, reference=REFERENCE)
    if is_done:
        opened(sim)
        WayOut.objects.update(state=WayOutState.ASKED, ends_at=None)
        WayOutCall.objects.update(outcome="unanswered", answered_at=None)
    else:
        way.calls.create(operation="open")

    process(way)

    assert way.state == WayOutState.OPEN
    assert at_network(network, sim)["sequence"] == way.pk
    closed(way)
    assert at_network(network, sim)["state"] == "closed"


def test_a_way_of_a_killed_worker_is_closed_although_nobody_knows_if_it_is_open(
    sim: Sim, network: str
) -> None:
    way = ways_out.request(sim, reference=REFERENCE)
    way.calls.create(operation="open")

    closed(way)

    assert way.state == WayOutState.CLOSED
    assert calls(network) == [("close_way", "200")]

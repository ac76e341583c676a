"""`subscriptions.domain.activation`: on which SIMs a plan is active, and that it ends for good.

This holds whichever call or answer is lost.
"""

import json
import uuid
from typing import Any

import pytest

from esim.models import Sim
from outbox.domain import LeaseLost
from subscriptions.domain import activation
from subscriptions.domain import lifecycle as subscriptions
from subscriptions.models import LiveSim, NetworkCall, Subscription
from subscriptions.networks import network as adapter
from subscriptions.networks.base import NetworkRefused, NetworkUnavailable
from subscriptions.networks.http import HttpNetwork
from tests.builders import make_card, make_plan
from tests.providers import books, break_it
from tests.serving import Handler, serving

LOST = ["drop_before", "http_500", "html", "drop_after", "malformed"]


@pytest.fixture
def sim(db: None) -> Sim:
    card = make_card()
    card.imsi, card.msisdn = "262019999999999", "4915550100"
    card.save()
    return card


@pytest.fixture
def sold(alice: Any, sim: Sim, network: str) -> Subscription:
    """Return a subscription that Alice bought for her SIM. It is not active yet."""
    reference = uuid.uuid4().hex[:10]
    plan = make_plan()
    return subscriptions.prepare(alice, sim=sim, plan=plan, plan_name="x", reference=reference)


def keep_lease() -> None:
    """Do nothing: the worker still has its lease."""


def activate(sold: Subscription, sim: Sim) -> None:
    activation.activate(sold, sim, before_call=keep_lease)


def take_off(sold: Subscription, sim: Sim) -> None:
    activation.deactivate(sold, sim, before_call=keep_lease)


def end(sold: Subscription) -> None:
    activation.end(sold, before_call=keep_lease)


def service(network: str, sold: Subscription) -> dict[str, Any]:
    found = [one for one in books(network)["services"] if one["reference"] == sold.reference]
    return found[0] if found else {}


def live(sold: Subscription) -> list[Sim]:
    """Return the SIMs on which the portal has the plan active."""
    rows = LiveSim.objects.filter(subscription=sold, until=None).order_by("pk")
    sims = [row.sim for row in rows.select_related("sim")]
    sold.refresh_from_db(fields=["live_sims"])
    assert sold.live_sims == len(sims)
    return sims


def outcomes(sold: Subscription) -> list[str]:
    return [call.outcome for call in sold.network_calls.all()]


def test_an_activation_names_the_plan_and_the_sim(
    sold: Subscription, sim: Sim, network: str
) -> None:
    activate(sold, sim)

    active = service(network, sold)
    assert (active["state"], active["iccids"]) == ("active", [sim.iccid])
    assert active["plan"] == (sold.plan and sold.plan.code)
    assert live(sold) == [sim]


def test_an_active_plan_is_not_activated_again(sold: Subscription, sim: Sim) -> None:
    for _ in range(3):
        activate(sold, sim)

    assert outcomes(sold) == ["answered"]


@pytest.mark.parametrize("fault", LOST)
def test_an_activation_is_repeated_after_a_lost_answer(
    sold: Subscription, sim: Sim, network: str, fault: str
) -> None:
    break_it(network, "activate", fault)
    with pytest.raises(NetworkUnavailable):
        activate(sold, sim)
    activate(sold, sim)

    assert outcomes(sold) == ["unknown", "answered"]
    assert service(network, sold)["state"] == "active"


@pytest.mark.parametrize("fault", LOST)
def test_an_end_is_repeated_after_a_lost_answer(
    sold: Subscription, sim: Sim, network: str, fault: str
) -> None:
    activate(sold, sim)
    break_it(network, "end", fault)
    with pytest.raises(NetworkUnavailable):
        end(sold)
    end(sold)

    assert service(network, sold)["state"] == "ended"
    sold.refresh_from_db()
    assert (live(sold), sold.ended_at is not None) == ([], True)


def test_a_plan_is_ended_once(sold: Subscription, sim: Sim) -> None:
    activate(sold, sim)
    end(sold)
    end(sold)

    assert outcomes(sold) == ["answered", "answered"]


def test_a_plan_that_was_never_activated_is_not_ended(sold: Subscription, network: str) -> None:
    end(sold)

    assert service(network, sold) == {}


def test_an_activation_that_arrives_after_the_end_is_refused(
    sold: Subscription, sim: Sim, network: str
) -> None:
    """A worker stalls between its row and its call; another one ends the plan meanwhile."""

    def stall() -> None:
        other = Subscription.objects.get(pk=sold.pk)
        end(other)

    with pytest.raises(NetworkRefused):
        activation.activate(sold, sim, before_call=stall)

    assert service(network, sold)["state"] == "ended"
    assert live(sold) == []


def test_a_plan_is_active_on_several_sims(sold: Subscription, sim: Sim, network: str) -> None:
    other = make_card()
    activate(sold, sim)
    activate(sold, other)

    assert service(network, sold)["iccids"] == [sim.iccid, other.iccid]
    assert live(sold) == [sim, other]


def test_a_plan_that_is_taken_off_one_sim_stays_on_the_other(
    sold: Subscription, sim: Sim, network: str
) -> None:
    other = make_card()
    activate(sold, sim)
    activate(sold, other)

    take_off(sold, sim)

    assert service(network, sold)["iccids"] == [other.iccid]
    assert live(sold) == [other]


def test_a_plan_comes_back_to_a_sim_that_it_was_taken_off(
    sold: Subscription, sim: Sim, network: str
) -> None:
    activate(sold, sim)
    take_off(sold, sim)
    activate(sold, sim)

    assert service(network, sold)["iccids"] == [sim.iccid]
    assert live(sold) == [sim]


def test_the_end_takes_a_plan_off_all_its_sims(sold: Subscription, sim: Sim, network: str) -> None:
    activate(sold, sim)
    activate(sold, make_card())

    end(sold)

    assert service(network, sold)["iccids"] == []
    assert live(sold) == []


@pytest.mark.parametrize("fault", LOST)
def test_taking_a_plan_off_a_sim_is_repeated_after_a_lost_answer(
    sold: Subscription, sim: Sim, network: str, fault: str
) -> None:
    activate(sold, sim)
    break_it(network, "deactivate", fault)
    with pytest.raises(NetworkUnavailable):
        take_off(sold, sim)
    take_off(sold, sim)

    assert service(network, sold)["iccids"] == []
    assert live(sold) == []


def test_a_plan_is_not_taken_off_a_sim_on_which_it_was_never_active(
    sold: Subscription, sim: Sim
) -> None:
    activate(sold, sim)
    take_off(sold, make_card())

    assert outcomes(sold) == ["answered"]


def test_a_plan_is_taken_off_a_sim_once(sold: Subscription, sim: Sim) -> None:
    activate(sold, sim)
    take_off(sold, sim)
    take_off(sold, sim)

    assert outcomes(sold) == ["answered", "answered"]


def test_a_plan_that_has_ended_is_taken_off_no_sim(sold: Subscription, sim: Sim) -> None:
    activate(sold, sim)
    end(sold)
    take_off(sold, sim)

    assert outcomes(sold) == ["answered", "answered"]


def test_an_older_activation_that_arrives_late_changes_nothing(
    sold: Subscription, sim: Sim, network: str
) -> None:
    """A worker stalls before its call; others activate the plan and take it off meanwhile."""

    def stall() -> None:
        other = Subscription.objects.get(pk=sold.pk)
        activate(other, sim)
        take_off(other, sim)

    with pytest.raises(NetworkUnavailable):
        activation.activate(sold, sim, before_call=stall)

    assert service(network, sold)["iccids"] == []
    assert live(sold) == []


def test_what_a_worker_stores_late_does_not_make_a_sim_live_again(
    sold: Subscription, sim: Sim, network: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker stalls after its call; another one takes the plan off the SIM meanwhile."""
    called = HttpNetwork.activate

    def activate_and_stall(*asked: Any) -> None:
        called(*asked)
        monkeypatch.undo()
        other = Subscription.objects.get(pk=sold.pk)
        take_off(other, sim)

    monkeypatch.setattr(HttpNetwork, "activate", activate_and_stall)
    activate(sold, sim)

    assert service(network, sold)["iccids"] == []
    assert live(sold) == []


def test_two_workers_that_activate_the_same_sim_count_it_once(sold: Subscription, sim: Sim) -> None:
    activation.activate(
        sold, sim, before_call=lambda: activate(Subscription.objects.get(pk=sold.pk), sim)
    )

    assert live(sold) == [sim]


def test_a_worker_that_lost_its_lease_makes_no_call(
    sold: Subscription, sim: Sim, network: str
) -> None:
    def lose_lease() -> None:
        raise LeaseLost(1)

    with pytest.raises(LeaseLost):
        activation.activate(sold, sim, before_call=lose_lease)

    assert outcomes(sold) == [NetworkCall.Outcome.NOT_SENT]
    assert books(network)["calls"] == []
    end(sold)
    assert books(network)["calls"] == []


def test_a_call_to_an_unreachable_network_is_not_sent(
    sold: Subscription, sim: Sim, settings: Any
) -> None:
    settings.NETWORK_URL = "http://127.0.0.1:9"

    with pytest.raises(NetworkUnavailable) as error:
        activate(sold, sim)
    assert (error.value.was_sent, outcomes(sold)) == (False, ["not_sent"])


class Unknowing(Handler):
    """Answers 404 in the words that the test sets."""

    error = ""

    def do_PUT(self) -> None:  # noqa: N802 -- the base's name
        self.rfile.read(int(self.headers["Content-Length"]))
        content = json.dumps({"error": self.error}).encode()
        self.send_response(404)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@pytest.mark.parametrize("error", ["unknown_plan", "unknown_iccid"])
def test_a_plan_or_sim_that_the_network_does_not_know_is_refused(
    sold: Subscription, sim: Sim, settings: Any, monkeypatch: pytest.MonkeyPatch, error: str
) -> None:
    monkeypatch.setattr(Unknowing, "error", error)

    with serving(Unknowing) as settings.NETWORK_URL, pytest.raises(NetworkRefused, match=error):
        activate(sold, sim)


def test_another_404_is_a_wrong_address_and_refuses_nothing(
    sold: Subscription, sim: Sim, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Unknowing, "error", "not_found")

    with serving(Unknowing) as settings.NETWORK_URL, pytest.raises(NetworkUnavailable) as raised:
        activate(sold, sim)

    assert raised.value.is_setting


def test_a_network_without_activation_gets_no_calls(
    sold: Subscription, sim: Sim, network: str, settings: Any
) -> None:
    settings.NETWORK = "subscriptions.networks.warm.AlwaysWarm"
    activate(sold, sim)
    end(sold)

    assert books(network)["calls"] == []
    assert type(adapter()).__name__ == "AlwaysWarm"

"""`subscriptions.domain.activation`: a plan is active on one SIM, and ended for good.

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
from subscriptions.models import NetworkCall, Subscription
from subscriptions.networks import network as adapter
from subscriptions.networks.base import NetworkRefused, NetworkUnavailable
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


def end(sold: Subscription) -> None:
    activation.end(sold, before_call=keep_lease)


def service(network: str, sold: Subscription) -> dict[str, Any]:
    found = [one for one in books(network)["services"] if one["reference"] == sold.reference]
    return found[0] if found else {}


def outcomes(sold: Subscription) -> list[str]:
    return [call.outcome for call in sold.network_calls.all()]


def test_an_activation_names_the_plan_and_the_sim(
    sold: Subscription, sim: Sim, network: str
) -> None:
    activate(sold, sim)

    live = service(network, sold)
    assert (live["state"], live["iccid"]) == ("active", sim.iccid)
    assert (live["plan"], live["imsi"]) == (sold.plan and sold.plan.code, sim.imsi)
    assert live["msisdn"] == sim.msisdn
    assert Subscription.objects.get(pk=sold.pk).live_iccid == sim.iccid


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
    assert (sold.live_iccid, sold.ended_at is not None) == ("", True)


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
    assert Subscription.objects.get(pk=sold.pk).live_iccid == ""


def test_a_plan_moves_to_another_sim(sold: Subscription, sim: Sim, network: str) -> None:
    activate(sold, sim)
    newer = make_card()
    activate(sold, newer)

    assert service(network, sold)["iccid"] == newer.iccid


def test_an_older_activation_that_arrives_late_changes_nothing(
    sold: Subscription, sim: Sim, network: str
) -> None:
    newer = make_card()

    def stall() -> None:
        activate(Subscription.objects.get(pk=sold.pk), newer)

    with pytest.raises(NetworkUnavailable):
        activation.activate(sold, sim, before_call=stall)

    assert service(network, sold)["iccid"] == newer.iccid


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

"""`subscriptions.domain.activation`: a plan is active on one SIM, and ended for good.

This holds whichever call or answer is lost.
"""

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

LOST = ["drop_before", "http_500", "html", "drop_after", "malformed"]


@pytest.fixture
def sim(db: None) -> Sim:
    card = make_card()
    card.imsi, card.msisdn = "262019999999999", "4915550100"
    card.save()
    return card


@pytest.fixture
def sold(alice: Any, sim: Sim, network: str) -> Subscription:
    """Return what Alice has bought for her SIM, not live yet."""
    reference = uuid.uuid4().hex[:10]
    plan = make_plan()
    return subscriptions.prepare(alice, sim=sim, plan=plan, plan_name="x", reference=reference)


def unhindered() -> None:
    """Hold the lease."""


def activate(sold: Subscription, sim: Sim) -> None:
    activation.activate(sold, sim, before_call=unhindered)


def end(sold: Subscription) -> None:
    activation.end(sold, before_call=unhindered)


def service(network: str, sold: Subscription) -> dict[str, Any]:
    found = [one for one in books(network)["services"] if one["reference"] == sold.reference]
    return found[0] if found else {}


def outcomes(sold: Subscription) -> list[str]:
    return [call.outcome for call in sold.network_calls.all()]


def test_the_network_is_told_plan_and_sim(sold: Subscription, sim: Sim, network: str) -> None:
    activate(sold, sim)

    live = service(network, sold)
    assert (live["state"], live["iccid"]) == ("active", sim.iccid)
    assert (live["plan"], live["imsi"]) == (sold.plan and sold.plan.code, sim.imsi)
    assert live["msisdn"] == sim.msisdn
    assert Subscription.objects.get(pk=sold.pk).live_iccid == sim.iccid


def test_what_is_live_is_not_asked_for_again(sold: Subscription, sim: Sim) -> None:
    for _ in range(3):
        activate(sold, sim)

    assert outcomes(sold) == ["done"]


@pytest.mark.parametrize("fault", LOST)
def test_a_lost_answer_is_asked_for_again(
    sold: Subscription, sim: Sim, network: str, fault: str
) -> None:
    break_it(network, "activate", fault)
    with pytest.raises(NetworkUnavailable):
        activate(sold, sim)
    activate(sold, sim)

    assert outcomes(sold) == ["unknown", "done"]
    assert service(network, sold)["state"] == "active"


@pytest.mark.parametrize("fault", LOST)
def test_an_end_is_asked_for_until_it_is_told(
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


def test_it_is_ended_once(sold: Subscription, sim: Sim) -> None:
    activate(sold, sim)
    end(sold)
    end(sold)

    assert outcomes(sold) == ["done", "done"]


def test_what_was_never_asked_for_needs_no_end(sold: Subscription, network: str) -> None:
    end(sold)

    assert service(network, sold) == {}


def test_an_activation_that_may_be_under_way_comes_too_late(
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


def test_another_sim_takes_the_plan_over(sold: Subscription, sim: Sim, network: str) -> None:
    activate(sold, sim)
    newer = make_card()
    activate(sold, newer)

    assert service(network, sold)["iccid"] == newer.iccid


def test_an_older_activation_that_comes_late_changes_nothing(
    sold: Subscription, sim: Sim, network: str
) -> None:
    newer = make_card()

    def stall() -> None:
        activate(Subscription.objects.get(pk=sold.pk), newer)

    with pytest.raises(NetworkUnavailable):
        activation.activate(sold, sim, before_call=stall)

    assert service(network, sold)["iccid"] == newer.iccid


def test_who_lost_the_lease_asks_for_nothing(sold: Subscription, sim: Sim, network: str) -> None:
    def lost() -> None:
        raise LeaseLost(1)

    with pytest.raises(LeaseLost):
        activation.activate(sold, sim, before_call=lost)

    assert outcomes(sold) == [NetworkCall.Outcome.NOT_SENT]
    assert books(network)["calls"] == []
    end(sold)
    assert books(network)["calls"] == []


def test_nobody_there_is_not_sent(sold: Subscription, sim: Sim, settings: Any) -> None:
    settings.NETWORK_URL = "http://127.0.0.1:9"

    with pytest.raises(NetworkUnavailable) as trouble:
        activate(sold, sim)
    assert (trouble.value.was_sent, outcomes(sold)) == (False, ["not_sent"])


def test_a_sim_from_the_factory_needs_nobody(
    sold: Subscription, sim: Sim, network: str, settings: Any
) -> None:
    settings.NETWORK = "subscriptions.networks.warm.AlwaysWarm"
    activate(sold, sim)
    end(sold)

    assert books(network)["calls"] == []
    assert type(adapter()).__name__ == "AlwaysWarm"

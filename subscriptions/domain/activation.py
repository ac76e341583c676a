"""Activating and ending a plan in the network. Both are safe to run again.

Both raise `NetworkRefused`, which is final, or `NetworkUnavailable`. After a lost answer,
the next attempt repeats the call, because the network takes repeated calls.
"""

from collections.abc import Callable

from django.utils.timezone import now

from esim.models import Sim
from moportal.database.statements import compare_and_set
from outbox.calls import BeforeCall, record_call
from subscriptions.models import NetworkCall, Subscription
from subscriptions.networks import network
from subscriptions.networks.base import NetworkRefused, Service


def activate(subscription: Subscription, sim: Sim, *, before_call: BeforeCall) -> None:
    """Activate the plan on this SIM, and on no other SIM.

    The call's key is its sequence number, so a late repetition
    cannot undo a newer activation.
    """
    if subscription.live_iccid == sim.iccid:
        return
    plan = subscription.plan.code if subscription.plan else ""
    call = NetworkCall(subscription=subscription, operation="activate", iccid=sim.iccid)

    def send() -> None:
        # `call.pk` is the sequence number. It exists by now, because the row
        # is stored before the call.
        of_sim = {"iccid": sim.iccid, "imsi": sim.imsi, "msisdn": sim.msisdn}
        network().activate(Service(subscription.reference, call.pk, plan, **of_sim))

    record(call, send, before_call)
    # Another worker may have ended the plan during the call.
    # In the network it stays ended.
    compare_and_set(Subscription, subscription.pk, {"ended_at": None}, live_iccid=sim.iccid)
    subscription.live_iccid = sim.iccid


def end(subscription: Subscription, *, before_call: BeforeCall) -> None:
    """End the plan in the network, unless no activation can have taken effect."""
    subscription.refresh_from_db(fields=["ended_at", "live_iccid"])
    if subscription.ended_at or not _may_be_live(subscription):
        return
    call = NetworkCall(subscription=subscription, operation="end")
    record(call, lambda: network().end(subscription.reference), before_call)
    # No condition: whatever another worker has stored meanwhile, the network
    # has ended the plan for good.
    compare_and_set(Subscription, subscription.pk, {}, live_iccid="", ended_at=now())


def was_last_refused(subscription: Subscription) -> bool:
    """Return whether the network refused the last attempt to end the plan."""
    last = subscription.network_calls.filter(operation="end").last()
    return last is not None and last.outcome == NetworkCall.Outcome.REFUSED


def _may_be_live(subscription: Subscription) -> bool:
    """Return whether any activation was sent, even if its answer was lost or was a refusal."""
    activations = subscription.network_calls.filter(operation="activate")
    return activations.exclude(outcome=NetworkCall.Outcome.NOT_SENT).exists()


def record(call: NetworkCall, send: Callable[[], None], before_call: BeforeCall) -> None:
    record_call(call, send, before_call=before_call, refusals=(NetworkRefused,))

"""Switching a plan on and off in the network, one call at a time; both are safe to run again.

Raises `NetworkUnavailable` when the network gives no usable answer; asking again finds out what
became of a lost answer.
"""

from collections.abc import Callable

import structlog
from django.utils.timezone import now

from esim.models import Sim
from moportal.statements import compare_and_set
from subscriptions.models import NetworkCall, Subscription
from subscriptions.networks import network
from subscriptions.networks.base import NetworkRefused, NetworkUnavailable, Service

log = structlog.get_logger(__name__)
Outcome = NetworkCall.Outcome
BeforeCall = Callable[[], None]


def activate(subscription: Subscription, sim: Sim, *, before_call: BeforeCall) -> None:
    """Have the plan live on this SIM, whichever had it before.

    Raises `NetworkUnavailable` or `NetworkRefused`.
    """
    if subscription.live_iccid == sim.iccid:
        return
    plan = subscription.plan.code if subscription.plan else ""

    def ask(call: NetworkCall) -> None:
        named = {"iccid": sim.iccid, "imsi": sim.imsi, "msisdn": sim.msisdn}
        network().activate(Service(subscription.reference, call.pk, plan, **named))

    _called(subscription, "activate", sim.iccid, ask, before_call)
    compare_and_set(Subscription, subscription.pk, {"ended_at": None}, live_iccid=sim.iccid)
    subscription.live_iccid = sim.iccid


def end(subscription: Subscription, *, before_call: BeforeCall) -> None:
    """Have the plan stopped, if an activation may ever have had its effect.

    Raises `NetworkUnavailable` or `NetworkRefused`.
    """
    subscription.refresh_from_db(fields=["ended_at", "live_iccid"])
    if subscription.ended_at or not _may_be_live(subscription):
        return
    _called(
        subscription, "end", "", lambda _call: network().end(subscription.reference), before_call
    )
    compare_and_set(Subscription, subscription.pk, {}, live_iccid="", ended_at=now())


def _may_be_live(subscription: Subscription) -> bool:
    asked = subscription.network_calls.filter(operation="activate")
    return asked.exclude(outcome=Outcome.NOT_SENT).exists()


def _called(
    subscription: Subscription,
    operation: str,
    iccid: str,
    ask: Callable[[NetworkCall], None],
    before_call: BeforeCall,
) -> None:
    """Write the call down, make it, and write down what came of it.

    The row comes before `before_call`, where the caller shows that it still holds its lease: who
    took over from a worker that stalled has either seen the row, or the call is never made.
    """
    call = NetworkCall.objects.create(subscription=subscription, operation=operation, iccid=iccid)
    try:
        before_call()
    except Exception:
        _note(call, Outcome.NOT_SENT)
        raise
    try:
        ask(call)
    except NetworkRefused as error:
        _note(call, Outcome.REFUSED, str(error))
        raise
    except NetworkUnavailable as error:
        _note(call, Outcome.UNKNOWN if error.was_sent else Outcome.NOT_SENT, str(error))
        raise
    _note(call, Outcome.DONE)


def _note(call: NetworkCall, outcome: NetworkCall.Outcome, detail: str = "") -> None:
    compare_and_set(NetworkCall, call.pk, {}, answered_at=now(), outcome=outcome, detail=detail)
    log.info("network", operation=call.operation, outcome=outcome)

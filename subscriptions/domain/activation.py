"""On which SIMs a plan is active in the network. Each change is safe to run again.

All raise `NetworkRefused`, which is final, or `NetworkUnavailable`. After a lost answer,
the next attempt repeats the call, because the network takes repeated calls.
"""

from collections.abc import Callable

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils.timezone import now

from esim.models import Sim
from moportal.database.statements import compare_and_set, insert_new
from outbox.calls import BeforeCall, record_call
from subscriptions.models import LiveSim, NetworkCall, Subscription
from subscriptions.networks import network
from subscriptions.networks.base import NetworkRefused, Service


def activate(subscription: Subscription, sim: Sim, *, before_call: BeforeCall) -> None:
    """Activate the plan on this SIM, beside the SIMs on which it is active already.

    The call's key is its sequence number, so a late repetition cannot undo a newer call about
    this SIM.
    """
    # A plan that was just sold is active nowhere. This saves a query.
    if subscription.live_sims and is_active_on(subscription, sim):
        return
    plan = subscription.plan.code if subscription.plan else ""
    call = NetworkCall(subscription=subscription, operation="activate", iccid=sim.iccid)

    def send() -> None:
        # `call.pk` is the sequence number. It exists by now, because the row
        # is stored before the call.
        of_sim = {"iccid": sim.iccid, "imsi": sim.imsi, "msisdn": sim.msisdn}
        network().activate(Service(subscription.reference, call.pk, plan, **of_sim))

    record(call, send, before_call)
    _store_active(subscription, sim, call)


def deactivate(subscription: Subscription, sim: Sim, *, before_call: BeforeCall) -> None:
    """Stop the plan on this SIM, unless it is not active there.

    The plan stays active on its other SIMs.
    """
    subscription.refresh_from_db(fields=["ended_at"])
    if subscription.ended_at or not _may_be_active(subscription, sim):
        return
    call = NetworkCall(subscription=subscription, operation="deactivate", iccid=sim.iccid)

    def send() -> None:
        network().deactivate(subscription.reference, sim.iccid, sequence=call.pk)

    record(call, send, before_call)
    _store_inactive(subscription, LiveSim.objects.filter(sim=sim))


def end(subscription: Subscription, *, before_call: BeforeCall) -> None:
    """End the plan on all its SIMs, unless no activation can have taken effect."""
    subscription.refresh_from_db(fields=["ended_at"])
    if subscription.ended_at or not _sent(subscription).filter(operation="activate").exists():
        return
    call = NetworkCall(subscription=subscription, operation="end")
    record(call, lambda: network().end(subscription.reference), before_call)
    # Whatever another worker has stored meanwhile, the network has ended the plan for good.
    _store_inactive(subscription, LiveSim.objects.all(), has_ended=True)


def is_active_on(subscription: Subscription, sim: Sim) -> bool:
    """Return whether the network has the plan active on this SIM."""
    return LiveSim.objects.filter(subscription=subscription, sim=sim, until=None).exists()


@transaction.atomic
def _store_active(subscription: Subscription, sim: Sim, call: NetworkCall) -> None:
    rows = insert_new([LiveSim(subscription=subscription, sim=sim, since=now())])
    if not rows:
        return
    # Another worker may have ended the plan during the call, or deactivated it on this SIM. In the
    # network their calls have won.
    newer = NetworkCall.objects.filter(
        subscription=OuterRef("pk"), iccid=sim.iccid, operation="deactivate", pk__gt=call.pk
    )
    live = Subscription.objects.filter(~Exists(newer), pk=subscription.pk, ended_at=None)
    if live.update(live_sims=F("live_sims") + 1):
        subscription.live_sims += 1
    else:
        LiveSim.objects.filter(pk__in=rows).delete()


@transaction.atomic
def _store_inactive(
    subscription: Subscription, live: QuerySet[LiveSim], *, has_ended: bool = False
) -> None:
    # Race: the lock keeps the number and the rows together.
    Subscription.objects.select_for_update(no_key=True).get(pk=subscription.pk)
    at = now()
    count = live.filter(subscription=subscription, until=None).update(until=at)
    ended = {"ended_at": at} if has_ended else {}
    left = F("live_sims") - count
    compare_and_set(Subscription, subscription.pk, {}, live_sims=left, **ended)


def was_last_refused(subscription: Subscription) -> bool:
    """Return whether the network refused the last attempt to end the plan."""
    last = subscription.network_calls.filter(operation="end").last()
    return last is not None and last.outcome == NetworkCall.Outcome.REFUSED


def _may_be_active(subscription: Subscription, sim: Sim) -> bool:
    """Return whether the network may have the plan active on this SIM."""
    last = _sent(subscription).filter(iccid=sim.iccid).last()
    if last is None:
        return False
    return last.operation == "activate" or last.outcome != NetworkCall.Outcome.ANSWERED


def _sent(subscription: Subscription) -> QuerySet[NetworkCall]:
    """Return the calls that were sent, even if an answer was lost or was a refusal."""
    return subscription.network_calls.exclude(outcome=NetworkCall.Outcome.NOT_SENT)


def record(call: NetworkCall, send: Callable[[], None], before_call: BeforeCall) -> None:
    record_call(call, send, before_call=before_call, refusals=(NetworkRefused,))

"""SIMs that two customers claim: the one who proves that the SIM is theirs gets it.

A launch only names a SIM. A plan may be bought for a SIM on no line without a proof, but the SIM is
then nobody's exclusively (docs/contract.md#profile).
"""

from collections.abc import Collection
from datetime import timedelta

import structlog
from django.db import transaction
from django.db.models import Q
from django.utils.timezone import now

from accounts.access import limiter
from accounts.access.limiter import Counter, Limit, Locked
from accounts.domain.telling import tell
from accounts.models import User
from esim.domain.proofs import sim_proof
from esim.models import Sim
from messages.states import Occasion
from moportal.database.statements import compare_and_set
from outbox.domain import Lease, RetryAfter, enqueue
from outbox.retries import count_failure
from subscriptions.domain import activation
from subscriptions.domain.lifecycle import SimOfAnother, current_line, end, put_on_new_line
from subscriptions.models import LiveSim, SimOnLine, Subscription, Takeover
from subscriptions.networks.base import NetworkRefused, NetworkUnavailable

log = structlog.get_logger(__name__)
KIND = "takeover"
Proof = SimOnLine.Proof
# After five wrong answers of one customer only staff open the SIM to this customer again. It stays
# open to others: a stranger who guesses cannot shut its owner out.
CUSTOMER_LIMIT = Limit("sim-proof", 5, timedelta(days=365), is_lifted_by_staff_alone=True)
# After twenty different wrong answers of all customers, only staff open it to anybody. So the
# chance to guess a SIM is one in 500, however many accounts somebody makes.
SIM_LIMIT = Limit("sim-proof-of-all", 20, timedelta(days=365), is_lifted_by_staff_alone=True)
# Somebody who tries many SIMs can close only a few of them.
ACCOUNT_LIMIT = Limit("sim-proof-account", 5, timedelta(days=1))


class WrongProof(Exception):
    """The answer is not the right one."""


def provable_sims(account: User, named: Collection[str]) -> list[Sim]:
    """Return the SIMs that this customer may prove to be theirs.

    These are the customer's own SIMs without a proof, and the SIMs without a proof that the launch
    named: `named` has their ICCIDs. A SIM without a known right answer is left out.
    """
    unproven = SimOnLine.objects.filter(until=None, proof=Proof.NONE)
    wanted = unproven.filter(Q(line__account=account) | Q(sim__iccid__in=named))
    sims = (row.sim for row in wanted.select_related("sim").order_by("pk"))
    return [sim for sim in sims if sim_proof().can_check(sim)]


def is_on_line_of(account: User, sim: Sim) -> bool:
    """Return whether the SIM is on a line of this customer now."""
    return SimOnLine.objects.filter(until=None, sim=sim, line__account=account).exists()


def find_lock(account: User, sim: Sim) -> Locked | None:
    """Return why no answer is taken for this SIM now, or None."""
    return limiter.find_lock(*_counters(account, sim))


def prove(account: User, sim: Sim, *, answer: str) -> None:
    """Give the SIM to the customer, if the answer is right.

    `answer` is in the normal form of the installation's check. Raises `Locked` without comparing
    anything, `WrongProof`, or `SimOfAnother` if somebody else has proven the SIM before.
    """
    attempt, counters = f"{sim.iccid} {answer}", _counters(account, sim)
    limiter.count(attempt, *counters)
    if not sim_proof().is_right(sim, answer):
        log.warning("sim proof refused", iccid=sim.iccid, account=account.pk)
        raise WrongProof(sim.iccid)
    limiter.forget(attempt, *counters)
    _give(account, sim)


@transaction.atomic
def _give(account: User, sim: Sim) -> None:
    # The second of two customers who both prove the SIM waits here, then sees the first's proof.
    Sim.objects.select_for_update(no_key=True).get(pk=sim.pk)
    current = current_line(sim)
    if current is not None and current.line.account_id == account.pk:
        compare_and_set(SimOnLine, current.pk, {"proof": Proof.NONE}, proof=Proof.PROVEN)
        return
    if current is not None and current.proof != Proof.NONE:
        raise SimOfAnother(sim.iccid)
    if current is not None:
        compare_and_set(SimOnLine, current.pk, {}, until=now())
    new = put_on_new_line(account, sim, proof=Proof.PROVEN)
    if current is not None:
        note_takeover(current, new)


def note_takeover(old: SimOnLine, new: SimOnLine) -> None:
    """Let a worker end the plans that the first customer bought for the SIM, and tell them.

    Call it in the transaction that gives the SIM to the new customer's line.
    """
    takeover = Takeover.objects.create(old=old, new=new)
    enqueue(KIND, takeover.pk)
    iccid, before = new.sim.iccid, old.line.account
    key = f"takeover {takeover.pk}"
    tell(before, Occasion.SIM_TAKEN_OVER, key=key, context={"last4": iccid[-4:]})
    # Staff must decide about a refund.
    log.error("sim taken over", iccid=iccid, before=before.pk, now=new.line.account_id)


def end_old_plans(subject: str, lease: Lease) -> RetryAfter | None:
    """Take the first customer's plans off the SIM in the network; the outbox's handler.

    A plan that is active on no other SIM ends. If it renews, it ends for good, so that it is not
    charged again.
    """
    takeover = Takeover.objects.select_related("old__sim").get(pk=subject)
    sim = takeover.old.sim
    on_sim = LiveSim.objects.filter(sim=sim, until=None, subscription__line=takeover.old.line_id)
    try:
        for subscription in Subscription.objects.filter(live__in=on_sim, ended_at=None):
            _take_off(subscription, sim, lease)
    except (NetworkUnavailable, NetworkRefused) as error:
        return RetryAfter(count_failure(takeover, error))
    compare_and_set(Takeover, takeover.pk, {"ended_at": None}, ended_at=now(), last_error="")
    return None


def _take_off(subscription: Subscription, sim: Sim, lease: Lease) -> None:
    if subscription.live_sims > 1:
        activation.deactivate(subscription, sim, before_call=lease.cover_call)
        return
    if subscription.renews:
        # The first customer must not be charged again for a plan on another customer's SIM.
        end(subscription)
    activation.end(subscription, before_call=lease.cover_call)


def decide(takeover: Takeover, *, actor: User) -> None:
    """Record that staff have decided whether the first customer gets a refund."""
    compare_and_set(Takeover, takeover.pk, {"decided_at": None}, decided_at=now())
    log.info("takeover decided", takeover=takeover.pk, actor=actor.pk)


def lost_sims(account: User) -> list[Takeover]:
    """Return the SIMs that this customer lost to another one and staff have not decided about."""
    lost = Takeover.objects.filter(old__line__account=account, decided_at=None)
    return list(lost.select_related("old__sim").order_by("pk"))


def lost_lines(account: User) -> set[int]:
    """Return the keys of the customer's lines whose last SIM another customer took over."""
    lost = Takeover.objects.filter(old__line__account=account)
    with_sims = SimOnLine.objects.filter(line__account=account, until=None).values("line")
    return set(lost.exclude(old__line__in=with_sims).values_list("old__line", flat=True))


def _counters(account: User, sim: Sim) -> tuple[Counter, ...]:
    return (
        Counter(CUSTOMER_LIMIT, f"sim:{sim.iccid} account:{account.pk}"),
        Counter(SIM_LIMIT, f"sim:{sim.iccid}"),
        Counter(ACCOUNT_LIMIT, f"account:{account.pk}"),
    )

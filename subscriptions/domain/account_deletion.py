"""What ends with an account: its renewals, its plans, and its links to the operator's lines."""

from datetime import timedelta

import structlog
from django.db.models import QuerySet
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.domain.endings import Ending, Obstacle, When
from accounts.models import User
from outbox.domain import Lease, RetryAfter, enqueue
from subscriptions.domain import activation, cancelling, lifecycle, moves
from subscriptions.models import Master, OperatorLine, Subscription, Takeover
from subscriptions.networks.base import NetworkRefused, NetworkUnavailable
from subscriptions.queries import renewing_subscriptions, usable_subscriptions
from subscriptions.states import RUNNING

log = structlog.get_logger(__name__)
KIND = "plan_of_deleted"
# A network that is down or refuses is asked again after this time.
INTERVAL = timedelta(minutes=2)


def _plans(account: User) -> QuerySet[Subscription]:
    """Return the portal's own plans that have not been ended in the network."""
    own = Subscription.objects.filter(line__account=account, master=Master.PORTAL)
    return own.filter(ended_at=None)


def _renewing(account: User) -> QuerySet[Subscription]:
    running = renewing_subscriptions().filter(line__account=account, ended_at=None)
    return running.filter(last_number=None).order_by("pk")


def _renewal_texts(account: User) -> list[str]:
    names = _renewing(account).values_list("plan_name", flat=True)
    return [_("%(plan)s is cancelled at once. It no longer renews.") % {"plan": n} for n in names]


def _cancel_renewals(account: User) -> None:
    for subscription in _renewing(account):
        cancelling.cancel(subscription)


def _plan_texts(account: User) -> list[str]:
    usable = usable_subscriptions(now())
    running = _plans(account).filter(pk__in=usable, state__in=sorted(RUNNING))
    return [
        _("%(plan)s ends, and its unused data is lost.") % {"plan": name}
        for name in running.order_by("pk").values_list("plan_name", flat=True)
    ]


def _end_plans(account: User) -> None:
    for subscription in _plans(account):
        if (move := moves.open_move(subscription)) is not None:
            # Its new eSIM may still wait to be downloaded.
            moves.drop(move.reference, tells=False)
        lifecycle.end(subscription)
        enqueue(KIND, subscription.pk)


def end_plan(subject: str, lease: Lease) -> RetryAfter | None:
    """End a plan of a deleted account in the network; the outbox's handler.

    While the network refuses, the account is not erased: staff must act.
    """
    subscription = Subscription.objects.get(pk=subject)
    try:
        activation.end(subscription, before_call=lease.cover_call)
    except NetworkRefused:
        log.exception("network refuses to end a plan: staff must act", subscription=subject)
        return RetryAfter(INTERVAL)
    except NetworkUnavailable:
        return RetryAfter(INTERVAL)
    return None


def _line_texts(account: User) -> list[str]:
    linked = OperatorLine.objects.filter(line__account=account).order_by("pk")
    return [
        _("Your line +%(number)s stays active. This account just no longer shows it.")
        % {"number": number}
        for number in linked.values_list("line__msisdn", flat=True)
    ]


def _has_takeover(account: User) -> bool:
    """Return whether staff must still decide about a refund for a SIM that this customer lost."""
    return Takeover.objects.filter(old__line__account=account, decided_at=None).exists()


PARTS = (
    Ending("renewals", When.ASKED, _renewal_texts, _cancel_renewals),
    Ending("plans", When.DUE, _plan_texts, _end_plans),
    Ending("lines", When.DUE, _line_texts, lambda _account: None),
    Obstacle("takeover", gettext_lazy("Our decision about a refund"), _has_takeover),
)

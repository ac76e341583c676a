"""The time that a customer lost because the download of the order's eSIM failed.

It counts from the first failure that was reported, or from the request for a new eSIM, until the
download is confirmed. An error that nobody signed in for is a stranger's claim, and does not count.
"""

from datetime import datetime
from typing import Any

from esim.models import Profile
from mobileplans.models import LpaReport
from mobileplans.words import LpaCode
from orders.models import Order
from orders.states import OrderState, RepairKind, RepairState
from subscriptions.domain import giving_back


def give_back(profile: Profile, **_signal: Any) -> None:
    """Give the plan back the time until this download. This is a signal receiver.

    The failed download of a further device has cost a running plan no time.
    """
    completed = Order.objects.filter(state=OrderState.COMPLETED).select_related("subscription")
    order = completed.filter(profile=profile).first()
    if order is None or order.subscription is None:
        return
    since = _failed_since(order)
    if since is None:
        return
    assert order.completed_at is not None  # noqa: S101 -- completed_order_was_charged_and_has_its_plan
    assert profile.downloaded_at is not None  # noqa: S101 -- downloaded_profile_has_a_time
    giving_back.give_back(
        order.subscription,
        # A plan's time runs from the completion of its order.
        since=max(since, order.completed_at),
        until=profile.downloaded_at,
    )


def _failed_since(order: Order) -> datetime | None:
    """Return when the download was first known to fail, or None if it never did."""
    replaced = order.repairs.filter(kind=RepairKind.REISSUE, state=RepairState.DONE)
    replacements = list(replaced.values_list("old_profile__sim__iccid", "asked_at"))
    assert order.profile is not None  # noqa: S101 -- its download is confirmed
    iccids = [order.profile.sim.iccid, *(iccid for iccid, _asked_at in replacements)]
    reports = LpaReport.objects.filter(iccid__in=iccids, visit__account=order.account_id)
    failed = reports.exclude(code=LpaCode.SUCCESS).values_list("received_at", flat=True)
    return min([*failed, *(asked_at for _iccid, asked_at in replacements)], default=None)

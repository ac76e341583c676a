"""What staff can do with a plan (`moportal.actions`)."""

from datetime import timedelta
from typing import Any

from django import forms
from django.db.models import QuerySet

from moportal.actions import Action, ActionForm, Refusals
from subscriptions.domain import cancelling, extending, parking
from subscriptions.models import Master, Subscription
from subscriptions.states import RUNNING, ParkReason, SubscriptionState

NOT_PARKED: Refusals = {
    parking.NotParked: "It is not parked, or the bank has not decided its dispute yet."
}
NOT_RENEWING: Refusals = {cancelling.NotRenewing: "This plan does not renew, or has ended."}
MOST_DAYS = 60


class ExtendForm(ActionForm):
    """By how many days a plan ends later, and why."""

    days = forms.IntegerField(
        min_value=1,
        max_value=MOST_DAYS,
        label="Days",
        help_text=f"A day is 24 hours. At most {MOST_DAYS}.",
    )
    field_order = ("days", "because")


def _plans(account: int) -> QuerySet[Subscription]:
    return Subscription.objects.filter(line__account=account).select_related("line")


def _runs(plan: Subscription) -> bool:
    return plan.state in RUNNING


def _renews(plan: Subscription) -> bool:
    return _runs(plan) and plan.renews and plan.master == Master.PORTAL


def _label(plan: Subscription) -> str:
    return f"plan {plan.plan_name}"


def _extend(plan: Subscription, _actor: object, values: Any) -> None:
    extending.extend(plan, by=timedelta(days=values["days"]))


EXTEND = Action(
    name="extend-plan",
    title="Extend",
    permission="subscriptions.extend_subscription",
    rows=_plans,
    is_possible=lambda plan: (
        plan.state == SubscriptionState.ACTIVE and plan.master == Master.PORTAL
    ),
    label=_label,
    consequence=(
        "The plan ends later by these days, free of charge. If it renews, the next charge comes "
        "later by the same time. The data does not grow."
    ),
    say="I have extended your plan, free of charge. Your account shows the new date.",
    run=_extend,
    refusals={
        extending.NotExtendable: (
            "This plan is not active, or its next month is being paid right now. Try again when "
            "that month has begun."
        )
    },
    form=ExtendForm,
)
CANCEL = Action(
    name="cancel-plan",
    title="Cancel",
    permission="subscriptions.cancel_subscription",
    rows=_plans,
    is_possible=lambda plan: _renews(plan) and not plan.is_cancelled,
    label=_label,
    consequence=(
        "The plan ends with the month that is paid. Nothing more is charged. The customer gets a "
        "confirmation, and can undo it until the plan ends."
    ),
    say=(
        "I have cancelled your plan. You can use it until the end of the month you have paid for, "
        "and nothing more is charged. You get a confirmation now."
    ),
    run=lambda plan, _actor, _values: cancelling.cancel(plan),
    refusals=NOT_RENEWING,
)
PARK = Action(
    name="park-plan",
    title="Stop charging for now",
    permission="subscriptions.resume_subscription",
    rows=_plans,
    is_possible=lambda plan: _renews(plan) and not plan.parked_because,
    label=_label,
    consequence=(
        "Nothing is charged until staff resume it, and the service stays on. The plan stands among "
        "what waits for staff, so that nobody forgets it."
    ),
    say="While we look into this, nothing is charged for your plan. You can go on using it.",
    run=lambda plan, _actor, _values: parking.park(plan, ParkReason.FAULT),
)
RESUME = Action(
    name="resume-plan",
    title="Resume charging",
    permission="subscriptions.resume_subscription",
    rows=_plans,
    is_possible=lambda plan: _runs(plan) and plan.parked_because != "",
    label=_label,
    consequence=(
        "The plan is charged again as agreed. A month that began meanwhile is charged once, in the "
        "next minutes."
    ),
    say="The fault is mended. Your plan goes on, and is charged as agreed from now on.",
    run=lambda plan, actor, _values: parking.resume(plan, actor=actor),
    refusals=NOT_PARKED,
)
ACTIONS = (EXTEND, CANCEL, PARK, RESUME)

"""How long the tables of lines and usage keep their rows."""

from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from moportal.retention import Deleted, Kept, Timed, register
from subscriptions.domain.deleting import delete_old_attempts
from subscriptions.models import (
    Attempt,
    Bucket,
    ChargingCall,
    CustomerCall,
    Line,
    LineLink,
    LiveSim,
    NetworkCall,
    OperatorLine,
    Period,
    PlanChange,
    PlanMove,
    PriceChange,
    PriceNotice,
    SimOnLine,
    Subscription,
    Takeover,
    UsagePull,
    UsageRecord,
    WayOut,
    WayOutCall,
)
from subscriptions.states import WayOutState

# A plan that is live may still have to be ended in the network, and its calls decide that. A plan
# that renews is live until it was ended there.
PERIODS = Period.objects.filter(subscription=OuterRef("subscription"))
ENDED = Q(subscription__ended_at__isnull=False) | Q(
    Exists(PERIODS.filter(usable_until__lt=Now())),
    ~Exists(PERIODS.filter(usable_until__gte=Now())),
    subscription__anchored_at=None,
)
# While a plan runs, its usage may have to be allocated again.
RUNNING = Period.objects.filter(
    line=OuterRef("line"), starts_at__lte=OuterRef("used_at"), usable_until__gte=Now()
)

register(
    Kept(Line, "what the customer has, as long as the account exists"),
    Kept(SimOnLine, "what the customer has, as long as the account exists"),
    Kept(Takeover, "one row for each SIM that another customer has proven"),
    Kept(Subscription, "what the customer bought, as long as the account exists"),
    Kept(LiveSim, "what the customer has, as long as the account exists"),
    Timed(
        PlanMove,
        "moves of plans to another device that are over",
        since="ended_at",
        setting="SUPPORT_DAYS",
    ),
    Kept(Period, "what the customer bought, as long as the account exists"),
    Deleted(
        Attempt,
        "the books: charges of periods, with their payments",
        setting="BOOKS_YEARS",
        delete_batch=delete_old_attempts,
    ),
    Kept(PlanChange, "what the customer chose, as long as the account exists"),
    Kept(PriceChange, "a new price that staff have announced, for the customers who pay it"),
    Kept(PriceNotice, "the evidence for a new price, as long as the account exists"),
    Kept(Bucket, "what the customer bought, as long as the account exists"),
    # What is left of an account that was deleted, after the order to which it belonged.
    Timed(Subscription, "plans of deleted accounts", since="line__account__erased_at"),
    Timed(Period, "their periods that were not charged", since="line__account__erased_at"),
    Timed(SimOnLine, "SIMs of deleted accounts", since="line__account__erased_at"),
    Timed(Line, "lines of deleted accounts", since="account__erased_at"),
    Timed(
        NetworkCall,
        "calls for plans that have ended",
        since="sent_at",
        setting="SUPPORT_DAYS",
        only=ENDED,
    ),
    Timed(
        UsageRecord,
        "usage of plans that have ended; older usage is refused, so that none counts twice",
        since="used_at",
        setting="USAGE_DAYS",
        only=Q(~Exists(RUNNING)),
    ),
    Kept(UsagePull, "one row for each charging system"),
    Timed(ChargingCall, "calls to the charging system", since="sent_at", setting="TASK_DAYS"),
    Kept(OperatorLine, "one row for each line that a customer has linked"),
    Timed(LineLink, "requests to link a line", since="created_at", setting="SUPPORT_DAYS"),
    Timed(
        WayOut,
        "ways out of the walled garden that are over",
        since="created_at",
        setting="SUPPORT_DAYS",
        only=Q(state__in=[WayOutState.CLOSED, WayOutState.REFUSED]),
    ),
    Timed(
        WayOutCall,
        "calls to the network about ways out that are over",
        since="sent_at",
        setting="SUPPORT_DAYS",
        only=Q(way_out__state__in=[WayOutState.CLOSED, WayOutState.REFUSED]),
    ),
    Timed(CustomerCall, "calls to the customer system", since="sent_at", setting="TASK_DAYS"),
)

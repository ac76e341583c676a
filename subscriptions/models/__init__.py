"""Lines with their SIMs, subscriptions, data buckets and usage."""

from subscriptions.models.changes import PlanChange
from subscriptions.models.lines import Line, SimOnLine, Takeover
from subscriptions.models.moves import PlanMove
from subscriptions.models.operator_lines import CustomerCall, LineLink, OperatorLine
from subscriptions.models.periods import Attempt, Bucket, Period
from subscriptions.models.plans import KIND, LiveSim, Master, NetworkCall, Subscription
from subscriptions.models.prices import PRICE_CHANGE_KIND, PriceChange, PriceNotice
from subscriptions.models.usage import ChargingCall, UsagePull, UsageRecord
from subscriptions.models.ways import WayOut, WayOutCall

__all__ = [
    "KIND",
    "PRICE_CHANGE_KIND",
    "Attempt",
    "Bucket",
    "ChargingCall",
    "CustomerCall",
    "Line",
    "LineLink",
    "LiveSim",
    "Master",
    "NetworkCall",
    "OperatorLine",
    "Period",
    "PlanChange",
    "PlanMove",
    "PriceChange",
    "PriceNotice",
    "SimOnLine",
    "Subscription",
    "Takeover",
    "UsagePull",
    "UsageRecord",
    "WayOut",
    "WayOutCall",
]

"""Lines with their SIMs, subscriptions, data buckets and usage."""

from subscriptions.models.lines import Line, SimOnLine, Takeover
from subscriptions.models.operator_lines import CustomerCall, LineLink, OperatorLine
from subscriptions.models.periods import Attempt, Bucket, Period
from subscriptions.models.plans import KIND, LiveSim, Master, NetworkCall, Subscription
from subscriptions.models.usage import ChargingCall, UsagePull, UsageRecord
from subscriptions.models.ways import WayOut, WayOutCall

__all__ = [
    "KIND",
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
    "SimOnLine",
    "Subscription",
    "Takeover",
    "UsagePull",
    "UsageRecord",
    "WayOut",
    "WayOutCall",
]

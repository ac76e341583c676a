"""Lines with their SIMs, subscriptions, data buckets and usage."""

from subscriptions.models.lines import Line, SimOnLine, Takeover
from subscriptions.models.operator_lines import CustomerCall, LineLink, OperatorLine
from subscriptions.models.plans import (
    Bucket,
    Master,
    NetworkCall,
    Subscription,
    SubscriptionState,
)
from subscriptions.models.usage import ChargingCall, UsagePull, UsageRecord
from subscriptions.models.ways import WayOut, WayOutCall

__all__ = [
    "Bucket",
    "ChargingCall",
    "CustomerCall",
    "Line",
    "LineLink",
    "Master",
    "NetworkCall",
    "OperatorLine",
    "SimOnLine",
    "Subscription",
    "SubscriptionState",
    "Takeover",
    "UsagePull",
    "UsageRecord",
    "WayOut",
    "WayOutCall",
]

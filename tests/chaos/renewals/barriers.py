"""The moments of a renewal at which a worker is killed."""

from tests.chaos.payments.barriers import Moments

SUBSCRIPTION = 'UPDATE "subscriptions_subscription"'
RENEWALS = Moments(
    calls={
        "payments_gatewaycall": ("authorise", "capture", "void"),
        "subscriptions_networkcall": (
            *("renew", "suspend", "resume", "end"),
            *("activate", "deactivate"),
        ),
    },
    statements=(
        ('INSERT INTO "subscriptions_period"', "", "the period's row"),
        ('INSERT INTO "subscriptions_attempt"', "", "the attempt's row"),
        ('UPDATE "payments_payment"', '"state"', "the payment's state"),
        ('UPDATE "orders_order"', '"charge_decided_at"', "the order's decision"),
        ('UPDATE "orders_order"', '"completed_at"', "the order's completion"),
        ('UPDATE "orders_order"', '"failure"', "the order's failure"),
        ('UPDATE "orders_order"', '"undone_at"', "the order's undoing"),
        (SUBSCRIPTION, '"plan_id"', "the change of plan"),
        (SUBSCRIPTION, '"changing"', "the claim of a plan"),
        (SUBSCRIPTION, '"decided_number"', "the decision to charge"),
        ('UPDATE "subscriptions_period"', '"state"', "the period's state"),
        ('UPDATE "subscriptions_period"', '"ends_at"', "the cut of the old month"),
        ('INSERT INTO "subscriptions_simonline"', "", "the device's place"),
        ('INSERT INTO "subscriptions_livesim"', "", "the device's service"),
        ('UPDATE "subscriptions_livesim"', '"until"', "the end of a device's service"),
        ('INSERT INTO "subscriptions_planmove"', "", "the move's row"),
        ('UPDATE "subscriptions_planmove"', '"state"', "the move's state"),
        ('UPDATE "subscriptions_planchange"', '"state"', "the choice's state"),
        ('INSERT INTO "payments_receipt"', "", "the receipt"),
        (SUBSCRIPTION, '"served_until"', "what the network was told"),
        (SUBSCRIPTION, '"due_at"', "the next time"),
        (SUBSCRIPTION, '"state"', "the subscription's state"),
        ('UPDATE "outbox_task"', '"closed_at"', "the task's end"),
    ),
    rare=(
        *("void", "suspend", "resume", "end:", "activate"),
        *("order", "plan", "device", "old month", "move", "choice"),
    ),
)

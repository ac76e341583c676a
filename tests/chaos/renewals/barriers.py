"""The moments of a renewal at which a worker is killed."""

from tests.chaos.payments.barriers import Moments

SUBSCRIPTION = 'UPDATE "subscriptions_subscription"'
RENEWALS = Moments(
    calls={
        "payments_gatewaycall": ("authorise", "capture", "void"),
        "subscriptions_networkcall": ("renew", "suspend", "resume", "end"),
    },
    statements=(
        ('INSERT INTO "subscriptions_period"', "", "the period's row"),
        ('INSERT INTO "subscriptions_attempt"', "", "the attempt's row"),
        ('UPDATE "payments_payment"', '"state"', "the payment's state"),
        (SUBSCRIPTION, '"decided_number"', "the decision to charge"),
        ('UPDATE "subscriptions_period"', '"state"', "the period's state"),
        ('INSERT INTO "payments_receipt"', "", "the receipt"),
        (SUBSCRIPTION, '"served_until"', "what the network was told"),
        (SUBSCRIPTION, '"due_at"', "the next time"),
        (SUBSCRIPTION, '"state"', "the subscription's state"),
        ('UPDATE "outbox_task"', '"closed_at"', "the task's end"),
    ),
    rare=("void", "suspend", "resume", "end:"),
)

"""The periods of a subscription, and their data buckets."""

from django.contrib.postgres.fields import (
    BigIntegerRangeField,
    DateTimeRangeField,
    RangeOperators,
)
from django.db import models
from django.db.models import Deferrable, F, Func, Q, Value
from django.utils.translation import pgettext_lazy

from esim.constraints import ExclusionWherePossible
from payments.constraints import SameAsParent
from payments.models import Payment
from plans.models import Plan, PricedPlan
from subscriptions.models.lines import Line
from subscriptions.models.plans import Subscription
from subscriptions.states import PeriodState


class Period(PricedPlan):
    """A part of a subscription's time, with its data and its price. A prepaid plan has one.

    Its bounds are `starts_at` and `ends_at`. Its data can be used from its start until
    `usable_until`: the end of a paid period, the end of grace of one that is not paid yet, or an
    earlier moment at which the plan was ended. Without that time it cannot be used at all.
    """

    subscription = models.ForeignKey(
        Subscription, on_delete=models.PROTECT, related_name="periods", db_index=False
    )
    # A copy, so that a balance needs no join. Only `operator_lines` moves a subscription.
    line = models.ForeignKey(Line, on_delete=models.PROTECT, related_name="periods", db_index=False)
    number = models.PositiveIntegerField(default=1, db_default=1)
    # Empty for a plan that was not sold by the portal.
    plan = models.ForeignKey(Plan, null=True, blank=True, on_delete=models.PROTECT)
    state = models.CharField(
        max_length=8, choices=PeriodState, default=PeriodState.PLANNED, db_default="planned"
    )
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    usable_until = models.DateTimeField(null=True, blank=True)
    # The period before, whose end is this one's start.
    follows = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="next"
    )
    after_hold = models.BooleanField(
        default=False, db_default=False, help_text="It begins when it is paid."
    )
    grace_until = models.DateTimeField(
        null=True, blank=True, help_text="The end of grace, if the period began before it was paid."
    )
    grace_by_fault = models.BooleanField(
        default=False,
        db_default=False,
        help_text="The operator or the gateway has caused the grace. It is not the customer's one.",
    )
    given_back = models.DurationField(
        null=True,
        blank=True,
        help_text="It ends later by this time, because a failed download has cost it.",
    )

    class Meta:
        ordering = ["subscription", "number"]
        constraints = [
            models.UniqueConstraint(
                name="period_numbers_of_a_subscription", fields=["subscription", "number"]
            ),
            models.CheckConstraint(
                name="a_fault_has_its_grace",
                condition=Q(grace_by_fault=False) | Q(grace_until__isnull=False),
            ),
            models.UniqueConstraint(
                name="lost_time_is_given_back_once",
                fields=["subscription"],
                condition=Q(given_back__isnull=False),
            ),
            models.CheckConstraint(
                name="period_state_known", condition=Q(state__in=PeriodState.values)
            ),
            models.CheckConstraint(
                name="period_ends_after_it_starts",
                condition=Q(starts_at__isnull=True, ends_at__isnull=True)
                | Q(starts_at__isnull=False, ends_at__gt=F("starts_at")),
            ),
            models.CheckConstraint(
                name="period_is_usable_within_its_bounds",
                condition=Q(usable_until__isnull=True) | Q(usable_until__lte=F("ends_at")),
            ),
            models.CheckConstraint(
                name="paid_period_has_its_time",
                condition=~Q(state="paid")
                | Q(starts_at__isnull=False, ends_at__isnull=False, usable_until__isnull=False),
            ),
            models.CheckConstraint(
                name="a_gap_comes_only_after_hold",
                condition=Q(number=1)
                | Q(starts_at__isnull=True)
                | Q(follows__isnull=False)
                | Q(after_hold=True),
            ),
            SameAsParent(
                name="a_period_begins_where_the_one_before_ends",
                parent="follows",
                field="starts_at",
                parent_field="ends_at",
            ),
            # Each range is a number and a time, so PostgreSQL needs no extension for it.
            ExclusionWherePossible(
                name="periods_of_a_subscription_do_not_overlap",
                expressions=[
                    (
                        Func(
                            "subscription",
                            "subscription",
                            Value("[]"),
                            function="int8range",
                            output_field=BigIntegerRangeField(),
                        ),
                        RangeOperators.OVERLAPS,
                    ),
                    (
                        Func(
                            "starts_at",
                            "ends_at",
                            function="tstzrange",
                            output_field=DateTimeRangeField(),
                        ),
                        RangeOperators.OVERLAPS,
                    ),
                ],
                condition=Q(starts_at__isnull=False) & ~Q(state="lapsed"),
                # One statement may move several periods.
                deferrable=Deferrable.IMMEDIATE,
            ),
        ]
        # A balance reads the index from today on, so a line's past periods cost nothing. There must
        # be no index of the line alone: PostgreSQL would choose it for lines with one period.
        indexes = [models.Index(name="periods_of_a_line_by_end", fields=["line", "usable_until"])]

    def __str__(self) -> str:
        return f"{self.subscription.reference} {self.number} ({self.state})"


class Attempt(models.Model):
    """A payment that was made to pay a period. A refused one is followed by another."""

    period = models.ForeignKey(Period, on_delete=models.PROTECT, related_name="attempts")
    payment = models.OneToOneField(Payment, on_delete=models.PROTECT, related_name="attempt")
    is_live = models.BooleanField(
        default=True, help_text="It is open or captured. A refused or voided payment is not."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                name="one_open_or_captured_attempt_per_period",
                fields=["period"],
                condition=Q(is_live=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.period}: {self.payment.state}"


class Bucket(models.Model):
    """An amount of data that can be used in some countries, in bytes. It never goes below zero."""

    class Kind(models.TextChoices):
        ALLOWANCE = "allowance", pgettext_lazy("bucket", "Allowance")
        UNLIMITED = "unlimited", pgettext_lazy("bucket", "Unlimited")
        # A free allowance to reach the portal, never a balance (docs/contract.md#get-balance).
        MICROBALANCE = "microbalance", pgettext_lazy("bucket", "Microbalance")

    period = models.ForeignKey(Period, on_delete=models.PROTECT, related_name="buckets")
    kind = models.CharField(max_length=12, choices=Kind)
    total_bytes = models.PositiveBigIntegerField(default=0)
    used_bytes = models.PositiveBigIntegerField(
        default=0,
        help_text="The bytes that usage records have used, or the operator's billing has counted.",
    )
    # A copy of the plan's countries: what was sold stays valid when the plan changes.
    countries = models.JSONField(help_text="ISO 3166-1 alpha-2 codes in upper case.")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="bucket_kind_known",
                condition=Q(kind__in=["allowance", "unlimited", "microbalance"]),
            ),
            models.CheckConstraint(
                name="no_more_used_than_there_was",
                condition=Q(kind="unlimited") | Q(used_bytes__lte=F("total_bytes")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.used_bytes}/{self.total_bytes}"

    @property
    def left_bytes(self) -> int:
        return self.total_bytes - self.used_bytes

    @property
    def is_unlimited(self) -> bool:
        return self.kind == self.Kind.UNLIMITED

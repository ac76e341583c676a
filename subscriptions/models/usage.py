"""Usage records, and how they are fetched from the charging system."""

from django.db import models
from django.db.models import F, Q

from outbox.calls import OutsideCall
from subscriptions.models.lines import Line


class UsageRecord(models.Model):
    """Data that a SIM has used, as a charging system reported it. Each record counts once."""

    source = models.CharField(max_length=40, help_text="The charging system that reported it.")
    record_id = models.CharField("record ID", max_length=100)
    day = models.DateField("day of use", help_text="In UTC. It is part of the record's identity.")
    iccid = models.CharField("ICCID", max_length=20)
    # No index of its own: `usage_of_a_line` begins with the line.
    line = models.ForeignKey(
        Line,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="usage",
        db_index=False,
        help_text="The line that the SIM was on. Empty if it was on none.",
    )
    country = models.CharField(max_length=2)
    bytes = models.BigIntegerField()
    uncovered_bytes = models.BigIntegerField(
        default=0, help_text="The bytes that no bucket covers."
    )
    used_at = models.DateTimeField()
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="usage_record_counts_once", fields=["source", "record_id", "day"]
            ),
            models.CheckConstraint(
                name="usage_record_is_not_negative",
                condition=Q(bytes__gte=0, uncovered_bytes__gte=0),
            ),
            models.CheckConstraint(
                name="no_more_uncovered_than_was_used",
                condition=Q(uncovered_bytes__lte=F("bytes")),
            ),
        ]
        indexes = [models.Index(fields=["line", "used_at"], name="usage_of_a_line")]

    def __str__(self) -> str:
        return f"{self.source} {self.record_id}"


class UsagePull(models.Model):
    """The cursor up to which a charging system's records were fetched, and the last failure."""

    source = models.CharField(max_length=40, unique=True)
    cursor = models.CharField(max_length=200, blank=True)
    refused = models.PositiveBigIntegerField(
        default=0, help_text="Records that could not be stored. The log lists each one."
    )
    tries = models.PositiveIntegerField(default=0, help_text="Failed attempts in a row.")
    last_error = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"{self.source} {self.cursor or 'from the start'}"


class ChargingCall(OutsideCall):
    """One call to the charging system for the records after a cursor."""

    pull = models.ForeignKey(UsagePull, on_delete=models.PROTECT, related_name="calls")
    after = models.CharField(max_length=200, blank=True)

    class Meta(OutsideCall.Meta):
        indexes = [models.Index(name="charging_calls_by_time", fields=["sent_at"])]

    def __str__(self) -> str:
        return f"{self.pull.source} {self.outcome}"

"""Early fraud warnings, and the devices to which nothing is sold for a while after a fraud."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from payments.models.payments import Payment
from payments.states import DeviceId


class FraudWarning(models.Model):
    """The customer's bank reports a payment as fraud. It has taken no money yet."""

    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="fraud_warnings")
    gateway = models.CharField(max_length=20)
    gateway_id = models.CharField(max_length=80)
    reason = models.CharField(max_length=80, blank=True, help_text="The gateway's word for it.")
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                name="fraud_warning_of_a_gateway_is_stored_once", fields=["gateway", "gateway_id"]
            ),
        ]

    def __str__(self) -> str:
        return f"fraud warning of {self.payment.reference}"


class StoppedDevice(models.Model):
    """A device for which a fraudulent payment was made. Until `ends_at`, nothing is sold to it.

    The row keeps the device's number only as a keyed digest, so nobody can read the number.
    """

    kind = models.CharField(max_length=4, choices=DeviceId)
    digest = models.CharField(max_length=64, editable=False)
    ending = models.CharField("last four digits", max_length=4)
    payment = models.ForeignKey(
        Payment,
        on_delete=models.PROTECT,
        related_name="stopped_devices",
        help_text="The payment that was reported as fraud.",
    )
    stopped_at = models.DateTimeField(auto_now_add=True)
    ends_at = models.DateTimeField()
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="stops_lifted",
    )
    lifted_because = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-pk"]
        permissions = [("lift_stop", "Can let a stopped device buy again")]
        constraints = [
            models.CheckConstraint(
                name="stopped_device_kind_known", condition=Q(kind__in=DeviceId.values)
            ),
            models.UniqueConstraint(
                name="one_stop_per_device",
                fields=["digest"],
                condition=Q(lifted_at__isnull=True),
            ),
            models.CheckConstraint(
                name="who_lifts_a_stop_says_why",
                condition=Q(lifted_at__isnull=True, lifted_by__isnull=True, lifted_because="")
                | Q(lifted_at__isnull=False, lifted_by__isnull=False) & ~Q(lifted_because=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ending in {self.ending}"

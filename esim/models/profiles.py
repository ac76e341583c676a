"""Profiles ordered from an SM-DP+, every call about them, and the download progress it reports."""

from django.db import models
from django.db.models import Q

from esim.models.providers import SmdpProvider
from esim.models.stock import Sim
from esim.states import ProfileState
from moportal.identifiers import HOST_NAME, ActivationCode
from moportal.sealed import SealedField
from outbox.calls import OutsideCall


class Profile(models.Model):
    """A profile to be ordered. Its ICCID and matching id are stored before the first call."""

    sim = models.ForeignKey(Sim, on_delete=models.PROTECT, related_name="profiles")
    provider = models.ForeignKey(SmdpProvider, on_delete=models.PROTECT)
    # The device that the profile is bound to. The SM-DP+ lets no
    # other device download it.
    eid = models.CharField("EID", max_length=32)
    state = models.CharField(max_length=10, choices=ProfileState, default=ProfileState.INTENDED)
    # The matching id is a bearer secret, so it is stored encrypted. It is compared by its digest.
    matching_id = SealedField()
    matching_id_digest = models.CharField(max_length=64)
    # The host that ConfirmOrder named. If it named none, the provider's own host is used.
    smdp_host = models.CharField(max_length=120, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    downloaded_at = models.DateTimeField(null=True, blank=True)
    staff_alert = models.TextField(
        blank=True, help_text="What the SM-DP+ answered or reported that staff must check."
    )

    class Meta:
        permissions = [("clear_staff_alert", "Can clear a staff alert")]
        constraints = [
            models.CheckConstraint(
                name="profile_state_known", condition=Q(state__in=ProfileState.values)
            ),
            models.UniqueConstraint(
                name="sim_has_one_profile", fields=["sim"], condition=~Q(state="unused")
            ),
            models.UniqueConstraint(
                # Staff look for a matching id without knowing its provider.
                name="matching_id_once_per_provider",
                fields=["matching_id_digest", "provider"],
            ),
            models.CheckConstraint(
                name="downloaded_profile_has_a_time",
                condition=~Q(state="downloaded") | Q(downloaded_at__isnull=False),
            ),
            models.CheckConstraint(
                name="host_named_for_a_profile_is_a_host_name",
                condition=Q(smdp_host="") | Q(smdp_host__regex=rf"^{HOST_NAME}$"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sim} ({self.state})"

    @property
    def activation_code(self) -> ActivationCode:
        """Build the code. Raises `InvalidActivationCode` if no device could use it."""
        return ActivationCode(self.smdp_host or self.provider.smdp_host, self.matching_id)


class Es2Call(OutsideCall):
    """One ES2+ call."""

    class Outcome(models.TextChoices):
        """The classes of answers (docs/es2plus.md#errors)."""

        UNANSWERED = "unanswered", "No answer yet"
        SUCCESS = "success", "Executed"
        WARNING = "warning", "Executed, with a warning"
        CONTRADICTION = "contradiction", "Executed, but not as requested"
        FAILED = "failed", "Failed by the SM-DP+"
        EXPIRED = "expired", "Expired at the SM-DP+"
        NOT_SENT = "not_sent", "Never reached the SM-DP+"
        # The request was sent, and may still arrive.
        NO_ANSWER = "no_answer", "Sent, no answer received"
        COME_BACK = "come_back", "Try again later (HTTP 408, 429, 5xx)"
        # The address or our certificate is not accepted. Nothing was done.
        MISCONFIGURED = "misconfigured", "Refused because of a setting (HTTP 401, 403, 404)"
        REFUSED = "refused", "Refused (other HTTP 4xx)"
        UNREADABLE = "unreadable", "Not an ES2+ answer"

    profile = models.ForeignKey(Profile, on_delete=models.PROTECT, related_name="calls")
    function = models.CharField(max_length=20)
    call_identifier = models.UUIDField(unique=True)
    request = models.JSONField(help_text="As sent, with the matching ID masked.")
    outcome = models.CharField(max_length=13, choices=Outcome, default=Outcome.UNANSWERED)
    subject_code = models.CharField(max_length=20, blank=True)
    reason_code = models.CharField(max_length=20, blank=True)
    detail = models.TextField(blank=True, help_text="The answer, with the matching ID masked.")

    def __str__(self) -> str:
        return f"{self.function} {self.outcome}"


class DownloadProgress(models.Model):
    """One HandleDownloadProgressInfo as received; repetitions are stored once."""

    class Meaning(models.TextChoices):
        """What a notice says about its profile. Only the first two change anything."""

        ON_DEVICE = "on_device", "On the device"
        FAILED = "failed", "Download failed"
        PROGRESS = "progress", "Progress"
        # Not understood, of an unknown profile, or of another device: it decides nothing.
        NOTHING = "nothing", "Decides nothing"

    provider = models.ForeignKey(
        SmdpProvider, null=True, on_delete=models.PROTECT, help_text="The SM-DP+ that sent it."
    )
    profile = models.ForeignKey(
        Profile, null=True, on_delete=models.PROTECT, related_name="progress"
    )
    iccid = models.CharField("ICCID", max_length=20)
    point = models.CharField(max_length=12, help_text="notificationPointId")
    status = models.CharField(max_length=30)
    meaning = models.CharField(max_length=9, choices=Meaning, default=Meaning.NOTHING)
    other_eid = models.CharField(
        "EID of another device",
        max_length=4,
        blank=True,
        help_text="Its last four characters, if the notice names another EID than the order.",
    )
    subject_code = models.CharField(max_length=20, blank=True)
    reason_code = models.CharField(max_length=20, blank=True)
    timestamp = models.CharField(max_length=40, help_text="As sent.")
    at = models.DateTimeField(null=True, blank=True, help_text="The timestamp, if it is readable.")
    # A text, not a UUID: platforms choose its form.
    call_identifier = models.CharField(max_length=80)
    raw = models.JSONField(default=dict, help_text="As received, without device identifiers.")
    received_at = models.DateTimeField(auto_now_add=True)
    applied_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["pk"]
        verbose_name_plural = "download progress"
        constraints = [
            models.UniqueConstraint(
                name="progress_is_stored_once",
                fields=["provider", "iccid", "point", "status", "timestamp", "call_identifier"],
            ),
            # The constraint above never matches rows whose provider is NULL.
            models.UniqueConstraint(
                name="progress_without_provider_is_stored_once",
                fields=["iccid", "point", "status", "timestamp", "call_identifier"],
                condition=Q(provider=None),
            ),
            models.CheckConstraint(
                name="progress_meaning_known",
                condition=Q(meaning__in=["on_device", "failed", "progress", "nothing"]),
            ),
            models.CheckConstraint(
                name="progress_of_another_device_decides_nothing",
                condition=Q(other_eid="") | Q(meaning="nothing"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.iccid} point {self.point} {self.status}"

    @property
    def codes(self) -> str:
        """Return subject and reason code with a slash between them; empty if none came."""
        return f"{self.subject_code}/{self.reason_code}".strip("/")

"""SIMs, the SM-DP+ providers, the profiles ordered from them, and every call with its answer."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from esim.notices import Point
from esim.states import ProfileState, SimState
from moportal.identifiers import ActivationCode, Iccid
from moportal.sealed import SealedField


def check_points(points: object) -> None:
    """Refuse what is not an object from a point's id to a meaning; raises `ValidationError`."""
    if not isinstance(points, dict) or not set(points.values()) <= set(Point):
        known = ", ".join(Point)
        raise ValidationError(f"Give an object from a point's id to one of: {known}.")


def check_names(names: object) -> None:
    """Refuse what is not a list of texts; raises `ValidationError`."""
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise ValidationError("Give a list of names.")


class SmdpProvider(models.Model):
    """An SM-DP+ and how it wants to be spoken to. Its address comes from the environment."""

    code = models.SlugField(max_length=40, unique=True)
    smdp_host = models.CharField(
        max_length=120, help_text="Host in activation codes, unless ConfirmOrder names another."
    )
    requester_identifier = models.CharField(max_length=60, help_text="functionRequesterIdentifier")
    pads_iccid = models.BooleanField(
        default=False, help_text="Send a 19-digit ICCID with a trailing F."
    )
    notification_points = models.JSONField(
        default=dict,
        blank=True,
        help_text='What its points mean beside the standard\'s 1 to 4, such as {"5": "deleted"}.',
        validators=[check_points],
    )
    certificate_names = models.JSONField(
        default=list,
        blank=True,
        help_text="Names in the client certificates it notifies with, or the SHA-256 of their"
        ' keys, such as ["notify.smdp.example"].',
        validators=[check_names],
    )

    def __str__(self) -> str:
        return self.code


class Sim(models.Model):
    """A physical SIM card or an eSIM profile, known by its ICCID (kept without padding)."""

    class Kind(models.TextChoices):
        PHYSICAL = "physical", "Physical SIM"
        PROFILE = "profile", "eSIM profile"

    iccid = models.CharField("ICCID", max_length=20, unique=True)
    kind = models.CharField(max_length=8, choices=Kind)
    state = models.CharField(max_length=10, choices=SimState, default=SimState.AVAILABLE)
    profile_type = models.CharField(max_length=40, blank=True)
    provider = models.ForeignKey(SmdpProvider, null=True, blank=True, on_delete=models.PROTECT)
    imsi = models.CharField("IMSI", max_length=15, blank=True)
    msisdn = models.CharField("MSISDN", max_length=15, blank=True)
    is_in_programme = models.BooleanField(
        default=True, help_text="Off: Get Balance answers NOTSUPPORTED for this SIM."
    )

    class Meta:
        constraints = [
            models.CheckConstraint(name="sim_state_known", condition=Q(state__in=SimState.values)),
            models.CheckConstraint(
                name="sim_kind_known", condition=Q(kind__in=["physical", "profile"])
            ),
            models.CheckConstraint(
                name="profile_sim_has_a_provider",
                condition=Q(kind="physical") | Q(provider__isnull=False),
            ),
        ]
        indexes = [
            models.Index(
                "profile_type", "id", name="pool", condition=Q(kind="profile", state="available")
            ),
        ]

    def __str__(self) -> str:
        return self.iccid

    @property
    def number(self) -> Iccid:
        return Iccid(self.iccid)


class Profile(models.Model):
    """A profile that we ask an SM-DP+ for: our ICCID, our matching id, stored before any call."""

    sim = models.OneToOneField(Sim, on_delete=models.PROTECT, related_name="profile")
    provider = models.ForeignKey(SmdpProvider, on_delete=models.PROTECT)
    eid = models.CharField("EID", max_length=32)
    state = models.CharField(max_length=10, choices=ProfileState, default=ProfileState.INTENDED)
    matching_id = SealedField()
    matching_id_digest = models.CharField(max_length=64)
    smdp_host = models.CharField(max_length=120)
    created_at = models.DateTimeField(auto_now_add=True)
    downloaded_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="profile_state_known", condition=Q(state__in=ProfileState.values)
            ),
            models.UniqueConstraint(
                name="matching_id_once_per_provider", fields=["provider", "matching_id_digest"]
            ),
            models.CheckConstraint(
                name="downloaded_profile_has_a_time",
                condition=~Q(state="downloaded") | Q(downloaded_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sim} ({self.state})"

    @property
    def activation_code(self) -> ActivationCode:
        return ActivationCode(self.smdp_host, self.matching_id)


class Es2Call(models.Model):
    """One ES2+ call: a row before it is a call. Without an answer its outcome is unknown."""

    class Outcome(models.TextChoices):
        UNANSWERED = "unanswered", "No answer yet"
        SUCCESS = "success", "Executed"
        FAILED = "failed", "Failed by the SM-DP+"
        NOT_SENT = "not_sent", "Never reached the SM-DP+"
        REFUSED = "refused", "Refused by HTTP (4xx)"
        # It was sent, and may even now be on its way.
        NO_ANSWER = "no_answer", "Sent, no answer came"
        UNKNOWN = "unknown", "The answer says nothing"

    profile = models.ForeignKey(Profile, on_delete=models.PROTECT, related_name="calls")
    function = models.CharField(max_length=20)
    call_identifier = models.UUIDField(unique=True)
    request = models.JSONField(help_text="As sent, the matching id masked.")
    sent_at = models.DateTimeField(auto_now_add=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=10, choices=Outcome, default=Outcome.UNANSWERED)
    subject_code = models.CharField(max_length=20, blank=True)
    reason_code = models.CharField(max_length=20, blank=True)
    detail = models.TextField(blank=True, help_text="What came back, the matching id masked.")

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.function} {self.outcome}"


class DownloadProgress(models.Model):
    """One HandleDownloadProgressInfo as it came; duplicates are one row."""

    provider = models.ForeignKey(
        SmdpProvider, null=True, on_delete=models.PROTECT, help_text="Who told it."
    )
    profile = models.ForeignKey(
        Profile, null=True, on_delete=models.PROTECT, related_name="progress"
    )
    iccid = models.CharField("ICCID", max_length=20)
    point = models.CharField(max_length=12, help_text="notificationPointId")
    status = models.CharField(max_length=30)
    subject_code = models.CharField(max_length=20, blank=True)
    reason_code = models.CharField(max_length=20, blank=True)
    timestamp = models.CharField(max_length=40, help_text="As sent.")
    at = models.DateTimeField(null=True, blank=True, help_text="The same, where it could be read.")
    call_identifier = models.CharField(max_length=80)
    raw = models.JSONField(default=dict, help_text="As it came, without what names the device.")
    received_at = models.DateTimeField(auto_now_add=True)
    applied_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["pk"]
        verbose_name_plural = "download progress"
        constraints = [
            models.UniqueConstraint(
                name="progress_is_stored_once",
                fields=["provider", "iccid", "point", "timestamp", "call_identifier"],
            ),
            # To a database two unknown providers are not the same one.
            models.UniqueConstraint(
                name="progress_of_nobody_is_stored_once",
                fields=["iccid", "point", "timestamp", "call_identifier"],
                condition=Q(provider=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.iccid} point {self.point} {self.status}"

    @property
    def codes(self) -> str:
        """Return subject and reason code with a slash between them; nothing where none came."""
        return f"{self.subject_code}/{self.reason_code}".strip("/")

"""SIMs and their stock, SM-DP+ providers, profiles ordered from them, every call and its answer."""

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import DecimalField, F, Func, Q, Value
from django.db.models.functions import Cast, Length
from django.db.models.lookups import Exact

from esim.constraints import ExclusionWherePossible
from esim.notices import Point
from esim.states import ProfileState, SimState
from moportal.identifiers import ActivationCode, Iccid
from moportal.sealed import SealedField
from outbox.calls import OutsideCall


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
    is_active = models.BooleanField(
        default=True, help_text="Off: no new profile is ordered here; those under way go on."
    )
    path_prefix = models.CharField(
        max_length=80,
        blank=True,
        validators=[RegexValidator(r"^(/[A-Za-z0-9._~-]+)+\Z")],
        help_text="What stands before /gsma/rsp2/es2plus/, such as /operators/kestrel.",
    )
    protocol_version = models.CharField(
        max_length=12,
        default="v2.2.0",
        validators=[RegexValidator(r"^v2\.[0-9]{1,2}\.[0-9]{1,2}\Z")],
        help_text="The version of SGP.22 that X-Admin-Protocol tells.",
    )
    timeout = models.FloatField(
        default=3.0,
        validators=[MinValueValidator(0.1)],
        help_text="Seconds that the first tries wait for an answer; later ones wait for as long as"
        " any call may take (OUTSIDE_CALL_TIMEOUT).",
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
            models.CheckConstraint(
                name="imsi_is_14_or_15_digits",
                condition=Q(imsi="") | Q(imsi__regex=r"^[0-9]{14,15}$"),
                violation_error_message="An IMSI is 14 or 15 digits.",
            ),
            models.CheckConstraint(
                name="msisdn_is_5_to_15_digits",
                condition=Q(msisdn="") | Q(msisdn__regex=r"^[0-9]{5,15}$"),
                violation_error_message="An MSISDN is 5 to 15 digits, without a plus.",
            ),
        ]
        indexes = [
            # What is claimed, and what is counted.
            models.Index(
                *("profile_type", "provider", "id"),
                name="pool",
                condition=Q(kind="profile", state="available"),
            ),
        ]

    def __str__(self) -> str:
        return self.iccid

    @property
    def number(self) -> Iccid:
        return Iccid(self.iccid)


def _as_number(name: str) -> Cast:
    return Cast(name, DecimalField(max_digits=20, decimal_places=0))


class IccidRange(models.Model):
    """ICCIDs from the first to the last, and whether they are in the programme.

    Both ends are as long as the ICCIDs themselves, with the place of the check digit, as the
    host's own settings want them (ending in 00 and 99): an end need not be an ICCID itself.
    """

    first = models.CharField(max_length=20, help_text="18 to 20 digits, check digit included.")
    last = models.CharField(max_length=20, help_text="As long as the first.")
    is_in_programme = models.BooleanField(
        default=True, help_text="Off: Get Balance answers NOTSUPPORTED for the SIMs in it."
    )
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name = "ICCID range"
        ordering = ["first"]
        constraints = [
            models.CheckConstraint(
                name="iccid_range_is_of_digits",
                condition=Q(
                    first__regex=r"^[1-9][0-9]{17,19}$", last__regex=r"^[1-9][0-9]{17,19}$"
                ),
                violation_error_message="Both ends are 18 to 20 digits, the first of them no 0.",
            ),
            models.CheckConstraint(
                name="iccid_range_goes_up",
                condition=Q(Exact(Length("first"), Length("last")), last__gte=F("first")),
                violation_error_message="The last is as long as the first, and not before it.",
            ),
            # As ranges of numbers, so that ends of different lengths never meet.
            ExclusionWherePossible(
                name="iccid_ranges_do_not_overlap",
                expressions=[
                    (
                        Func(
                            *(_as_number("first"), _as_number("last"), Value("[]")),
                            function="numrange",
                        ),
                        "&&",
                    )
                ],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.first} to {self.last}"


class PoolLevel(models.Model):
    """How few free ICCIDs of one type at one provider are too few; staff are told once."""

    profile_type = models.CharField(max_length=40)
    provider = models.ForeignKey(SmdpProvider, on_delete=models.PROTECT, related_name="levels")
    low_mark = models.PositiveIntegerField(help_text="Fewer free ICCIDs than this are too few.")
    low_since = models.DateTimeField(
        null=True, blank=True, help_text="When it was told; empty once there are enough again."
    )

    class Meta:
        ordering = ["profile_type", "provider"]
        constraints = [
            models.UniqueConstraint(name="one_level_per_pool", fields=["profile_type", "provider"]),
            models.CheckConstraint(name="pool_level_has_a_mark", condition=Q(low_mark__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.profile_type} at {self.provider_id}"


class Source(models.Model):
    """Which provider serves a profile type in a market, and in which turn."""

    profile_type = models.CharField(max_length=40)
    market = models.CharField(
        max_length=2, blank=True, help_text="ISO 3166-1 alpha-2; empty: any market."
    )
    provider = models.ForeignKey(SmdpProvider, on_delete=models.PROTECT, related_name="sources")
    rank = models.PositiveSmallIntegerField(default=1, help_text="The lowest is asked first.")

    class Meta:
        ordering = ["profile_type", "market", "rank", "pk"]
        constraints = [
            models.UniqueConstraint(
                name="provider_is_a_source_once",
                fields=["profile_type", "market", "provider"],
            ),
            models.CheckConstraint(
                name="source_market_is_a_country_or_any",
                condition=Q(market="") | Q(market__regex=r"^[A-Z]{2}$"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.profile_type} in {self.market or 'any market'}: {self.rank}"


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
    staff_alert = models.TextField(
        blank=True, help_text="The answer of the SM-DP+ that staff must check."
    )

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


class Es2Call(OutsideCall):
    """One ES2+ call."""

    class Outcome(models.TextChoices):
        """The classes of answers (docs/es2plus.md#errors)."""

        UNANSWERED = "unanswered", "No answer yet"
        SUCCESS = "success", "Executed"
        WARNING = "warning", "Executed, with a warning"
        CONTRADICTION = "contradiction", "Executed, but not what was asked"
        FAILED = "failed", "Failed by the SM-DP+"
        EXPIRED = "expired", "Ran out at the SM-DP+"
        NOT_SENT = "not_sent", "Never reached the SM-DP+"
        # The request was sent, and may still arrive.
        NO_ANSWER = "no_answer", "Sent, no answer came"
        COME_BACK = "come_back", "Come back later (HTTP 408, 429, 5xx)"
        REFUSED = "refused", "Refused by HTTP (4xx)"
        UNREADABLE = "unreadable", "Not an ES2+ answer"

    profile = models.ForeignKey(Profile, on_delete=models.PROTECT, related_name="calls")
    function = models.CharField(max_length=20)
    call_identifier = models.UUIDField(unique=True)
    request = models.JSONField(help_text="As sent, the matching id masked.")
    outcome = models.CharField(max_length=13, choices=Outcome, default=Outcome.UNANSWERED)
    subject_code = models.CharField(max_length=20, blank=True)
    reason_code = models.CharField(max_length=20, blank=True)
    detail = models.TextField(blank=True, help_text="What came back, the matching id masked.")

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

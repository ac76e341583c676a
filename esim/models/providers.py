"""SM-DP+ providers, and which of them serves a profile type in a market."""

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q

from esim.notices import Point
from moportal.identifiers import HOST_NAME

NO_HOST_NAME = "Give a host name alone, such as smdp.example, without https://, port or slash."


def check_points(points: object) -> None:
    """Raise `ValidationError` unless this maps ids of notification points to their meanings."""
    named = list(points.values()) if isinstance(points, dict) else [None]
    # A list, because what staff entered may be unhashable.
    if not all(point in list(Point) for point in named):
        known = ", ".join(Point)
        raise ValidationError(f"Enter a JSON object that maps a point's number to one of: {known}.")


def check_names(names: object) -> None:
    """Raise `ValidationError` unless this is a list of names."""
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise ValidationError("Enter a JSON list of names.")


class SmdpProvider(models.Model):
    """An SM-DP+ and the form of its messages. Its address comes from the environment."""

    code = models.SlugField(max_length=40, unique=True)
    smdp_host = models.CharField(
        max_length=120,
        validators=[RegexValidator(rf"^{HOST_NAME}\Z", NO_HOST_NAME)],
        help_text="Host in activation codes, unless ConfirmOrder names another. A correction also"
        " reaches eSIMs that are sold and not downloaded yet.",
    )
    requester_identifier = models.CharField(max_length=60, help_text="functionRequesterIdentifier")
    pads_iccid = models.BooleanField(
        default=False, help_text="Send a 19-digit ICCID with a trailing F."
    )
    notification_points = models.JSONField(
        default=dict,
        blank=True,
        help_text='Meanings of points beyond the standard 1 to 4, such as {"5": "deleted"}.',
        validators=[check_points],
    )
    certificate_names = models.JSONField(
        default=list,
        blank=True,
        help_text="Names in the client certificates of its notifications, or the SHA-256 of their"
        ' keys, such as ["notify.smdp.example"].',
        validators=[check_names],
    )
    is_active = models.BooleanField(
        default=True,
        help_text="Off: no new profile is ordered here. Profiles under way continue.",
    )
    path_prefix = models.CharField(
        max_length=80,
        blank=True,
        validators=[RegexValidator(r"^(/[A-Za-z0-9._~-]+)+\Z")],
        help_text="The path before /gsma/rsp2/es2plus/, such as /operators/kestrel.",
    )
    protocol_version = models.CharField(
        max_length=12,
        default="v2.2.0",
        validators=[RegexValidator(r"^v2\.[0-9]{1,2}\.[0-9]{1,2}\Z")],
        help_text="The version of SGP.22 in X-Admin-Protocol.",
    )
    timeout = models.FloatField(
        default=3.0,
        validators=[MinValueValidator(0.1)],
        help_text="Seconds that the first attempts wait for an answer. Later attempts wait as long"
        " as any call may take (OUTSIDE_CALL_TIMEOUT).",
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="smdp_host_is_a_host_name",
                condition=Q(smdp_host__regex=rf"^{HOST_NAME}$"),
                violation_error_message=NO_HOST_NAME,
            ),
        ]

    def __str__(self) -> str:
        return self.code


class Source(models.Model):
    """A provider that serves a profile type in a market. The lowest rank is asked first."""

    profile_type = models.CharField(max_length=40)
    market = models.CharField(
        max_length=2, blank=True, help_text="ISO 3166-1 alpha-2; empty: any market."
    )
    provider = models.ForeignKey(SmdpProvider, on_delete=models.PROTECT, related_name="sources")
    rank = models.PositiveSmallIntegerField(default=1, help_text="The lowest rank is asked first.")

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

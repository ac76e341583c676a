"""SIMs, the ranges that decide whether they are in the programme, and the levels of the pools."""

from django.db import models
from django.db.models import DecimalField, F, Func, Q, Value
from django.db.models.functions import Cast, Length
from django.db.models.lookups import Exact

from esim.constraints import ExclusionWherePossible
from esim.models.providers import SmdpProvider
from esim.states import SimState
from moportal.identifiers import Iccid
from moportal.sealed import SealedField


class Sim(models.Model):
    """A physical SIM card or an eSIM profile. Its ICCID is stored without padding."""

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
    # A customer who knows these digits has the card in hand: see `esim.domain.proofs`.
    puk_ending = SealedField("PUK ending", blank=True, default="", db_default="")
    # A copy of what the ranges say, so that Get Balance does not have to read ranges.
    is_in_programme = models.BooleanField(
        default=True, help_text="Off: Get Balance answers NOTSUPPORTED for this SIM."
    )

    class Meta:
        permissions = [("import_sims", "Can import SIMs")]
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
                violation_error_message="An IMSI must have 14 or 15 digits.",
            ),
            models.CheckConstraint(
                name="msisdn_is_5_to_15_digits",
                condition=Q(msisdn="") | Q(msisdn__regex=r"^[0-9]{5,15}$"),
                violation_error_message="An MSISDN must have 5 to 15 digits, without a plus sign.",
            ),
        ]
        indexes = [
            # Finds the free ICCIDs of a pool, to claim one or to count them.
            models.Index(
                *("profile_type", "provider", "id"),
                name="pool",
                condition=Q(kind="profile", state="available"),
            ),
            models.Index(name="sims_by_msisdn", fields=["msisdn"], condition=~Q(msisdn="")),
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

    Both ends have as many digits as the ICCIDs, check digit included, as in the host's settings.
    An end need not be a valid ICCID: ends usually end in 00 and 99.
    """

    first = models.CharField(max_length=20, help_text="18 to 20 digits, check digit included.")
    last = models.CharField(max_length=20, help_text="Must have as many digits as the first.")
    is_in_programme = models.BooleanField(
        default=True, help_text="Off: Get Balance answers NOTSUPPORTED for SIMs in this range."
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
                violation_error_message="Both ICCIDs must have 18 to 20 digits and must not"
                " start with 0.",
            ),
            models.CheckConstraint(
                name="iccid_range_goes_up",
                condition=Q(Exact(Length("first"), Length("last")), last__gte=F("first")),
                violation_error_message="The last ICCID must be as long as the first and must"
                " not be lower.",
            ),
            # Compared as numbers, so that ranges of different lengths never overlap.
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
    """The level of one pool below which staff are warned, once."""

    profile_type = models.CharField(max_length=40)
    provider = models.ForeignKey(SmdpProvider, on_delete=models.PROTECT, related_name="levels")
    low_mark = models.PositiveIntegerField(help_text="Staff are warned if fewer ICCIDs are free.")
    low_since = models.DateTimeField(
        null=True, blank=True, help_text="When staff were warned. Empty while enough are free."
    )

    class Meta:
        ordering = ["profile_type", "provider"]
        constraints = [
            models.UniqueConstraint(name="one_level_per_pool", fields=["profile_type", "provider"]),
            models.CheckConstraint(name="pool_level_has_a_mark", condition=Q(low_mark__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.profile_type} at {self.provider_id}"

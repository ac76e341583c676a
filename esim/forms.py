"""Forms of the admin: ICCID ranges, sources of profiles, and the import of SIMs."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from esim.domain import ranges
from esim.models import IccidRange, SmdpProvider, Source
from moportal.identifiers import Country, InvalidCountry

# Bytes. Larger files are imported by `manage.py import_sims`, so that no request takes too long.
LARGEST_UPLOAD = 5_000_000


class IccidRangeForm(forms.ModelForm[IccidRange]):
    """A range that shares no ICCID with another one."""

    class Meta:
        model = IccidRange
        fields = ["first", "last", "is_in_programme", "note"]

    def clean(self) -> dict[str, Any]:
        """Refuse a range that overlaps with another one.

        If an overlapping range is stored after this check, `ranges.save` refuses this one.
        """
        given = {name: self.cleaned_data.get(name, "") for name in ("first", "last")}
        found = ranges.overlapping(IccidRange(pk=self.instance.pk, **given)).first()
        if found is not None:
            raise ValidationError(f"This range overlaps with {found}.")
        return self.cleaned_data


class SourceForm(forms.ModelForm[Source]):
    """A source whose market is empty or a country code."""

    class Meta:
        model = Source
        fields = ["profile_type", "market", "provider", "rank"]

    def clean_market(self) -> str:
        try:
            market: str = self.cleaned_data["market"]
            return Country.parse(market) if market else ""
        except InvalidCountry as error:
            raise ValidationError("Enter a two-letter country code (ISO 3166-1).") from error


class ImportForm(forms.Form):
    """A file of SIMs to check or to import."""

    # The columns are described in docs/inventory.md#import.
    file = forms.FileField(
        label="CSV file",
        help_text="UTF-8. The first line names the columns: iccid, kind, profile_type, provider, "
        "imsi, msisdn, puk. Only iccid and kind are required.",
    )
    provider = forms.ModelChoiceField(
        SmdpProvider.objects.order_by("code"),
        required=False,
        to_field_name="code",
        help_text="The provider of eSIM profiles whose line names none.",
    )
    is_dry_run = forms.BooleanField(
        label="Only check the file. Save nothing.", required=False, initial=True
    )
    skips_errors = forms.BooleanField(
        label="Import the correct lines even if others have errors", required=False
    )

    def clean_provider(self) -> str:
        provider: SmdpProvider | None = self.cleaned_data["provider"]
        return provider.code if provider else ""

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > LARGEST_UPLOAD:
            raise ValidationError(
                "The file is larger than 5 MB. Import it with manage.py import_sims."
            )
        return file

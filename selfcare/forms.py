"""The forms of the account's own pages."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.identifier import normalise
from moportal.text.card_numbers import refuse_card_number
from moportal.text.time_zones import zone_choices


def _text(autocomplete: str, **attributes: str) -> forms.TextInput:
    return forms.TextInput(
        attrs={"autocomplete": autocomplete, "spellcheck": "false", **attributes}
    )


class LinkLineForm(forms.Form):
    """A line that the customer has with the operator: its number, the code from a bill, or both."""

    phone = forms.CharField(
        label=_("Phone number"),
        max_length=40,
        required=False,
        widget=_text("tel", inputmode="tel"),
    )
    # It is never kept for a second attempt: see `moportal.web.kept_forms`.
    bill_code = forms.CharField(
        label=_("Code from your bill (optional)"),
        max_length=60,
        required=False,
        validators=[refuse_card_number],
        widget=_text("off", autocapitalize="characters"),
        help_text=_("It shows us that you're the holder of the line."),
    )

    def __init__(self, *args: Any, market: str = "", **options: Any) -> None:
        super().__init__(*args, **options)
        self._market = market

    def clean_phone(self) -> str:
        """Return the number in E.164, or an empty text."""
        typed: str = self.cleaned_data["phone"]
        number = normalise(typed, self._market) if typed else ""
        if number and not number.startswith("+"):
            raise ValidationError(_("Enter a phone number, such as +1 202 555 0142."))
        return number

    def clean(self) -> dict[str, Any]:
        """Return what was typed, if it names a line."""
        cleaned = super().clean() or {}
        if not self.errors and not cleaned.get("phone") and not cleaned.get("bill_code"):
            self.add_error("phone", _("Enter the number or the code from your bill."))
        return cleaned


class ConsentForm(forms.Form):
    """The box by which the customer agrees. It sends the text that it shows."""

    consent = forms.CharField(
        label=_("Monthly charge"),
        max_length=1000,
        error_messages={"required": _("Tick this box if you agree. The plan renews every month.")},
    )

    def agrees_to(self, text: str) -> bool:
        """Return whether the customer has agreed to this text. Otherwise the form has an error.

        Nobody agrees to another text than the one that was shown.
        """
        if self.is_valid() and self.cleaned_data["consent"] != text:
            self.add_error("consent", _("The price or the method has changed. Please agree again."))
        return self.is_valid()


class TimeZoneForm(forms.Form):
    """The customer's time zone. An empty one means the zone of the customer's market."""

    zone = forms.ChoiceField(
        label=_("Time zone"),
        required=False,
        help_text=_("We send messages that aren't urgent only during the day."),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # The names are in the reader's language, so they are read with each form.
        zone = self.fields["zone"]
        assert isinstance(zone, forms.ChoiceField)  # noqa: S101 -- it is declared above
        zone.choices = [("", _("As in my country")), *zone_choices()]


class LineNameForm(forms.Form):
    """The customer's own name for a line. An empty one shows the number again."""

    name = forms.CharField(
        label=_("Name"),
        max_length=30,
        required=False,
        validators=[refuse_card_number],
        widget=_text("off"),
        help_text=_("For example: Tablet. Only you see this name."),
    )

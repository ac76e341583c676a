"""The fields of a new card, as `/payment/` and the account show them."""

import re
from datetime import date
from typing import Any

from django import forms
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from moportal.identifiers import has_luhn_digit
from moportal.text.card_numbers import refuse_card_number
from moportal.text.normal_text import normalise_number
from payments.gateways.values import Card


def digits_input(autocomplete: str, maxlength: int, placeholder: str = "") -> forms.TextInput:
    return forms.TextInput(
        attrs={
            "autocomplete": autocomplete,
            "inputmode": "numeric",
            "maxlength": maxlength,
            "placeholder": placeholder,
            "dir": "ltr",
        }
    )


class CardFields(forms.Form):
    """The fields of a new card, and the check that keeps most typing errors from the gateway."""

    number = forms.CharField(
        label=_("Card number"), max_length=60, required=False, widget=digits_input("cc-number", 23)
    )
    expiry = forms.CharField(
        label=_("Expiry (MM/YY)"), max_length=20, required=False, widget=digits_input("cc-exp", 7)
    )
    csc = forms.CharField(
        label=_("Security code (CVC)"),
        max_length=12,
        required=False,
        widget=digits_input("cc-csc", 4),
    )
    holder = forms.CharField(
        label=_("Name on card"),
        max_length=80,
        required=False,
        validators=[refuse_card_number],
        widget=forms.TextInput(attrs={"autocomplete": "cc-name"}),
    )

    def check_card(self, cleaned: dict[str, Any]) -> None:
        """Check what was typed, and add errors to the form."""
        self._check_number(plain_digits(cleaned.get("number", "")))
        self._check_expiry(cleaned.get("expiry", ""))
        if not re.fullmatch(r"[0-9]{3,4}", plain_digits(cleaned.get("csc", ""))):
            self.add_error("csc", _("Enter the 3- or 4-digit security code."))
        if not cleaned.get("holder", "").strip():
            self.add_error("holder", _("Enter the name as it appears on the card."))

    def _check_number(self, number: str) -> None:
        if not re.fullmatch(r"[0-9]{12,19}", number) or not has_luhn_digit(number):
            self.add_error("number", _("Check the card number. A digit is wrong or missing."))

    def _check_expiry(self, text: str) -> None:
        month_and_year = _month_and_year(text)
        if month_and_year is None:
            self.add_error("expiry", _("Enter the month and year, for example 04/29."))
        elif month_and_year < now().date().replace(day=1):
            self.add_error("expiry", _("This card has expired. Use another card."))

    def card(self) -> Card:
        """Return the card that was typed. Call this only on a valid form."""
        expiry = _month_and_year(self.cleaned_data["expiry"])
        assert expiry is not None  # noqa: S101 -- clean() has refused anything else
        return Card(
            number=plain_digits(self.cleaned_data["number"]),
            expiry_month=expiry.month,
            expiry_year=expiry.year,
            csc=plain_digits(self.cleaned_data["csc"]),
            holder=self.cleaned_data["holder"].strip(),
        )


class NewCardForm(CardFields):
    """A new card that is kept for later."""

    def clean(self) -> dict[str, Any]:
        """Check the card's fields."""
        cleaned = super().clean() or {}
        self.check_card(cleaned)
        return cleaned


def plain_digits(text: str) -> str:
    """Return the normal form of a number, without the spaces and hyphens that group its digits."""
    return normalise_number(text).replace("-", "")


def _month_and_year(text: str) -> date | None:
    bare = plain_digits(text)
    found = re.fullmatch(r"([0-9]{1,2})[/.\u2044\u2215]?([0-9]{2}|20[0-9]{2})", bare)
    if not found or not 1 <= int(found[1]) <= 12:  # noqa: PLR2004 -- months
        return None
    year = int(found[2])
    return date(year if year > 99 else 2000 + year, int(found[1]), 1)  # noqa: PLR2004 -- two digits

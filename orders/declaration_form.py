"""The form of the two functions that the law gives without sign-in: withdraw, and cancel."""

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.identifier import LONGEST, normalise, validate_identifier
from moportal.text.card_numbers import refuse_card_number
from orders.domain.declaring import Typed
from orders.states import DeclarationKind


class DeclarationForm(forms.Form):
    """What identifies the contract, and where the receipt goes. The law allows nothing more."""

    name = forms.CharField(
        label=_("Your name"),
        max_length=120,
        validators=[refuse_card_number],
        widget=forms.TextInput(attrs={"autocomplete": "name", "dir": "auto"}),
        error_messages={"required": _("Enter your name.")},
    )
    address = forms.CharField(
        label=_("Email or phone for the receipt"),
        max_length=LONGEST,
        widget=forms.TextInput(attrs={"autocomplete": "email", "dir": "ltr"}),
        help_text=_("If you can, use the email address or phone number that you ordered with."),
        error_messages={"required": _("Enter an email address or a phone number.")},
    )
    contract = forms.CharField(
        label=_("Order number or phone number"),
        max_length=40,
        validators=[refuse_card_number],
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "ltr"}),
        help_text=_("The order number is in your order confirmation, for example ABCDE-12345."),
        error_messages={"required": _("Enter your order number or phone number.")},
    )
    note = forms.CharField(
        label=_("Note (optional)"),
        max_length=200,
        required=False,
        validators=[refuse_card_number],
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}),
        help_text=_("For example a later day on which the plan should end."),
    )
    # The market decides how a phone number without its country code is read.
    market = ""

    def clean_address(self) -> str:
        """Return the address in its normal form."""
        address = normalise(self.cleaned_data["address"], self.market)
        validate_identifier(address)
        return address

    def typed(self, kind: DeclarationKind) -> Typed:
        """Return what was typed. Call this only on a valid form."""
        return Typed(kind, **self.cleaned_data)

"""The forms to sign in and sign up. Password managers recognise their `autocomplete` tokens."""

from collections.abc import Iterable, Mapping
from typing import Any

import structlog
from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.access.caller_facts import CallerFact
from accounts.access.limiter import Locked
from accounts.identifier import normalise, validate_identifier
from accounts.models import User
from accounts.texts import too_many_text
from moportal.text.card_numbers import refuse_card_number

log = structlog.get_logger(__name__)


def _text(autocomplete: str, **attributes: str) -> forms.TextInput:
    return forms.TextInput(
        attrs={"autocomplete": autocomplete, "autocapitalize": "none", **attributes}
    )


def _password(autocomplete: str, **options: Any) -> forms.CharField:
    widget = forms.PasswordInput(attrs={"autocomplete": autocomplete})
    return forms.CharField(max_length=128, strip=False, widget=widget, **options)


def _new_password(**options: Any) -> forms.CharField:
    field = _password("new-password", help_text=_("At least 8 characters."), **options)
    field.widget.attrs["minlength"] = "8"
    return field


def _valid_identifier(identifier: str) -> str:
    validate_identifier(identifier)
    return identifier


def _one_time_code() -> forms.CharField:
    return forms.CharField(
        label=_("Code"), max_length=40, widget=_text("one-time-code", spellcheck="false")
    )


class IdentifierForm(forms.Form):
    """A form whose identifier is read by the rules of a market, and that leads on to `next`."""

    username = forms.CharField(
        label=_("Email address or phone number"),
        max_length=254,
        widget=_text("username", spellcheck="false"),
    )
    next = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, market: str = "", **options: Any) -> None:
        super().__init__(*args, **options)
        self._market = market

    def clean_username(self) -> str:
        """Return the identifier's normal form."""
        return normalise(self.cleaned_data["username"], self._market)


class SignInForm(IdentifierForm):
    """An identifier and its password."""

    password = _password("current-password", label=_("Password"))


class CodeAddressForm(IdentifierForm):
    """An address that its owner has confirmed in an account."""

    def clean_username(self) -> str:
        """Return the normal form, if it is an email address or a phone number."""
        return _valid_identifier(super().clean_username())


class SignUpForm(IdentifierForm):
    """Everything that an account needs: one identifier, a name and a password."""

    username = forms.CharField(
        label=_("Email address or phone number"),
        max_length=254,
        widget=_text("username", spellcheck="false"),
        help_text=_("You'll use this to sign in."),
    )
    name = forms.CharField(
        label=_("Your name"),
        max_length=150,
        validators=[refuse_card_number],
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    password = _new_password(label=_("Password"))

    def clean_username(self) -> str:
        """Return the identifier's normal form, if it is an email address or a phone number."""
        return _valid_identifier(super().clean_username())


class DeskSignInForm(AdminAuthenticationForm):
    """The desk's form, which also says how long a lock lasts.

    Django sends no signal if it refuses a customer with a right password.
    """

    def clean(self) -> dict[str, Any]:
        """Return what was typed, if it opens the desk."""
        try:
            return super().clean()
        except Locked as locked:
            raise ValidationError(too_many_text(locked), code="locked") from locked

    def confirm_login_allowed(self, user: User) -> None:
        try:
            super().confirm_login_allowed(user)
        except ValidationError:
            log.warning("sign-in refused", account=user.pk, reason="only staff sign in at the desk")
            raise


class RecoveryReasonForm(forms.Form):
    """Why staff start a customer's recovery."""

    reason = forms.CharField(label="Reason", max_length=200, validators=[refuse_card_number])


class CallerForm(forms.Form):
    """The caller's answers. Staff type them; the page shows no right answer."""

    def __init__(
        self, facts: Iterable[CallerFact], answers: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(answers)
        for fact in facts:
            self.fields[fact.name] = forms.CharField(
                label=fact.question, max_length=80, required=False, widget=_text("off")
            )


class DeskPasswordForm(forms.Form):
    """A new password of one of the staff, typed twice, because no code brings it back."""

    new = _new_password(label="New password")
    again = _password("new-password", label="The same again")

    def clean(self) -> dict[str, Any]:
        """Return what was typed, if it is the same twice."""
        cleaned = super().clean() or {}
        if {"new", "again"} <= cleaned.keys() and cleaned["new"] != cleaned["again"]:
            self.add_error("again", "The two passwords are not the same.")
        return cleaned


class DeskPasswordChangeForm(DeskPasswordForm):
    """The current password of one of the staff, and a new one."""

    current = _password("current-password", label="Current password")
    field_order = ("current", "new", "again")


class JoinForm(forms.Form):
    """The password of the account that an operator's customer wants to use with both ways in."""

    password = _password("current-password", label=_("Password"))


class CurrentPasswordForm(forms.Form):
    """The current password, before something that only the owner may do."""

    current = _password("current-password", label=_("Current password"))


class PasswordChangeForm(CurrentPasswordForm):
    """The current password, and a new one."""

    new = _new_password(label=_("New password"))


class NewPasswordForm(forms.Form):
    """The first password of an account that has none."""

    new = _new_password(label=_("Password"))


class RecoveryForm(IdentifierForm):
    """A code that opens the account, and the password that its holder wants from now on."""

    code = forms.CharField(
        label=_("Recovery code or code from support"),
        max_length=60,
        widget=_text("off", spellcheck="false"),
        help_text=_("For example WDJB-MJHT-7KQ4-XZ29"),
    )
    new = _new_password(label=_("New password"))


class RecoveryByCodeForm(forms.Form):
    """A one-time code, and the password that its reader wants from now on."""

    code = _one_time_code()
    new = _new_password(label=_("New password"))
    next = forms.CharField(required=False, widget=forms.HiddenInput)


class CodeForm(forms.Form):
    """A one-time code."""

    code = _one_time_code()
    next = forms.CharField(required=False, widget=forms.HiddenInput)


class AddressForm(forms.Form):
    """An email address or a phone number that the customer wants to add."""

    address = forms.CharField(
        label=_("Email address or phone number"),
        max_length=254,
        widget=_text("off", spellcheck="false"),
    )

    def __init__(self, *args: Any, market: str = "", **options: Any) -> None:
        super().__init__(*args, **options)
        self._market = market

    def clean_address(self) -> str:
        """Return the normal form, if it is an email address or a phone number."""
        return _valid_identifier(normalise(self.cleaned_data["address"], self._market))


class ConfirmForm(CurrentPasswordForm):
    """The current password, and the page that asks for it."""

    next = forms.CharField(required=False, widget=forms.HiddenInput)

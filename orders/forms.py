"""The forms of the journey. Each carries the id and the version of the draft it was shown for."""

import re
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from esim.domain.proofs import sim_proof
from moportal.identifiers import Eid, InvalidEid
from moportal.text.card_numbers import refuse_card_number
from orders.card_form import CardFields, digits_input, plain_digits
from orders.domain.choices import NEW_CARD, NEW_VOUCHER
from orders.models import Draft
from payments.domain import vouchers

NEW_ESIM = "new"
# The largest values that the database's integer columns hold.
LARGEST_KEY, LARGEST_COUNT = 2**63 - 1, 2**31 - 1


class DraftForm(forms.Form):
    """The hidden fields of every form of the journey."""

    draft = forms.IntegerField(min_value=1, max_value=LARGEST_KEY, widget=forms.HiddenInput)
    version = forms.IntegerField(min_value=1, max_value=LARGEST_COUNT, widget=forms.HiddenInput)


def initial_for(draft: Draft, **values: Any) -> dict[str, Any]:
    """Return the initial values of a form that is shown for this draft."""
    return {"draft": draft.pk, "version": draft.version, **values}


class PlanForm(DraftForm):
    """The choice of a plan."""

    plan = forms.IntegerField(
        min_value=1,
        max_value=LARGEST_KEY,
        label=_("Plan"),
        error_messages={"required": _("Choose a plan.")},
    )


class LineForm(DraftForm):
    """The choice of a running plan, by its reference, and of the SIM that it leaves if it moves."""

    plan = forms.CharField(
        max_length=120, label=_("Plan"), error_messages={"required": _("Choose a plan.")}
    )


class DeviceForm(DraftForm):
    """The choice of an installed profile, or of a new eSIM for the device with this EID."""

    target = forms.CharField(label=_("eSIM"), max_length=20, required=False)
    eid = forms.CharField(
        label=_("EID"),
        max_length=60,
        required=False,
        widget=digits_input("off", 60),
        help_text=_("32 digits, starting with 89."),
    )

    def clean_eid(self) -> str:
        """Return only the digits, however they were grouped."""
        return plain_digits(self.cleaned_data.get("eid", ""))

    def check(self, *, there: frozenset[str], needs_eid: bool) -> None:
        """Check the choice against what there is to choose, and add errors to the form."""
        wish = self.cleaned_data["target"]
        if wish not in there:
            self.add_error("target", _("Choose which eSIM to use for this plan."))
        elif wish == NEW_ESIM and needs_eid:
            self._check_eid(self.cleaned_data["eid"])

    def _check_eid(self, eid: str) -> None:
        if not eid:
            self.add_error("eid", _("Enter the EID of the device that will use the eSIM."))
        elif not re.fullmatch(r"[0-9]{32}", eid):
            self.add_error(
                "eid",
                ngettext(
                    "An EID has 32 digits. You entered %(count)d.",
                    "An EID has 32 digits. You entered %(count)d.",
                    len(eid),
                )
                % {"count": len(eid)},
            )
        else:
            try:
                Eid.parse(eid)
            except InvalidEid:
                self.add_error("eid", _("Check the EID. At least one digit is wrong."))


class SimProofForm(forms.Form):
    """The answer by which a customer proves that a SIM is theirs."""

    sim = forms.IntegerField(min_value=1, max_value=LARGEST_KEY)
    proof = forms.CharField(max_length=60, required=False, widget=digits_input("off", 60))

    def __init__(self, *values: Any, **options: Any) -> None:
        super().__init__(*values, **options)
        check, field = sim_proof(), self.fields["proof"]
        field.label, field.help_text = str(check.label), str(check.help_text)

    def clean_proof(self) -> str:
        """Return the answer's normal form. An answer of another form is not counted as a try."""
        answer = sim_proof().normalise(self.cleaned_data["proof"])
        if not answer:
            raise forms.ValidationError(str(sim_proof().format_error))
        return answer


class ReviewForm(DraftForm):
    """The form behind Submit order.

    Each box sends the text that it shows (`orders.domain.consent`).
    """

    consent = forms.CharField(label=_("Monthly charge"), max_length=1000, required=False)
    start_now = forms.CharField(label=_("Start now"), max_length=1000, required=False)


class MethodForm(DraftForm):
    """The choice of a stored method, a voucher, or a new card that is entered at the gateway."""

    method = forms.CharField(label=_("Payment method"), max_length=20)
    voucher = forms.CharField(
        label=_("Voucher code"),
        max_length=100,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "ltr"}),
    )

    # Where the gateway's page takes the card: whether the card is kept.
    keep = forms.BooleanField(label=_("Keep this card for later"), required=False)

    def clean(self) -> dict[str, Any]:
        """Check a voucher's code, so that most typing errors do not count as guesses."""
        cleaned = super().clean() or {}
        if cleaned.get("method") == NEW_VOUCHER:
            try:
                cleaned["voucher"] = _voucher_code(cleaned.get("voucher", ""))
            except forms.ValidationError as error:
                self.add_error("voucher", error)
        return cleaned


def _voucher_code(text: str) -> str:
    """Return the code in its normal form. Raises `ValidationError` for anything else.

    By default a card number is refused, because it would be stored. Where the operator says what
    its codes look like, they may look like card numbers.
    """
    if not settings.VOUCHER_FORMAT:
        refuse_card_number(text)
    code = vouchers.normalise(text)
    if not vouchers.is_code(code):
        raise forms.ValidationError(_("Check the voucher code. It looks incomplete or mistyped."))
    return code


class CodeForm(forms.Form):
    """The code that the operator has sent, so that a payment goes on the bill."""

    code = forms.CharField(
        label=_("Code"),
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "dir": "ltr"}),
        error_messages={"required": _("Enter the code.")},
    )

    def clean_code(self) -> str:
        """Return the code without the spaces and hyphens that group it."""
        code = plain_digits(self.cleaned_data["code"])
        if not re.fullmatch(r"[0-9A-Za-z]{3,12}", code):
            raise forms.ValidationError(_("Check the code. Enter it exactly as you received it."))
        return code


class PaymentForm(MethodForm, CardFields):
    """The choice of a stored method, or a new card with its fields."""

    def clean(self) -> dict[str, Any]:
        """Check a new card's fields."""
        cleaned = super().clean()
        if cleaned.get("method") == NEW_CARD:
            self.check_card(cleaned)
        return cleaned


class PayingCodeForm(forms.Form):
    """The code with which another device pays for an order."""

    code = forms.CharField(
        label=_("Code"),
        max_length=40,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "one-time-code",
                "autocapitalize": "characters",
                "spellcheck": "false",
                "dir": "ltr",
            }
        ),
        help_text=_("8 letters and digits, as shown on the first device."),
        error_messages={"required": _("Enter the code that the first device shows.")},
    )

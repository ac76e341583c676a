"""The forms of a customer's page."""

from django import forms

from moportal.timeline import Kind


class OpeningForm(forms.Form):
    """Why the page is opened without a caller. Auditors read it."""

    reason = forms.CharField(
        label="Reason",
        max_length=200,
        help_text="For example the case or the ticket that you work on. Auditors read it.",
    )


class TimelineForm(forms.Form):
    """Which events are shown, and where the page of the timeline begins."""

    kind = forms.MultipleChoiceField(
        label="Show only", choices=Kind.choices, required=False, widget=forms.CheckboxSelectMultiple
    )
    until = forms.DateTimeField(required=False, widget=forms.HiddenInput)

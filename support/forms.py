"""The forms of a customer's page, and of the cases."""

from collections.abc import Iterable
from typing import Any

from django import forms

from moportal.timeline import Kind
from support.queries.queue import CaseKind


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


class QueueForm(forms.Form):
    """Which cases are shown, and where the page of the queue begins."""

    kind = forms.MultipleChoiceField(
        label="Show only", required=False, widget=forms.CheckboxSelectMultiple
    )
    owner = forms.ChoiceField(
        label="Taken by",
        choices=[("", "Anybody or nobody"), ("mine", "Me"), ("nobody", "Nobody")],
        required=False,
    )
    old = forms.BooleanField(label="Older than a day", required=False)
    until = forms.DateTimeField(required=False, widget=forms.HiddenInput)

    def __init__(self, kinds: Iterable[CaseKind], *given: Any) -> None:
        super().__init__(*given)
        choices = [(kind.name, kind.title) for kind in kinds]
        self.fields["kind"].choices = choices  # type: ignore[attr-defined]  # it has choices


class NoteForm(forms.Form):
    """What happened with a case."""

    text = forms.CharField(
        label="Note",
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Colleagues and auditors read it. Nobody can change it.",
    )

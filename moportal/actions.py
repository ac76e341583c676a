"""What staff can do for a customer, beside what happened (`moportal.timeline`).

Each room lists its actions in its module `actions`: on which of its rows, when each is possible,
what follows from it, what staff say to the customer, and the function of the domain that does it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.conf import settings
from django.db.models import QuerySet

# What staff read when the domain refuses an action.
Refusals = Mapping[type[Exception], str]


class ReasonForm(forms.Form):
    """The reason for an action. The timeline shows it."""

    because = forms.CharField(label="Reason", max_length=200)


class ActionForm(ReasonForm):
    """What staff fill in on the page of an action with this row."""

    def __init__(self, row: Any, *given: Any) -> None:
        super().__init__(*given)
        self.row = row


class ActionRefused(Exception):
    """The action is not possible now. The text says why, in words for staff."""


@dataclass(frozen=True)
class Action:
    """Something that staff do with one row of a customer's.

    `rows` finds the customer's rows, with what `is_possible` needs. `run` takes the row, who acts,
    and the values of the form. It raises the exceptions of `refusals` if the row has changed since
    it was shown; their texts are for staff.
    """

    name: str
    title: str
    permission: str
    rows: Callable[[int], QuerySet[Any]]
    is_possible: Callable[[Any], bool]
    consequence: str
    say: str
    run: Callable[[Any, Any, Mapping[str, Any]], object]
    label: Callable[[Any], str] = str
    refusals: Refusals = field(default_factory=dict)
    form: type[ActionForm] = ActionForm

    @property
    def needs_second_person(self) -> bool:
        """Return whether the operator wants two people for it."""
        return self.name in settings.FOUR_EYES

    def is_done_alone_by(self, actor: Any) -> bool:
        """Return whether this member of staff may do it without a second person."""
        return actor.has_perm(self.permission) and not self.needs_second_person

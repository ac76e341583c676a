"""The form in which staff edit the operator's data."""

from django import forms
from django.contrib.staticfiles import finders
from django.core.exceptions import SuspiciousFileOperation, ValidationError
from django.templatetags.static import static

from brand.models import Operator


class OperatorForm(forms.ModelForm[Operator]):
    """Accepts only logos that the portal serves, because every page shows them.

    The desk adds the model and the fields.
    """

    def clean_logo(self) -> str:
        return self._served("logo")

    def clean_logo_dark(self) -> str:
        return self._served("logo_dark")

    def _served(self, field: str) -> str:
        path: str = self.cleaned_data[field]
        if path and not _is_served(path):
            raise ValidationError(
                "There is no such file. Put it into static/, then run `manage.py collectstatic`"
                " and restart the portal."
            )
        return path


def _is_served(path: str) -> bool:
    try:
        # In production, this fails for a file that was not collected.
        static(path)
        return finders.find(path) is not None
    except (ValueError, SuspiciousFileOperation):
        return False

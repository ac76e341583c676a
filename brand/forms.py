"""The forms in which staff edit the operator's data, and texts for a time."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.exceptions import SuspiciousFileOperation, ValidationError
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils.safestring import SafeString

from brand.models import Operator, TimedText

# Characters. The column of the English text has as many.
LONGEST_TEXT = 300


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


def _other_languages() -> list[str]:
    return [code for code, _name in settings.LANGUAGES if code != "en"]


class TranslationsWidget(forms.MultiWidget):
    """A box for each language but English, under the language's name."""

    template_name = "admin/brand/translations.html"

    def __init__(self) -> None:
        super().__init__(
            {
                code: forms.Textarea({"lang": code, "rows": 2, "maxlength": LONGEST_TEXT})
                for code in _other_languages()
            }
        )

    def decompress(self, value: Mapping[str, str] | None) -> list[str]:
        return [(value or {}).get(code, "") for code in _other_languages()]

    def render(
        self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None
    ) -> SafeString:
        # Django's renderer of forms does not look into the product's templates.
        return render_to_string(self.template_name, self.get_context(name, value, attrs))


class TranslationsField(forms.MultiValueField):
    """The texts by language, without the languages that have none."""

    def __init__(self, **options: Any) -> None:
        boxes = [
            forms.CharField(max_length=LONGEST_TEXT, required=False) for _code in _other_languages()
        ]
        super().__init__(boxes, widget=TranslationsWidget(), require_all_fields=False, **options)

    def compress(self, data_list: list[str]) -> dict[str, str]:
        texts = zip(_other_languages(), data_list, strict=False)
        return {code: text for code, text in texts if text}


class TimedTextForm(forms.ModelForm[Any]):
    """A text in English and in the portal's other languages.

    The desk adds the model and the fields.
    """

    translations = TranslationsField(
        label="Text",
        required=False,
        help_text=TimedText._meta.get_field("translations").help_text,
    )

    def __init__(self, *values: Any, **options: Any) -> None:
        super().__init__(*values, **options)
        for name in {"starts_at", "ends_at"} & self.fields.keys():
            # Django's two boxes have no labels.
            date, time = self.fields[name].widget.widgets
            date.attrs["aria-label"] = f"{self.fields[name].label}: date"
            time.attrs["aria-label"] = f"{self.fields[name].label}: time"

    class Meta:
        widgets = {
            "text": forms.Textarea(
                {"rows": 2, "maxlength": LONGEST_TEXT, "class": "vLargeTextField"}
            )
        }

"""The forms in which staff edit the operator's data, and texts for a time."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from brand.domain import store_logo
from brand.models import Logo, Operator, TimedText
from brand.pictures import MOST_UPLOADED, PictureRefused

# Characters. The column of the English text has as many.
LONGEST_TEXT = 300


class OperatorForm(forms.ModelForm[Operator]):
    """Takes new logos as files. The desk adds the model and the other fields."""

    new_logo = forms.FileField(
        label="New logo",
        required=False,
        help_text=(
            "A square SVG or PNG, 64 KB at most. It is cleaned, and pages load 4 KB at most. "
            "Without a logo, the first letter of the name is drawn."
        ),
    )
    new_logo_dark = forms.FileField(
        label="New logo on a dark background", required=False, help_text="The same."
    )
    draw_logo = forms.BooleanField(
        label="Draw the logo from the name", required=False, help_text="It takes the logos away."
    )

    def clean_new_logo(self) -> Logo | None:
        return self._stored("new_logo")

    def clean_new_logo_dark(self) -> Logo | None:
        return self._stored("new_logo_dark")

    def clean(self) -> dict[str, Any]:
        """Put the new logos in the old ones' place."""
        values: dict[str, Any] = super().clean() or {}
        if values.get("draw_logo"):
            self.instance.logo = self.instance.logo_dark = None
        for field in ("logo", "logo_dark"):
            if new := values.get(f"new_{field}"):
                setattr(self.instance, field, new)
        return values

    def _stored(self, field: str) -> Logo | None:
        uploaded = self.cleaned_data[field]
        if uploaded is None:
            return None
        try:
            return store_logo(uploaded.read(MOST_UPLOADED + 1))
        except PictureRefused as refused:
            raise ValidationError(str(refused)) from refused


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

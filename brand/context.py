"""The template context that every page has of the operator."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from django.utils.translation import get_language_info

from brand.queries import operator


def brand(_request: HttpRequest) -> dict[str, Any]:
    """Return the operator, and each language under its own name."""
    languages = [(code, get_language_info(code)["name_local"]) for code, _ in settings.LANGUAGES]
    return {"brand": SimpleLazyObject(operator), "languages": languages}

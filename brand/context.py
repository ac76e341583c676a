"""The operator's data in the template context of every page."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from django.utils.translation import get_language_info

from brand.models import MarketRules
from brand.queries import market_rules, operator


def brand(request: HttpRequest) -> dict[str, Any]:
    """Return the operator, each language under its own name, and the market's rules."""
    languages = [(code, get_language_info(code)["name_local"]) for code, _ in settings.LANGUAGES]

    def rules() -> MarketRules:
        # An error page may come before the session is there.
        session = getattr(request, "session", {})
        return market_rules(session.get("market") or operator().market)

    return {
        "brand": SimpleLazyObject(operator),
        "languages": languages,
        "law": SimpleLazyObject(rules),
    }

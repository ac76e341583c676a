"""The operator's data and its notices in the template context of every page."""

from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from django.utils.translation import get_language_info

from brand.models import MarketRules, Notice
from brand.queries import market_rules, operator, operator_of_page, running_notices


def brand(request: HttpRequest) -> dict[str, Any]:
    """Return the operator and its notices, each language under its own name, the market's rules."""
    languages = [(code, get_language_info(code)["name_local"]) for code, _ in settings.LANGUAGES]

    def rules() -> MarketRules:
        # An error page may come before the session is there.
        session = getattr(request, "session", {})
        return market_rules(session.get("market") or operator().market)

    page = cache(operator_of_page)

    def notices() -> list[Notice]:
        _operator, has_notice = page()
        return running_notices() if has_notice else []

    return {
        "brand": SimpleLazyObject(lambda: page()[0]),
        "notices": SimpleLazyObject(notices),
        "languages": languages,
        "law": SimpleLazyObject(rules),
    }

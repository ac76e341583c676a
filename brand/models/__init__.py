"""The operator, and what the law of its markets demands."""

from brand.models.law import LegalText, MarketRules, Repayment, country_code
from brand.models.operator import Operator, static_url
from brand.models.words import words_by_language, words_in

__all__ = [
    "LegalText",
    "MarketRules",
    "Operator",
    "Repayment",
    "country_code",
    "static_url",
    "words_by_language",
    "words_in",
]

"""The operator, what the law of its markets demands, and notices for everybody."""

from brand.models.law import LegalText, MarketRules, Repayment, country_code
from brand.models.notices import Notice, TimedText, running_at
from brand.models.operator import Operator, static_url
from brand.models.words import words_by_language, words_in

__all__ = [
    "LegalText",
    "MarketRules",
    "Notice",
    "Operator",
    "Repayment",
    "TimedText",
    "country_code",
    "running_at",
    "static_url",
    "words_by_language",
    "words_in",
]

"""The operator, what the law of its markets demands, and notices for everybody."""

from brand.models.law import LegalText, MarketRules, Repayment, country_code
from brand.models.logos import MOST_SERVED, PNG, SVG, Logo
from brand.models.notices import Notice, TimedText, running_at
from brand.models.operator import Operator
from brand.models.words import words_by_language, words_in

__all__ = [
    "MOST_SERVED",
    "PNG",
    "SVG",
    "LegalText",
    "Logo",
    "MarketRules",
    "Notice",
    "Operator",
    "Repayment",
    "TimedText",
    "country_code",
    "running_at",
    "words_by_language",
    "words_in",
]

"""The brand's tables know no customer."""

from brand.models import LegalText, Logo, MarketRules, Notice, Operator
from moportal.personal import Impersonal, register

register(
    Impersonal(Operator, "the operator's name and how to reach support"),
    Impersonal(LegalText, "texts that staff wrote"),
    Impersonal(MarketRules, "what the law of a market gives its customers"),
    Impersonal(Logo, "pictures that staff uploaded"),
    Impersonal(Notice, "texts that staff wrote"),
)

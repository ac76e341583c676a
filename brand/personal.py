"""The brand's tables know no customer."""

from brand.models import LegalText, Operator
from moportal.personal import Impersonal, register

register(
    Impersonal(Operator, "the operator's name and how to reach support"),
    Impersonal(LegalText, "texts that staff wrote"),
)

"""Get Balance knows its callers, and no customer."""

from balance_api.models import AnsweredTransaction, CallerRate
from moportal.personal import Impersonal, register

register(
    Impersonal(CallerRate, "a caller that the operator admits"),
    Impersonal(AnsweredTransaction, "a caller's transaction ids, for some hours"),
)

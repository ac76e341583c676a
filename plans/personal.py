"""The catalogue knows no customer."""

from moportal.personal import Impersonal, register
from plans.models import Plan, PlanCountry, PlanPrice, PlanText

CATALOGUE = "the catalogue: written by staff"

register(
    Impersonal(Plan, CATALOGUE),
    Impersonal(PlanCountry, CATALOGUE),
    Impersonal(PlanPrice, CATALOGUE),
    Impersonal(PlanText, CATALOGUE),
)

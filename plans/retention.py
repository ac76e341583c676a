"""How long the catalogue keeps its rows."""

from moportal.retention import Kept, register
from plans.models import Plan, PlanCountry, PlanPrice, PlanText

CATALOGUE = "the catalogue: written by staff"

register(
    Kept(Plan, CATALOGUE),
    Kept(PlanCountry, CATALOGUE),
    Kept(PlanPrice, CATALOGUE),
    Kept(PlanText, CATALOGUE),
)

"""The plans that a customer can buy."""

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from plans.models import Category, Plan, PlanPrice


class PlanNotOffered(Exception):
    """The plan is not on sale in this market, or does not work in this country."""


@dataclass(frozen=True)
class Offer:
    """A plan with the market's price and the texts in the customer's language.

    `paused` is what the customer reads while the plan is shown but not sold.
    """

    plan: Plan
    price: PlanPrice
    name: str
    countries: list[str]
    paused: str = ""

    @property
    def validity_text(self) -> str:
        """Return how long the plan lasts: "for 24 hours", "for 30 days", "renews every month"."""
        return validity_text(self.plan.category, self.plan.validity_days)

    @property
    def price_columns(self) -> dict[str, Any]:
        """Return name and price as the columns of `PricedPlan`, to store what was shown."""
        taxed = self.price.taxed
        return {
            "plan_name": self.name,
            "gross_minor_units": taxed.gross.minor_units,
            "tax_minor_units": taxed.tax.minor_units,
            "tax_rate": self.price.tax_rate,
            "currency": taxed.gross.currency,
        }


def validity_text(category: str, days: int) -> str:
    """Return how long a plan lasts."""
    if category == Category.RECURRING:
        return _("renews every month")
    if days == 1:
        return _("for 24 hours")
    return ngettext("for %(count)d day", "for %(count)d days", days) % {"count": days}


def length_text(plan: Plan) -> str:
    """Return how long a plan lasts: "24 hours", "30 days". Empty if it renews."""
    days = plan.validity_days
    if plan.category == Category.RECURRING:
        return ""
    if days == 1:
        return _("24 hours")
    return ngettext("%(count)s day", "%(count)s days", days) % {"count": days}


def offers(
    *, market: str, location: str, language: str, category: str | None = None
) -> list[Offer]:
    """Return the plans of this market that work at the location, in the catalogue's order."""
    rows = prices(market=market, location=location)
    if category:
        rows = rows.filter(plan__category=category)
    rows = rows.prefetch_related("plan__texts", "plan__countries")
    return [_offer(row, language) for row in rows.order_by("plan__position", "plan_id")]


def prices(*, market: str, location: str) -> QuerySet[PlanPrice]:
    """Return the prices of this market's plans that are on sale and work at the location."""
    priced = PlanPrice.objects.filter(market=market, plan__in=Plan.objects.filter(is_on_sale=True))
    return priced.filter(plan__countries__country=location).select_related("plan")


def _offer(price: PlanPrice, language: str) -> Offer:
    countries = [row.country for row in price.plan.countries.all()]
    return Offer(
        plan=price.plan, price=price, name=plan_name(price.plan, language), countries=countries
    )


def plan_name(plan: Plan, language: str) -> str:
    """Return the plan's name in this language, otherwise in English, otherwise its code."""
    names = {text.language: text.name for text in plan.texts.all()}
    return names.get(language) or names.get("en") or plan.code


def plan_terms(plan: Plan, language: str) -> str:
    """Return the plan's terms in this language, otherwise in English."""
    terms = {text.language: text.terms for text in plan.texts.all()}
    return terms.get(language) or terms.get("en") or ""

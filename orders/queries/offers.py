"""The plans that a visit can buy."""

from dataclasses import dataclass, replace

from django.conf import settings
from django.utils.translation import get_language

from accounts.models import User
from mobileplans.domain import visits
from mobileplans.models import Visit
from moportal.money import Money
from orders.queries import pauses
from payments.domain import methods
from payments.gateways import is_offered_in
from payments.gateways.base import Ability
from plans import queries
from plans.models import Plan
from plans.queries import Offer
from subscriptions.queries import identified_sims


@dataclass(frozen=True)
class Shelf:
    """The plans on offer. `lacks_identity` says that others need a line with a known holder."""

    offers: list[Offer]
    lacks_identity: bool = False


def shelf(
    visit: Visit, account: User | None, category: str | None = None, *, new_esim: bool = True
) -> Shelf:
    """Return the plans of the visit's market that work at its location, in the current language.

    A plan that renews is sold only where a gateway takes charges without the customer. A plan that
    asks for identity is sold only if a SIM of this device is on a line whose holder the operator
    has identified (docs/contract.md#subscriptions). A plan whose sales are paused says so;
    `new_esim` says whether the sale may need one.
    """
    found = queries.offers(
        market=visit.market,
        location=visit.location,
        language=get_language() or settings.LANGUAGE_CODE,
        category=category,
    )
    sold = [offer for offer in found if _can_be_paid(offer.plan, visit.market)]
    paused = pauses.texts([one.plan for one in sold], visit.market, new_esim=new_esim)
    sold = [replace(offer, paused=paused.get(offer.plan.pk, "")) for offer in sold]
    open_to_all = [offer for offer in sold if not offer.price.asks_identity]
    if len(open_to_all) == len(sold) or _has_identified_sim(visit, account):
        return Shelf(sold)
    return Shelf(open_to_all, lacks_identity=True)


def offers_for(
    visit: Visit,
    category: str | None = None,
    *,
    account: User | None = None,
    new_esim: bool = True,
) -> list[Offer]:
    """Return the plans that this customer is shown. Without an account nobody is identified."""
    return shelf(visit, account, category, new_esim=new_esim).offers


def all_paused(offers: list[Offer]) -> list[str]:
    """Return what a page says instead of the offers, if the sales of all of them are paused.

    It says each text once.
    """
    texts = [offer.paused for offer in offers]
    return list(dict.fromkeys(texts)) if all(texts) else []


@dataclass(frozen=True)
class LeastPrice:
    """The price of the cheapest plan that a newcomer can buy at a location."""

    location: str
    price: Money
    renews: bool
    takes_cards: bool


def least_price(visit: Visit) -> LeastPrice | None:
    """Return the least price at the visit's location, with tax.

    Nothing if no plan is sold there to somebody who is not identified, or if the plans have prices
    in several currencies, which cannot be compared.
    """
    market = visit.market
    found = queries.prices(market=market, location=visit.location)
    paused = pauses.texts([one.plan for one in found], market, new_esim=True)
    sold = [
        one
        for one in found
        if _can_be_paid(one.plan, market) and not one.asks_identity and one.plan.pk not in paused
    ]
    if len({one.currency for one in sold}) != 1:
        return None
    least = min(sold, key=lambda one: one.taxed.gross.minor_units)
    renews = least.plan.renews
    takes_cards = methods.new_card_ability(market, renews=renews) is not None
    return LeastPrice(visit.location, least.taxed.gross, renews, takes_cards)


def _can_be_paid(plan: Plan, market: str) -> bool:
    return not plan.renews or is_offered_in(Ability.OFF_SESSION, market)


def _has_identified_sim(visit: Visit, account: User | None) -> bool:
    """Return whether a SIM that this visit can put a plan on has a holder that is identified."""
    if account is None:
        return False
    card = visits.usable_card(visit.iccid) if visit.iccid else None
    sims = [card] if card else visits.installed_profiles(visit, account)
    return bool(identified_sims(account, sims))

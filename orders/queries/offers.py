"""The plans that a visit can buy."""

from dataclasses import dataclass, replace

from django.conf import settings
from django.utils.translation import get_language

from accounts.models import User
from mobileplans.domain import visits
from mobileplans.models import Visit
from orders.queries import pauses
from payments.gateways import is_offered_in
from payments.gateways.base import Ability
from plans import queries
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
    can_renew = is_offered_in(Ability.OFF_SESSION, visit.market)
    paused = pauses.texts([one.plan for one in found], visit.market, new_esim=new_esim)
    sold = [
        replace(offer, paused=paused.get(offer.plan.pk, ""))
        for offer in found
        if can_renew or not offer.plan.renews
    ]
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


def _has_identified_sim(visit: Visit, account: User | None) -> bool:
    """Return whether a SIM that this visit can put a plan on has a holder that is identified."""
    if account is None:
        return False
    card = visits.usable_card(visit.iccid) if visit.iccid else None
    sims = [card] if card else visits.installed_profiles(visit, account)
    return bool(identified_sims(account, sims))

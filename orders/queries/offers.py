"""The plans that a visit can buy."""

from django.conf import settings
from django.utils.translation import get_language

from mobileplans.models import Visit
from payments.gateways import is_offered_in
from payments.gateways.base import Ability
from plans import queries
from plans.queries import Offer


def offers_for(visit: Visit, category: str | None = None) -> list[Offer]:
    """Return the plans of the visit's market that work at its location, in the current language.

    A plan that renews is sold only where a gateway takes charges without the customer
    (docs/contract.md#subscriptions).
    """
    found = queries.offers(
        market=visit.market,
        location=visit.location,
        language=get_language() or settings.LANGUAGE_CODE,
        category=category,
    )
    can_renew = is_offered_in(Ability.OFF_SESSION, visit.market)
    return [offer for offer in found if can_renew or not offer.plan.renews]

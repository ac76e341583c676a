"""Which sales are paused now, and what customers read about it (docs/desk.md)."""

from collections.abc import Callable, Sequence

from django.utils.timezone import now

from brand.models import running_at
from esim.domain.pool import served_by
from esim.models import Sim
from orders.models import Draft, SalesPause
from orders.states import OrderKind
from plans.models import Plan, PlanPrice


def texts(plans: Sequence[Plan], market: str, *, new_esim: bool) -> dict[int, str]:
    """Return the text about each of these plans, by its key, that is not sold in this market now.

    `new_esim` says whether the sale needs one. If not, no pause of a provider covers it. If several
    pauses cover a plan, the newest one says why.
    """
    found: dict[int, str] = {}
    running = SalesPause.objects.filter(running_at(now())).order_by("pk")
    for pause in running if new_esim else running.filter(provider=None):
        covers = coverage(pause)
        found |= {plan.pk: pause.words for plan in plans if covers(plan, market)}
    return found


def coverage(pause: SalesPause) -> Callable[[Plan, str], bool]:
    """Return a function that tells whether the pause covers a plan in a market."""
    serves = served_by(pause.provider_id) if pause.provider_id else None

    def covers(plan: Plan, market: str) -> bool:
        is_covered = pause.market in {"", market} and pause.plan_id in {None, plan.pk}
        if not is_covered or serves is None:
            return is_covered
        types = {plan.profile_type, plan.other_profile_type} - {""}
        return any(serves(one, market) for one in types)

    return covers


def prices_covered(pause: SalesPause) -> list[PlanPrice]:
    """Return the plans on sale that the pause covers, one row for each market."""
    covers = coverage(pause)
    prices = PlanPrice.objects.filter(plan__is_on_sale=True).select_related("plan")
    return [price for price in prices if covers(price.plan, price.market)]


def text_about(draft: Draft, sim: Sim | None) -> str:
    """Return what the customer reads while the draft cannot be ordered, otherwise an empty text.

    Without a SIM, the draft needs a new eSIM. A move sells nothing, so no pause covers it.
    """
    plan = draft.plan
    if plan is None or draft.kind == OrderKind.MOVE:
        return ""
    return texts([plan], draft.visit.market, new_esim=sim is None).get(plan.pk, "")

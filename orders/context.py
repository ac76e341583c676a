"""What is on sale, in the template context of the page to sign up."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from mobileplans.domain import session
from orders.queries.offers import LeastPrice, least_price


def on_sale(request: HttpRequest) -> dict[str, Any]:
    """Return the least price at the visit's location. Without a visit, there is none."""

    def find() -> LeastPrice | None:
        visit = session.find(request)
        return least_price(visit) if visit else None

    return {"least": SimpleLazyObject(find)}

"""The button of the simulator's page that lets time pass for the demo's customers."""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_POST

from demo import aging
from subscriptions.queries import renewing_subscriptions

STEPS = {"day": {"days": 1}, "month": {"months": 1}}


@require_POST
def age(request: HttpRequest) -> JsonResponse:
    """Move all plans that renew on by a day or a month, and say how many there are."""
    step = STEPS.get(request.POST.get("step", ""), {})
    moved = list(renewing_subscriptions()) if step else []
    for subscription in moved:
        aging.age(subscription, **step)
    return JsonResponse({"moved": len(moved)})

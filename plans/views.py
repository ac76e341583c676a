"""A plan's own terms, readable before the purchase (docs/policies.md#b4)."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from accounts.views.shared import own_target
from plans.models import Plan
from plans.queries import plan_name, plan_terms


@require_safe
def terms(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a plan's terms in the reader's language."""
    plan = get_object_or_404(Plan, pk=pk)
    language = get_language() or settings.LANGUAGE_CODE
    context = {
        "plan_name": plan_name(plan, language),
        "terms": plan_terms(plan, language),
        "back_url": own_target(request.GET.get("next", ""))
        or f"{reverse('plans')}?category={plan.category}",
    }
    return render(request, "plans/terms.html", context)

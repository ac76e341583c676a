"""Pauses of sales at the desk (docs/desk.md)."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from accounts.models import User
from brand.admin import TimedTextAdmin
from brand.forms import TimedTextForm
from moportal.text.countries import country_name
from orders.domain import pausing
from orders.models import SalesPause
from orders.queries import pauses
from plans.models import PlanPrice


class SalesPauseForm(TimedTextForm):
    """What is paused, and what customers read. The desk adds the model and the fields."""

    def __init__(self, *values: Any, **options: Any) -> None:
        super().__init__(*values, **options)
        names = {"market": "All markets", "plan": "All plans", "provider": "All providers"}
        for name in names.keys() & self.fields.keys():
            field = self.fields[name]
            if isinstance(field, forms.ModelChoiceField):
                field.empty_label = names[name]
            if isinstance(field.widget, RelatedFieldWidgetWrapper):
                # Nobody adds or changes a plan from here.
                field.widget = field.widget.widget
        if "market" in self.fields:
            # A market that is mistyped would pause nothing.
            choices = [("", names["market"]), *_markets()]
            self.fields["market"].widget = forms.Select(choices=choices)

    def clean(self) -> dict[str, Any]:
        """Refuse a choice that covers nothing that is sold."""
        cleaned = super().clean() or {}
        if not self.errors and self.instance.pk is None:
            wanted = {name: cleaned[name] for name in ("market", "plan", "provider")}
            if not pauses.prices_covered(SalesPause(**wanted)):
                raise ValidationError("This covers no plan on sale, so it would pause nothing.")
        return cleaned


def _markets() -> list[tuple[str, str]]:
    codes = PlanPrice.objects.values_list("market", flat=True).distinct().order_by("market")
    return [(code, f"{country_name(code)} ({code})") for code in codes]


@admin.register(SalesPause)
class SalesPauseAdmin(TimedTextAdmin):
    """Stop the sale of plans at once, without a deploy. What was ordered before goes on."""

    form = SalesPauseForm
    right = "orders.pause_sales"
    list_display = [
        *("__str__", "text", "state", "starts_at", "ends_at", "because", "asked_by"),
    ]
    list_filter = ["market", "plan", "provider"]
    list_select_related = ["plan", "provider", "asked_by"]
    fieldsets = (
        ("What is paused", {"fields": ("market", "plan", "provider")}),
        (None, {"fields": ("text", "starts_at", "ends_at", "because")}),
        ("Other languages", {"fields": ("translations",), "classes": ("collapse",)}),
    )

    def get_fieldsets(self, request: HttpRequest, obj: SalesPause | None = None) -> Any:
        """Show of a pause that is stored who has paused."""
        who = [("Who", {"fields": ("asked_by",)})] if obj else []
        return [*super().get_fieldsets(request, obj), *who]

    def get_readonly_fields(
        self, _request: HttpRequest, obj: SalesPause | None = None
    ) -> tuple[str, ...]:
        """Never change what a pause covers, from when, and who made it."""
        return ("market", "plan", "provider", "starts_at", "asked_by") if obj else ()

    def save_model(self, request: HttpRequest, obj: SalesPause, form: Any, change: bool) -> None:  # noqa: FBT001 -- Django's signature
        """Begin a new pause, and say what it covers."""
        if change:
            super().save_model(request, obj, form, change)
            return
        assert isinstance(request.user, User)  # noqa: S101 -- the desk is behind its own sign-in
        pausing.begin(obj, actor=request.user)
        covered = pauses.prices_covered(obj)
        plans, markets = ({getattr(one, name) for one in covered} for name in ("plan", "market"))
        text = f"Plans on sale that it covers: {len(plans)}. Markets: {len(markets)}."
        self.message_user(request, text)

"""The catalogue, edited without a deploy (docs/policies.md#b1)."""

from django.contrib import admin
from django.http import HttpRequest

from plans.models import Plan, PlanCountry, PlanPrice, PlanText


class CountryInline(admin.TabularInline[PlanCountry, Plan]):
    model = PlanCountry
    extra = 0


class PriceInline(admin.TabularInline[PlanPrice, Plan]):
    model = PlanPrice
    extra = 0


class TextInline(admin.StackedInline[PlanText, Plan]):
    model = PlanText
    extra = 0


@admin.register(Plan)
class PlanAdmin(admin.ModelAdmin[Plan]):
    list_display = ["code", "category", "data_bytes", "validity_days", "more_devices", "is_on_sale"]
    list_filter = ["category", "is_on_sale", "prices__market"]
    search_fields = ["code", "texts__name"]
    inlines = [PriceInline, CountryInline, TextInline]

    def has_delete_permission(self, _request: HttpRequest, _obj: Plan | None = None) -> bool:
        """Refuse. A plan that may have been sold is taken off sale and never deleted."""
        return False

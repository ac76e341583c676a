"""Orders as a plain list, found by any of their numbers."""

import re

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from orders.models import Order, StateChange


class ChangeInline(admin.TabularInline[StateChange, Order]):
    model = StateChange
    extra = 0
    can_delete = False
    readonly_fields = ["at", "old", "new", "reason", "actor"]
    fields = (*readonly_fields,)

    def has_add_permission(self, _request: HttpRequest, _obj: object = None) -> bool:
        return False


@admin.register(Order)
class OrderAdmin(admin.ModelAdmin[Order]):
    list_display = [
        "display_number",
        "state",
        "plan_name",
        "account",
        "trouble",
        "failure",
        "created_at",
    ]
    list_filter = ["state", "failure", "plan"]
    list_select_related = ["account"]
    search_fields = [
        "=number",
        "=eid",
        "=profile__sim__iccid",
        "=sim__iccid",
        "=visit__transaction_id",
        "=account__username",
    ]
    inlines = [ChangeInline]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Order], search_term: str
    ) -> tuple[QuerySet[Order], bool]:
        """Find an order also by its number as people read it, with the hyphen."""
        if re.fullmatch(r"[0-9A-Za-z]{5}-[0-9A-Za-z]{5}", search_term):
            search_term = search_term.replace("-", "")
        return super().get_search_results(request, queryset, search_term)

    def has_add_permission(self, _request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: Order | None = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Order | None = None) -> bool:
        return False

"""Orders as a plain list, found by any of their numbers."""

import re

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join

from orders.models import Order
from orders.timeline import timeline


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
    readonly_fields = ["timeline"]

    @admin.display(description="Timeline (UTC)")
    def timeline(self, order: Order) -> str:
        """Show what happened in every house involved, oldest first."""
        rows = ((f"{at:%Y-%m-%d %H:%M:%S}", where, what) for at, where, what in timeline(order))
        lines = format_html_join("", "<tr><td>{}</td><th>{}</th><td>{}</td></tr>", rows)
        return format_html("<table>{}</table>", lines)

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

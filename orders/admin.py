"""Orders as a plain list, found by any of their numbers."""

from django.contrib import admin
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

    def has_add_permission(self, _request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: Order | None = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Order | None = None) -> bool:
        return False

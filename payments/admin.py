"""Payments, to read."""

from django.contrib import admin
from django.http import HttpRequest

from payments.models import GatewayCall, Payment, WebhookEvent


class EventInline(admin.TabularInline[WebhookEvent, Payment]):
    model = WebhookEvent
    extra = 0
    can_delete = False
    readonly_fields = ["status", "identifier", "received_at"]
    fields = (*readonly_fields,)

    def has_add_permission(self, _request: HttpRequest, _obj: object = None) -> bool:
        return False


class CallInline(admin.TabularInline[GatewayCall, Payment]):
    model = GatewayCall
    extra = 0
    can_delete = False
    readonly_fields = ["operation", "outcome", "sent_at", "answered_at", "detail"]
    fields = (*readonly_fields,)

    def has_add_permission(self, _request: HttpRequest, _obj: object = None) -> bool:
        return False


@admin.register(Payment)
class PaymentAdmin(admin.ModelAdmin[Payment]):
    list_display = ["reference", "state", "minor_units", "currency", "decline_reason", "created_at"]
    list_filter = ["state", "currency"]
    search_fields = ["=reference", "=gateway_id"]
    exclude = ["customer_step_url", "return_url"]
    inlines = [CallInline, EventInline]

    def has_add_permission(self, _request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: Payment | None = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Payment | None = None) -> bool:
        return False

"""Payments and card pages in the admin, read-only."""

from django.contrib import admin

from accounts.admin import SearchByIdentifier
from moportal.web.desk import ReadOnly, ReadOnlyInline
from payments.models import CardPage, GatewayCall, Payment, Refund, WebhookEvent


class EventInline(ReadOnlyInline, admin.TabularInline[WebhookEvent, Payment]):
    model = WebhookEvent
    readonly_fields = ["status", "identifier", "received_at"]
    fields = (*readonly_fields,)


class CallInline(ReadOnlyInline, admin.TabularInline[GatewayCall, Payment]):
    model = GatewayCall
    readonly_fields = ["operation", "outcome", "sent_at", "answered_at", "detail"]
    fields = (*readonly_fields,)


class RefundInline(ReadOnlyInline, admin.TabularInline[Refund, Payment]):
    model = Refund
    readonly_fields = ["minor_units", "state", "reason", "asked_at", "ended_at"]
    fields = (*readonly_fields,)


@admin.register(Payment)
class PaymentAdmin(ReadOnly, admin.ModelAdmin[Payment]):
    list_display = ["reference", "state", "minor_units", "currency", "decline_reason", "created_at"]
    list_filter = ["state", "currency"]
    search_fields = ["=reference", "=gateway_id"]
    exclude = ["customer_step_url", "return_url"]
    inlines = [CallInline, RefundInline, EventInline]


@admin.register(CardPage)
class CardPageAdmin(SearchByIdentifier, ReadOnly, admin.ModelAdmin[CardPage]):
    list_display = ["account", "state", "last_error", "created_at"]
    list_filter = ["state"]
    list_select_related = ["account"]
    search_fields = ["=key", "=gateway_id", "=account__username"]
    exclude = ["url", "return_url"]

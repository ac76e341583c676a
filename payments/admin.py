"""Payments, cards and card pages in the admin, read-only."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin import SearchByIdentifier
from moportal.web.desk import NeedsStaffFilter, ReadOnly, ReadOnlyInline
from payments.domain import cards
from payments.models import CardPage, GatewayCall, Payment, PaymentMethod, Refund, WebhookEvent


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
    list_filter = ["state", "method__gateway", "currency"]
    search_fields = ["=reference", "=gateway_id"]
    exclude = ["customer_step_url", "return_url"]
    inlines = [CallInline, RefundInline, EventInline]


@admin.register(CardPage)
class CardPageAdmin(SearchByIdentifier, ReadOnly, admin.ModelAdmin[CardPage]):
    list_display = ["account", "gateway", "state", "last_error", "created_at"]
    list_filter = ["state", "gateway"]
    list_select_related = ["account"]
    search_fields = ["=key", "=gateway_id", "=account__username"]
    exclude = ["url", "return_url"]


class StuckRemoval(NeedsStaffFilter):
    """Removed cards that the gateway refused to forget."""

    def queryset(
        self, _request: HttpRequest, methods: QuerySet[PaymentMethod]
    ) -> QuerySet[PaymentMethod]:
        return methods.filter(pk__in=cards.stuck_removals()) if self.value() else methods


@admin.register(PaymentMethod)
class PaymentMethodAdmin(SearchByIdentifier, ReadOnly, admin.ModelAdmin[PaymentMethod]):
    list_display = ["__str__", "account", "gateway", "removed_at", "forgotten_at", "last_error"]
    list_filter = [StuckRemoval, "gateway", ("removed_at", admin.EmptyFieldListFilter)]
    list_select_related = ["account"]
    search_fields = ["=account__username"]
    # With the token, a charge could be made at the gateway: not even staff see it.
    exclude = ["token"]
    actions = ["retry_removal", "mark_removed"]

    def has_settle_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("payments.settle_removal")

    @admin.action(
        description="Ask the gateway again to remove it (removed cards)", permissions=["settle"]
    )
    def retry_removal(self, request: HttpRequest, chosen: QuerySet[PaymentMethod]) -> None:
        """Ask the gateway again to forget the chosen cards."""
        for method in chosen.exclude(removed_at=None):
            cards.retry_removal(method)
            self.log_change(request, method, "Asked the gateway again to remove the card.")

    @admin.action(
        description="It is removed at the gateway (removed cards)", permissions=["settle"]
    )
    def mark_removed(self, request: HttpRequest, chosen: QuerySet[PaymentMethod]) -> None:
        """Store that staff have removed the chosen cards at the gateway."""
        for method in chosen.exclude(removed_at=None):
            cards.mark_forgotten(method)
            self.log_change(request, method, "Removed at the gateway by staff.")

"""Payments, refunds, cards and card pages in the admin: read-only, but for the actions of staff."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.admin import SearchByIdentifier
from accounts.models import User
from moportal.web.desk import NeedsStaffFilter, ReadOnly, ReadOnlyInline
from payments.actions import NOT_REFUNDED, REFUND_PART, PartForm
from payments.domain import cards, refunds
from payments.models import (
    CardPage,
    Dispute,
    GatewayCall,
    Payment,
    PaymentMethod,
    Refund,
    WebhookEvent,
)
from payments.states import RefundKind, RefundState


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
    fk_name = "payment"
    readonly_fields = ["amount", "kind", "state", "reason", "credit_note", "asked_at", "ended_at"]
    fields = (*readonly_fields,)


class DisputeInline(ReadOnlyInline, admin.TabularInline[Dispute, Payment]):
    model = Dispute
    readonly_fields = ["kind", "state", "amount", "reason", "opened_at", "due_at", "ended_at"]
    fields = (*readonly_fields,)
    show_change_link = True


@admin.register(Payment)
class PaymentAdmin(ReadOnly, admin.ModelAdmin[Payment]):
    list_display = ["reference", "state", "minor_units", "currency", "decline_reason", "created_at"]
    list_filter = ["state", "initiator", "method__gateway", "currency"]
    search_fields = ["=reference", "=gateway_id"]
    exclude = ["customer_step_url", "return_url"]
    readonly_fields = ["receipt"]
    inlines = [CallInline, RefundInline, DisputeInline, EventInline]
    actions = ["refund_part"]

    def has_refund_permission(self, request: HttpRequest) -> bool:
        return REFUND_PART.is_done_alone_by(request.user)

    @admin.action(description="Refund a part (goodwill: the plan stays)", permissions=["refund"])
    def refund_part(self, request: HttpRequest, chosen: QuerySet[Payment]) -> HttpResponse | None:
        """Give back a part of one charge, after a page that asks for amount and reason."""
        payment = chosen.first() if chosen.count() == 1 else None
        if payment is None:
            self.message_user(request, "Choose one payment.", messages.WARNING)
            return None
        form = PartForm(payment, request.POST if "because" in request.POST else None)
        if not form.is_valid():
            context = {
                **self.admin_site.each_context(request),
                "title": "Refund a part (goodwill: the plan stays)",
                "payment": payment,
                "form": form,
            }
            return render(request, "admin/payments/refund_part.html", context)
        with report_refund(self, request):
            refunds.request_refund(
                payment,
                form.cleaned_data["amount"],
                kind=RefundKind.GOODWILL,
                reason=form.cleaned_data["because"],
                actor=staff_of(request),
            )
        return None


class FailedRefund(NeedsStaffFilter):
    """Refunds that failed and are not settled."""

    def queryset(self, _request: HttpRequest, rows: QuerySet[Refund]) -> QuerySet[Refund]:
        return rows.filter(pk__in=refunds.failed_refunds()) if self.value() else rows


@admin.register(Refund)
class RefundAdmin(ReadOnly, admin.ModelAdmin[Refund]):
    list_display = ["payment", "amount", "kind", "state", "last_error", "asked_at", "settled_at"]
    list_filter = [FailedRefund, "state", "kind"]
    list_select_related = ["payment"]
    search_fields = ["=payment__reference", "=gateway_id"]
    readonly_fields = ["amount", "credit_note"]
    actions = ["retry", "mark_settled"]

    def has_refund_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("payments.refund_charge")

    @admin.action(
        description="Ask the gateway again, as a new refund (failed refunds)",
        permissions=["refund"],
    )
    def retry(self, request: HttpRequest, chosen: QuerySet[Refund]) -> None:
        """Ask again for the chosen refunds that have failed."""
        for row in chosen.select_related("payment"):
            with report_refund(self, request):
                refunds.retry(row, actor=staff_of(request))

    @admin.action(
        description="It is settled by other means (failed refunds)", permissions=["refund"]
    )
    def mark_settled(self, request: HttpRequest, chosen: QuerySet[Refund]) -> None:
        """Store that staff have settled the chosen refunds."""
        for row in chosen.filter(state=RefundState.FAILED):
            refunds.mark_settled(row)
            self.log_change(request, row, "Settled by staff.")


def staff_of(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101 -- the admin lets in no other
    return request.user


@contextmanager
def report_refund(page: admin.ModelAdmin[Any], request: HttpRequest) -> Iterator[None]:
    """Show staff whether a refund was asked for."""
    try:
        yield
    except tuple(NOT_REFUNDED) as error:
        page.message_user(request, NOT_REFUNDED[type(error)], messages.WARNING)
    else:
        page.message_user(request, "The money is being refunded.")


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
    list_filter = [StuckRemoval, "kind", "gateway", ("removed_at", admin.EmptyFieldListFilter)]
    list_select_related = ["account"]
    search_fields = ["=account__username"]
    # With the token, somebody could make a charge at the gateway. So not even staff see it.
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

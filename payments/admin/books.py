"""The gateways' books in the admin: days, entries, and differences, which staff settle."""

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from moportal.web.desk import NeedsStaffFilter, ReadOnly
from payments.admin.payments import staff_of
from payments.domain import differences, fetching
from payments.domain.reasons import LONGEST_REASON
from payments.models import BookDay, BookDifference, BookEntry
from payments.states import DifferenceKind
from payments.texts import EXPLANATIONS


class SettleForm(forms.Form):
    """Why a difference counts as settled."""

    because = forms.CharField(label="Reason", max_length=LONGEST_REASON)


class OpenDifference(NeedsStaffFilter):
    """Differences that are not settled."""

    def queryset(
        self, _request: HttpRequest, rows: QuerySet[BookDifference]
    ) -> QuerySet[BookDifference]:
        return rows.filter(pk__in=differences.open_differences()) if self.value() else rows


@admin.register(BookDifference)
class BookDifferenceAdmin(ReadOnly, admin.ModelAdmin[BookDifference]):
    list_display = ["day", "gateway", "kind", "payment", "our_amount", "their_amount", "settled_at"]
    list_filter = [OpenDifference, "gateway"]
    list_select_related = ["payment"]
    search_fields = ["=payment__reference", "=payment__gateway_id", "=subject"]
    readonly_fields = ["our_amount", "their_amount", "meaning", "remedy"]
    fields = (
        *("kind", "meaning", "remedy", "payment", "our_amount", "their_amount", "detail"),
        *("gateway", "day", "subject", "settled_at", "settled_by", "reason"),
    )
    actions = ["settle"]

    @admin.display(description="Portal's amount")
    def our_amount(self, row: BookDifference) -> str:
        return str(row.ours or "-")

    @admin.display(description="Gateway's amount")
    def their_amount(self, row: BookDifference) -> str:
        return str(row.theirs or "-")

    @admin.display(description="What it means")
    def meaning(self, row: BookDifference) -> str:
        return EXPLANATIONS[DifferenceKind(row.kind)].meaning

    @admin.display(description="What to do")
    def remedy(self, row: BookDifference) -> str:
        return EXPLANATIONS[DifferenceKind(row.kind)].remedy

    def has_settle_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("payments.settle_difference")

    @admin.action(description="It is settled", permissions=["settle"])
    def settle(self, request: HttpRequest, chosen: QuerySet[BookDifference]) -> HttpResponse | None:
        """Store that the chosen differences are settled, after a page that asks for the reason."""
        form = SettleForm(request.POST if "because" in request.POST else None)
        if not form.is_valid():
            context = {
                **self.admin_site.each_context(request),
                "title": "Settle differences",
                "differences": chosen,
                "form": form,
            }
            return render(request, "admin/payments/settle_differences.html", context)
        because = form.cleaned_data["because"]
        for row in chosen:
            if differences.settle(row, reason=because, actor=staff_of(request)):
                self.log_change(request, row, f"Settled: {because}")
        return None


@admin.register(BookEntry)
class BookEntryAdmin(ReadOnly, admin.ModelAdmin[BookEntry]):
    list_display = ["booked_on", "gateway", "kind", "amount", "fee_minor_units", "reference"]
    list_filter = ["kind", "gateway"]
    search_fields = ["=entry_id", "=gateway_id", "=cause_id", "=reference", "=payout_id"]
    date_hierarchy = "booked_on"


@admin.register(BookDay)
class BookDayAdmin(ReadOnly, admin.ModelAdmin[BookDay]):
    list_display = ["day", "gateway", "is_complete", "compared_at", "last_error"]
    list_filter = ["is_complete", "gateway"]
    actions = ["fetch_again"]

    def has_fetch_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("payments.fetch_books")

    @admin.action(description="Fetch and compare again", permissions=["fetch"])
    def fetch_again(self, request: HttpRequest, chosen: QuerySet[BookDay]) -> None:
        """Fetch the chosen days of gateways that list their books."""
        for day in chosen:
            if fetching.fetch_again(day):
                self.log_change(request, day, "Fetched again.")

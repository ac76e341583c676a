"""Mandates at the desk: what customers agreed to. Staff can end a mandate."""

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.admin import SearchByIdentifier
from moportal.web.desk import ReadOnly
from payments.domain import mandates
from payments.domain.reasons import LONGEST_REASON
from payments.models import Mandate
from payments.states import MandateEnd

TITLE = "End (nothing more is charged under it)"


class NoteForm(forms.Form):
    """Why staff end a mandate. Its page shows the reason."""

    because = forms.CharField(label="Reason", max_length=LONGEST_REASON)


@admin.register(Mandate)
class MandateAdmin(SearchByIdentifier, ReadOnly, admin.ModelAdmin[Mandate]):
    list_display = ["purpose", "method", "customer", "agreed_at", "ended_at", "end_reason"]
    list_filter = [("ended_at", admin.EmptyFieldListFilter), "end_reason", "method__gateway"]
    list_select_related = ["method__account"]
    search_fields = ["=purpose", "=transaction_id", "=method__account__username"]
    readonly_fields = ["customer", "limit"]
    exclude = ["highest_minor_units", "currency"]
    actions = ["end"]

    def has_end_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("payments.end_mandate")

    @admin.display(description="Customer", ordering="method__account__username")
    def customer(self, mandate: Mandate) -> str:
        return str(mandate.account)

    @admin.display(description="Highest charge")
    def limit(self, mandate: Mandate) -> str:
        return str(mandate.limit or "No limit was agreed")

    @admin.action(description=TITLE, permissions=["end"])
    def end(self, request: HttpRequest, chosen: QuerySet[Mandate]) -> HttpResponse | None:
        """End the chosen mandates, after a page that asks for the reason."""
        live = list(chosen.filter(ended_at=None).select_related("method__account"))
        if not live:
            self.message_user(request, "These mandates have ended already.", messages.WARNING)
            return None
        form = NoteForm(request.POST if "because" in request.POST else None)
        if not form.is_valid():
            page = {"title": TITLE, "mandates": live, "form": form}
            context = {**self.admin_site.each_context(request), **page}
            return render(request, "admin/payments/end_mandates.html", context)
        because = form.cleaned_data["because"]
        for mandate in live:
            mandates.end(mandate, reason=MandateEnd.STAFF, note=because)
            self.log_change(request, mandate, f"Ended by staff: {because}")
        self.message_user(request, "Nothing more is charged under these mandates.")
        return None

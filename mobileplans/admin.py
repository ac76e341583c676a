"""Visits and handoffs, to read."""

from django.contrib import admin
from django.http import HttpRequest

from mobileplans.models import Handoff, Visit
from moportal.logging import masked_code


class HandoffInline(admin.TabularInline[Handoff, Visit]):
    model = Handoff
    extra = 0
    can_delete = False
    readonly_fields = ["created_at", "mo_direct_status", "reference", "sent", "reported"]
    fields = (*readonly_fields,)

    @admin.display(description="What was sent")
    def sent(self, handoff: Handoff) -> str:
        """Show the string as the host got it, the matching id cut to its last four."""
        return masked_code(handoff.outcome.payload(handoff.visit.transaction_id))

    @admin.display(description="What the app told afterwards")
    def reported(self, handoff: Handoff) -> str:
        return ", ".join(str(report) for report in handoff.reports.all())

    def has_add_permission(self, _request: HttpRequest, _obj: object = None) -> bool:
        return False


@admin.register(Visit)
class VisitAdmin(admin.ModelAdmin[Visit]):
    list_display = [
        "transaction_id",
        "account",
        "market",
        "location",
        "step",
        "refused_as",
        "launched_at",
    ]
    list_filter = ["market", "refused_as", "step"]
    list_select_related = ["account"]
    search_fields = ["=transaction_id", "=eid", "=iccid", "=handoffs__iccid"]
    inlines = [HandoffInline]

    def has_add_permission(self, _request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: Visit | None = None) -> bool:
        return False

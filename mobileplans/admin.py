"""Visits and handoffs, read-only."""

from django.contrib import admin

from mobileplans.domain.handoffs import stored_outcome
from mobileplans.models import Handoff, Visit
from moportal.logs.configuration import mask_matching_ids
from moportal.web.desk import ReadOnly, ReadOnlyInline


class HandoffInline(ReadOnlyInline, admin.TabularInline[Handoff, Visit]):
    model = Handoff
    readonly_fields = ["created_at", "mo_direct_status", "reference", "sent", "reported"]
    fields = (*readonly_fields,)

    @admin.display(description="Sent to the host")
    def sent(self, handoff: Handoff) -> str:
        """Show the payload that the host got. The matching id is masked."""
        return mask_matching_ids(stored_outcome(handoff).payload(handoff.visit.transaction_id))

    @admin.display(description="Later reports from the app")
    def reported(self, handoff: Handoff) -> str:
        return ", ".join(str(report) for report in handoff.reports.all())


@admin.register(Visit)
class VisitAdmin(ReadOnly, admin.ModelAdmin[Visit]):
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

"""Visits and handoffs, read-only."""

import structlog
from django.contrib import admin

from mobileplans.domain.handoffs import stored_outcome
from mobileplans.models import Handoff, Visit
from moportal.logs.configuration import mask_matching_ids
from moportal.sealed import SealKeyMissing
from moportal.web.desk import ReadOnly, ReadOnlyInline

log = structlog.get_logger(__name__)


class HandoffInline(ReadOnlyInline, admin.TabularInline[Handoff, Visit]):
    model = Handoff
    readonly_fields = ["created_at", "mo_direct_status", "reference", "sent", "reported"]
    fields = (*readonly_fields,)

    @admin.display(description="Sent to the host")
    def sent(self, handoff: Handoff) -> str:
        """Show the payload that the host got. The matching id is masked."""
        try:
            outcome = stored_outcome(handoff)
        except SealKeyMissing:
            log.exception("a seal key is missing: staff must act", handoff=handoff.pk)
            return "The seal key of this text is missing (SEAL_KEYS)."
        return mask_matching_ids(outcome.payload(handoff.visit.transaction_id))

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

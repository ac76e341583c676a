"""The queue of failed downloads in the admin."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.timesince import timesince

from accounts.admin import SearchByIdentifier
from mobileplans.domain.lpa_table import TABLE
from mobileplans.models import LpaReport
from orders.queries.orders import any_order_of_iccid
from orders.queries.reports import with_proof


class ProofFilter(admin.SimpleListFilter):
    """Reports from the SM-DP+ or the order's customer, and those of anybody else."""

    title = "proof"
    parameter_name = "proven"

    def lookups(
        self, _request: HttpRequest, _model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, str]]:
        return [("1", "From the customer or the SM-DP+"), ("0", "Unproven")]

    def queryset(self, _request: HttpRequest, reports: QuerySet[Any]) -> QuerySet[Any]:
        wanted = self.value()
        return reports.filter(is_proven=wanted == "1") if wanted else reports


@admin.register(LpaReport)
class LpaReportAdmin(SearchByIdentifier, admin.ModelAdmin[LpaReport]):
    """LPA errors. They are registered in this room because each row shows its order."""

    list_display = [
        "code",
        "iccid",
        "order",
        "is_proven",
        "age",
        "state",
        "asks_for_help",
        "note",
    ]
    list_filter = [
        ProofFilter,
        "state",
        ("asked_for_help_at", admin.EmptyFieldListFilter),
        "code",
        "source",
    ]
    list_editable = ["state"]
    search_fields = ["=iccid", "=visit__transaction_id", "=visit__account__username", "note"]
    readonly_fields = [
        "visit",
        "source",
        "code",
        "code_as_sent",
        "meaning",
        "what_to_look_at",
        "at",
        "at_as_sent",
        "iccid",
        "order",
        "is_proven",
        "decides",
        "asked_for_help_at",
        "received_at",
    ]
    fields = [*readonly_fields, "state", "note"]
    actions = ["take_in_hand", "resolve"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[LpaReport]:
        return with_proof(super().get_queryset(request).select_related("visit"))

    @admin.display(description="Age", ordering="received_at")
    def age(self, report: LpaReport) -> str:
        return timesince(report.received_at, depth=1)

    @admin.display(description="Order")
    def order(self, report: LpaReport) -> str:
        """Link to the order of this ICCID, even if another customer reported the error."""
        found = any_order_of_iccid(report.iccid)
        if found is None:
            return ""
        address = reverse("admin:orders_order_change", args=[found.pk])
        return format_html('<a href="{}">{}</a>', address, found.display_number)

    @admin.display(description="Proven", boolean=True)
    def is_proven(self, report: Any) -> bool:
        """Return whether the SM-DP+ or the order's customer reported it, and not a stranger."""
        is_proven: bool = report.is_proven
        return is_proven

    @admin.display(description="Asked for help", boolean=True)
    def asks_for_help(self, report: LpaReport) -> bool:
        return report.asked_for_help_at is not None

    @admin.display(description="Meaning")
    def meaning(self, report: LpaReport) -> str:
        return str(TABLE[report.lpa_code].meaning)

    @admin.display(description="What to check")
    def what_to_look_at(self, report: LpaReport) -> str:
        return str(TABLE[report.lpa_code].staff_advice)

    @admin.action(description="Start working on the selected LPA errors", permissions=["change"])
    def take_in_hand(self, _request: HttpRequest, chosen: QuerySet[LpaReport]) -> None:
        chosen.update(state=LpaReport.State.IN_PROGRESS)

    @admin.action(description="Mark the selected LPA errors as resolved", permissions=["change"])
    def resolve(self, _request: HttpRequest, chosen: QuerySet[LpaReport]) -> None:
        chosen.update(state=LpaReport.State.RESOLVED)

    def has_add_permission(self, _request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: LpaReport | None = None) -> bool:
        return False

"""Fraud warnings and stopped devices at the desk."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.models import User
from moportal.actions import ReasonForm
from moportal.web.desk import ReadOnly
from payments.domain import stop_list
from payments.models import FraudWarning, StoppedDevice


@admin.register(FraudWarning)
class FraudWarningAdmin(ReadOnly, admin.ModelAdmin[FraudWarning]):
    list_display = ["payment", "reason", "gateway", "received_at"]
    list_select_related = ["payment"]
    search_fields = ["=payment__reference", "=gateway_id"]


@admin.register(StoppedDevice)
class StoppedDeviceAdmin(ReadOnly, admin.ModelAdmin[StoppedDevice]):
    list_display = ["__str__", "payment", "stopped_at", "ends_at", "lifted_at", "lifted_because"]
    list_filter = ["kind", ("lifted_at", admin.EmptyFieldListFilter)]
    list_select_related = ["payment"]
    search_fields = ["=payment__reference"]
    search_help_text = "The whole EID or IMEI, or the payment's reference."
    actions = ["lift"]

    def has_lift_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("payments.lift_stop")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[StoppedDevice], search_term: str
    ) -> tuple[QuerySet[StoppedDevice], bool]:
        """Also find a device by its number, which is kept as a digest."""
        found, may_have_duplicates = super().get_search_results(request, queryset, search_term)
        by_number = stop_list.find_stops(search_term.replace(" ", ""))
        return found | queryset.filter(pk__in=by_number), may_have_duplicates

    @admin.action(description="Let these devices buy again", permissions=["lift"])
    def lift(self, request: HttpRequest, chosen: QuerySet[StoppedDevice]) -> HttpResponse | None:
        """Take devices off the list, after a page that asks for a reason."""
        form = ReasonForm(request.POST if "because" in request.POST else None)
        if not form.is_valid():
            context: dict[str, Any] = {
                **self.admin_site.each_context(request),
                "title": "Let these devices buy again",
                "chosen": chosen,
                "form": form,
            }
            return render(request, "admin/payments/lift_stop.html", context)
        assert isinstance(request.user, User)  # noqa: S101 -- the admin lets in no other
        for row in chosen:
            because = form.cleaned_data["because"]
            if stop_list.lift(row, because=because, actor=request.user):
                self.message_user(request, f"{row}: can buy again.")
        return None

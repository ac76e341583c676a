"""The orders, repairs, returns and LPA errors in the admin. Each is found by any of its numbers."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.timesince import timesince

from accounts.admin import SearchByIdentifier
from accounts.models import User
from mobileplans.domain.lpa_table import TABLE
from mobileplans.models import LpaReport
from moportal.desk import ReadOnly
from orders.domain import repairing, returning, settling
from orders.models import Order, Repair, Return
from orders.queries.orders import any_order_of_iccid, needing_staff
from orders.queries.timeline import timeline

# What staff read when an action is not possible.
NOT_POSSIBLE: dict[type[Exception], str] = {
    settling.IllegalTransition: "This order is not waiting for staff.",
    returning.NothingToReturn: (
        "This order is not complete, is already refunded, or its eSIM is being repaired."
    ),
    repairing.NothingToRepair: "This order has no eSIM that can be replaced.",
}


def _staff(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101 -- the desk is behind its own sign-in
    return request.user


class ReasonForm(forms.Form):
    """The reason for an action that cannot be undone. The order's timeline shows it."""

    because = forms.CharField(label="Reason", max_length=200)


class NeedsStaff(admin.SimpleListFilter):
    """Orders that cannot finish without staff."""

    title = "needs staff"
    parameter_name = "staff"

    def lookups(
        self, _request: HttpRequest, _model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, str]]:
        return [("1", "Yes")]

    def queryset(self, _request: HttpRequest, orders: QuerySet[Order]) -> QuerySet[Order]:
        return needing_staff(orders) if self.value() else orders


class ReturnFilter(admin.ChoicesFieldListFilter):
    """Orders by the state of their return. Its own title sets it apart from the order's state."""

    def __init__(self, *said: Any, **more: Any) -> None:
        super().__init__(*said, **more)
        self.title = "return"


@admin.register(Order)
class OrderAdmin(SearchByIdentifier, ReadOnly, admin.ModelAdmin[Order]):
    list_display = [
        "readable_number",
        "state",
        "plan_name",
        "account",
        "last_error",
        "failure",
        "created_at",
    ]
    list_filter = [NeedsStaff, "state", "failure", ("taken_back__state", ReturnFilter), "plan"]
    list_select_related = ["account"]
    search_fields = [
        "=number",
        "=eid",
        "=profile__sim__iccid",
        "=sim__iccid",
        "=visit__transaction_id",
        "=account__username",
    ]
    readonly_fields = ["readable_number", "total", "receipt", "timeline"]
    fieldsets = [
        (
            None,
            {"fields": ["readable_number", "state", "last_error", "failure", "plan_name", "total"]},
        ),
        ("Customer and device", {"fields": ["account", "eid", "profile", "sim", "subscription"]}),
        ("Payment", {"fields": ["payment", "receipt"]}),
        ("History", {"fields": ["timeline"]}),
        (
            "Details",
            {
                "classes": ["collapse"],
                "fields": [
                    "visit",
                    "plan",
                    "line_is_new",
                    "language",
                    "terms_version",
                    "tries",
                    "created_at",
                    "cancel_requested_at",
                    "charge_decided_at",
                    "completed_at",
                    "handed_over_at",
                    "undone_at",
                ],
            },
        ),
    ]
    actions = ["resume", "give_up", "take_back", "issue_new_esim"]

    def has_retry_permission(self, request: HttpRequest) -> bool:
        return _staff(request).has_perm("orders.retry_order")

    def has_refund_permission(self, request: HttpRequest) -> bool:
        return _staff(request).has_perm("orders.refund_order")

    def has_reissue_permission(self, request: HttpRequest) -> bool:
        return _staff(request).has_perm("orders.reissue_esim")

    @admin.action(description="Retry (orders waiting for staff)", permissions=["retry"])
    def resume(self, request: HttpRequest, chosen: QuerySet[Order]) -> None:
        """Continue orders that are held."""
        for order in chosen:
            with self._report_result(request, order, "The order is being retried."):
                settling.resume(order, actor=_staff(request))

    @admin.action(
        description="Give up and refund (orders waiting for staff)",
        permissions=["refund"],
    )
    def give_up(self, request: HttpRequest, chosen: QuerySet[Order]) -> HttpResponse | None:
        """End orders that are held, after a confirmation page."""

        def act(order: Order, because: str) -> None:
            settling.give_up(order, actor=_staff(request), because=because)

        return self._confirm_and_run(
            request, chosen, "give_up", act, "The order is being refunded."
        )

    @admin.action(
        description="Refund (ends the plan and cancels an eSIM that is not installed)",
        permissions=["refund"],
    )
    def take_back(self, request: HttpRequest, chosen: QuerySet[Order]) -> HttpResponse | None:
        """Take completed orders back, after a confirmation page."""

        def act(order: Order, because: str) -> None:
            returning.request_return(order, actor=_staff(request), because=because)

        return self._confirm_and_run(
            request, chosen, "take_back", act, "The order is being refunded."
        )

    @admin.action(
        description="Issue a new eSIM (cancels the old one, free of charge)",
        permissions=["reissue"],
    )
    def issue_new_esim(self, request: HttpRequest, chosen: QuerySet[Order]) -> None:
        """Replace the eSIM of each order. The customer finds the new one in the account."""
        for order in chosen:
            with self._report_result(request, order, "A new eSIM is being issued."):
                repairing.reissue(order, actor=_staff(request), because="staff")

    def _confirm_and_run(
        self,
        request: HttpRequest,
        chosen: QuerySet[Order],
        action: str,
        act: Callable[[Order, str], None],
        done: str,
    ) -> HttpResponse | None:
        """Ask for confirmation and a reason. Run the action once a reason is given."""
        form = ReasonForm(request.POST if "because" in request.POST else None)
        if not form.is_valid():
            context = {
                **self.admin_site.each_context(request),
                "title": dict(self.get_action_choices(request))[action],
                "action": action,
                "chosen": chosen,
                "form": form,
            }
            return render(request, "admin/orders/confirm.html", context)
        for order in chosen:
            with self._report_result(request, order, done):
                act(order, form.cleaned_data["because"])
        return None

    @contextmanager
    def _report_result(self, request: HttpRequest, order: Order, done: str) -> Iterator[None]:
        """Show staff the result of an action on one order."""
        try:
            yield
        except tuple(NOT_POSSIBLE) as error:
            text = f"{order.display_number}: {NOT_POSSIBLE[type(error)]}"
            self.message_user(request, text, messages.WARNING)
        else:
            self.message_user(request, f"{order.display_number}: {done}")

    @admin.display(description="Number", ordering="number")
    def readable_number(self, order: Order) -> str:
        return order.display_number

    @admin.display(description="Total and included tax")
    def total(self, order: Order) -> str:
        return f"{order.price.gross}, {order.price.tax}"

    @admin.display(description="Receipt")
    def receipt(self, order: Order) -> str:
        return str(getattr(order.payment, "receipt", ""))

    @admin.display(description="Timeline (UTC)")
    def timeline(self, order: Order) -> str:
        """Show what happened in each system involved, oldest first."""
        rows = ((f"{at:%Y-%m-%d %H:%M:%S}", where, what) for at, where, what in timeline(order))
        lines = format_html_join("", "<tr><td>{}</td><th>{}</th><td>{}</td></tr>", rows)
        return format_html("<table>{}</table>", lines)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Order], search_term: str
    ) -> tuple[QuerySet[Order], bool]:
        """Also find an order by its displayed number, which has a hyphen."""
        if re.fullmatch(r"[0-9A-Za-z]{5}-[0-9A-Za-z]{5}", search_term):
            search_term = search_term.replace("-", "")
        return super().get_search_results(request, queryset, search_term)


@admin.register(Repair)
class RepairAdmin(ReadOnly, admin.ModelAdmin[Repair]):
    list_display = ["order", "kind", "state", "because", "asked_by", "asked_at", "last_error"]
    list_filter = ["kind", "state"]
    list_select_related = ["order", "asked_by"]
    search_fields = ["=order__number", "=old_profile__sim__iccid", "=new_profile__sim__iccid"]


@admin.register(Return)
class ReturnAdmin(ReadOnly, admin.ModelAdmin[Return]):
    list_display = ["order", "state", "because", "asked_by", "asked_at", "ended_at", "last_error"]
    list_filter = ["state"]
    list_select_related = ["order", "asked_by"]
    search_fields = ["=order__number"]


@admin.register(LpaReport)
class LpaReportAdmin(SearchByIdentifier, admin.ModelAdmin[LpaReport]):
    """The queue of failed downloads. It is registered here because each row shows its order."""

    list_display = [
        "code",
        "iccid",
        "order",
        "age",
        "state",
        "asks_for_help",
        "note",
    ]
    list_filter = ["state", ("asked_for_help_at", admin.EmptyFieldListFilter), "code", "source"]
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
        "decides",
        "asked_for_help_at",
        "received_at",
    ]
    fields = [*readonly_fields, "state", "note"]
    actions = ["take_in_hand", "resolve"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[LpaReport]:
        return super().get_queryset(request).select_related("visit")

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

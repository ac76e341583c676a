"""Orders in the admin. Each is found by any of its numbers."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import format_html, format_html_join

from accounts.admin import SearchByIdentifier
from accounts.models import User
from moportal.actions import ReasonForm
from moportal.timeline import Entry
from moportal.web.desk import NeedsStaffFilter, ReadOnly
from orders.actions import (
    GIVE_UP,
    NOT_REPAIRED,
    NOT_RETURNED,
    NOT_WAITING,
    REISSUE,
    RETRY,
    TAKE_BACK,
)
from orders.domain import by_staff, repairing, returning
from orders.models import Order
from orders.queries.orders import needing_staff
from orders.queries.timeline import timeline, unproven_reports

# What staff read when an action is not possible.
NOT_POSSIBLE = {**NOT_WAITING, **NOT_RETURNED, **NOT_REPAIRED}


def staff_of(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101 -- the desk is behind its own sign-in
    return request.user


def _table(entries: list[Entry]) -> str:
    rows = ((f"{entry.at:%Y-%m-%d %H:%M:%S}", entry.where, entry.what) for entry in entries)
    lines = format_html_join("", "<tr><td>{}</td><th>{}</th><td>{}</td></tr>", rows)
    return format_html("<table>{}</table>", lines)


class NeedsStaff(NeedsStaffFilter):
    """Orders that cannot finish without staff."""

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
    readonly_fields = ["readable_number", "total", "receipt", "timeline", "unproven_reports"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "readable_number",
                    "kind",
                    "state",
                    "last_error",
                    "failure",
                    "plan_name",
                    "total",
                ]
            },
        ),
        (
            "Customer and device",
            {"fields": ["account", "eid", "profile", "sim", "subscription", "running_plan"]},
        ),
        ("Payment", {"fields": ["payment", "receipt"]}),
        ("History", {"fields": ["timeline"]}),
        ("Reports that may be a stranger's", {"fields": ["unproven_reports"]}),
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
                    "renews",
                    "consent_text",
                    "consented_at",
                    "start_now_text",
                    "start_now_at",
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
        return RETRY.is_done_alone_by(staff_of(request))

    def has_refund_permission(self, request: HttpRequest) -> bool:
        actor = staff_of(request)
        return GIVE_UP.is_done_alone_by(actor) and TAKE_BACK.is_done_alone_by(actor)

    def has_reissue_permission(self, request: HttpRequest) -> bool:
        return REISSUE.is_done_alone_by(staff_of(request))

    @admin.action(description="Retry (orders waiting for staff)", permissions=["retry"])
    def resume(self, request: HttpRequest, chosen: QuerySet[Order]) -> None:
        """Continue orders that are held."""
        for order in chosen:
            with self._report_result(request, order, "The order is being retried."):
                by_staff.resume(order, actor=staff_of(request))

    @admin.action(
        description="Give up and refund (orders waiting for staff)",
        permissions=["refund"],
    )
    def give_up(self, request: HttpRequest, chosen: QuerySet[Order]) -> HttpResponse | None:
        """End orders that are held, after a confirmation page."""

        def act(order: Order, because: str) -> None:
            by_staff.give_up(order, actor=staff_of(request), because=because)

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
            returning.request_return(order, actor=staff_of(request), because=because)

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
                repairing.reissue(order, actor=staff_of(request), because="staff")

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
        return _table(timeline(order))

    @admin.display(description="LPA errors (UTC)")
    def unproven_reports(self, order: Order) -> str:
        """Show the reports about the order's ICCID that did not come from its customer."""
        return _table(unproven_reports(order))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Order], search_term: str
    ) -> tuple[QuerySet[Order], bool]:
        """Also find an order by its displayed number, which has a hyphen."""
        if re.fullmatch(r"[0-9A-Za-z]{5}-[0-9A-Za-z]{5}", search_term):
            search_term = search_term.replace("-", "")
        return super().get_search_results(request, queryset, search_term)

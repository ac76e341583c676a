"""Lines, subscriptions and usage."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from accounts.admin import SearchByIdentifier
from accounts.models import User
from moportal.web.desk import ReadOnly, ReadOnlyInline
from subscriptions.actions import RESUME
from subscriptions.domain import claims, parking
from subscriptions.models import (
    Attempt,
    Bucket,
    ChargingCall,
    CustomerCall,
    Line,
    LineLink,
    LiveSim,
    NetworkCall,
    OperatorLine,
    Period,
    PlanChange,
    PlanMove,
    SimOnLine,
    Subscription,
    Takeover,
    UsagePull,
    UsageRecord,
    WayOut,
    WayOutCall,
)


class SimInline(admin.TabularInline[SimOnLine, Line]):
    model = SimOnLine
    extra = 0
    autocomplete_fields = ["sim"]

    def formfield_for_choice_field(
        self, db_field: Any, request: HttpRequest, **options: Any
    ) -> Any:
        """Propose that a SIM which staff put on a line belongs to this customer only."""
        field = super().formfield_for_choice_field(db_field, request, **options)
        if field is not None and db_field.name == "proof":
            field.initial = SimOnLine.Proof.STAFF
        return field


class BucketInline(ReadOnlyInline, admin.TabularInline[Bucket, Period]):
    model = Bucket
    readonly_fields = ["kind", "total_bytes", "used_bytes", "countries"]
    fields = (*readonly_fields,)


class AttemptInline(ReadOnlyInline, admin.TabularInline[Attempt, Period]):
    model = Attempt
    readonly_fields = ["payment", "is_live", "created_at"]
    fields = (*readonly_fields,)


class PeriodInline(ReadOnlyInline, admin.TabularInline[Period, Subscription]):
    model = Period
    show_change_link = True
    readonly_fields = [
        *("number", "state", "starts_at", "ends_at", "usable_until", "given_back", "price"),
    ]
    fields = (*readonly_fields,)

    @admin.display(description="Price")
    def price(self, period: Period) -> str:
        return str(period.price.gross) if period.currency else ""


class PlanChangeInline(ReadOnlyInline, admin.TabularInline[PlanChange, Subscription]):
    model = PlanChange
    fk_name = "subscription"
    verbose_name_plural = "plans chosen for the next month"
    readonly_fields = [*("plan_name", "price", "after_number", "state", "chosen_at", "settled_at")]
    fields = (*readonly_fields,)

    @admin.display(description="Price")
    def price(self, change: PlanChange) -> str:
        return str(change.price.gross)


class WayOutCallInline(ReadOnlyInline, admin.TabularInline[WayOutCall, WayOut]):
    model = WayOutCall
    readonly_fields = ["operation", "outcome", "sent_at", "answered_at", "detail"]
    fields = (*readonly_fields,)


class LiveSimInline(ReadOnlyInline, admin.TabularInline[LiveSim, Subscription]):
    model = LiveSim
    readonly_fields = ["sim", "since", "until"]
    fields = (*readonly_fields,)


class PlanMoveInline(ReadOnlyInline, admin.TabularInline[PlanMove, Subscription]):
    model = PlanMove
    readonly_fields = ["reference", "state", "old", "new", "begun_at", "retires_at", "ended_at"]
    fields = (*readonly_fields,)


class NetworkCallInline(ReadOnlyInline, admin.TabularInline[NetworkCall, Subscription]):
    model = NetworkCall
    readonly_fields = ["operation", "iccid", "outcome", "sent_at", "answered_at", "detail"]
    fields = (*readonly_fields,)


@admin.register(Line)
class LineAdmin(SearchByIdentifier, admin.ModelAdmin[Line]):
    list_display = ["pk", "account", "msisdn", "created_at"]
    list_select_related = ["account"]
    search_fields = ["=account__username", "=msisdn", "=sims__sim__iccid"]
    autocomplete_fields = ["account"]
    inlines = [SimInline]
    # Staff do not see the name that the customer has given the line.
    exclude = ["name"]
    readonly_fields = ["usage_records"]

    @admin.display(description="Usage")
    def usage_records(self, line: Line) -> str:
        # A link to their own list, because a line may have thousands.
        listed = reverse("admin:subscriptions_usagerecord_changelist")
        return format_html(
            '<a href="{}?line__id__exact={}">{}</a>', listed, line.pk, "Usage records"
        )


@admin.register(Subscription)
class SubscriptionAdmin(admin.ModelAdmin[Subscription]):
    list_display = ["reference", "plan_name", "master", "state", "parked_because", "last_error"]
    list_filter = ["state", "parked_because", "master"]
    search_fields = ["=reference", "=line__sims__sim__iccid"]
    readonly_fields = [
        *("master", "state", "reference", "live_sims", "ended_at", "mandate"),
        *("anchored_at", "anchor_number", "decided_number", "last_number", "cancelled_at"),
        *("changing", "parked_because", "due_at", "tries", "last_error"),
        *("served_until", "served_plan", "is_suspended", "lost_time"),
    ]
    autocomplete_fields = ["line"]
    inlines = [PeriodInline, PlanChangeInline, LiveSimInline, PlanMoveInline, NetworkCallInline]
    actions = ["resume"]

    def has_resume_permission(self, request: HttpRequest) -> bool:
        return RESUME.is_done_alone_by(request.user)

    @admin.action(description="Resume (after the fault is repaired)", permissions=["resume"])
    def resume(self, request: HttpRequest, chosen: QuerySet[Subscription]) -> None:
        """Let parked plans be charged again."""
        assert isinstance(request.user, User)  # noqa: S101 -- the desk is behind its own sign-in
        for subscription in chosen:
            try:
                parking.resume(subscription, actor=request.user)
            except parking.NotParked:
                text = f"{subscription}: not parked, or the bank has not decided its dispute yet."
                self.message_user(request, text, messages.WARNING)
            else:
                self.message_user(request, f"Resumed: {subscription}")


@admin.register(Period)
class PeriodAdmin(ReadOnly, admin.ModelAdmin[Period]):
    """The parts of a subscription's time, with their data and their charges."""

    list_display = ["subscription", "number", "state", "starts_at", "ends_at", "usable_until"]
    list_filter = ["state"]
    list_select_related = ["subscription"]
    search_fields = ["=subscription__reference", "=line__sims__sim__iccid"]
    inlines = [BucketInline, AttemptInline]


@admin.register(Takeover)
class TakeoverAdmin(SearchByIdentifier, ReadOnly, admin.ModelAdmin[Takeover]):
    """SIMs that went to the customer who proved them. Staff decide about the other's refund."""

    list_display = (
        *("sim", "before", "after", "orders"),
        *("taken_at", "ended_at", "decided_at"),
    )
    list_filter = [("decided_at", admin.EmptyFieldListFilter)]
    list_select_related = ["old__sim", "old__line__account", "new__line__account"]
    search_fields = ["=old__sim__iccid", "=old__line__account__username"]
    readonly_fields = ["sim", "before", "after", "orders"]
    fields = (*list_display, "tries", "last_error")
    actions = ["decide"]

    @admin.display(description="SIM")
    def sim(self, takeover: Takeover) -> str:
        return takeover.old.sim.iccid

    @admin.display(description="Customer before")
    def before(self, takeover: Takeover) -> str:
        return str(takeover.old.line.account)

    @admin.display(description="Customer now")
    def after(self, takeover: Takeover) -> str:
        return str(takeover.new.line.account)

    @admin.display(description="Orders before")
    def orders(self, takeover: Takeover) -> str:
        """Return the numbers of the orders whose refund is to be decided."""
        return ", ".join(takeover.old.line.subscriptions.values_list("reference", flat=True))

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("subscriptions.decide_takeover")

    @admin.action(
        description="Mark as decided (refund orders on their own page)", permissions=["decide"]
    )
    def decide(self, request: HttpRequest, chosen: QuerySet[Takeover]) -> None:
        """Record that the first customer's refund is decided."""
        assert isinstance(request.user, User)  # noqa: S101 -- the desk is behind its own sign-in
        for takeover in chosen:
            claims.decide(takeover, actor=request.user)
            self.message_user(request, f"Decided: {takeover}")


@admin.register(UsageRecord)
class UsageRecordAdmin(ReadOnly, admin.ModelAdmin[UsageRecord]):
    list_display = [
        "used_at",
        "iccid",
        "country",
        "bytes",
        "uncovered_bytes",
        "source",
        "record_id",
    ]
    list_filter = [("line", admin.EmptyFieldListFilter)]
    search_fields = ["=iccid", "=record_id"]
    ordering = ["-used_at", "-pk"]
    show_full_result_count = False


@admin.register(UsagePull)
class UsagePullAdmin(ReadOnly, admin.ModelAdmin[UsagePull]):
    list_display = ["source", "cursor", "refused", "tries", "last_error"]


@admin.register(ChargingCall)
class ChargingCallAdmin(ReadOnly, admin.ModelAdmin[ChargingCall]):
    list_display = ["sent_at", "pull", "after", "outcome", "answered_at", "detail"]
    list_filter = ["outcome"]
    list_select_related = ["pull"]
    ordering = ["-pk"]
    show_full_result_count = False


@admin.register(OperatorLine)
class OperatorLineAdmin(SearchByIdentifier, ReadOnly, admin.ModelAdmin[OperatorLine]):
    """Lines of the customer system that customers have linked."""

    list_display = [
        "reference",
        "line",
        "is_locked",
        "is_holder_identified",
        "balances_at",
        "tries",
        "last_error",
    ]
    list_filter = ["is_locked", "is_holder_identified"]
    list_select_related = ["line"]
    search_fields = ["=reference", "=line__msisdn", "=line__account__username"]


@admin.register(LineLink)
class LineLinkAdmin(SearchByIdentifier, ReadOnly, admin.ModelAdmin[LineLink]):
    """Requests to link a line. The code from the bill is never shown."""

    list_display = ["created_at", "account", "number", "state", "refusal", "tries", "last_error"]
    list_filter = ["state", "refusal"]
    list_select_related = ["account"]
    search_fields = ["=number", "=account__username"]
    exclude = ["bill_code"]
    ordering = ["-pk"]


@admin.register(CustomerCall)
class CustomerCallAdmin(ReadOnly, admin.ModelAdmin[CustomerCall]):
    list_display = ["sent_at", "operation", "line", "link", "outcome", "answered_at", "detail"]
    list_filter = ["operation", "outcome"]
    list_select_related = ["line", "link"]
    ordering = ["-pk"]
    show_full_result_count = False


@admin.register(WayOut)
class WayOutAdmin(ReadOnly, admin.ModelAdmin[WayOut]):
    """Ways out of the walled garden: for which order or card page, how they ended, and why not."""

    list_display = (
        *("created_at", "sim", "reference", "state", "refusal"),
        *("ends_at", "closed_at", "last_error"),
    )
    list_filter = ["state", "refusal"]
    list_select_related = ["sim"]
    search_fields = ["=reference", "=sim__iccid"]
    inlines = [WayOutCallInline]
    show_full_result_count = False

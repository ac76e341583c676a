"""New prices at the desk: staff announce and withdraw them, and see who was told."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.timezone import now

from accounts.models import User
from moportal.money import Money
from moportal.web.desk import ReadOnly
from plans.models import Category, PlanPrice
from subscriptions.domain import price_changes
from subscriptions.models import PriceChange, PriceNotice


class PriceChangeForm(forms.ModelForm[PriceChange]):
    """What staff announce: a plan, a market, the new price, and its first day."""

    class Meta:
        model = PriceChange
        fields = ("plan", "market", "minor_units", "currency", "starts_on")

    def clean(self) -> dict[str, Any]:
        """Refuse a price that no running plan could have."""
        cleaned = super().clean() or {}
        plan, market = cleaned.get("plan"), cleaned.get("market")
        if plan and plan.category != Category.RECURRING:
            self.add_error("plan", ValidationError("This plan doesn't renew."))
        sold = PlanPrice.objects.filter(plan=plan, market=market).first()
        if plan and market and sold is None:
            self.add_error("market", ValidationError("The plan has no price in this market."))
        elif sold and sold.currency != cleaned.get("currency"):
            text = f"The plan's currency in this market is {sold.currency}."
            self.add_error("currency", ValidationError(text))
        starts_on = cleaned.get("starts_on")
        if starts_on and starts_on <= now().date():
            self.add_error("starts_on", ValidationError("The first day must be in the future."))
        return cleaned


@admin.register(PriceChange)
class PriceChangeAdmin(admin.ModelAdmin[PriceChange]):
    """Announce a new price. It is never changed, only withdrawn before its first day."""

    form = PriceChangeForm
    list_display = (
        *("plan", "market", "price", "starts_on", "announced_at", "told_at", "withdrawn_at"),
        "not_reached",
    )
    list_filter = ["market"]
    list_select_related = ["plan"]
    actions = ["withdraw"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("subscriptions.announce_price")

    def has_change_permission(self, _request: HttpRequest, _obj: object = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: object = None) -> bool:
        return False

    def has_withdraw_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("subscriptions.announce_price")

    def get_queryset(self, request: HttpRequest) -> QuerySet[PriceChange]:
        """Count the notices that have reached nobody yet."""
        not_reached = Count("notices", filter=Q(notices__reached_at=None))
        return super().get_queryset(request).annotate(not_reached_count=not_reached)

    @admin.display(description="Not reached")
    def not_reached(self, change: Any) -> str:
        """Link to the customers who keep the old price because no notice has reached them."""
        listed = reverse("admin:subscriptions_pricenotice_changelist")
        address = f"{listed}?change__id__exact={change.pk}&reached_at__isempty=1"
        return format_html('<a href="{}">{}</a>', address, change.not_reached_count)

    def save_model(self, request: HttpRequest, obj: PriceChange, _form: Any, _change: Any) -> None:
        """Announce the price. A worker tells the customers."""
        assert isinstance(request.user, User)  # noqa: S101 -- the desk is behind its own sign-in
        announced = price_changes.announce(
            obj.plan,
            market=obj.market,
            price=Money(obj.minor_units, obj.currency),
            starts_on=obj.starts_on,
            actor=request.user,
        )
        # The admin logs the row, and shows it.
        obj.pk = announced.pk
        obj.refresh_from_db()

    @admin.action(description="Withdraw before the first day", permissions=["withdraw"])
    def withdraw(self, request: HttpRequest, chosen: QuerySet[PriceChange]) -> None:
        """Let the old prices stay."""
        assert isinstance(request.user, User)  # noqa: S101 -- the desk is behind its own sign-in
        for change in chosen:
            try:
                price_changes.withdraw(change, actor=request.user)
            except price_changes.NotAnnounced:
                text = f"{change}: it is withdrawn already, or its first day has come."
                self.message_user(request, text, messages.WARNING)
            else:
                self.log_change(request, change, "Withdrawn.")
                self.message_user(request, f"Withdrawn: {change}")


@admin.register(PriceNotice)
class PriceNoticeAdmin(ReadOnly, admin.ModelAdmin[PriceNotice]):
    """The notices of new prices. A customer keeps the old price until a notice has come."""

    list_display = ["subscription", "account", "change", "old_price", "reached_at", "reached_by"]
    list_filter = [("reached_at", admin.EmptyFieldListFilter), "change"]
    list_select_related = ["subscription__line__account", "change__plan"]
    search_fields = ["=subscription__reference"]

    @admin.display(description="Customer")
    def account(self, notice: PriceNotice) -> str:
        return str(notice.subscription.line.account)

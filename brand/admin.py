"""The operator's own data, edited without a deploy (docs/policies.md#b1)."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.timezone import now

from brand import domain
from brand.colours import (
    DARK_GROUNDS,
    LIGHT_GROUNDS,
    Palette,
    contrast,
    dark_palette,
    light_palette,
)
from brand.forms import OperatorForm, TimedTextForm
from brand.models import LegalText, MarketRules, Notice, Operator, TimedText


@admin.register(Operator)
class OperatorAdmin(admin.ModelAdmin[Operator]):
    list_display = ["name", "support_phone", "support_email", "default_market"]
    form = OperatorForm
    exclude = ["logo", "logo_dark"]
    readonly_fields = ["logos", "contrast"]
    # A website that is typed without its scheme is taken as https.
    formfield_overrides: ClassVar = {models.URLField: {"assume_scheme": "https"}}

    @admin.display(description="Logos")
    def logos(self, operator: Operator) -> str:
        """Show the logo of a light page and that of a dark one."""
        pictures = (
            ("light", operator.logo_url),
            ("dark", operator.logo_dark_url or operator.logo_url),
        )
        return format_html_join(
            "",
            '<img class="desk-logo desk-logo-{}" src="{}" alt="On a {} page">',
            ((scheme, url, scheme) for scheme, url in pictures),
        )

    @admin.display(description="Contrast of the saved colours")
    def contrast(self, operator: Operator) -> str:
        """Show the ratios that the computed colours reach on the page."""
        return format_html_join(
            "",
            "<p>{}: text on buttons {}, links {}, lines {}</p>",
            (
                ("Light", *_ratios(light_palette(operator.accent), LIGHT_GROUNDS)),
                ("Dark", *_ratios(dark_palette(operator.accent_dark), DARK_GROUNDS)),
            ),
        )


def _ratios(palette: Palette, grounds: tuple[str, ...]) -> list[str]:
    """Return the least contrast ratio of text on the fill, of links and of lines."""
    on_page = [min(contrast(one, ground) for ground in grounds) for one in palette[2:]]
    return [f"{ratio:.1f}" for ratio in (contrast(palette.text, palette.fill), *on_page)]


@admin.register(LegalText)
class LegalTextAdmin(admin.ModelAdmin[LegalText]):
    list_display = ["title", "kind", "market", "language", "version"]
    list_filter = ["kind", "market", "language"]


@admin.register(MarketRules)
class MarketRulesAdmin(admin.ModelAdmin[MarketRules]):
    list_display = ["market", "withdrawal_days", "repayment", "offers_cancel_function"]


class TimedTextAdmin(admin.ModelAdmin[Any]):
    """What staff with the permission `right` show to customers for a time.

    What was shown is never deleted, only ended.
    """

    form = TimedTextForm
    right = ""
    actions = ["end_now"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(self.right)

    def has_change_permission(self, request: HttpRequest, _obj: object = None) -> bool:
        return request.user.has_perm(self.right)

    def has_delete_permission(self, request: HttpRequest, obj: TimedText | None = None) -> bool:
        """Allow it for a text that nobody has seen yet."""
        is_planned = obj is not None and obj.starts_at > now()
        return is_planned and request.user.has_perm(self.right)

    def has_end_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(self.right)

    @admin.display(description="State")
    def state(self, shown: TimedText) -> str:
        at = now()
        if shown.starts_at > at:
            return "Planned"
        return "Over" if shown.ends_at and shown.ends_at <= at else "Running"

    @admin.action(description="End now", permissions=["end"])
    def end_now(self, request: HttpRequest, chosen: QuerySet[Any]) -> None:
        """End those that run."""
        for shown in chosen:
            try:
                domain.end(shown)
            except domain.NotRunning:
                text = f"Not running, so nothing changed: {shown}"
                self.message_user(request, text, messages.WARNING)
            else:
                self.log_change(request, shown, "Ended.")
                self.message_user(request, f"Ended: {shown}")


@admin.register(Notice)
class NoticeAdmin(TimedTextAdmin):
    """Texts on every page of the portal. Each is shown from its start to its end."""

    right = "brand.post_notice"
    list_display = ["text", "tone", "state", "starts_at", "ends_at", "is_at_desk"]
    list_filter = ["tone"]
    fieldsets = (
        (None, {"fields": ("text", "tone", "is_at_desk", "starts_at", "ends_at")}),
        ("Other languages", {"fields": ("translations",), "classes": ("collapse",)}),
    )

"""The operator's own data, edited without a deploy (docs/policies.md#b1)."""

from django.contrib import admin

from brand.models import LegalText, Operator


@admin.register(Operator)
class OperatorAdmin(admin.ModelAdmin[Operator]):
    list_display = ["name", "support_phone", "support_email", "default_market"]


@admin.register(LegalText)
class LegalTextAdmin(admin.ModelAdmin[LegalText]):
    list_display = ["title", "kind", "market", "language", "version"]
    list_filter = ["kind", "market", "language"]

"""The operator's own data, edited without a deploy (docs/policies.md#b1)."""

from typing import ClassVar

from django.contrib import admin
from django.db import models

from brand.forms import OperatorForm
from brand.models import LegalText, MarketRules, Operator


@admin.register(Operator)
class OperatorAdmin(admin.ModelAdmin[Operator]):
    list_display = ["name", "support_phone", "support_email", "default_market"]
    form = OperatorForm
    # A website that is typed without its scheme is taken as https.
    formfield_overrides: ClassVar = {models.URLField: {"assume_scheme": "https"}}


@admin.register(LegalText)
class LegalTextAdmin(admin.ModelAdmin[LegalText]):
    list_display = ["title", "kind", "market", "language", "version"]
    list_filter = ["kind", "market", "language"]


@admin.register(MarketRules)
class MarketRulesAdmin(admin.ModelAdmin[MarketRules]):
    list_display = ["market", "withdrawal_days", "repayment", "offers_cancel_function"]

"""Who opened customers' pages and what they did there, for auditors."""

from django.contrib import admin

from moportal.web.desk import ReadOnly
from support.models import Opening, StaffAction


@admin.register(Opening)
class OpeningAdmin(ReadOnly, admin.ModelAdmin[Opening]):
    """Each time that one of the staff opened a customer's page, and why. Nobody changes one."""

    list_display = ["opened_at", "opened_by", "account", "passed_check", "reason"]
    list_filter = ["passed_check"]
    list_select_related = ["account", "opened_by"]
    search_fields = ["=account__username", "=opened_by__username"]
    show_full_result_count = False


@admin.register(StaffAction)
class StaffActionAdmin(ReadOnly, admin.ModelAdmin[StaffAction]):
    """What staff did for customers, with their reasons. Nobody changes a row."""

    list_display = ["asked_at", "asked_by", "action", "label", "state", "reason", "decided_by"]
    list_filter = ["state", "action"]
    list_select_related = ["asked_by", "decided_by"]
    search_fields = ["=account__username", "=asked_by__username", "=decided_by__username"]
    exclude = ["values"]
    show_full_result_count = False

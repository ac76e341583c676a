"""Who opened customers' pages and what they did there, for auditors."""

from django.contrib import admin

from moportal.web.desk import ReadOnly
from support.models import CaseNote, CaseWork, Opening, StaffAction


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


@admin.register(CaseWork)
class CaseWorkAdmin(ReadOnly, admin.ModelAdmin[CaseWork]):
    """Who has taken which case. Staff take cases in the queue."""

    list_display = ["kind", "row", "owner", "changed_at"]
    list_filter = ["kind"]
    list_select_related = ["owner"]
    show_full_result_count = False


@admin.register(CaseNote)
class CaseNoteAdmin(ReadOnly, admin.ModelAdmin[CaseNote]):
    """What staff wrote about cases. Nobody changes a note."""

    list_display = ["written_at", "kind", "row", "account", "written_by", "text"]
    list_filter = ["kind"]
    list_select_related = ["account", "written_by"]
    search_fields = ["=account__username", "=written_by__username"]
    show_full_result_count = False

"""Who opened customers' pages, for auditors."""

from django.contrib import admin

from moportal.web.desk import ReadOnly
from support.models import Opening


@admin.register(Opening)
class OpeningAdmin(ReadOnly, admin.ModelAdmin[Opening]):
    """Each time that one of the staff opened a customer's page, and why. Nobody changes one."""

    list_display = ["opened_at", "opened_by", "account", "passed_check", "reason"]
    list_filter = ["passed_check"]
    list_select_related = ["account", "opened_by"]
    search_fields = ["=account__username", "=opened_by__username"]
    show_full_result_count = False

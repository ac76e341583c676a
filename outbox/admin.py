"""The admin list of tasks, read-only."""

from django.contrib import admin

from moportal.web.desk import ReadOnly
from outbox.models import Task


@admin.register(Task)
class TaskAdmin(ReadOnly, admin.ModelAdmin[Task]):
    list_display = [
        "kind",
        "subject",
        "attempts",
        "not_before",
        "lease_until",
        "closed_at",
        "last_error",
    ]
    list_filter = ["kind", ("closed_at", admin.EmptyFieldListFilter)]
    search_fields = ["=subject"]

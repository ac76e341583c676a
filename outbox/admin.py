"""Open and finished work, to read."""

from django.contrib import admin
from django.http import HttpRequest

from outbox.models import Task


@admin.register(Task)
class TaskAdmin(admin.ModelAdmin[Task]):
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

    def has_add_permission(self, _request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: Task | None = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Task | None = None) -> bool:
        return False

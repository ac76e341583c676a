"""Base classes for the Django admin, which staff know as the desk."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest


class ReadOnly:
    """Hide the admin's Add, Change and Delete. Admin actions still work."""

    def has_add_permission(self, _request: HttpRequest, _obj: object = None) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: object = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: object = None) -> bool:
        return False


class ReadOnlyInline(ReadOnly):
    """The same for an inline."""

    extra = 0
    can_delete = False


class NeedsStaffFilter(admin.SimpleListFilter):
    """A filter for the rows that staff must look after. A subclass selects them."""

    title = "needs staff"
    parameter_name = "staff"

    def lookups(
        self, _request: HttpRequest, _model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, str]]:
        return [("1", "Yes")]

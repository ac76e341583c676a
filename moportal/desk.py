"""Base classes of the staff's admin pages."""

from django.http import HttpRequest


class ReadOnly:
    """Rows that only the portal writes. Staff read them and use the page's actions."""

    def has_add_permission(self, _request: HttpRequest, _obj: object = None) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: object = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: object = None) -> bool:
        return False


class ReadOnlyInline(ReadOnly):
    """Read-only rows on the page of the row that they belong to."""

    extra = 0
    can_delete = False

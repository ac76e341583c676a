"""What the lists of the staff's desk have in common."""

from django.http import HttpRequest


class ReadOnly:
    """Rows that the portal writes and staff read; actions may still be offered on them."""

    def has_add_permission(self, _request: HttpRequest, _obj: object = None) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: object = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: object = None) -> bool:
        return False


class ReadOnlyInline(ReadOnly):
    """The same, beside what they belong to."""

    extra = 0
    can_delete = False

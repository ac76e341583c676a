"""Customers, staff and groups.

Whoever could give themselves a right would have every right. Therefore only a superuser changes
staff, groups, and the fields that give rights.
"""

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts import sessions
from accounts.admin.searching import SearchByIdentifier
from accounts.models import Address, User

RIGHTS = ("is_staff", "is_superuser", "groups", "user_permissions")


@admin.register(User)
class UserAdmin(SearchByIdentifier, admin.ModelAdmin[User]):
    list_display = ["username", "name", "language", "is_staff", "is_active", "created_at"]
    list_filter = ["is_staff", "is_active"]
    search_fields = ["=username", "=addresses__value"]
    readonly_fields = ["created_at", "last_login", "all_addresses", "proofs_of_numbers"]
    exclude = ["password"]
    actions = ["sign_out_everywhere"]

    @admin.display(description="Addresses")
    def all_addresses(self, user: User) -> str:
        """Show each address, and whether it is proven or lost to another account."""
        return "\n".join(_address_text(address) for address in user.addresses.all()) or "-"

    @admin.display(description="Proofs of phone numbers")
    def proofs_of_numbers(self, user: User) -> str:
        """Show what the customer has proven, and since when."""
        found = user.proofs.filter(ended_at=None).order_by("pk")
        texts = (f"{proof.subject}: {proof.get_kind_display()}" for proof in found)
        return "\n".join(texts) or "-"

    def has_end_sign_ins_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.end_sign_ins")

    @admin.action(description="Sign out everywhere", permissions=["end_sign_ins"])
    def sign_out_everywhere(self, request: HttpRequest, users: QuerySet[User]) -> None:
        """End the sessions of the selected customers. Only a superuser ends those of staff."""
        assert isinstance(request.user, User)  # noqa: S101 -- the admin admits nobody else
        allowed = [user for user in users if _may_touch(request, user)]
        ended = sum(sessions.end_all_by_staff(user, actor=request.user) for user in allowed)
        self.message_user(request, f"{len(allowed)} accounts: {ended} sign-ins were ended.")
        if len(allowed) < len(users):
            text = "Only a superuser can sign staff out."
            self.message_user(request, text, level=messages.WARNING)

    def get_readonly_fields(
        self, request: HttpRequest, obj: User | None = None
    ) -> list[str] | tuple[str, ...]:
        fields = list(super().get_readonly_fields(request, obj))
        return fields if _is_superuser(request) else [*fields, *RIGHTS]

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and _may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_delete_permission(request, obj) and _may_touch(request, obj)


def _address_text(address: Address) -> str:
    if address.lost_at:
        return f"{address}: another account has proven it"
    proven_at = address.proven_at
    return f"{address}: proven {proven_at:%Y-%m-%d}" if proven_at else f"{address}: not proven"


def _may_touch(request: HttpRequest, user: User | None) -> bool:
    """Say whether this user's row may be changed. Only superusers change staff."""
    has_rights = user is not None and (user.is_staff or user.is_superuser)
    return not has_rights or _is_superuser(request)


def _is_superuser(request: HttpRequest) -> bool:
    return bool(request.user.is_active and request.user.is_superuser)


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin):
    """The groups. A permission to change groups would be a permission to do everything."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return _is_superuser(request)

    def has_view_permission(self, request: HttpRequest, _obj: Group | None = None) -> bool:
        return _is_superuser(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _is_superuser(request)

    def has_change_permission(self, request: HttpRequest, _obj: Group | None = None) -> bool:
        return _is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, _obj: Group | None = None) -> bool:
        return _is_superuser(request)

"""Customers, staff and groups.

Somebody who could give themselves a right would have every right. Therefore only a superuser
changes staff, groups, and the fields that give rights.
"""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path

from accounts.access import sessions
from accounts.admin.passwords import password_link
from accounts.admin.recoveries import start_recovery
from accounts.admin.searching import SearchByIdentifier
from accounts.admin.staff import staff_of
from accounts.domain import password_links
from accounts.models import Address, User

RIGHTS = ("is_superuser", "groups", "user_permissions")
NEW_FIELDS = ("username", "name", *RIGHTS)
READ_FIELDS = ("is_staff", "language", "created_at", "last_login")
OF_CUSTOMERS = ("all_addresses", "proofs_of_numbers")


@admin.register(User)
class UserAdmin(SearchByIdentifier, admin.ModelAdmin[User]):
    """Customers, who sign up themselves, and staff, whom superusers add.

    Nobody sees or sets a password here. Staff cannot change what a customer signs in with. And a
    customer never becomes one of the staff: a link for staff would open the account.
    """

    list_display = ["username", "name", "language", "is_staff", "is_active", "created_at"]
    list_filter = ["is_staff", "is_active"]
    search_fields = ["=username", "=addresses__value"]
    exclude = ["password"]
    actions = ["sign_out_everywhere"]
    change_form_template = "admin/accounts/user.html"

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
        actor = staff_of(request)
        allowed = [user for user in users if _may_touch(request, user)]
        ended = sum(sessions.end_all_by_staff(user, actor=actor) for user in allowed)
        self.message_user(request, f"{len(allowed)} accounts: {ended} sign-ins were ended.")
        if len(allowed) < len(users):
            text = "Only a superuser can sign staff out."
            self.message_user(request, text, level=messages.WARNING)

    def get_urls(self) -> list[URLPattern]:
        """Add the pages that give a password link and that start a recovery."""
        link_page = self.admin_site.admin_view(password_link)
        recovery_page = self.admin_site.admin_view(start_recovery)
        return [
            path("<path:object_id>/recovery/", recovery_page, name="accounts_user_recovery"),
            path("<path:object_id>/password-link/", link_page, name="accounts_user_password_link"),
            *super().get_urls(),
        ]

    def get_fields(self, request: HttpRequest, obj: User | None = None) -> list[Any]:
        """Leave out what a new colleague does not have yet, and rights, which no customer has."""
        if obj is None:
            return [*NEW_FIELDS]
        if obj.is_staff:
            return [*NEW_FIELDS, "is_active", *READ_FIELDS]
        return ["username", "name", *OF_CUSTOMERS, "is_active", *READ_FIELDS]

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        if obj is None:
            return []
        return [*READ_FIELDS, *([] if obj.is_staff else ["username", *RIGHTS, *OF_CUSTOMERS])]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and _may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_delete_permission(request, obj) and _may_touch(request, obj)

    def save_model(
        self,
        request: HttpRequest,
        obj: User,
        form: ModelForm[User],
        change: bool,  # noqa: FBT001 -- Django's own signature
    ) -> None:
        """Add staff without a password: they set it themselves, on a link."""
        if not change:
            obj.is_staff = True
            obj.set_unusable_password()
        super().save_model(request, obj, form, change)

    def response_add(
        self, request: HttpRequest, obj: User, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Lead on to the link by which the new colleague sets a password."""
        return redirect("admin:accounts_user_password_link", object_id=obj.pk)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Show the links to what this member of staff may do for the user."""
        user, actor = kwargs.get("obj"), staff_of(request)
        context["may_give_link"] = user is not None and password_links.may_give(actor, user)
        is_customer = user is not None and not user.is_staff
        context["may_recover"] = is_customer and actor.has_perm("accounts.start_recovery")
        return super().render_change_form(request, context, *args, **kwargs)


def _address_text(address: Address) -> str:
    if address.lost_at:
        return f"{address}: another account has proven it"
    proven_at = address.proven_at
    return f"{address}: proven {proven_at:%Y-%m-%d}" if proven_at else f"{address}: not proven"


def _may_touch(request: HttpRequest, user: User | None) -> bool:
    """Return whether this user's row may be changed. Only superusers change staff."""
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

"""Customers, staff and groups, and what the limits have counted.

Whoever could give themselves a right would have every right. Therefore only a superuser changes
staff, groups, and the fields that give rights.
"""

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.models import Group
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from accounts import limiter, sessions
from accounts.forms import DeskSignInForm
from accounts.identifier import normalise
from accounts.models import AccessEvent, AttemptCount, User
from brand.queries import operator
from moportal.web.desk import ReadOnly

if TYPE_CHECKING:
    SearchBase = admin.ModelAdmin[Any]
else:
    SearchBase = object
admin.site.login_form = DeskSignInForm
RIGHTS = ("is_staff", "is_superuser", "groups", "user_permissions")


class SearchByIdentifier(SearchBase):
    """Find customers by any spelling of their identifier, if `username` is among the searched."""

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        found, may_have_duplicates = super().get_search_results(request, queryset, search_term)
        if not search_term:
            return found, may_have_duplicates

        names = [name.lstrip("=") for name in self.get_search_fields(request)]
        identifier = normalise(search_term, operator().market)
        is_theirs = Q(*[(name, identifier) for name in names if name.endswith("username")])
        return found | queryset.filter(is_theirs), may_have_duplicates


@admin.register(User)
class UserAdmin(SearchByIdentifier, admin.ModelAdmin[User]):
    list_display = ["username", "name", "language", "is_staff", "is_active", "created_at"]
    list_filter = ["is_staff", "is_active"]
    search_fields = ["=username"]
    readonly_fields = ["created_at", "last_login"]
    exclude = ["password"]
    actions = ["sign_out_everywhere"]

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


def _may_touch(request: HttpRequest, user: User | None) -> bool:
    """Say whether this user's row may be changed. Only superusers change staff."""
    has_rights = user is not None and (user.is_staff or user.is_superuser)
    return not has_rights or _is_superuser(request)


def _is_superuser(request: HttpRequest) -> bool:
    return bool(request.user.is_active and request.user.is_superuser)


@admin.register(AttemptCount)
class AttemptCountAdmin(ReadOnly, admin.ModelAdmin[AttemptCount]):
    """What the limits have counted. Staff see the locks here, and lift them."""

    list_display = ["limit", "subject", "attempts", "locked_at", "ends_at"]
    list_filter = ["limit", ("locked_at", admin.EmptyFieldListFilter)]
    search_fields = ["subject"]
    search_help_text = "A customer's email or phone number, an ICCID or an EID"
    fields = ["limit", "subject", "attempts", "began_at", "locked_at", "ends_at"]
    ordering = ["-began_at"]
    actions = ["lift"]

    @admin.display(description="Different attempts")
    def attempts(self, row: AttemptCount) -> int:
        return len(row.marks)

    def has_lift_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.lift_lock")

    @admin.action(description="Lift the lock (the count starts again)", permissions=["lift"])
    def lift(self, request: HttpRequest, chosen: QuerySet[AttemptCount]) -> None:
        """Open the subjects again, such as a SIM after five wrong proofs."""
        assert isinstance(request.user, User)  # noqa: S101 -- the desk is behind its own sign-in
        for row in chosen:
            self.message_user(request, f"Lifted: {row}")
            limiter.lift(row, actor=request.user)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AttemptCount], search_term: str
    ) -> tuple[QuerySet[AttemptCount], bool]:
        """Also find the rows of the account that has this email or phone number."""
        found, may_have_duplicates = super().get_search_results(request, queryset, search_term)
        identifier = normalise(search_term, operator().market)
        if account := User.objects.filter(username=identifier).first():
            found |= queryset.filter(subject=f"account:{account.pk}")
        return found, may_have_duplicates


@admin.register(AccessEvent)
class AccessEventAdmin(SearchByIdentifier, ReadOnly, admin.ModelAdmin[AccessEvent]):
    """What happened to accounts' access."""

    list_display = ["at", "account", "kind", "count", "device", "transaction_id", "actor"]
    list_filter = ["kind"]
    list_select_related = ["account", "actor"]
    search_fields = ["=account__username", "=transaction_id"]
    date_hierarchy = "at"
    show_full_result_count = False


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

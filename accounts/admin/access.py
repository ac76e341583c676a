"""What the limits have counted, and what happened to accounts' access."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.access import limiter
from accounts.admin.searching import SearchByIdentifier
from accounts.domain import caller_check
from accounts.identifier import normalise
from accounts.models import AccessEvent, AttemptCount, User
from brand.queries import operator
from moportal.web.desk import ReadOnly


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
            if row.limit == caller_check.LIMIT:
                # An impostor could talk staff into lifting this lock, and then go on guessing.
                text = f"{row}: wrong answers on the phone count for a day, and nobody lifts them."
                self.message_user(request, text, messages.WARNING)
                continue
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

    list_display = ["at", "account", "what", "device", "transaction_id", "actor"]
    list_filter = ["kind"]
    list_select_related = ["account", "actor"]
    search_fields = ["=account__username", "=transaction_id"]
    date_hierarchy = "at"
    show_full_result_count = False

    @admin.display(description="Kind", ordering="kind")
    def what(self, event: AccessEvent) -> str:
        """Say what happened, and how often, as the customer reads it."""
        often = f" ({event.count})" if event.count > 1 else ""
        return f"{event.get_kind_display()}{often}"

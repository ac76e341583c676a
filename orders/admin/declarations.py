"""Withdrawals and cancellations by law in the admin: what was declared, and open cases."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path

from moportal.actions import ReasonForm
from moportal.web.desk import NeedsStaffFilter, ReadOnly
from orders.admin.cases import decide_case
from orders.admin.orders import staff_of
from orders.domain import answering, repayment
from orders.domain.matching import IllegalTransition
from orders.models import Declaration
from orders.states import OPEN_CASES


class IsCase(NeedsStaffFilter):
    """Declarations that the worker did not carry out."""

    def queryset(
        self, _request: HttpRequest, declarations: QuerySet[Declaration]
    ) -> QuerySet[Declaration]:
        return declarations.filter(state__in=OPEN_CASES) if self.value() else declarations


@admin.register(Declaration)
class DeclarationAdmin(ReadOnly, admin.ModelAdmin[Declaration]):
    """Each row is a case until it is done. Its page leads to the one on which staff decide it."""

    list_display = ["kind", "state", "outcome", "contract", "order", "declared_at", "due_at"]
    list_filter = [IsCase, "kind", "state", "outcome", "market"]
    list_select_related = ["order"]
    search_fields = ["=key", "=contract", "=address", "=order__number"]
    readonly_fields = ["proposal"]
    actions = ["settle"]
    change_form_template = "admin/orders/declaration.html"

    def get_urls(self) -> list[URLPattern]:
        """Add the page on which staff decide a case."""
        page = self.admin_site.admin_view(decide_case)
        own = path("<path:object_id>/case/", page, name="orders_declaration_case")
        return [own, *super().get_urls()]

    @admin.display(description="Proposed refund")
    def proposal(self, declaration: Declaration) -> str:
        return str(repayment.proposed_sum(declaration) or "")

    def has_settle_permission(self, request: HttpRequest) -> bool:
        return staff_of(request).has_perm("orders.settle_declaration")

    @admin.action(description="Mark as answered (open cases)", permissions=["settle"])
    def settle(self, request: HttpRequest, chosen: QuerySet[Declaration]) -> HttpResponse | None:
        """Store that staff have answered the chosen cases, once a note is given."""
        form = ReasonForm(request.POST if "because" in request.POST else None)
        if not form.is_valid():
            context = {
                **self.admin_site.each_context(request),
                "title": "Mark as answered",
                "chosen": chosen,
                "form": form,
            }
            return render(request, "admin/orders/settle.html", context)
        for declaration in chosen:
            self._settle(request, declaration, form.cleaned_data["because"])
        return None

    def _settle(self, request: HttpRequest, declaration: Declaration, note: str) -> None:
        try:
            answering.close(declaration, actor=staff_of(request), note=note)
        except IllegalTransition:
            self.message_user(request, f"{declaration}: not an open case.", messages.WARNING)
        else:
            self.message_user(request, f"{declaration.contract}: answered.")

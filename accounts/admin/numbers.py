"""What the operator's network said about phone numbers, and its service for codes."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.identifier import normalise
from accounts.models import CodeServiceCall, NumberCheck
from brand.queries import operator
from moportal.web.desk import ReadOnly


@admin.register(NumberCheck)
class NumberCheckAdmin(ReadOnly, admin.ModelAdmin[NumberCheck]):
    """Why a number got no code: it changed hands, or the network could not say."""

    list_display = ["sent_at", "number", "question", "since", "changed", "outcome", "detail"]
    list_filter = ["question", "changed", "outcome"]
    search_fields = ["=number"]
    search_help_text = "A phone number"
    show_full_result_count = False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[NumberCheck], search_term: str
    ) -> tuple[QuerySet[NumberCheck], bool]:
        """Find a number in any of its spellings."""
        number = normalise(search_term, operator().market)
        return super().get_search_results(request, queryset, number)


@admin.register(CodeServiceCall)
class CodeServiceCallAdmin(ReadOnly, admin.ModelAdmin[CodeServiceCall]):
    """The calls by which the operator's service sends and checks codes."""

    list_display = ["sent_at", "address", "operation", "outcome", "refusal", "detail"]
    list_filter = ["operation", "outcome", "refusal"]
    list_select_related = ["request"]
    fields = ["sent_at", "answered_at", "address", "operation", "outcome", "refusal", "detail"]
    search_fields = ["=request__address"]
    search_help_text = "A phone number in E.164"
    show_full_result_count = False

    @admin.display(description="Phone number")
    def address(self, call: CodeServiceCall) -> str:
        return call.request.address

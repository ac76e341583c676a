"""Search by an identifier, on the desk's pages of all rooms."""

from typing import TYPE_CHECKING, Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest

from accounts.identifier import normalise
from brand.queries import operator

if TYPE_CHECKING:
    from django.contrib import admin

    SearchBase = admin.ModelAdmin[Any]
else:
    SearchBase = object


class SearchByIdentifier(SearchBase):
    """Find customers by any spelling of an identifier or another address of theirs."""

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        found, may_have_duplicates = super().get_search_results(request, queryset, search_term)
        if not search_term:
            return found, may_have_duplicates

        names = [name.lstrip("=") for name in self.get_search_fields(request)]
        identifier = normalise(search_term, operator().market)
        of_people = [name for name in names if name.endswith(("username", "addresses__value"))]
        is_theirs = Q(*[(name, identifier) for name in of_people], _connector=Q.OR)
        return found | queryset.filter(is_theirs), may_have_duplicates

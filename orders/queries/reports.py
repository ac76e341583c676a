"""Reports of failed downloads, and whether they are proven."""

from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from mobileplans.models import LpaReport
from orders.models import Order


def with_proof(reports: QuerySet[LpaReport]) -> QuerySet[Any]:
    """Annotate each report with `is_proven`.

    A proven report came from the SM-DP+, or from the signed-in customer of an order of this ICCID.
    Any other report is a stranger's claim (docs/contract.md#lpa-errors).
    """
    of_iccid = (
        Q(profile__sim__iccid=OuterRef("iccid"))
        | Q(repairs__old_profile__sim__iccid=OuterRef("iccid"))
        | Q(sim__iccid=OuterRef("iccid"))
    )
    owned = Order.objects.filter(of_iccid, account=OuterRef("visit__account"))
    return reports.annotate(is_proven=Q(Exists(owned) | Q(source=LpaReport.Source.SMDP)))

"""The limit on what strangers can store by launching the portal and leaving it."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils.timezone import now

from mobileplans.models import Handoff, HostReport, LpaReport, Visit

BATCH = 1000
# The handoff page of a visit can be opened for half an hour.
SHORTEST_LIFE = timedelta(hours=1)


def delete_beyond_limit() -> int:
    """Delete one batch of strangers' oldest visits beyond STRANGER_VISITS, and return how many.

    Visits of the last hour stay, and those in which help was asked for.
    """
    most: int = settings.STRANGER_VISITS
    strangers = Visit.objects.filter(account=None)
    beyond = strangers.order_by("-pk").values_list("pk", flat=True)[most : most + 1].first()
    if beyond is None:
        return 0
    asked_for_help = LpaReport.objects.exclude(asked_for_help_at=None).values("visit")
    old = strangers.filter(pk__lte=beyond, launched_at__lt=now() - SHORTEST_LIFE)
    with transaction.atomic():
        free = old.exclude(pk__in=asked_for_help).order_by("pk")
        visits = list(free.values_list("pk", flat=True)[:BATCH])
        HostReport.objects.filter(handoff__visit__in=visits).delete()
        Handoff.objects.filter(visit__in=visits).delete()
        LpaReport.objects.filter(visit__in=visits).delete()
        Visit.objects.filter(pk__in=visits).delete()
    return len(visits)

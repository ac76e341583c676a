"""Forgetting what is not needed any more: a device's numbers, and codes that were given away."""

from datetime import timedelta

import structlog
from django.conf import settings
from django.utils.timezone import now

from mobileplans.models import Handoff, HostReport, LpaReport, Visit
from moportal.identifiers import ActivationCode

log = structlog.get_logger(__name__)
BATCH, KEPT = 1000, 4


def forget_identifiers() -> int:
    """Take EID, ICCIDs and IMEI off visits that are old enough; say how many visits.

    What was bought keeps its own: the order its EID, the profile its ICCID.
    """
    before = now() - timedelta(days=settings.VISIT_IDENTIFIERS_DAYS)
    old = Visit.objects.filter(launched_at__lt=before)
    knowing = old.exclude(eid="", iccid="", imei="", iccids=[])
    LpaReport.objects.filter(visit__in=old).exclude(iccid="").update(iccid="")
    HostReport.objects.filter(handoff__visit__in=old).exclude(iccid="").update(iccid="")
    forgotten = knowing.update(eid="", eid_from="", iccid="", imei="", iccids=[])
    if forgotten:
        log.info("identifiers forgotten", visits=forgotten)
    return forgotten


def mask_codes() -> int:
    """Keep of an activation code, once its page is over, what support may see.

    Returns how many; the next round goes on where a batch ends.
    """
    over = Handoff.objects.filter(expires_at__lt=now(), code_is_masked=False)
    handoffs = list(over.exclude(activation_code="")[:BATCH])
    for handoff in handoffs:
        code = ActivationCode.parse(handoff.activation_code)
        kept = ActivationCode(code.smdp_host, code.matching_id[-KEPT:])
        handoff.activation_code, handoff.code_is_masked = str(kept), True
        handoff.save(update_fields=["activation_code", "code_is_masked"])
    return len(handoffs)

"""How long visits keep device identifiers, and handoffs their activation codes."""

from datetime import timedelta

import structlog
from django.conf import settings
from django.utils.timezone import now

from mobileplans.models import Handoff, HostReport, LpaReport, Visit
from moportal.identifiers import ActivationCode

log = structlog.get_logger(__name__)
# Codes are decrypted and encrypted one by one, so one call masks no more than this many.
BATCH = 1000
VISIBLE_CHARACTERS = 4


def forget_identifiers() -> int:
    """Erase EID, ICCIDs and IMEI from visits past their retention, and return how many there were.

    A purchase keeps its identifiers: the order has the EID,
    and the profile has the ICCID.
    """
    before = now() - timedelta(days=settings.VISIT_IDENTIFIERS_DAYS)
    old = Visit.objects.filter(launched_at__lt=before)
    # With several conditions, `exclude` drops only the visits that meet all of them.
    identified = old.exclude(eid="", iccid="", imei="", iccids=[])
    LpaReport.objects.filter(visit__in=old).exclude(iccid="").update(iccid="")
    HostReport.objects.filter(handoff__visit__in=old).exclude(iccid="").update(iccid="")
    forgotten = identified.update(eid="", eid_from="", iccid="", imei="", iccids=[])
    if forgotten:
        log.info("identifiers forgotten", visits=forgotten)
    return forgotten


def mask_codes() -> int:
    """Mask the activation codes of expired handoffs. Support still sees the last characters.

    Returns how many codes it masked. One call takes one
    batch, and the next call continues.
    """
    expired = Handoff.objects.filter(expires_at__lt=now(), code_is_masked=False)
    handoffs = list(expired.exclude(activation_code="")[:BATCH])
    for handoff in handoffs:
        code = ActivationCode.parse(handoff.activation_code)
        masked = ActivationCode(code.smdp_host, code.matching_id[-VISIBLE_CHARACTERS:])
        handoff.activation_code, handoff.code_is_masked = str(masked), True
        handoff.save(update_fields=["activation_code", "code_is_masked"])
    return len(handoffs)

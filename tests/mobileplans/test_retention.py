"""`mobileplans.domain.retention`: when identifiers are erased and activation codes masked."""

from datetime import timedelta

import pytest
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from mobileplans.domain import retention
from mobileplans.models import Handoff, HostReport, LpaReport, Visit
from mobileplans.tasks import forget
from tests.builders import EID, make_visit
from tests.mobileplans.conftest import CODE, ICCID

pytestmark = pytest.mark.django_db


def test_a_visit_forgets_its_device_after_its_retention(
    handoff: Handoff, settings: Settings
) -> None:
    LpaReport.objects.create(visit=handoff.visit, code="Other", code_as_sent="x", iccid=ICCID)
    HostReport.objects.create(handoff=handoff, kind="activation", result="x", iccid=ICCID)
    recent = make_visit()
    days = settings.VISIT_IDENTIFIERS_DAYS
    Visit.objects.filter(pk=handoff.visit_id).update(launched_at=now() - timedelta(days=days))

    assert (retention.forget_identifiers(), retention.forget_identifiers()) == (1, 0)

    old = Visit.objects.get(pk=handoff.visit_id)
    assert (old.eid, old.iccid, old.iccids, old.imei) == ("", "", [], "")
    assert (LpaReport.objects.get().iccid, HostReport.objects.get().iccid) == ("", "")
    recent.refresh_from_db()
    assert recent.eid == EID


def test_a_code_is_masked_when_its_handoff_expires(handoff: Handoff) -> None:
    forget()
    handoff.refresh_from_db()
    assert handoff.activation_code == CODE

    Handoff.objects.update(expires_at=now())
    forget()
    handoff.refresh_from_db()

    assert handoff.activation_code == "1$smdp.example$DDDD"
    assert retention.mask_codes() == 0

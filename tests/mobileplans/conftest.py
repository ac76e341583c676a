"""Fixtures of the host's tests."""

from datetime import timedelta

import pytest
from django.utils.timezone import now

from mobileplans.models import Handoff
from tests.builders import make_visit

ICCID = "8949449999999990023"
CODE = "1$smdp.example$AAAAA-BBBBB-CCCCC-DDDDD"


@pytest.fixture
def handoff() -> Handoff:
    """Return a handoff of a profile to download."""
    return Handoff.objects.create(
        visit=make_visit(iccids=(ICCID,)),
        token_hash="x",
        language="en",
        expires_at=now() + timedelta(minutes=30),
        success=True,
        iccid=ICCID,
        activation_code=CODE,
        user_account="New",
        purchase_instrument="New",
        line="New",
        mo_direct_status="Complete",
        plan_name="Day",
        on_esim=True,
    )

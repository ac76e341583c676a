"""After the handoff: reports of the newest app, retention, and installation links."""

import json
from datetime import timedelta

import pytest
from django.core import signing
from django.test import Client
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from mobileplans.domain import handoffs, installation, retention
from mobileplans.models import Handoff, HostReport, LpaReport, Visit
from mobileplans.tasks import forget
from moportal.identifiers import ActivationCode
from tests.builders import EID, make_visit

pytestmark = pytest.mark.django_db
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


def report(client: Client, handoff: Handoff, kind: str, **fields: str) -> dict[str, str]:
    sent = {"token": handoffs.report_token(handoff), "kind": kind, "report": json.dumps(fields)}
    answer = client.post("/handoff/report/", sent)
    assert answer.status_code == 200
    body: dict[str, str] = answer.json()
    return body


def test_a_repeated_report_of_the_app_is_stored_once(client: Client, handoff: Handoff) -> None:
    for _ in range(3):
        answer = report(client, handoff, "activation", activationResult="success", iccid=ICCID)
        report(client, handoff, "registration", networkRegistrationState="home", iccid=ICCID)

    stored = HostReport.objects.values_list("kind", "result", "iccid")
    assert list(stored) == [("activation", "success", ICCID), ("registration", "home", ICCID)]
    assert answer == {"next": ""}
    assert not LpaReport.objects.exists()


def test_a_failed_activation_becomes_an_lpa_error(client: Client, handoff: Handoff) -> None:
    for _ in range(2):
        answer = report(client, handoff, "activation", activationResult="cardBusy", iccid=ICCID)

    error = LpaReport.objects.get()
    assert (error.code, error.iccid, error.source) == ("CardBusy", ICCID, "app")
    assert answer == {"next": "/esim-problem/"}


def test_the_problem_page_finds_the_error_through_the_handoff_cookie(
    client: Client, handoff: Handoff
) -> None:
    Handoff.objects.update(token_hash=handoffs._hash("token"))  # noqa: SLF001 -- the hash of the cookie
    client.cookies["handoff"] = "token"
    report(client, handoff, "activation", activationResult="cardBusy")

    assert "Your device was busy" in client.get("/esim-problem/").text


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"token": "x"},
        {"token": signing.dumps(1, salt="other")},
        {"kind": "other"},
        {"report": "x"},
        {"report": '{"activationResult": []}'},
        {"report": "[" * 900},
    ],
)
def test_an_invalid_report_is_refused(
    client: Client, handoff: Handoff, sent: dict[str, str]
) -> None:
    valid = {
        "token": handoffs.report_token(handoff),
        "kind": "activation",
        "report": '{"activationResult": "success"}',
    }

    answer = client.post("/handoff/report/", {**valid, **sent} if sent else {})

    assert answer.status_code == 400
    assert not HostReport.objects.exists()


def test_the_number_of_reports_is_limited(client: Client, handoff: Handoff) -> None:
    for number in range(handoffs.MOST_REPORTS):
        report(client, handoff, "registration", networkRegistrationState=f"state{number}")

    sent = {"token": handoffs.report_token(handoff), "kind": "registration"}
    sent["report"] = '{"networkRegistrationState": "one more"}'
    assert client.post("/handoff/report/", sent).status_code == 400


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


IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X)"
PIXEL = "Mozilla/5.0 (Linux; Android 14; Pixel 8)"
EDGE = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Edge/18"


@pytest.mark.parametrize(
    ("user_agent", "here"),
    [
        (EDGE, f"LPA:{CODE}"),
        (IPHONE, f"https://esimsetup.apple.com/esim_qrcode_provisioning?carddata=LPA:{CODE}"),
        (PIXEL, f"https://esimsetup.android.com/esim_qrcode_provisioning?carddata=LPA:{CODE}"),
        ("Mozilla/5.0 (X11; Linux x86_64)", None),
        ("", None),
    ],
)
def test_the_link_for_the_device_in_use_comes_first_and_the_others_follow(
    user_agent: str, here: str | None
) -> None:
    found = installation.installation_for(ActivationCode.parse(CODE), user_agent)

    assert (found.here.url if found.here else None) == here
    assert len(found.elsewhere) == (2 if here else 3)
    assert found.qr_text == f"LPA:{CODE}"
    assert "style=" not in found.qr_code

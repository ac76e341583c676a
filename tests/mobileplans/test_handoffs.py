"""`mobileplans.domain.handoffs`: what the newest app reports after the handoff."""

import json

import pytest
from django.core import signing
from django.test import Client

from mobileplans.domain import handoffs
from mobileplans.models import Handoff, HostReport, LpaReport
from tests.mobileplans.conftest import ICCID

pytestmark = pytest.mark.django_db


def report(client: Client, handoff: Handoff, kind: str, **fields: object) -> dict[str, str]:
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


@pytest.mark.parametrize("result", ["succeeded", "pending", "", "99", 99, 4.5])
def test_an_unknown_activation_result_is_kept_for_staff_and_is_no_problem(
    client: Client, handoff: Handoff, result: object
) -> None:
    answer = client.post(
        "/handoff/report/",
        {
            "token": handoffs.report_token(handoff),
            "kind": "activation",
            "report": json.dumps({"activationResult": result}),
        },
    )

    is_text = result in {"succeeded", "pending", "99", 99}
    assert answer.status_code == (200 if is_text else 400)
    assert not is_text or answer.json() == {"next": ""}
    assert HostReport.objects.count() == is_text
    assert not LpaReport.objects.exists()


@pytest.mark.parametrize(("number", "problems"), [(0, 0), (0.0, 0), (11, 1)])
def test_an_activation_result_may_be_the_number_of_a_status(
    client: Client, handoff: Handoff, number: float, problems: int
) -> None:
    answer = report(client, handoff, "activation", activationResult=number)

    assert bool(answer["next"]) == bool(problems)
    assert LpaReport.objects.count() == problems


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

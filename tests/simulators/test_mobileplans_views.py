"""The answers of the simulator's page. Tests in the browser cover it together with the portal."""

import html
import json
from typing import Any

import httpx
import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from pytest_django import Settings

from simulators.mobileplans import device, forms, samples, views
from simulators.mobileplans.presets import PRESETS
from simulators.payment import cards

CODE = "1$smdp.kestrel.example$K7Q2-9XMD"
BY_ITSELF = sorted({*device.FAILURES} - {"EidMismatch", "ProfileProcessingError"})


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Replace the SM-DP+ simulator by one that installs; return the bodies of its requests."""
    questions: list[dict[str, Any]] = []

    def post(url: str, **request: Any) -> httpx.Response:
        questions.append(request["json"])
        answer = {"result": "success", "iccid": "8944110000000000008"}
        return httpx.Response(200, json=answer, request=httpx.Request("POST", url))

    monkeypatch.setattr(httpx, "post", post)
    return questions


def download(rf: RequestFactory, ending: str | None = None) -> dict[str, str]:
    fields = {"activationCode": CODE, "eid": forms.EID}
    if ending is not None:
        fields["download"] = ending
    answer = views.download(rf.post("/simulator/download/", fields))
    body: dict[str, str] = json.loads(answer.content)
    return body


def check(rf: RequestFactory, **fields: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(views.check(rf.post("/simulator/check/", fields)).content)
    return body


def test_a_download_fails_with_a_reason_if_the_sm_dp_is_down(
    rf: RequestFactory, settings: Settings
) -> None:
    settings.SMDP_SIMULATOR_URL = "http://127.0.0.1:1"

    response = views.download(rf.post("/simulator/download/", {"activationCode": "1$h$K"}))

    assert json.loads(response.content) == {"result": "failed", "error": "NoSmdpAnswer"}


@pytest.mark.parametrize("ending", [None, "installed", "Success"])
def test_the_sm_dp_answers_a_download_that_is_not_meant_to_fail(
    rf: RequestFactory, asked: list[dict[str, Any]], ending: str | None
) -> None:
    answer = download(rf, ending)

    assert answer["iccid"] == "8944110000000000008"
    assert asked == [{"activationCode": CODE, "eid": forms.EID}]


@pytest.mark.parametrize("ending", BY_ITSELF)
def test_most_failures_happen_without_a_request_to_the_sm_dp(
    rf: RequestFactory, asked: list[dict[str, Any]], ending: str
) -> None:
    assert download(rf, ending) == {"result": "failed", "error": ending}
    assert asked == []


def test_an_eid_mismatch_is_a_download_with_another_valid_eid(
    rf: RequestFactory, asked: list[dict[str, Any]]
) -> None:
    download(rf, "EidMismatch")

    assert [question["eid"] for question in asked] == ["89049032000000000000000000000066"]
    assert int(asked[0]["eid"]) % 97 == 1


def test_a_processing_error_is_requested_from_the_sm_dp(
    rf: RequestFactory, asked: list[dict[str, Any]]
) -> None:
    download(rf, "ProfileProcessingError")

    assert asked == [{"activationCode": CODE, "eid": forms.EID, "end": "error"}]


def test_the_form_offers_success_and_then_each_failure_once() -> None:
    values = [value for value, _label in forms.DOWNLOADS]

    assert values[0] == "installed"
    assert len(values) == len(set(values)) == 29


def test_a_call_of_the_newest_app_is_checked(rf: RequestFactory) -> None:
    answer = check(
        rf, call="ODSAServiceFlow.profileReadyWithActivationCode", arguments=json.dumps([CODE])
    )

    assert answer["valid"]
    assert answer["outcome"]["activationCode"] == CODE
    assert 'data-field="activationCode"' in answer["html"]


@pytest.mark.parametrize("call", [{}, {"call": "DataMart.notifyPurchaseResult"}])
def test_the_documented_call_is_checked_by_its_one_string(
    rf: RequestFactory, call: dict[str, str]
) -> None:
    answer = check(rf, payload="{}", kind="string", arguments='["{}"]', **call)

    assert not answer["valid"]
    assert 'data-field="purchaseResult"' in answer["html"]


def test_the_token_is_new_and_not_cached(rf: RequestFactory) -> None:
    response = views.token(rf.get("/simulator/token/"))

    assert len(json.loads(response.content)["token"]) == 64
    assert "no-store" in response["Cache-Control"]


def test_every_preset_fills_every_field_except_the_transaction_id() -> None:
    typed = set(forms.LaunchForm().fields) - {"transaction", "accept_language"}

    assert all(preset.keys() == typed | {"title", "purpose"} for preset in PRESETS)


def test_the_first_preset_is_what_the_form_shows() -> None:
    first = PRESETS[0]

    shown = {name: field.initial or "" for name, field in forms.LaunchForm().fields.items()}
    assert {name for name, _value in first.items() - shown.items()} == {"title", "purpose"}


def test_there_is_a_preset_for_every_host() -> None:
    assert {preset["host"] for preset in PRESETS} == {host for host, _ in forms.HOSTS}


def test_the_page_lists_every_account_card_and_sim_and_the_purpose_of_every_launch(
    rf: RequestFactory,
) -> None:
    response = views.simulator(rf.get("/simulator/"))
    assert isinstance(response, HttpResponse)
    page = html.unescape(response.content.decode())

    listed = [account.identifier for account in samples.ACCOUNTS]
    listed += [account.password for account in samples.ACCOUNTS]
    listed += [card.grouped for card in samples.CARDS]
    listed += [sim.number for sim in samples.SIMS]
    listed += [str(preset["purpose"]) for preset in PRESETS]
    assert [text for text in listed if text not in page] == []


def test_every_card_that_is_not_simply_approved_is_a_sample() -> None:
    numbers = {card.number for card in samples.CARDS}

    assert numbers == {*cards.BEHAVIOUR, "4242424242424242"}

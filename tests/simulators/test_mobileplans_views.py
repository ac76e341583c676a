"""The workbench's own answers; what needs a portal around it is in the browser's journey."""

import json

from django.test import RequestFactory
from pytest_django import Settings

from simulators.mobileplans import forms, views


def test_a_download_from_an_sm_dp_that_is_down_fails_with_a_reason(
    rf: RequestFactory, settings: Settings
) -> None:
    settings.SMDP_SIMULATOR_URL = "http://127.0.0.1:1"

    response = views.download(rf.post("/simulator/download/", {"activationCode": "1$h$K"}))

    assert json.loads(response.content) == {"result": "failed", "error": "NoSmdpAnswer"}


def test_the_token_is_fresh_and_kept_by_no_cache(rf: RequestFactory) -> None:
    response = views.token(rf.get("/simulator/token/"))

    assert len(json.loads(response.content)["token"]) == 64
    assert "no-store" in response["Cache-Control"]


def test_every_preset_fills_the_whole_form_but_the_transaction_id() -> None:
    typed = set(forms.LaunchForm().fields) - {"transaction", "accept_language"}

    assert all(preset.keys() == typed | {"title"} for preset in forms.presets())


def test_the_first_preset_is_what_the_form_shows() -> None:
    first = forms.presets()[0]

    shown = {name: field.initial or "" for name, field in forms.LaunchForm().fields.items()}
    assert first.items() - shown.items() == {("title", first["title"])}

"""An answer that is forged, foreign, lost or wrong signs nobody in."""

import time
from typing import Any

import pytest
import time_machine
from django.conf import settings as of_portal
from django.test import Client
from pytest_django.fixtures import Settings

from mobileplans.models import Handoff, Visit
from tests.accounts.oidc.steps import (
    AWAY,
    DECLINED,
    DRAFT,
    FOREIGN,
    INVALID,
    LAUNCH,
    LOST,
    assert_refused,
    come_back,
    fetch,
    is_signed_in,
    sign_in,
    start,
)
from tests.oidc_provider import CLIENT_ID, NO_CLAIM, FakeProvider


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"state": "forged"}, FOREIGN),
        ({"state": ""}, FOREIGN),
        ({"iss": "https://evil.example"}, FOREIGN),
        ({"iss": ""}, FOREIGN),
        ({"code": "", "error": "access_denied"}, DECLINED),
        ({"code": "", "error": "server_error"}, AWAY),
        ({"code": "", "error": "temporarily_unavailable"}, AWAY),
        ({"code": ""}, INVALID),
        ({"code": "of somebody else"}, INVALID),
    ],
)
def test_an_answer_that_is_forged_foreign_or_an_error_signs_nobody_in(
    provider: FakeProvider, changes: dict[str, str], sentence: str
) -> None:
    client = Client()
    assert_refused(client, sign_in(client, provider, **changes), sentence)


def test_an_issuer_is_not_needed_in_the_answer_if_it_is_not_announced(
    provider: FakeProvider,
) -> None:
    provider.metadata = {"authorization_response_iss_parameter_supported": False}
    fetch()
    client = Client()

    sign_in(client, provider, iss="")

    assert is_signed_in(client)


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "of another attempt"},
        {"nonce": NO_CLAIM},
        {"iss": "https://evil.example"},
        {"aud": "another client"},
        {"aud": [CLIENT_ID, "another client"]},
        {"aud": [CLIENT_ID], "azp": "another client"},
        {"exp": 1},
        {"exp": NO_CLAIM},
        {"iat": NO_CLAIM},
        {"iat": time.time() + 9000},
        {"auth_time": NO_CLAIM},
        {"auth_time": 1},
        {"auth_time": time.time() + 9000},
        {"auth_time": "now"},
        {"sub": NO_CLAIM},
        {"sub": ""},
        {"sub": "x" * 256},
        {"sub": "x\0"},
        {"at_hash": "of another token"},
    ],
)
def test_an_id_token_with_a_wrong_claim_signs_nobody_in(
    provider: FakeProvider, claims: dict[str, Any]
) -> None:
    provider.claims = claims
    client = Client()
    assert_refused(client, sign_in(client, provider), INVALID)


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_a_signature_that_anybody_can_make_signs_nobody_in(
    provider: FakeProvider, algorithm: str
) -> None:
    provider.algorithm = algorithm
    client = Client()
    assert_refused(client, sign_in(client, provider), INVALID)


@pytest.mark.parametrize("token", [{"id_token": NO_CLAIM}, {"id_token": "x.y.z"}, {"id_token": 7}])
def test_an_answer_without_an_id_token_signs_nobody_in(
    provider: FakeProvider, token: dict[str, Any]
) -> None:
    provider.token = token
    client = Client()
    assert_refused(client, sign_in(client, provider), INVALID)


def test_the_code_of_another_browser_is_worth_nothing(provider: FakeProvider) -> None:
    victim, thief = Client(), Client()
    way_back = provider.answer(start(victim))

    assert_refused(thief, come_back(thief, way_back), LOST, target="")
    start(thief)
    assert_refused(thief, come_back(thief, way_back), FOREIGN)
    come_back(victim, way_back)
    assert is_signed_in(victim)


def test_a_forged_answer_does_not_end_the_customers_own_attempt(provider: FakeProvider) -> None:
    client = Client()
    way_back = provider.answer(start(client))
    come_back(client, "/oidc/return/?code=x&state=y")

    come_back(client, way_back)

    assert is_signed_in(client)


def test_an_answer_of_another_visit_is_refused(provider: FakeProvider) -> None:
    client = Client()
    client.get(LAUNCH)
    way_back = provider.answer(start(client))
    client.get(LAUNCH.replace("MSFT_1", "MSFT_2"))

    assert_refused(client, come_back(client, way_back), FOREIGN)


def test_an_attempt_survives_the_loss_of_the_session(provider: FakeProvider) -> None:
    client = Client()
    client.get(LAUNCH)
    way_back = provider.answer(start(client))
    del client.cookies[of_portal.SESSION_COOKIE_NAME]

    assert come_back(client, way_back)["Location"] == DRAFT


@pytest.mark.parametrize("cookie", [None, "", "forged", "é"])
def test_a_lost_attempt_leads_back_to_the_sign_in_page(
    provider: FakeProvider, cookie: str | None
) -> None:
    client = Client()
    way_back = provider.answer(start(client))
    del client.cookies[of_portal.OIDC_COOKIE_NAME]
    if cookie is not None:
        client.cookies[of_portal.OIDC_COOKIE_NAME] = cookie

    assert_refused(client, come_back(client, way_back), LOST, target="")


def test_an_attempt_ends_after_twenty_minutes(provider: FakeProvider) -> None:
    client = Client()
    way_back = provider.answer(start(client))
    with time_machine.travel(time.time() + 1201):
        assert_refused(client, come_back(client, way_back), LOST, target="")


def test_refusals_of_the_provider_count_as_failed_sign_ins_of_the_visit(
    provider: FakeProvider, settings: Settings
) -> None:
    settings.SIGN_IN_LIMIT = 2
    client = Client()
    client.get(LAUNCH)
    sign_in(client, provider, state="forged")
    for _ in range(2):
        sign_in(client, provider, code="", error="access_denied")

    client.post("/leave/")

    assert Handoff.objects.get().mo_direct_status == "LogOnFailed"
    assert Visit.objects.get().failed_sign_ins == 2

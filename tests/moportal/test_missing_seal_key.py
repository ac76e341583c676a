"""A seal key that was removed too early: rows can be read, and only the text itself cannot."""

from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.checks import run_checks
from django.db import connection
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.models import User
from esim.domain import pool
from esim.models import Profile
from mobileplans.models import Visit
from moportal.sealed import SealKeyMissing
from payments.models import PaymentMethod
from tests.builders import EID, make_method, make_pool
from tests.moportal.test_resealing import make_handoff

OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))


@pytest.fixture
def sealed_with_lost_key(alice: User, settings: Settings) -> None:
    """Seal one text in each room, and lose the key."""
    settings.SEAL_KEYS = [OLD]
    make_pool(1)
    pool.intend(eid=EID, profile_type="consumer")
    make_method(alice)
    make_handoff(alice)
    settings.SEAL_KEYS = [NEW]


def raw_token() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT token FROM payments_paymentmethod")
        [(token,)] = cursor.fetchall()
    return str(token)


def test_a_row_is_read_without_its_text(sealed_with_lost_key: None) -> None:
    method = PaymentMethod.objects.get()

    assert method.brand == "Visa"
    with pytest.raises(SealKeyMissing, match=r"token of <PaymentMethod: Visa"):
        _ = method.token


def test_a_deferred_text_is_missed_where_it_is_used(sealed_with_lost_key: None) -> None:
    profile = Profile.objects.defer("matching_id").get()

    with pytest.raises(SealKeyMissing):
        _ = profile.matching_id


def test_saving_a_row_keeps_the_text_that_no_key_opens(
    sealed_with_lost_key: None, settings: Settings
) -> None:
    before = raw_token()
    method = PaymentMethod.objects.get()
    method.brand = "Mastercard"
    method.save()

    assert raw_token() == before
    settings.SEAL_KEYS = [NEW, OLD]
    assert PaymentMethod.objects.get().token == "tok_unknown"


def test_the_account_is_shown_without_the_text(
    sealed_with_lost_key: None, as_alice: Client
) -> None:
    answer = as_alice.get("/account/")

    assert answer.status_code == 200
    assert b"4242" in answer.content


def test_a_page_that_uses_the_text_says_how_to_reach_support(
    sealed_with_lost_key: None, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    monkeypatch.setattr(
        "mobileplans.middleware.VisitMiddleware.__call__",
        lambda *_request: PaymentMethod.objects.get().token,
    )

    answer = Client(raise_request_exception=False).get("/options/")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert b"We&#x27;ll be back in a moment" in answer.content
    [line] = [record for record in caplog.records if "a seal key is missing" in str(record.msg)]
    assert line.levelname == "ERROR"


def test_the_desk_says_that_the_key_of_a_text_is_missing(
    sealed_with_lost_key: None, clara: User
) -> None:
    client = Client()
    client.force_login(clara)
    visit = Visit.objects.get()

    for page in (
        f"/admin/mobileplans/visit/{visit.pk}/change/",
        f"/admin/esim/profile/{Profile.objects.get().pk}/change/",
        f"/admin/esim/sim/{Profile.objects.get().sim_id}/change/",
    ):
        answer = client.get(page)
        assert answer.status_code == 200
        is_handoff = "visit" in page
        assert (b"The seal key of this text is missing" in answer.content) is is_handoff


def test_the_deploy_check_names_every_column_whose_key_is_missing(
    sealed_with_lost_key: None, settings: Settings
) -> None:
    def errors() -> set[str]:
        found = run_checks(include_deployment_checks=True)
        return {one.msg.partition(":")[0] for one in found if one.id == "moportal.E005"}

    assert errors() == {
        "esim.Profile.matching_id",
        "mobileplans.Handoff.activation_code",
        "payments.PaymentMethod.token",
    }
    settings.SEAL_KEYS = [NEW, OLD]
    assert errors() == set()

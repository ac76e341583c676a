"""The transaction id: each caller can use one once, and every answer echoes it."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from balance_api.models import AnsweredTransaction
from tests.authority import Authority
from tests.balance_api.test_views import TRANSACTION
from tests.deploy.get_balance.conftest import SECOND, UNKNOWN, GetBalance, exhaust_rate

pytestmark = pytest.mark.django_db(transaction=True)


def test_only_200_and_404_use_a_transaction_id(get_balance: GetBalance, settings: Settings) -> None:
    assert get_balance(transaction="of 200").status_code == 200
    assert get_balance(sim_id=UNKNOWN, transaction="of 404").status_code == 404
    assert get_balance("?limit=x", transaction="of 400").status_code == 400
    assert get_balance(certificate=None, transaction="of 401").status_code == 401
    exhaust_rate(settings)
    assert get_balance(transaction="of 429").status_code == 429
    settings.BALANCE_RATE = 0

    again = [
        get_balance(transaction=f"of {status}").status_code for status in (200, 404, 400, 401, 429)
    ]

    assert again == [409, 409, 200, 200, 200]
    assert get_balance(sim_id=UNKNOWN, transaction="of 200").status_code == 409


def test_two_callers_may_use_the_same_transaction_id(
    get_balance: GetBalance, caller_authority: Authority
) -> None:
    second = caller_authority.issue(SECOND)

    assert get_balance(transaction="T").status_code == 200
    assert get_balance(transaction="T", certificate=second).status_code == 200
    assert get_balance(transaction="T", certificate=second).status_code == 409


def test_a_transaction_id_can_be_used_again_after_a_day(
    get_balance: GetBalance, settings: Settings
) -> None:
    assert get_balance(transaction="T").status_code == 200
    settings.BALANCE_REPLAY_HOURS = 0
    assert get_balance(transaction="T").status_code == 200
    settings.BALANCE_REPLAY_HOURS = 24
    assert get_balance(transaction="T").status_code == 409

    AnsweredTransaction.objects.update(at=now() - timedelta(hours=24))

    assert get_balance(transaction="T").status_code == 200
    assert get_balance(transaction="T").status_code == 409


def test_a_transaction_id_is_echoed_unchanged(get_balance: GetBalance) -> None:
    for transaction in ('"MSFT-12345678"', "a, b", "x" * 128):
        assert get_balance(transaction=transaction).status_code == 200


def test_every_refusal_echoes_the_transaction_id(
    get_balance: GetBalance,
    caller_authority: Authority,
    settings: Settings,
    subtests: pytest.Subtests,
) -> None:
    """`get_balance` checks the echo on every answer."""
    refusals: dict[int, dict[str, Any]] = {
        400: {"query": "?limit=x"},
        401: {"certificate": None},
        403: {"certificate": caller_authority.issue("another.example")},
        404: {"sim_id": UNKNOWN},
        405: {"method": "POST"},
        406: {"headers": {"Accept": "text/html"}},
        429: {},
    }
    for status, request in refusals.items():
        with subtests.test(str(status)):
            if status == 429:
                exhaust_rate(settings)
            assert get_balance(**request).status_code == status


def test_a_refusal_before_the_view_echoes_the_transaction_id(
    get_balance: GetBalance, settings: Settings
) -> None:
    """Django refuses an unknown host before it calls the view."""
    settings.ALLOWED_HOSTS = ["another.example"]

    assert get_balance().status_code == 400


def test_a_transaction_id_that_is_too_long_is_refused(get_balance: GetBalance) -> None:
    answer = get_balance(transaction="x" * 129)

    assert (answer.status_code, answer.json()["parameter"]) == (400, TRANSACTION)

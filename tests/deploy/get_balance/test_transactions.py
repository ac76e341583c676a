"""The transaction id: spent once for each caller, and echoed on every answer."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from balance_api.models import AnsweredTransaction
from esim.models import Sim
from tests.authority import Authority, Issued
from tests.balance_api.test_views import TRANSACTION
from tests.deploy.conftest import ApiProxy
from tests.deploy.get_balance.conftest import SECOND, UNKNOWN, Ask, limited

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_transaction_id_is_spent_by_200_and_404_alone(ask: Ask, settings: Settings) -> None:
    assert ask(transaction="of 200").status_code == 200
    assert ask(about=UNKNOWN, transaction="of 404").status_code == 404
    assert ask("?limit=x", transaction="of 400").status_code == 400
    assert ask(shown=None, transaction="of 401").status_code == 401
    limited(settings)
    assert ask(transaction="of 429").status_code == 429
    settings.BALANCE_RATE = 0

    again = [ask(transaction=f"of {status}").status_code for status in (200, 404, 400, 401, 429)]

    assert again == [409, 409, 200, 200, 200]
    assert ask(about=UNKNOWN, transaction="of 200").status_code == 409


def test_two_callers_may_use_the_same_transaction_id(ask: Ask, theirs: Authority) -> None:
    second = theirs.issue(SECOND)

    assert ask(transaction="T").status_code == 200
    assert ask(transaction="T", shown=second).status_code == 200
    assert ask(transaction="T", shown=second).status_code == 409


def test_a_transaction_id_may_come_again_after_its_time(ask: Ask, settings: Settings) -> None:
    assert ask(transaction="T").status_code == 200
    settings.BALANCE_REPLAY_HOURS = 0
    assert ask(transaction="T").status_code == 200
    settings.BALANCE_REPLAY_HOURS = 24
    assert ask(transaction="T").status_code == 409

    AnsweredTransaction.objects.update(at=now() - timedelta(hours=24))

    assert ask(transaction="T").status_code == 200
    assert ask(transaction="T").status_code == 409


def test_it_is_echoed_as_it_came(ask: Ask, proxy: ApiProxy, sim: Sim, good: Issued) -> None:
    for transaction in ('"MSFT-12345678"', "a, b", "x" * 128):
        assert ask(transaction=transaction).status_code == 200
    with proxy.client(good) as client:
        sent = {TRANSACTION.encode(): "é ü".encode("latin-1")}
        answer = client.get(f"/v1/sims/{sim.iccid}/balances", headers=sent)

    assert set(sent.items()) <= set(answer.headers.raw)


def test_it_is_echoed_on_every_refusal(
    ask: Ask, theirs: Authority, settings: Settings, subtests: pytest.Subtests
) -> None:
    """That it is, `ask` looks at for every answer."""
    refusals: dict[int, dict[str, Any]] = {
        400: {"query": "?limit=x"},
        401: {"shown": None},
        403: {"shown": theirs.issue("another.example")},
        404: {"about": UNKNOWN},
        405: {"method": "POST"},
        406: {"headers": {"Accept": "text/html"}},
        429: {},
    }
    for status, question in refusals.items():
        with subtests.test(str(status)):
            if status == 429:
                limited(settings)
            assert ask(**question).status_code == status


def test_it_is_echoed_by_what_answers_for_the_view_too(ask: Ask, settings: Settings) -> None:
    """Django refuses a host that it does not know before the view is asked."""
    settings.ALLOWED_HOSTS = ["another.example"]

    assert ask().status_code == 400


def test_one_that_cannot_be_kept_is_named(ask: Ask) -> None:
    answer = ask(transaction="x" * 129)

    assert (answer.status_code, answer.json()["parameter"]) == (400, TRANSACTION)

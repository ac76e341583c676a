"""`outbox.health`: the checks of the database and the worker."""

from datetime import timedelta

import pytest
from django.db import DatabaseError
from django.utils.timezone import now

from moportal.health import Unhealthy
from outbox import health
from outbox.models import Heartbeat

pytestmark = pytest.mark.django_db


def test_a_worker_with_a_recent_heartbeat_is_healthy() -> None:
    Heartbeat.objects.create(name="worker", at=now())

    health.worker()
    health.database()


@pytest.mark.parametrize("silence", [None, timedelta(seconds=31)])
def test_a_worker_without_a_recent_heartbeat_is_unhealthy(silence: timedelta | None) -> None:
    if silence:
        Heartbeat.objects.create(name="worker", at=now() - silence)

    with pytest.raises(Unhealthy, match="no worker"):
        health.worker()


def test_both_checks_report_a_database_that_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_args: object, **_keywords: object) -> None:
        raise DatabaseError

    monkeypatch.setattr("django.db.backends.base.base.BaseDatabaseWrapper.cursor", fail)

    for check in (health.database, health.worker):
        with pytest.raises(Unhealthy, match="does not answer"):
            check()

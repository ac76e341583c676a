"""`outbox.health`: the age of the worker's heartbeat."""

from datetime import timedelta

import pytest
from django.db import DatabaseError
from django.utils.timezone import now

from outbox.health import seconds_since_heartbeat
from outbox.models import Heartbeat

pytestmark = pytest.mark.django_db


def test_the_age_of_the_workers_heartbeat_is_in_seconds() -> None:
    Heartbeat.objects.create(name="worker", at=now() - timedelta(seconds=31))

    assert 31 <= (seconds_since_heartbeat() or 0) < 60


def test_a_heartbeat_that_no_worker_has_stored_has_no_age() -> None:
    assert seconds_since_heartbeat() is None


def test_without_a_database_there_is_no_age(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object, **_keywords: object) -> None:
        raise DatabaseError

    monkeypatch.setattr("django.db.backends.base.base.BaseDatabaseWrapper.cursor", fail)

    assert seconds_since_heartbeat() is None

"""`moportal.health`: `/livez` and `/readyz`."""

from pathlib import Path

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from outbox.models import Heartbeat

FIGURE = "outbox.health.seconds_since_heartbeat"
BY_ADDRESS = {"host": "10.0.0.7:8000"}


@pytest.fixture
def deployed(settings: Settings) -> Settings:
    """Return settings as in production, where the simulators do not run."""
    settings.ALLOWED_HOSTS = ["portal.example"]
    settings.SECURE_SSL_REDIRECT = True
    settings.READINESS_CHECKS = [
        path for path in settings.READINESS_CHECKS if not path.startswith("demo.")
    ]
    return settings


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_a_probe_by_address_over_plain_http_is_answered(
    path: str, deployed: Settings, client: Client, db: None
) -> None:
    answer = client.get(path, headers=BY_ADDRESS)

    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")


def test_a_late_heartbeat_is_a_figure_and_does_not_make_a_face_unready(
    deployed: Settings, client: Client, db: None
) -> None:
    without = client.get("/readyz")
    Heartbeat.objects.create(name="worker", at=now())
    with_one = client.get("/readyz")

    assert (without.status_code, without.json()["figures"][FIGURE]) == (200, None)
    assert 0 <= with_one.json()["figures"][FIGURE] < 60


def test_a_migration_that_is_not_applied_is_named(
    deployed: Settings, client: Client, db: None
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'outbox'")

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert (
        answer.json()["parts"]["moportal.health.migrations"] == "not migrated: outbox.0001_initial"
    )


def test_a_missing_catalogue_and_missing_static_files_are_named(
    deployed: Settings, client: Client, db: None, tmp_path: Path
) -> None:
    deployed.LOCALE_PATHS, deployed.STATIC_ROOT = [tmp_path], tmp_path
    deployed.READINESS_CHECKS = [*deployed.READINESS_CHECKS, "moportal.health.static_files"]

    answer = client.get("/readyz")

    parts = answer.json()["parts"]
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert (
        parts["moportal.health.catalogues"]
        == "catalogue not compiled: ar, de, es, fr, ja, pt-br, zh-hans"
    )
    assert "not collected" in parts["moportal.health.static_files"]


def test_without_its_database_a_process_is_alive_but_not_ready(
    deployed: Settings, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object, **_kwargs: object) -> None:
        raise OperationalError

    monkeypatch.setattr(connection, "cursor", fail)
    monkeypatch.setattr(connection, "ensure_connection", fail)

    assert client.get("/livez").status_code == 200
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert set(answer.json()["parts"].values()) == {"ok", "the database does not answer"}


def test_a_probe_only_reads(client: Client) -> None:
    answer = client.post("/livez")

    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")

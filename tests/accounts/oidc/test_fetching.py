"""A worker fetches what the provider publishes, and requests use what it fetched."""

import os
import ssl
import time
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.test import Client
from pytest_django.fixtures import Settings

from accounts import tasks
from accounts.models import OidcProvider, User
from accounts.oidc import provider as of_provider
from moportal.brokers.schedule import beat_schedule
from outbox.models import Task
from tests.accounts.oidc.steps import (
    AWAY,
    INVALID,
    assert_refused,
    fetch,
    is_signed_in,
    sign_in,
    start,
)
from tests.authority import SERVER, Authority
from tests.builders import make_operator
from tests.conftest import PASSWORD
from tests.oidc_provider import CLIENT_ID, NO_CLAIM, FakeProvider, new_key, providing
from tests.processing import process_task


def tasks_of_provider() -> int:
    return Task.objects.filter(kind=of_provider.KIND, closed_at=None).count()


def test_a_worker_fetches_every_five_minutes_if_there_is_a_provider(
    provider: FakeProvider, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = beat_schedule(pulls_usage=False, fetches_provider=True)["fetch provider"]
    assert (entry["task"], entry["schedule"]) == ("accounts.tasks.request_provider", 300.0)
    assert "fetch provider" not in beat_schedule(pulls_usage=False, fetches_provider=False)

    Task.objects.all().delete()
    tasks.request_provider()
    assert tasks_of_provider() == 1

    Task.objects.all().delete()
    sent: list[str] = []
    monkeypatch.setattr(tasks.request_provider, "delay", lambda: sent.append("provider"))
    tasks.request_provider_at_start()
    assert sent == ["provider"]

    settings.OIDC_ISSUER = ""
    tasks.request_provider_at_start()
    assert sent == ["provider"]
    tasks.request_provider()
    assert tasks_of_provider() == 0


def test_before_anything_was_fetched_the_page_says_so_and_a_worker_is_asked(
    provider: FakeProvider, alice: User
) -> None:
    OidcProvider.objects.all().delete()
    Task.objects.all().delete()
    provider.paths.clear()
    client = Client()

    assert_refused(client, client.get("/oidc/start/?next=/review/"), AWAY)

    assert (provider.paths, tasks_of_provider()) == ([], 1)
    client.post("/sign-in/", {"username": alice.username, "password": PASSWORD})
    assert is_signed_in(client)


def test_what_is_a_day_old_is_not_used(provider: FakeProvider) -> None:
    client = Client()
    with time_machine.travel(time.time() + 25 * 3600):
        assert_refused(client, client.get("/oidc/start/?next=/review/"), AWAY)


def test_a_provider_that_fails_is_asked_again_later_and_what_was_fetched_stays(
    provider: FakeProvider,
) -> None:
    provider.status = 503

    assert fetch() is not None

    row = OidcProvider.objects.get()
    assert (row.tries, row.last_error) == (1, "ProviderUnavailable: HTTP 503")
    Task.objects.all().delete()
    of_provider.request_fetch()
    assert tasks_of_provider() == 0
    assert start(Client()).startswith(provider.url)
    provider.status = 200


def test_an_answer_that_is_not_found_changes_nothing(provider: FakeProvider) -> None:
    provider.status = 404

    assert fetch() is not None

    assert OidcProvider.objects.get().last_error == "ProviderUnavailable: HTTP 404"
    provider.status = 200
    assert start(Client()).startswith(provider.url)


def test_a_provider_that_is_no_longer_set_is_not_asked(
    provider: FakeProvider, settings: Settings
) -> None:
    of_provider.request_fetch()
    row = OidcProvider.objects.get()
    settings.OIDC_ISSUER = "https://another.example"
    provider.paths.clear()

    assert process_task(of_provider.KIND, row.pk) is None
    assert provider.paths == []


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://evil.example/token"},
        {"authorization_endpoint": NO_CLAIM},
        {"jwks_uri": NO_CLAIM},
        {"id_token_signing_alg_values_supported": ["none", "HS256"]},
    ],
)
def test_metadata_that_the_portal_cannot_use_changes_nothing(
    provider: FakeProvider, metadata: dict[str, Any]
) -> None:
    provider.metadata = metadata

    assert fetch() is not None

    assert start(Client()).startswith(f"{provider.url}/authorize")


@pytest.mark.parametrize(
    "keys", [{"keys": []}, {"keys": "x"}, {"other": 1}, {"keys": [{"kty": "RSA"}]}, [], "x"]
)
def test_keys_that_cannot_be_read_change_nothing(provider: FakeProvider, keys: Any) -> None:
    provider.published = keys

    assert fetch() is not None

    provider.published = None
    client = Client()
    sign_in(client, provider)
    assert is_signed_in(client)


def test_stored_keys_that_cannot_be_read_count_as_none(provider: FakeProvider) -> None:
    OidcProvider.objects.update(keys={"keys": []})
    client = Client()
    assert_refused(client, sign_in(client, provider), AWAY)


def test_a_provider_that_names_no_algorithm_signs_with_rs256(provider: FakeProvider) -> None:
    provider.metadata = {"id_token_signing_alg_values_supported": NO_CLAIM}
    assert fetch() is None
    client = Client()
    sign_in(client, provider)
    assert is_signed_in(client)


@pytest.mark.parametrize(
    ("secret", "methods", "sends"),
    [
        ("", ["client_secret_basic"], {"client_id"}),
        ("a secret", ["client_secret_post"], {"client_id", "client_secret"}),
        ("a secret", ["client_secret_post", "client_secret_basic"], set()),
        ("a secret", NO_CLAIM, set()),
    ],
)
def test_the_portal_identifies_itself_as_the_provider_wants(
    provider: FakeProvider, settings: Settings, secret: str, methods: Any, sends: set[str]
) -> None:
    settings.OIDC_CLIENT_SECRET = secret
    provider.metadata = {"token_endpoint_auth_methods_supported": methods}
    fetch()

    sign_in(Client(), provider)

    assert sends == {"client_id", "client_secret"} & provider.token_body.keys()


def test_a_new_key_is_fetched_by_a_worker_and_the_next_try_succeeds(
    provider: FakeProvider,
) -> None:
    OidcProvider.objects.update(fetched_at="2026-11-29T00:00Z")
    with time_machine.travel("2026-11-29T01:00Z"):
        provider.key = new_key()
        Task.objects.all().delete()
        client = Client()
        assert_refused(client, sign_in(client, provider), INVALID)
        assert tasks_of_provider() == 1
        fetch()

        sign_in(client, provider)
        assert is_signed_in(client)


def test_forged_keys_do_not_make_a_worker_fetch_all_the_time(provider: FakeProvider) -> None:
    provider.key = new_key()
    Task.objects.all().delete()

    sign_in(Client(), provider)

    assert tasks_of_provider() == 0


def test_the_providers_certificate_is_checked_against_the_setting_alone(
    db: None, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_operator()
    authority = Authority("operator")
    certificate, key = authority.issue("provider", usages=(SERVER,), hosts=["127.0.0.1"]).write(
        tmp_path, "server"
    )
    trusted = tmp_path / "ca.pem"
    trusted.write_bytes(authority.own.pem)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    with providing(tls) as provider:
        settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID = provider.url, CLIENT_ID
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(trusted))
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        assert fetch() is not None

        monkeypatch.setenv("REQUESTS_CA_BUNDLE", os.devnull)
        monkeypatch.setenv("SSL_CERT_FILE", os.devnull)
        settings.OIDC_CA = str(trusted)
        assert fetch() is None
        client = Client()
        sign_in(client, provider)
        assert is_signed_in(client)

        settings.OIDC_CA = str(tmp_path / "missing")
        assert fetch() is not None

"""`esim.es2plus.addresses` and `esim.checks`: addresses and TLS files come from the environment."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import DatabaseError
from pytest_django.fixtures import Settings

from esim import checks
from esim.es2plus.addresses import address_of, tls_files_of
from esim.models import SmdpProvider
from moportal.http_client import TlsFiles
from tests.builders import make_provider

KESTREL, OTHER = SmdpProvider(code="kestrel-one"), SmdpProvider(code="other")


@pytest.fixture
def environment(settings: Settings) -> Settings:
    """Return settings with each variable set for all providers."""
    settings.SMDP_URL = "https://smdp.example/"
    settings.SMDP_CA = "ca.pem"
    settings.SMDP_CLIENT_CERTIFICATE, settings.SMDP_CLIENT_KEY = "all.crt", "all.key"
    settings.SMDP_BY_PROVIDER = {}
    return settings


def test_a_providers_own_address_overrides_the_one_for_all(environment: Settings) -> None:
    environment.SMDP_BY_PROVIDER = {"SMDP_URL_KESTREL_ONE": "https://kestrel.example"}

    assert address_of(KESTREL) == "https://kestrel.example"
    assert address_of(OTHER) == "https://smdp.example"


def test_a_providers_own_file_overrides_the_one_for_all(environment: Settings) -> None:
    environment.SMDP_BY_PROVIDER = {"SMDP_CA_KESTREL_ONE": ""}

    assert tls_files_of(KESTREL) == TlsFiles("", "all.crt", "all.key")
    assert tls_files_of(OTHER) == TlsFiles("ca.pem", "all.crt", "all.key")


def test_a_providers_own_certificate_is_not_combined_with_the_key_for_all(
    environment: Settings,
) -> None:
    environment.SMDP_BY_PROVIDER = {"SMDP_CLIENT_CERTIFICATE_KESTREL_ONE": "own.pem"}

    assert tls_files_of(KESTREL) == TlsFiles("ca.pem", "own.pem", "")


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({}, r"SMDP_URL_KESTREL_ONE \(or SMDP_URL\) is ''"),
        ({"SMDP_URL_KESTREL_ONE": "ftp://x"}, r"SMDP_URL_KESTREL_ONE is 'ftp://x'"),
    ],
)
def test_a_missing_or_wrong_variable_is_named(
    environment: Settings, own: dict[str, str], message: str
) -> None:
    environment.SMDP_URL, environment.SMDP_BY_PROVIDER = "", own

    with pytest.raises(ImproperlyConfigured, match=message):
        address_of(KESTREL)


@pytest.mark.django_db
def test_the_deployment_check_names_a_provider_that_cannot_be_called(
    environment: Settings, tmp_path: Path
) -> None:
    make_provider()
    environment.SMDP_CA = str(tmp_path / "missing.pem")

    with pytest.raises(CommandError, match=r"missing\.pem: .*No such file"):
        call_command("check", "--deploy")

    environment.SMDP_CA = environment.SMDP_CLIENT_CERTIFICATE = ""
    assert checks.providers_can_be_called() == []


@pytest.mark.django_db
def test_the_deployment_check_names_a_host_that_no_device_could_find(
    environment: Settings,
) -> None:
    environment.SMDP_CA = environment.SMDP_CLIENT_CERTIFICATE = ""
    make_provider(smdp_host="localhost")

    assert "esim.E002" in {error.id for error in checks.providers_can_be_called()}


def test_without_a_database_the_check_finds_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(**_conditions: object) -> None:
        raise DatabaseError

    monkeypatch.setattr(SmdpProvider.objects, "filter", fail)

    assert checks.providers_can_be_called() == []


@pytest.mark.django_db
def test_the_deployment_check_names_a_variable_that_belongs_to_no_provider(
    environment: Settings,
) -> None:
    provider = make_provider()
    own = f"SMDP_URL_{provider.code.upper()}"
    environment.SMDP_BY_PROVIDER = {own: "", "SMDP_CA_TYPO": "", "SMDP_CALLBACK_CA": ""}

    (warning,) = checks.provider_variables_are_used()

    assert warning.msg == "SMDP_CA_TYPO belongs to no provider, so it is not used."

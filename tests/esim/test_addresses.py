"""`esim.es2plus.addresses` and `esim.checks`: where an SM-DP+ is, from the environment alone."""

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
    """Return settings as of an environment that names each variable once, for all."""
    settings.SMDP_URL = "https://smdp.example/"
    settings.SMDP_CA = "ca.pem"
    settings.SMDP_CLIENT_CERTIFICATE, settings.SMDP_CLIENT_KEY = "all.crt", "all.key"
    settings.SMDP_BY_PROVIDER = {}
    return settings


def test_one_address_serves_all_but_those_that_have_their_own(environment: Settings) -> None:
    environment.SMDP_BY_PROVIDER = {"SMDP_URL_KESTREL_ONE": "https://kestrel.example"}

    assert address_of(KESTREL) == "https://kestrel.example"
    assert address_of(OTHER) == "https://smdp.example"


def test_each_file_may_be_a_providers_own(environment: Settings) -> None:
    environment.SMDP_BY_PROVIDER = {"SMDP_CA_KESTREL_ONE": ""}

    assert tls_files_of(KESTREL) == TlsFiles("", "all.crt", "all.key")
    assert tls_files_of(OTHER) == TlsFiles("ca.pem", "all.crt", "all.key")


def test_a_certificate_of_its_own_never_goes_with_anothers_key(environment: Settings) -> None:
    environment.SMDP_BY_PROVIDER = {"SMDP_CLIENT_CERTIFICATE_KESTREL_ONE": "own.pem"}

    assert tls_files_of(KESTREL) == TlsFiles("ca.pem", "own.pem", "")


@pytest.mark.parametrize(
    ("own", "named"),
    [
        ({}, r"SMDP_URL_KESTREL_ONE \(or SMDP_URL\) is ''"),
        ({"SMDP_URL_KESTREL_ONE": "ftp://x"}, r"SMDP_URL_KESTREL_ONE is 'ftp://x'"),
    ],
)
def test_what_is_missing_is_named(environment: Settings, own: dict[str, str], named: str) -> None:
    environment.SMDP_URL, environment.SMDP_BY_PROVIDER = "", own

    with pytest.raises(ImproperlyConfigured, match=named):
        address_of(KESTREL)


@pytest.mark.django_db
def test_before_it_is_deployed_a_provider_that_cannot_be_called_is_named(
    environment: Settings, tmp_path: Path
) -> None:
    make_provider()
    environment.SMDP_CA = str(tmp_path / "missing.pem")

    with pytest.raises(CommandError, match=r"missing\.pem: .*No such file"):
        call_command("check", "--deploy")

    environment.SMDP_CA = environment.SMDP_CLIENT_CERTIFICATE = ""
    assert checks.providers_can_be_called() == []


def test_where_there_is_no_database_there_are_no_providers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(**_of: object) -> None:
        raise DatabaseError

    monkeypatch.setattr(SmdpProvider.objects, "filter", fails)

    assert checks.providers_can_be_called() == []

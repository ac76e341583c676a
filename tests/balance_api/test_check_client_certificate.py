"""`manage.py check_client_certificate`: shows an engineer why a caller is refused."""

from io import StringIO
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from esim.models import SmdpProvider
from moportal.trust.certificates import pin
from tests.authority import SERVER, Authority, Issued
from tests.builders import make_provider

NAME = "getbalance.caller.example"
ROOT = Authority("Root")
BELOW = Authority("Below", ROOT)


@pytest.fixture
def folder(settings: Settings, tmp_path: Path) -> Path:
    """Trust an authority and an intermediate; return the folder of their files."""
    settings.BALANCE_CA = str(ROOT.own.write(tmp_path, "root")[0])
    settings.BALANCE_INTERMEDIATES = str(BELOW.own.write(tmp_path, "below")[0])
    settings.BALANCE_REVOKED = ""
    settings.BALANCE_NAMES = frozenset({NAME})
    return tmp_path


def told(file: Path, **options: str) -> dict[str, str]:
    """Return the printed values by name; "end" holds the exit status and the error."""
    said, end = StringIO(), ""
    try:
        call_command("check_client_certificate", str(file), stdout=said, **options)
    except CommandError as error:
        end = f"{error.returncode}: {error}"
    return {**{line[:16].strip(): line[17:] for line in said.getvalue().splitlines()}, "end": end}


def shown(folder: Path, issued: Issued) -> Path:
    return issued.write(folder, "shown")[0]


def test_a_trusted_certificate_is_shown_with_its_chain(folder: Path) -> None:
    issued = BELOW.issue("a client", hosts=[NAME])

    facts = told(shown(folder, issued))

    leaf = issued.certificate
    assert facts == {
        "verdict": "trusted",
        "status": "200",
        "reason": "trusted",
        "subject": "CN=a client",
        "names": f"a client, {NAME}",
        "pin": pin(leaf),
        "serial": f"{leaf.serial_number:x}",
        "valid from": f"{leaf.not_valid_before_utc:%Y-%m-%d %H:%M:%S} UTC",
        "valid until": f"{leaf.not_valid_after_utc:%Y-%m-%d %H:%M:%S} UTC",
        "meant for": "client authentication",
        "issuer": "CN=Below",
        "chain": "CN=a client < CN=Below < CN=Root",
        "root": f"CN=Root, until {ROOT.own.certificate.not_valid_after_utc:%Y-%m-%d}",
        "intermediate": f"CN=Below, until {BELOW.own.certificate.not_valid_after_utc:%Y-%m-%d}",
        "expected": NAME,
        "end": "",
    }


def test_an_untrusted_certificate_is_shown_with_the_reason(folder: Path) -> None:
    foreign = told(shown(folder, Authority("Another").issue(NAME)))
    server = told(shown(folder, ROOT.issue(NAME, usages=[SERVER])))
    silent = told(shown(folder, ROOT.issue(NAME, usages=[])))

    assert (foreign["verdict"], foreign["status"], foreign["chain"]) == (
        "unknown issuer",
        "403",
        "none found",
    )
    assert foreign["end"] == f"1: The certificate is not trusted: {foreign['reason']}."
    assert (server["verdict"], server["meant for"]) == ("not for clients", "server authentication")
    assert (silent["verdict"], silent["meant for"]) == ("not for clients", "not stated")


def test_a_revoked_certificate_is_shown_with_its_list(folder: Path, settings: Settings) -> None:
    issued, revoked = ROOT.issue(NAME), folder / "revoked.pem"
    listed = ROOT.revoke(issued)
    revoked.write_bytes(listed.public_bytes(Encoding.PEM))
    settings.BALANCE_REVOKED = str(revoked)

    facts = told(shown(folder, issued))

    assert facts["verdict"] == "revoked"
    assert facts["revocation list"] == f"CN=Root, 1 revoked, of {listed.last_update_utc:%Y-%m-%d}"


def test_a_file_without_a_certificate_has_no_facts(folder: Path) -> None:
    file = folder / "shown.pem"
    file.write_text("no certificate")

    facts = told(file)

    assert set(facts) == {"verdict", "status", "reason", "end"}
    assert (facts["verdict"], facts["status"]) == ("unreadable", "403")


@pytest.mark.django_db
def test_a_providers_certificate_can_be_checked(folder: Path, settings: Settings) -> None:
    make_provider(code="kestrel")
    SmdpProvider.objects.update(certificate_names=["notify.smdp.example"])
    settings.SMDP_CALLBACK_CA = settings.BALANCE_CA
    file = shown(folder, ROOT.issue("notify.smdp.example"))

    assert told(file, place="kestrel")["verdict"] == "trusted"
    assert told(file)["verdict"] == "unexpected caller"
    assert told(file, place="other")["end"] == "1: There is no SM-DP+ provider with the code other."


def test_a_file_that_cannot_be_read_is_named(folder: Path, settings: Settings) -> None:
    file = shown(folder, ROOT.issue(NAME))

    assert "missing.pem" in told(folder / "missing.pem")["end"]
    settings.BALANCE_CA = str(folder / "gone.pem")
    assert "gone.pem" in told(file)["end"]
    settings.BALANCE_CA = ""
    assert told(file)["end"] == "1: BALANCE_CA is not set, so no certificate is trusted."

"""Which hosts a customer's device must reach in order to pay."""

from io import StringIO

import pytest
from django.core.management import call_command
from pytest_django.fixtures import Settings


@pytest.mark.parametrize(
    ("url", "listed"),
    [
        ("https://gateway.kestrel.example:8443/v1", "gateway.kestrel.example\n"),
        ("http://127.0.0.1:9002", "127.0.0.1\n"),
        ("", ""),
    ],
)
def test_the_command_lists_host_names_without_ports_and_paths(
    settings: Settings, url: str, listed: str
) -> None:
    settings.PAYMENT_GATEWAY_URL = url
    printed = StringIO()

    call_command("payment_hosts", stdout=printed)

    assert printed.getvalue() == listed

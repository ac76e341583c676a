"""`manage.py check_client_certificate FILE`: say whether a certificate is accepted, and why."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.timezone import now

from balance_api.authentication import trusted_callers
from esim.es2plus.addresses import trust_of
from esim.models import SmdpProvider
from moportal.trust.certificates import Verdict, explain
from moportal.trust.trust_files import InvalidTrust, TrustFiles

BALANCE = "balance"
ROW = "{:<16} {}"


class Command(BaseCommand):
    """Shows whether a client certificate is trusted, and why. Exits with 1 if it is not."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="the certificate in PEM; its key is not needed")
        parser.add_argument(
            "--for",
            dest="place",
            default=BALANCE,
            help="where it would be used: balance (default), or the code of an SM-DP+ provider",
        )

    def handle(self, *_args: Any, file: Path, place: str, **_options: Any) -> None:
        try:
            pem, trust, at = file.read_bytes(), _trust_of(place).load(), now()
            verdict = _trust_of(place).verify(pem, at=at)
        except (OSError, InvalidTrust) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(ROW.format("verdict", verdict.name.lower().replace("_", " ")))
        self.stdout.write(ROW.format("status", int(verdict.status)))
        self.stdout.write(ROW.format("reason", verdict.reason))
        for name, value in explain(pem, trust, at=at):
            self.stdout.write(ROW.format(name, value))
        if verdict is not Verdict.TRUSTED:
            raise CommandError(f"The certificate is not trusted: {verdict.reason}.")


def _trust_of(place: str) -> TrustFiles:
    """Return the trusted certificates; raises `CommandError` if the settings name none."""
    if place == BALANCE:
        files, setting = trusted_callers(), "BALANCE_CA"
    else:
        provider = SmdpProvider.objects.filter(code=place).first()
        if provider is None:
            raise CommandError(f"There is no SM-DP+ provider with the code {place}.")
        files, setting = trust_of(provider), "SMDP_CALLBACK_CA"
    if files is None:
        raise CommandError(f"{setting} is not set, so no certificate is trusted.")
    return files

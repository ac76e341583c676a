"""`manage.py check_client_certificate FILE`: what a caller's certificate is worth here, and why."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.timezone import now

from balance_api.authentication import trusted_callers
from esim.es2plus.addresses import trust_of
from esim.models import SmdpProvider
from moportal.certificates import Verdict, explain
from moportal.trust_files import InvalidTrust, TrustFiles

BALANCE = "balance"
ROW = "{:<16} {}"


class Command(BaseCommand):
    """Exits with 1 where it is not trusted, so that a script may ask too."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="the certificate in PEM; its key is not needed")
        parser.add_argument(
            "--for",
            dest="door",
            default=BALANCE,
            help="whose caller it would be: balance (default), or the code of an SM-DP+ provider",
        )

    def handle(self, *_args: Any, file: Path, door: str, **_options: Any) -> None:
        try:
            pem, trust, at = file.read_bytes(), _files_of(door).load(), now()
            verdict = _files_of(door).verify(pem, at=at)
        except (OSError, InvalidTrust) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(ROW.format("verdict", verdict.name.lower().replace("_", " ")))
        self.stdout.write(ROW.format("status", int(verdict.status)))
        self.stdout.write(ROW.format("reason", verdict.reason))
        for name, value in explain(pem, trust, at=at):
            self.stdout.write(ROW.format(name, value))
        if verdict is not Verdict.TRUSTED:
            raise CommandError(f"It is not trusted: {verdict.reason}.")


def _files_of(door: str) -> TrustFiles:
    """Return whom that door believes; raises `CommandError` where nobody has said."""
    if door == BALANCE:
        files, setting = trusted_callers(), "BALANCE_CA"
    else:
        provider = SmdpProvider.objects.filter(code=door).first()
        if provider is None:
            raise CommandError(f"There is no SM-DP+ provider of the code {door}.")
        files, setting = trust_of(provider), "SMDP_CALLBACK_CA"
    if files is None:
        raise CommandError(f"{setting} is not set: nobody is trusted.")
    return files

"""`manage.py payment_hosts`: print the hosts that the walled garden's list needs for payments."""

from typing import Any

from django.core.management.base import BaseCommand

from payments.gateways import gateways


class Command(BaseCommand):
    """Print one host name per line."""

    help = "List the hosts that a customer's device must reach in order to pay."

    def handle(self, **_options: Any) -> None:
        hosts = {host for one in gateways().values() for host in one.device_hosts()}
        for host in sorted(hosts):
            self.stdout.write(host)

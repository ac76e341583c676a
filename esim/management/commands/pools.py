"""`manage.py pools`: how many ICCIDs each profile type has at each provider."""

from typing import Any

from django.core.management.base import BaseCommand

from esim.domain.stock import count_stock

ROW = "{:<24} {:<16} {:>9} {:>9} {:>9} {:>9}{}"


class Command(BaseCommand):
    """Shows how many ICCIDs of each profile type are free, reserved or used at each provider."""

    help = __doc__

    def handle(self, *_args: Any, **_options: Any) -> None:
        self.stdout.write(ROW.format("type", "provider", "free", "reserved", "used", "mark", ""))
        for pool in count_stock():
            mark = "" if pool.low_mark is None else pool.low_mark
            counts = (pool.free, pool.reserved, pool.used, mark)
            low = "  low" if pool.is_low else ""
            self.stdout.write(ROW.format(pool.profile_type, pool.provider, *counts, low))

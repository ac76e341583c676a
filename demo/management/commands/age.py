"""`manage.py age --months 1`: move the demo customers' plans on, and show what happened."""

import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Q, QuerySet
from django.utils.timezone import now

from accounts.models import AccountMessage
from demo import aging
from messages.states import Occasion
from outbox.models import Task
from subscriptions.models import KIND, Subscription
from subscriptions.queries import renewing_subscriptions
from subscriptions.states import SubscriptionState

# A worker of `make run` needs a few seconds.
PATIENCE = 20.0


class Command(BaseCommand):
    """Moves plans that renew on by days and months. It runs in the demo alone."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--months", type=int, default=0)
        parser.add_argument("--days", type=int, default=0)

    def handle(self, *_args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("This command works only in a demo: set DEMO=1.")
        months, days = options["months"], options["days"]
        if months < 0 or days < 0 or months + days == 0:
            raise CommandError("Say how much time passes: --months 1 or --days 1.")
        seen = AccountMessage.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        # Renewals happen day by day, as they do in life.
        for step in [{"months": 1}] * months + [{"days": 1}] * days:
            self._step(**step)
        self._show(seen)

    def _step(self, **step: int) -> None:
        for subscription in renewing_subscriptions():
            aging.age(subscription, **step)
        until = time.monotonic() + PATIENCE
        while _waiting().exists() and time.monotonic() < until:
            time.sleep(0.2)

    def _show(self, seen: int) -> None:
        for subscription in Subscription.objects.filter(anchored_at__isnull=False):
            state = SubscriptionState(subscription.state).label
            self.stdout.write(f"{subscription.reference}  {subscription.plan_name}: {state}")
        for told in AccountMessage.objects.filter(pk__gt=seen).order_by("pk"):
            self.stdout.write(f"  told {told.account}: {Occasion(told.occasion).label}")


def _waiting() -> QuerySet[Task]:
    """Return the tasks that a worker processes now, or must process now."""
    is_leased, is_due = Q(lease_until__isnull=False), Q(not_before__lte=now())
    return Task.objects.filter(is_leased | is_due, kind=KIND, closed_at=None)

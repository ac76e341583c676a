"""How long what was answered is remembered."""

from datetime import timedelta

from django.conf import settings
from django.utils.timezone import now

from balance_api.models import AnsweredTransaction


def forget() -> int:
    """Take off the transaction ids that may be used again, and say how many they were."""
    spent_for = timedelta(hours=settings.BALANCE_REPLAY_HOURS)
    deleted, _by_table = AnsweredTransaction.objects.filter(at__lt=now() - spent_for).delete()
    return deleted

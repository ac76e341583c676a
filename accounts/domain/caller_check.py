"""Compares what a caller says with what is known of an account.

Each answer is counted before it is compared, for each account and whoever asks. Wrong answers count
for a day, so that an impostor cannot call again and again.
"""

from datetime import timedelta

from django.conf import settings

from accounts.access import caller_facts, limiter
from accounts.access.limiter import Counter, Limit
from accounts.models import User

WINDOW = timedelta(days=1)
LIMIT = "caller"


def find_lock(account: User) -> limiter.Locked | None:
    """Return why no more answers about this account are compared today, or None."""
    return limiter.find_lock(_counter(account))


def compare(fact: caller_facts.CallerFact, account: User, typed: str) -> bool:
    """Return whether the answer is right. Raises `Locked` after too many wrong ones."""
    attempt = f"{fact.name} {fact.normalise(typed)}"
    limiter.count(attempt, _counter(account))
    is_right = caller_facts.is_right(fact, account, typed)
    if is_right:
        limiter.forget(attempt, _counter(account))
    return is_right


def _counter(account: User) -> Counter:
    return Counter(Limit(LIMIT, settings.CALLER_LIMIT, WINDOW), f"account:{account.pk}")

"""Opening a customer's page: after the caller has passed a check, or for a reason.

The page is covered until then. Each opening is a row for auditors, and the customer finds it in the
file of their own data. It holds for half an hour, and only for the one who opened it.
"""

from collections.abc import Mapping
from datetime import timedelta

import structlog
from django.core.exceptions import PermissionDenied
from django.utils.timezone import now

from accounts.access import caller_facts
from accounts.access.limiter import Locked
from accounts.domain import caller_check
from accounts.models import User
from support.models import Opening

log = structlog.get_logger(__name__)
LIFETIME = timedelta(minutes=30)


def open_now(account: User, *, actor: User) -> Opening | None:
    """Return the opening with which this member of staff sees the customer's page, or None."""
    openings = Opening.objects.filter(account=account, opened_by=actor, closes_at__gt=now())
    return openings.order_by("-closes_at").first()


def open_for_reason(account: User, *, actor: User, reason: str) -> Opening:
    """Open the page for work without a caller, such as a case."""
    return _open(account, actor, reason=reason, passed_check=False)


def check_caller(
    account: User, *, actor: User, answers: Mapping[str, str]
) -> tuple[Opening | None, dict[str, bool]]:
    """Compare a caller's answers. Open the page if enough of them are right.

    Returns the opening, if there is one, and which answers were right, by the names of their facts.
    Raises `Locked` after too many wrong answers of a day. Then nothing was compared.
    """
    _check_permission(actor)
    if locked := caller_check.find_lock(account):
        raise locked
    found: dict[str, bool] = {}
    for fact in caller_facts.facts_of(account):
        typed = answers.get(fact.name, "")
        if not fact.normalise(typed):
            continue
        try:
            found[fact.name] = caller_check.compare(fact, account, typed)
        except Locked:
            break
    right = [name for name, is_right in found.items() if is_right]
    if not caller_facts.is_enough(right) or caller_check.find_lock(account):
        log.info("caller not passed", account=account.pk, actor=actor.pk, right=len(right))
        return None, found
    return _open(account, actor, reason="", passed_check=True), found


def can_check_caller(account: User) -> bool:
    """Return whether the account has enough facts to check a caller."""
    return caller_facts.is_enough([fact.name for fact in caller_facts.facts_of(account)])


def _open(account: User, actor: User, *, reason: str, passed_check: bool) -> Opening:
    _check_permission(actor)
    at = now()
    opening = Opening.objects.create(
        account=account,
        opened_by=actor,
        reason=reason,
        passed_check=passed_check,
        opened_at=at,
        closes_at=at + LIFETIME,
    )
    log.info(
        "customer's page opened", account=account.pk, actor=actor.pk, passed_check=passed_check
    )
    return opening


def _check_permission(actor: User) -> None:
    if not actor.is_staff or not actor.has_perm("support.open_customer"):
        raise PermissionDenied

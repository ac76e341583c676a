"""Accounts that somebody made and never used. Anybody can make them, so they do not stay."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, ForeignObjectRel, OuterRef, QuerySet
from django.utils.timezone import now

from accounts.models import (
    AccessEvent,
    AccountMessage,
    Address,
    CodeRequest,
    RecoveryCode,
    SignIn,
    User,
)

BATCH = 1000
# Every account may have these. They go with it.
WITH_THE_ACCOUNT = frozenset(
    {AccessEvent, AccountMessage, Address, CodeRequest, RecoveryCode, SignIn}
)


def delete_unused() -> int:
    """Delete one batch of accounts that nobody used for SUPPORT_DAYS, and return how many.

    Such an account has no proven address, and nothing refers to it: no order, card, line, visit or
    draft. A customer who comes back signs up again.
    """
    with transaction.atomic():
        rows = _unused().order_by("pk").select_for_update(skip_locked=True, of=("self",))
        accounts = list(rows.values_list("pk", flat=True)[:BATCH])
        CodeRequest.objects.filter(account__in=accounts).delete()
        User.objects.filter(pk__in=accounts).delete()
    return len(accounts)


def _unused() -> QuerySet[User]:
    before = now() - timedelta(days=settings.SUPPORT_DAYS)
    old = User.objects.filter(is_staff=False, created_at__lt=before)
    proven = Address.objects.filter(account=OuterRef("pk")).exclude(proven_at=None)
    unused = old.exclude(last_login__gte=before).exclude(Exists(proven))
    for relation in User._meta.get_fields(include_hidden=True):
        if not isinstance(relation, ForeignObjectRel):
            continue
        if relation.related_model not in WITH_THE_ACCOUNT and not relation.many_to_many:
            refers = {relation.field.name: OuterRef("pk")}
            unused = unused.exclude(Exists(QuerySet(relation.related_model).filter(**refers)))
    return unused

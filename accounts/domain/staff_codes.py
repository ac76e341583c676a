"""The code that support gives to a customer: twelve digits, for fifteen minutes and five tries.

`accounts.domain.staff_recovery` gives it out, and `accounts.domain.recovery` takes it. It has no
vowels, no 0 and no 1, so it can be read out on the phone.

The first four digits say which code is meant, and the other eight are the secret. Only a code with
the right first four uses up a try. Otherwise anybody who knows the customer's identifier could send
five codes and close this way back.
"""

import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import structlog
from django.db.models import F, QuerySet
from django.utils.timezone import now

from accounts.access.events import Kind
from accounts.desk_states import NEXT_RECOVERY_STATES, OPEN_RECOVERY, RecoveryState
from accounts.domain.recovery import Found
from accounts.domain.safeguards import RECENT
from accounts.models import Address, StaffRecovery, User
from accounts.models.desk import CODE_TRIES
from moportal.database.statements import compare_and_set
from moportal.sealed import digest
from moportal.text.normal_text import normalise_text

log = structlog.get_logger(__name__)
LIFETIME = timedelta(minutes=15)
DIGITS = "23456789"
GROUPS, GROUP_LENGTH = 3, 4
LENGTH = GROUPS * GROUP_LENGTH


def new_code() -> str:
    """Return a code as it is shown, such as 2345-6789-2345."""
    groups = ["".join(secrets.choice(DIGITS) for _ in range(GROUP_LENGTH)) for _ in range(GROUPS)]
    return "-".join(groups)


def digest_of(recovery: StaffRecovery, code: str) -> str:
    """Return what is stored of a code. The same code has another digest in another recovery."""
    return digest(f"staff recovery {recovery.pk} {_normalise(code)}")


def mark_of(recovery: StaffRecovery, code: str) -> str:
    """Return a digest of the first four digits, which say that this recovery's code is meant."""
    return digest(f"staff recovery {recovery.pk} begins {_normalise(code)[:GROUP_LENGTH]}")


def addresses_for_code(account: User) -> list[str]:
    """Return the email addresses to which a code may be sent.

    Phone numbers are left out, because the caller may be a thief who has the customer's SIM. The
    owner of a proven number gets a code there without support (`accounts.domain.codes`), after the
    network was asked about the SIM.

    Addresses that were proven within the last week are left out, because a thief who has the
    password may have proven their own mailbox. The owner was told, and needs time to notice.
    """
    return _values(_proven_mail(account).filter(proven_at__lte=now() - RECENT))


def addresses_proven_lately(account: User) -> list[str]:
    """Return the email addresses that were proven too recently to get a code."""
    return _values(_proven_mail(account).filter(proven_at__gt=now() - RECENT))


def _proven_mail(account: User) -> QuerySet[Address]:
    return account.addresses.filter(proven_at__isnull=False, value__contains="@")


def _values(addresses: QuerySet[Address]) -> list[str]:
    return list(addresses.values_list("value", flat=True))


def find(accounts: Sequence[User], typed: str) -> Found | None:
    """Return the account of a typed code from support, or None (`accounts.domain.recovery.ways`).

    A try is counted before the secret is compared. A right code takes its try back, because its
    holder may have to choose another password.
    """
    # Other codes are typed into the same field, and use up no try.
    if not _normalise(typed):
        return None
    waiting = StaffRecovery.objects.filter(
        account__in=accounts, state=RecoveryState.CODE_MADE, expires_at__gt=now()
    )
    for recovery in waiting.select_related("account"):
        if _is_right(recovery, typed):
            use = partial(_use, recovery)
            return Found(recovery.account, use, Kind.SUPPORT_RECOVERED)
    return None


def _is_right(recovery: StaffRecovery, typed: str) -> bool:
    if not _count_try(recovery, typed):
        return False
    if hmac.compare_digest(recovery.code_digest, digest_of(recovery, typed)):
        compare_and_set(StaffRecovery, recovery.pk, {"tries__gt": 0}, tries=F("tries") - 1)
        return True
    if move(recovery, RecoveryState.SPENT, expected={"tries": CODE_TRIES}):
        log.warning("recovery by staff: too many wrong codes", account=recovery.account_id)
    return False


def _use(recovery: StaffRecovery) -> bool:
    """Use the code up. Of two concurrent requests with the same code one gets True."""
    return move(recovery, RecoveryState.USED, expected={"code_digest": recovery.code_digest})


def move(
    recovery: StaffRecovery,
    new: RecoveryState,
    *,
    expected: Mapping[str, Any] | None = None,
    **columns: Any,
) -> bool:
    """Move the recovery on, and return whether it moved. Nothing else changes its state.

    It moves only along `NEXT_RECOVERY_STATES`, while its time lasts, and if it is as expected. It
    lapses only after its time.
    """
    before = [state for state, following in NEXT_RECOVERY_STATES.items() if new in following]
    time_left = "expires_at__lte" if new == RecoveryState.LAPSED else "expires_at__gt"
    conditions = {"state": before, time_left: now(), **(expected or {})}
    if new != RecoveryState.CODE_MADE:
        columns["code_digest"] = columns["code_mark"] = ""
    if new not in OPEN_RECOVERY:
        columns["ended_at"] = now()
    has_moved = compare_and_set(StaffRecovery, recovery.pk, conditions, state=new, **columns)
    recovery.refresh_from_db()
    return has_moved


def _count_try(recovery: StaffRecovery, typed: str) -> bool:
    """Count a try if this code is meant, and return whether one was left."""
    expected = {
        "state": RecoveryState.CODE_MADE,
        "code_mark": mark_of(recovery, typed),
        "expires_at__gt": now(),
        "tries__lt": CODE_TRIES,
    }
    return compare_and_set(StaffRecovery, recovery.pk, expected, tries=F("tries") + 1)


def _normalise(code: str) -> str:
    """Return the twelve digits, or an empty text if it is another kind of code."""
    text = re.sub(r"[\s-]", "", normalise_text(code))
    return text if re.fullmatch(f"[{DIGITS}]{{{LENGTH}}}", text) else ""

"""Users, the sessions that they opened, and what happened to their access."""

from accounts.models.access import AccessEvent, AttemptCount, RecoveryCode, SignIn
from accounts.models.told import AccountMessage
from accounts.models.users import User, UserManager

__all__ = [
    "AccessEvent",
    "AccountMessage",
    "AttemptCount",
    "RecoveryCode",
    "SignIn",
    "User",
    "UserManager",
]

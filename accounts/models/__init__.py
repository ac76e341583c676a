"""Users with their addresses and proofs, their sessions, and what happened to their access."""

from accounts.models.access import AccessEvent, AttemptCount, RecoveryCode, SignIn
from accounts.models.codes import Address, CodeRequest, Proof
from accounts.models.desk import Authenticator, PasswordLink, StaffRecovery
from accounts.models.network import CodeServiceCall, NumberCheck, TypedCode
from accounts.models.oidc import OidcIdentity, OidcLogout, OidcProvider
from accounts.models.own_data import Deletion, Export, ExportPart
from accounts.models.told import AccountMessage
from accounts.models.users import User, UserManager

__all__ = [
    "AccessEvent",
    "AccountMessage",
    "Address",
    "AttemptCount",
    "Authenticator",
    "CodeRequest",
    "CodeServiceCall",
    "Deletion",
    "Export",
    "ExportPart",
    "NumberCheck",
    "OidcIdentity",
    "OidcLogout",
    "OidcProvider",
    "PasswordLink",
    "Proof",
    "RecoveryCode",
    "SignIn",
    "StaffRecovery",
    "TypedCode",
    "User",
    "UserManager",
]

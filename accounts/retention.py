"""How long the tables of accounts and staff keep their rows."""

from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session

from accounts.models import (
    AccessEvent,
    AccountMessage,
    Address,
    AttemptCount,
    Authenticator,
    CodeRequest,
    CodeServiceCall,
    Deletion,
    Export,
    ExportPart,
    NumberCheck,
    OidcIdentity,
    OidcLogout,
    OidcProvider,
    PasswordLink,
    Proof,
    RecoveryCode,
    SignIn,
    StaffRecovery,
    TypedCode,
    User,
)
from accounts.unused import delete_unused
from moportal.retention import Deleted, Kept, Timed, register

register(
    Deleted(
        User,
        "accounts without a proven address, order, card or line that nobody used since",
        setting="SUPPORT_DAYS",
        delete_batch=delete_unused,
    ),
    Kept(AccountMessage, "what a customer was told, as long as the account exists"),
    # Until then the owner can set a new password with the lost address and the recovery code.
    Timed(
        Address,
        "addresses that another account has proven since; all others stay, a few for each account",
        setting="SUPPORT_DAYS",
        since="lost_at",
    ),
    Timed(
        NumberCheck,
        "what the network was asked about phone numbers",
        setting="SUPPORT_DAYS",
        since="sent_at",
    ),
    Timed(
        CodeServiceCall, "calls of the operator's service for codes", since="request__expires_at"
    ),
    Timed(TypedCode, "codes that the service has checked", since="request__expires_at"),
    Timed(CodeRequest, "requests for one-time codes", since="expires_at"),
    Timed(Proof, "proofs that have ended", setting="SUPPORT_DAYS", since="ended_at"),
    Timed(ExportPart, "the parts of files of customers' own data", since="export__expires_at"),
    Timed(Export, "requests for a file of a customer's own data", since="expires_at"),
    Timed(
        Deletion,
        "requests to delete an account that are carried out or undone",
        setting="SUPPORT_DAYS",
        since="ended_at",
    ),
    Kept(Group, "staff's roles: written by `migrate` and by staff"),
    Kept(Permission, "a part of the program: written by `migrate`"),
    Kept(ContentType, "a part of the program: written by `migrate`"),
    Kept(PasswordLink, "staff's password links: few, and they say which staff may know a password"),
    Kept(Authenticator, "one row for each of the staff; its key is sealed"),
    Kept(RecoveryCode, "one row for each account; only its hash is stored"),
    Kept(OidcProvider, "one row for each OpenID Connect provider that was set"),
    Kept(OidcIdentity, "one row for each account that opens by an OpenID Connect provider"),
    Timed(
        OidcLogout,
        "logouts that the OpenID Connect provider has announced",
        since="ends_at",
    ),
    Timed(
        SignIn,
        "where an account was signed in",
        setting="SUPPORT_DAYS",
        since="started_at",
    ),
    Timed(
        AccessEvent,
        "what happened to an account's access",
        setting="SUPPORT_DAYS",
        since="at",
    ),
    Timed(
        StaffRecovery,
        "recoveries that staff started",
        setting="SUPPORT_DAYS",
        since="started_at",
    ),
    Timed(
        AttemptCount,
        "what the limits have counted; a lock that only staff lift stays",
        since="ends_at",
    ),
    Timed(
        Session,
        "one row for each browser in which somebody is signed in",
        since="expire_date",
    ),
    Timed(
        LogEntry,
        "what staff did at the desk",
        setting="DESK_LOG_DAYS",
        since="action_time",
    ),
)

"""What accounts know about a customer, and how an account is erased.

The account's row stays as long as the books refer to it. Nothing in it says who the customer was.
"""

from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db.models import CharField, Q, Value
from django.db.models.functions import Cast, Concat, Now
from django.utils.translation import gettext_lazy as _

from accounts.domain import codes, exporting, typed_codes
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
from moportal.personal import (
    INTERNAL,
    SECRET,
    Impersonal,
    Keep,
    Person,
    Personal,
    Reason,
    register,
)

DESK = Reason(
    "desk",
    _("That our team opened your account, without your name."),
    setting="DESK_LOG_DAYS",
)
ASKED = Reason(
    "asked",
    _("That you asked us to delete your account, and when."),
    setting="SUPPORT_DAYS",
    is_certain=True,
)
PROGRAM = "a part of the program"


def _asked_for(person: Person) -> Q:
    return Q(account=person.key) | Q(address__in=person.addresses)


def _belong_to_request_for(person: Person) -> Q:
    return Q(request__account=person.key) | Q(request__address__in=person.addresses)


def _about_number_of(person: Person) -> Q:
    return Q(number__in=person.addresses)


def _counted_for(person: Person) -> Q:
    """Match counts of the account, alone or together with a browser or a SIM."""
    subject = f"account:{person.key}"
    return (
        Q(subject=subject) | Q(subject__endswith=f":{subject}") | Q(subject__endswith=f" {subject}")
    )


def _logged_about(person: Person) -> Q:
    about_users = Q(content_type__app_label="accounts", content_type__model="user")
    return about_users & Q(object_id=str(person.key))


register(
    Impersonal(Group, "staff's roles"),
    Impersonal(Permission, PROGRAM),
    Impersonal(ContentType, PROGRAM),
    Impersonal(OidcProvider, "what the OpenID Connect provider publishes"),
    Impersonal(OidcLogout, "identifiers of logouts that the provider announced"),
    Impersonal(Session, "a browser; the sessions of an account end before its rows are erased"),
    Personal(
        User,
        ("pk",),
        section="account",
        exports={
            "name": "name",
            "username": "you sign in with",
            "language": "language that you chose",
            "page_language": "language of the pages",
            "time_zone": "time zone that you chose",
            "market": "market",
            "created_at": "created at",
            "last_login": "last sign-in",
        },
        withholds={"password": SECRET},
        erases={
            "username": Concat(Value("erased-"), Cast("pk", CharField())),
            "name": "",
            # No password has this hash.
            "password": "!",
            "language": "",
            "page_language": "",
            "time_zone": "",
            "market": "",
            "last_login": None,
            "is_from_operator": False,
            "is_active": False,
            "erased_at": Now(),
        },
        is_last=True,
    ),
    Personal(
        Address,
        ("account",),
        section="addresses",
        exports={
            "value": "address",
            "created_at": "added at",
            "proven_at": "confirmed at",
            "lost_at": "lost at",
        },
        is_last=True,
    ),
    Personal(
        AccountMessage,
        ("account",),
        section="messages in your account",
        exports={"occasion": "about", "context": "what it says", "created_at": "written at"},
        withholds={"key": INTERNAL},
    ),
    Personal(RecoveryCode, ("account",), withholds={"hash": SECRET, "mark": SECRET}),
    Personal(
        OidcIdentity,
        ("account",),
        section="sign-in with another provider",
        exports={
            "issuer": "provider",
            "subject": "your name there",
            "created_at": "added at",
        },
    ),
    Personal(
        SignIn,
        ("account",),
        section="sign-ins",
        exports={
            "started_at": "at",
            "ended_at": "ended at",
            "device": "device",
            "transaction_id": "reference",
        },
        withholds={"session_key": SECRET, "oidc_session": SECRET},
    ),
    Personal(
        AccessEvent,
        ("account",),
        section="what happened to your access",
        exports={
            "at": "at",
            "kind": "what",
            "count": "how often",
            "device": "device",
            "transaction_id": "reference",
        },
    ),
    Personal(
        Proof,
        ("account",),
        section="confirmed numbers",
        exports={
            "subject": "phone number",
            "kind": "how",
            "made_at": "confirmed at",
            "ended_at": "until",
        },
    ),
    Personal(
        StaffRecovery,
        ("account",),
        section="calls to support",
        exports={
            "started_at": "at",
            "reason": "reason",
            "state": "state",
            "sent_to": "code sent to",
            "ended_at": "ended at",
        },
        withholds={"right": INTERNAL, "code_digest": SECRET, "code_mark": SECRET},
    ),
    Personal(
        Deletion,
        ("account",),
        section="requests to delete your account",
        exports={
            "asked_at": "asked at",
            "due_at": "can be undone until",
            "state": "state",
            "ended_at": "ended at",
        },
        withholds={"language": INTERNAL},
        erases={},
        keeps=(Keep(ASKED, ("language",)),),
    ),
    Personal(Export, ("account",), tasks=(exporting.KIND,)),
    Personal(ExportPart, ("export__account",), withholds={"text": "it is this file"}),
    Personal(PasswordLink, ("user",), withholds={"digest": SECRET}),
    Personal(Authenticator, ("user",), withholds={"key": SECRET}),
    Personal(
        CodeRequest,
        _asked_for,
        section="one-time codes",
        exports={
            "created_at": "asked at",
            "purpose": "for",
            "address": "address",
            "state": "state",
            "language": "language",
            "transaction_id": "reference",
        },
        withholds={"digest": SECRET},
        tasks=(codes.KIND,),
    ),
    Personal(
        TypedCode,
        _belong_to_request_for,
        withholds={"code": SECRET, "last_error": INTERNAL},
        tasks=(typed_codes.KIND,),
    ),
    Personal(
        CodeServiceCall,
        _belong_to_request_for,
        withholds={"detail": INTERNAL, "identifier": INTERNAL},
    ),
    Personal(
        NumberCheck,
        _about_number_of,
        section="questions to the network about your number",
        exports={
            "number": "phone number",
            "question": "question",
            "changed": "answer",
            "sent_at": "asked at",
        },
        withholds={"detail": INTERNAL},
    ),
    Personal(
        AttemptCount,
        _counted_for,
        withholds={"limit": INTERNAL, "subject": INTERNAL, "marks": SECRET},
    ),
    Personal(
        LogEntry,
        _logged_about,
        section="what our team did to your account",
        exports={"action_time": "at"},
        withholds={
            "object_id": INTERNAL,
            "object_repr": INTERNAL,
            "change_message": INTERNAL,
        },
        erases={"object_repr": "erased", "change_message": ""},
        keeps=(Keep(DESK, ("object_id",)),),
    ),
)

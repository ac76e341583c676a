"""The provider's signed statements: who signed in (ID token), and who signed out (logout token).

Sources: OpenID Connect Core 1.0, 3.1.3.7; OpenID Connect Back-Channel Logout 1.0, 2.6.
"""

from dataclasses import dataclass
from typing import Any

from authlib.oidc.core import CodeIDToken
from django.conf import settings
from django.utils.timezone import now
from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from joserfc.jws import JWSRegistry

from accounts.oidc.attempts import Attempt
from accounts.oidc.provider import Provider, request_newer_keys

# In seconds: how far the provider's clock may be from ours.
LEEWAY = 60
# In seconds: how old a sign-in at the provider may be. The provider is told this, and its answer
# must then say when the customer signed in. A sign-in from before the attempt is refused anyway.
MAX_AGE = 300
# In seconds: how old an announced logout may be.
LOGOUT_MAX_AGE = 600
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
LONGEST = 255


class BadToken(Exception):
    """The token is forged, expired or meant for somebody else. The message names the claim."""


@dataclass(frozen=True)
class Claims:
    """What the provider says about a customer who has just signed in there."""

    issuer: str
    subject: str
    # The provider's own session, which it may end later. Not every provider names it.
    session: str = ""
    name: str = ""
    email: str = ""
    phone: str = ""
    # Whether the provider says that it has checked the phone number.
    phone_is_verified: bool = False


@dataclass(frozen=True)
class Logout:
    """A logout that the provider announces: of one session, or of all sessions of a customer."""

    issuer: str
    token_id: str
    subject: str
    session: str


def read_id_token(
    provider: Provider, attempt: Attempt, id_token: str, access_token: str | None
) -> Claims:
    """Return what the ID token says. Raises `BadToken`."""
    token = _decode(provider, id_token)
    claims = CodeIDToken(
        token.claims,
        token.header,
        {
            "iss": {"essential": True, "value": provider.issuer},
            "aud": {"essential": True, "value": settings.OIDC_CLIENT_ID},
            "sub": {"essential": True},
        },
        {
            "client_id": settings.OIDC_CLIENT_ID,
            "nonce": attempt.nonce,
            "max_age": MAX_AGE,
            "access_token": access_token,
        },
    )
    try:
        claims.validate(leeway=LEEWAY)
    except (JoseError, TypeError, ValueError) as error:
        raise BadToken(_reason(error)) from error
    if not attempt.started_at - LEEWAY <= claims["auth_time"] <= _seconds() + LEEWAY:
        raise BadToken("auth_time")
    return _claims_of(provider, claims)


def _claims_of(provider: Provider, claims: dict[str, Any]) -> Claims:
    """Return the claims that the portal uses. Their language is not among them."""
    return Claims(
        issuer=provider.issuer,
        subject=_subject(claims["sub"]),
        session=_text(claims.get("sid")),
        name=_text(claims.get("name"))[:150],
        # A claim that the provider itself calls unverified is not used.
        email="" if claims.get("email_verified") is False else _text(claims.get("email")),
        phone=""
        if claims.get("phone_number_verified") is False
        else _text(claims.get("phone_number")),
        phone_is_verified=claims.get("phone_number_verified") is True,
    )


def read_logout_token(provider: Provider, logout_token: str) -> Logout:
    """Return what the logout token says. Raises `BadToken`."""
    token = _decode(provider, logout_token)
    claims = token.claims
    checks = jwt.JWTClaimsRegistry(
        leeway=LEEWAY,
        iss={"essential": True, "value": provider.issuer},
        aud={"essential": True, "value": settings.OIDC_CLIENT_ID},
        iat={"essential": True},
        jti={"essential": True},
    )
    try:
        checks.validate(claims)
    except JoseError as error:
        raise BadToken(_reason(error)) from error

    events = claims.get("events")
    is_logout = isinstance(events, dict) and isinstance(events.get(LOGOUT_EVENT), dict)
    # An ID token is not a logout token. It has a nonce and no such event.
    if not is_logout or "nonce" in claims:
        raise BadToken("events")
    if claims["iat"] < _seconds() - LOGOUT_MAX_AGE:
        raise BadToken("iat")
    subject, session = _text(claims.get("sub")), _text(claims.get("sid"))
    if not subject and not session:
        raise BadToken("sub")
    return Logout(provider.issuer, _subject(claims["jti"]), subject, session)


def _decode(provider: Provider, text: str) -> jwt.Token:
    """Return the token, if the provider has signed it. Raises `BadToken`.

    A key that is unknown so far may be a new one, so a worker then fetches the keys.
    """
    registry = JWSRegistry(algorithms=provider.algorithms, strict_check_header=False)
    try:
        return jwt.decode(text, provider.keys(), registry=registry)
    except (InvalidKeyIdError, BadSignatureError) as error:
        request_newer_keys()
        raise BadToken(_reason(error)) from error
    except (JoseError, ValueError, TypeError) as error:
        raise BadToken(_reason(error)) from error


def _reason(error: Exception) -> str:
    """Return the claim or the kind of error, and nothing that the token holds."""
    return str(getattr(error, "claim", "") or type(error).__name__)


def _subject(value: Any) -> str:
    """Return a name that must be kept whole."""
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST or "\0" in value:
        raise BadToken("sub")
    return value


def _text(value: Any) -> str:
    """Return the claim if it is a text that can be stored, otherwise nothing."""
    is_usable = isinstance(value, str) and len(value) <= LONGEST and "\0" not in value
    return value if is_usable else ""


def _seconds() -> float:
    return now().timestamp()

"""An attempt to sign in with the provider, which the customer's browser keeps in a sealed cookie.

The cookie binds the provider's answer to the browser that asked, and to its visit. Nothing is
written to the database for a customer who may never come back. A sealed cookie cannot be read or
made by its holder.
"""

import json
import secrets
import time
from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from moportal.sealed import SealKeyMissing, seal, unseal

# In seconds. A customer may have to look for the password and for a second factor.
LIFETIME = 20 * 60
LONGEST_TARGET = 300
# What the cookie holds: an attempt, an account that the customer may join, or a sign-out that
# goes on at the provider.
ATTEMPT, JOIN, OUT = "attempt", "join", "out"


@dataclass(frozen=True)
class Attempt:
    """What the answer is compared with, and where the customer goes on."""

    state: str
    nonce: str
    # Only who began the attempt can exchange its code (PKCE, RFC 7636).
    verifier: str
    next: str
    transaction_id: str
    started_at: int


def begin(request: HttpRequest, target: str) -> Attempt:
    """Return a new attempt of this browser."""
    return Attempt(
        state=secrets.token_urlsafe(24),
        nonce=secrets.token_urlsafe(24),
        verifier=secrets.token_urlsafe(48),
        next=target if len(target) <= LONGEST_TARGET else "",
        transaction_id=str(request.session.get("transaction_id", "")),
        started_at=int(time.time()),
    )


def keep(response: HttpResponse, attempt: Attempt) -> None:
    """Let the browser keep the attempt until the provider's answer."""
    write(response, ATTEMPT, asdict(attempt))


def find(request: HttpRequest) -> Attempt | None:
    """Return this browser's attempt, or None if there is none or its time is over."""
    kept = read(request, ATTEMPT)
    return Attempt(**kept) if kept else None


def write(response: HttpResponse, kind: str, content: dict[str, Any]) -> None:
    """Seal this into the cookie, in place of what it held."""
    kept = {"kind": kind, "until": int(time.time()) + LIFETIME, "content": content}
    _set_cookie(response, seal(json.dumps(kept)), max_age=LIFETIME)


def read(request: HttpRequest, kind: str) -> dict[str, Any] | None:
    """Return what the cookie holds, if it is of this kind and its time is not over."""
    try:
        kept = json.loads(unseal(request.COOKIES.get(settings.OIDC_COOKIE_NAME, "")))
    except (SealKeyMissing, ValueError):
        return None
    # Any other text that the portal has sealed is no attempt either.
    if not isinstance(kept, dict) or kept.get("kind") != kind or kept["until"] <= time.time():
        return None
    content: dict[str, Any] = kept["content"]
    return content


def forget(response: HttpResponse) -> None:
    """Delete the cookie."""
    _set_cookie(response, "", max_age=0)


def _set_cookie(response: HttpResponse, value: str, *, max_age: int) -> None:
    response.set_cookie(
        settings.OIDC_COOKIE_NAME,
        value,
        max_age=max_age,
        # A browser deletes a `__Host-` cookie only if the deletion is marked as secure.
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        # The way back from the provider is a link from another site, which Lax allows.
        samesite="Lax",
    )

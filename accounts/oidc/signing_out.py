"""Signing out with the provider: on its pages after ours, and by its announcement to us.

Sources: OpenID Connect RP-Initiated Logout 1.0; OpenID Connect Back-Channel Logout 1.0.
"""

from datetime import timedelta
from urllib.parse import urlencode

import structlog
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.timezone import now

from accounts.access import events, sessions
from accounts.models import OidcLogout, SignIn
from accounts.oidc import attempts
from accounts.oidc.provider import ProviderAway, is_answering, is_offered, load_provider
from accounts.oidc.tokens import LEEWAY, LOGOUT_MAX_AGE, BadToken, Logout, read_logout_token
from moportal.database.statements import insert_new
from moportal.web.links import absolute_url

log = structlog.get_logger(__name__)


def leads_to_provider(request: HttpRequest) -> bool:
    """Return whether a customer who signs out here should sign out at the provider too.

    That is so if the provider vouched for this sign-in. Call it before the session ends.
    """
    key = request.session.session_key or ""
    by_provider = SignIn.objects.filter(session_key=key, identity__issuer=settings.OIDC_ISSUER)
    return is_offered() and by_provider.exists() and is_answering()


def continue_at_provider(response: HttpResponse) -> HttpResponse:
    """Let an answer that leads to the handoff lead over the provider's sign-out.

    The customer is signed out here by now, and the result of the visit is stored.
    """
    if response.get("Location") == reverse("handoff"):
        response["Location"] = reverse("oidc-sign-out")
        attempts.write(response, attempts.OUT, {})
    return response


def end_session_url() -> str:
    """Return where the customer signs out at the provider, or nothing if that is not possible.

    No token was kept, so the client id says who asks.
    """
    try:
        provider = load_provider()
    except ProviderAway:
        return ""
    if not provider.end_session_endpoint:
        return ""
    back = absolute_url("oidc-signed-out")
    query = {"client_id": settings.OIDC_CLIENT_ID, "post_logout_redirect_uri": back}
    separator = "&" if "?" in provider.end_session_endpoint else "?"
    return f"{provider.end_session_endpoint}{separator}{urlencode(query)}"


def end_by_provider(logout_token: str) -> int:
    """End the sign-ins that the provider's logout token is about, and return how many ended.

    Raises `accounts.oidc.tokens.BadToken`, or `accounts.oidc.provider.ProviderAway` if its keys are
    not known.
    """
    if not is_offered():
        raise BadToken("no provider")
    logout = read_logout_token(load_provider(), logout_token)
    with transaction.atomic():
        if not _note(logout):
            raise BadToken("jti")
        ended = _end(logout)
    log.info("signed out by the provider", ended=ended)
    return ended


def _note(logout: Logout) -> bool:
    """Return whether this logout is announced for the first time."""
    ends_at = now() + timedelta(seconds=LOGOUT_MAX_AGE + 2 * LEEWAY)
    row = OidcLogout(issuer=logout.issuer, token_id=logout.token_id, ends_at=ends_at)
    return bool(insert_new([row]))


def _end(logout: Logout) -> int:
    found = SignIn.objects.filter(identity__issuer=logout.issuer)
    if logout.subject:
        found = found.filter(identity__subject=logout.subject)
    if logout.session:
        found = found.filter(oidc_session=logout.session)
    ended = sessions.end_found(found)
    for sign_in in ended:
        events.record(sign_in.account, events.Kind.ENDED_BY_PROVIDER)
    return len(ended)

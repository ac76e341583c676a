"""The provider's answer: compare it with the attempt, exchange its code, read its ID token."""

from enum import Enum
from typing import Any
from urllib.parse import urlencode

import structlog
from authlib.common.errors import AuthlibBaseError
from authlib.oauth2.client import OAuth2Client
from django.conf import settings
from django.http import HttpRequest

from accounts.access import guessing, limiter
from accounts.oidc import attempts
from accounts.oidc.attempts import Attempt
from accounts.oidc.http import ProviderUnavailable, call, json_of
from accounts.oidc.provider import Provider, ProviderAway, load_provider
from accounts.oidc.tokens import MAX_AGE, BadToken, Claims, read_id_token
from moportal.http_client import Reply
from moportal.web.gate import Busy, Gate
from moportal.web.links import absolute_url

log = structlog.get_logger(__name__)
# In seconds. The second call that a request may make (docs/architecture.md).
EXCHANGE_TIMEOUT = 5.0
# A slow provider must not take every thread that serves pages.
GATE = Gate(at_once=3, waiting=2, longest_wait=1.0)


class Why(Enum):
    """Why an answer is refused."""

    LOST = "lost"  # The browser has no attempt, or its time is over.
    FOREIGN = "foreign"  # It belongs to another browser, another visit or another provider.
    DECLINED = "declined"  # The customer did not sign in there.
    INVALID = "invalid"  # The code or the token is not accepted.
    AWAY = "away"  # The provider cannot be used for the moment.
    BLOCKED = "blocked"  # The account is closed to its customer.


class AnswerRefused(Exception):
    """The answer signs nobody in. `detail` has no secrets."""

    def __init__(self, why: Why, detail: str = "") -> None:
        super().__init__(why.value)
        self.why = why
        self.detail = detail


def authorization_url(attempt: Attempt) -> str:
    """Return where the customer signs in. Raises `ProviderAway`."""
    provider = load_provider()
    url, _state = _client(provider).create_authorization_url(
        provider.authorization_endpoint,
        state=attempt.state,
        code_verifier=attempt.verifier,
        nonce=attempt.nonce,
        response_mode="query",
        # Somebody else may have signed in there before, at a shared computer.
        prompt="login",
        max_age=MAX_AGE,
    )
    return str(url)


def accept(request: HttpRequest) -> tuple[Attempt, Claims]:
    """Return the attempt and what the provider says about the customer.

    Raises `AnswerRefused`, or `accounts.access.limiter.Locked` after too many wrong answers.
    """
    attempt = attempts.find(request)
    if attempt is None:
        raise AnswerRefused(Why.LOST)
    try:
        provider = load_provider()
        code = _checked_code(request, attempt, provider)
        counter = guessing.count_answer(request, code)
        with GATE.enter():
            token = _exchange(provider, attempt, code)
        claims = read_id_token(provider, attempt, *token)
    except BadToken as error:
        raise AnswerRefused(Why.INVALID, str(error)) from error
    except (ProviderAway, ProviderUnavailable, Busy) as error:
        raise AnswerRefused(Why.AWAY, f"{type(error).__name__} {error}") from error
    if counter:
        limiter.forget(code, counter)
    return attempt, claims


def _checked_code(request: HttpRequest, attempt: Attempt, provider: Provider) -> str:
    """Return the answer's code, if the answer belongs to this attempt, visit and provider."""
    answer = request.GET
    if answer.get("state") != attempt.state:
        raise AnswerRefused(Why.FOREIGN, "state")
    visit = request.session.get("transaction_id", "")
    if visit and visit != attempt.transaction_id:
        raise AnswerRefused(Why.FOREIGN, "visit")
    # Source: RFC 9207, 2.4.
    if (provider.names_issuer or "iss" in answer) and answer.get("iss") != provider.issuer:
        raise AnswerRefused(Why.FOREIGN, "iss")
    if error := answer.get("error", ""):
        is_away = error in {"server_error", "temporarily_unavailable"}
        raise AnswerRefused(Why.AWAY if is_away else Why.DECLINED, error[:40])
    if not answer.get("code"):
        raise AnswerRefused(Why.INVALID, "no code")
    return str(answer["code"])


def _exchange(provider: Provider, attempt: Attempt, code: str) -> tuple[str, str | None]:
    """Exchange the code for the ID token and the access token, which is only compared.

    This is the one call to another system that happens in a page's request: the code lives for
    moments, and the customer is waiting. It must not happen in a transaction.
    """
    try:
        token = _client(provider).fetch_token(
            provider.token_endpoint, code=code, code_verifier=attempt.verifier
        )
    except (AuthlibBaseError, ValueError) as error:
        raise BadToken(str(getattr(error, "error", "") or type(error).__name__)[:40]) from error
    if not isinstance(token.get("id_token"), str):
        raise BadToken("no id_token")
    return token["id_token"], token.get("access_token")


def _client(provider: Provider) -> OAuth2Client:
    return OAuth2Client(
        session=_Transport(),
        client_id=settings.OIDC_CLIENT_ID,
        client_secret=settings.OIDC_CLIENT_SECRET or None,
        token_endpoint_auth_method=provider.auth_method,
        scope=settings.OIDC_SCOPES,
        redirect_uri=return_url(),
        code_challenge_method="S256",
    )


def return_url() -> str:
    """Return the address to which the provider sends the customer back."""
    return absolute_url("oidc-return")


class _Transport:
    """Authlib's HTTP session: the portal's own client, which ignores the environment."""

    def post(self, url: str, *, data: dict[str, str], headers: dict[str, str], auth: Any) -> Any:
        url, sent, body = auth.prepare("POST", url, {**headers}, urlencode(data))
        return _Answer(
            call("POST", url, within=EXCHANGE_TIMEOUT, headers=sent, content=body.encode())
        )


class _Answer:
    """An answer as Authlib reads it. `call` has raised an error for a server's failure."""

    def __init__(self, reply: Reply) -> None:
        self.status_code = reply.status
        self._reply = reply

    def json(self) -> dict[str, Any]:
        return json_of(self._reply)

"""An OpenID Connect provider that can do everything wrong, on a port of its own."""

import base64
import hashlib
import hmac
import json
import secrets
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import RSAKey

from accounts.oidc.tokens import LOGOUT_EVENT
from tests.serving import Handler, serving
from tests.stack import Stack

CLIENT_ID, CLIENT_SECRET = "moportal", "a secret of client and provider"
SUBJECT = "248289761001"
NO_CLAIM = object()
KEYS_WITHIN = 30.0


def new_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": secrets.token_hex(4), "use": "sig"})


@dataclass
class FakeProvider:
    """The provider's address and its behaviour, which a test may change at any time."""

    url: str = ""
    key: RSAKey = field(default_factory=new_key)
    # Changes to the metadata, to the claims of the ID token, and to the answer with it.
    metadata: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    token: dict[str, Any] = field(default_factory=dict)
    # The published keys, if not the one that signs.
    published: Any = None
    # How the token is signed: RS256, HS256 or none.
    algorithm: str = "RS256"
    status: int = 200
    # Closes the connection at the page where customers sign out.
    is_dead_at_sign_out: bool = False
    delay: float = 0.0
    paths: list[str] = field(default_factory=list)
    token_headers: dict[str, str] = field(default_factory=dict)
    token_body: dict[str, str] = field(default_factory=dict)
    # Sent by the token endpoint instead of JSON.
    raw: str = ""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def answer(self, address: str, **changes: str) -> str:
        """Let the customer sign in at the address of an authorisation request.

        Return the way back to the portal. A change to "" leaves that parameter out.
        """
        asked = dict(parse_qsl(urlsplit(address).query))
        code = secrets.token_hex(8)
        self.codes[code] = asked
        answer = {"code": code, "state": asked["state"], "iss": self.url, **changes}
        query = urlencode({name: value for name, value in answer.items() if value})
        return f"{asked['redirect_uri']}?{query}"

    def sign(self, claims: dict[str, Any], *, typ: str = "JWT") -> str:
        """Return the claims as a token. A claim may be taken away with `NO_CLAIM`."""
        kept = {name: value for name, value in claims.items() if value is not NO_CLAIM}
        if self.algorithm == "none":
            parts = [json.dumps({"alg": "none"}), json.dumps(kept)]
            return ".".join([*(_encode(part.encode()) for part in parts), ""])
        if self.algorithm == "HS256":
            # The published key, taken for a shared secret.
            return _signed_with_public_key(self.key, kept)
        header = {"alg": self.algorithm, "kid": self.key.kid, "typ": typ}
        return jwt.encode(header, kept, self.key)

    def logout_token(self, **changes: Any) -> str:
        """Return the token by which a logout is announced."""
        at = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT_ID, "iat": at, "exp": at + 120, "sub": SUBJECT}
        own = {"jti": secrets.token_hex(8), "events": {LOGOUT_EVENT: {}}}
        return self.sign({**claims, **own, **changes}, typ="logout+jwt")

    def _id_token(self, asked: dict[str, str]) -> str:
        at = int(time.time())
        claims = {
            "iss": self.url,
            "sub": SUBJECT,
            "aud": asked["client_id"],
            "iat": at,
            "exp": at + 300,
            "auth_time": at,
            "nonce": asked["nonce"],
        }
        return self.sign({**claims, **self.claims})

    def _metadata(self) -> dict[str, Any]:
        found = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "end_session_endpoint": f"{self.url}/end",
            "jwks_uri": f"{self.url}/keys",
            "authorization_response_iss_parameter_supported": True,
            "id_token_signing_alg_values_supported": ["RS256", "none", "HS256"],
            **self.metadata,
        }
        return {name: value for name, value in found.items() if value is not NO_CLAIM}

    def _exchange(self, sent: dict[str, str]) -> tuple[int, dict[str, Any]]:
        asked = self.codes.pop(sent.get("code", ""), None)
        challenge = _encode(hashlib.sha256(sent.get("code_verifier", "").encode()).digest())
        if asked is None or challenge != asked["code_challenge"]:
            return 400, {"error": "invalid_grant", "error_description": "no such code"}
        tokens = {"access_token": "a secret token", "token_type": "Bearer", "expires_in": 60}
        answer = {**tokens, "id_token": self._id_token(asked), **self.token}
        return 200, {name: value for name, value in answer.items() if value is not NO_CLAIM}

    def respond(self, method: str, target: str, body: str) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and content of the answer to a request."""
        path, query = urlsplit(target).path, parse_qs(urlsplit(target).query)
        self.paths.append(f"{method} {path}")
        if path == "/authorize":
            way_back = self.answer(f"{self.url}{target}")
            return 200, HTML, _page("Provider: sign in", way_back, "I am Noor")
        if path == "/end":
            back = query["post_logout_redirect_uri"][0]
            return 200, HTML, _page("Provider: signed out", back, "Back")
        if path == "/token":
            time.sleep(self.delay)
            self.token_body = dict(parse_qsl(body))
            if self.raw:
                return 200, JSON, self.raw.encode()
            status, found = self._exchange(self.token_body)
            return (self.status if self.status != OK else status), JSON, json.dumps(found).encode()
        keys = {"keys": [self.key.as_dict(private=False)]}
        published = keys if self.published is None else self.published
        found = self._metadata() if "well-known" in path else published
        return self.status, JSON, json.dumps(found).encode()


OK = 200
HTML, JSON = {"Content-Type": "text/html"}, {"Content-Type": "application/json"}


def _page(title: str, address: str, text: str) -> bytes:
    address = address.replace("&", "&amp;")
    return f'<title>{title}</title><h1>{title}</h1><a href="{address}">{text}</a>'.encode()


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _signed_with_public_key(key: RSAKey, claims: dict[str, Any]) -> str:
    """Return a token as forgers make it: the public key is used as a shared secret."""
    header = _encode(json.dumps({"alg": "HS256", "kid": key.kid}).encode())
    text = f"{header}.{_encode(json.dumps(claims).encode())}"
    mac = hmac.new(key.as_pem(private=False), text.encode(), hashlib.sha256).digest()
    return f"{text}.{_encode(mac)}"


def client_settings(provider: FakeProvider) -> dict[str, str]:
    """Return the portal's settings for this provider."""
    return {
        "OIDC_ISSUER": provider.url,
        "OIDC_CLIENT_ID": CLIENT_ID,
        "OIDC_CLIENT_SECRET": CLIENT_SECRET,
        "OIDC_NAME": "Kestrel ID",
    }


def wait_for_keys(stack: Stack) -> None:
    """Wait until a worker of the copy has fetched the provider's metadata and keys."""
    issuer, deadline = stack.environment["OIDC_ISSUER"], time.monotonic() + KEYS_WITHIN
    start = f"{stack.base_url}/oidc/start/"
    while issuer not in httpx.get(start, trust_env=False).headers["Location"]:
        assert time.monotonic() < deadline, "no worker has fetched the provider's keys"
        time.sleep(0.2)


@contextmanager
def providing(tls: ssl.SSLContext | None = None) -> Iterator[FakeProvider]:
    """Run the provider."""
    provider = FakeProvider()

    class Endpoint(Handler):
        def do_GET(self) -> None:  # noqa: N802 -- the name that http.server calls
            self._answer("GET", "")

        def do_POST(self) -> None:  # noqa: N802 -- the same
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            provider.token_headers = dict(self.headers.items())
            self._answer("POST", body)

        def _answer(self, method: str, body: str) -> None:
            if provider.is_dead_at_sign_out and self.path.startswith("/end"):
                self.close_connection = True
                return
            status, headers, content = provider.respond(method, self.path, body)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    with serving(Endpoint, tls) as provider.url:
        yield provider

"""Which account a customer of the provider has: the known one, a joined one, or a new one."""

import secrets
from dataclasses import dataclass
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.contrib.auth import login
from django.db import IntegrityError, transaction
from django.http import HttpRequest

from accounts.access import events, sessions
from accounts.domain import proofs
from accounts.domain import sign_in as domain
from accounts.domain.announcing import COMING_BACK, announce
from accounts.identifier import is_identifier, normalise
from accounts.models import Address, OidcIdentity, SignIn, User
from accounts.oidc.answers import AnswerRefused, Why
from accounts.oidc.provider import customers_name, is_offered
from accounts.oidc.tokens import Claims
from accounts.states import ProofKind

log = structlog.get_logger(__name__)


class LastWayIn(Exception):
    """The account would have no way in without this identity."""


def find(claims: Claims) -> OidcIdentity | None:
    """Return the identity that these claims are about, if its customer was here before."""
    known = OidcIdentity.objects.filter(issuer=claims.issuer, subject=claims.subject)
    return known.select_related("account").first()


def provider_of(account: User) -> str:
    """Return what customers call the provider if the account opens by it, otherwise nothing."""
    known = account.oidc_identities.filter(issuer=settings.OIDC_ISSUER)
    return customers_name() if is_offered() and known.exists() else ""


@dataclass(frozen=True)
class Joinable:
    """An account that the customer may join by its password, and the claimed address that it has.

    The account may be known by another identifier, which only its owner may see.
    """

    identifier: str
    address: str


def account_to_join(claims: Claims) -> Joinable | None:
    """Return the account that already has a claimed address, if its owner can confirm that.

    The claim alone joins nothing, because somebody else may have the address by now.
    """
    for address in addresses_of(claims):
        account = _holder(address)
        is_open = account is not None and account.is_active and not account.is_staff
        if account and is_open and account.has_usable_password():
            return Joinable(account.username, address)
    return None


def _holder(address: str) -> User | None:
    """Return who has proven the address, or else who signs in with it."""
    proven = Address.objects.filter(value=address, proven_at__isnull=False)
    if row := proven.select_related("account").first():
        return row.account
    return User.objects.filter(username=address).first()


def addresses_of(claims: Claims) -> list[str]:
    """Return the claimed addresses in their normal form, the email address first."""
    return [normal for typed in (claims.email, claims.phone) if (normal := _normal(typed))]


def _normal(typed: str) -> str:
    normal = normalise(typed)
    return normal if is_identifier(normal) else ""


def _free_addresses(claims: Claims) -> list[str]:
    """Return the claimed addresses that nobody has."""
    return [address for address in addresses_of(claims) if _holder(address) is None]


def create(request: HttpRequest, claims: Claims) -> OidcIdentity:
    """Give the customer an account. A claimed address that nobody has becomes its identifier."""
    taken = User.objects.filter(username__in=addresses_of(claims)).values_list(
        "username", flat=True
    )
    free = [address for address in addresses_of(claims) if address not in set(taken)]
    # The last one is no address: nobody can sign in by typing it.
    for username in (*free, f"account-{secrets.token_hex(6)}"):
        try:
            return _create(request, claims, username)
        except IntegrityError:
            # Another request of this customer was faster, or somebody has just signed up with
            # this address.
            if known := find(claims):
                return known
    raise AssertionError("unreachable: the last name is free")


@transaction.atomic
def _create(request: HttpRequest, claims: Claims, username: str) -> OidcIdentity:
    account = User.objects.create_user(
        username,
        name=claims.name,
        # The customer's own choice in the menu, if there was one; never the provider's claim.
        language=request.session.get("language", ""),
        is_from_operator=True,
    )
    events.record(account, events.Kind.SIGNED_UP, request=request)
    return OidcIdentity.objects.create(
        account=account, issuer=claims.issuer, subject=claims.subject
    )


def join(request: HttpRequest, claims: Claims, identifier: str, *, password: str) -> OidcIdentity:
    """Add the identity to the account whose owner has just given its password.

    All addresses of the account are told. Raises `accounts.domain.sign_in.WrongCredentials`,
    `accounts.access.limiter.Locked` or `moportal.web.gate.Busy`.
    """
    account = domain.sign_in(identifier, password=password, request=request)
    with transaction.atomic():
        identity, is_new = OidcIdentity.objects.get_or_create(
            issuer=claims.issuer,
            subject=claims.subject,
            defaults={"account": account, "is_joined": True},
        )
        if is_new:
            context = {"provider": customers_name()}
            announce(account, events.Kind.JOINED, request=request, context=context)
            # The sign-in that follows needs no message of its own.
            request.META[COMING_BACK] = True
    log.info("identity joined", account=identity.account_id, is_new=is_new)
    return identity


def identities_of(account: User) -> list[OidcIdentity]:
    return list(account.oidc_identities.order_by("pk"))


def name_of(identity: OidcIdentity) -> str:
    """Return the provider's name for customers, or its host name if it is no longer in use."""
    is_current = identity.issuer == settings.OIDC_ISSUER
    return customers_name() if is_current else urlsplit(identity.issuer).hostname or ""


def is_last_way_in(identity: OidcIdentity) -> bool:
    """Return whether this is the only way to sign in: no password and no other usable identity."""
    account = identity.account
    if is_identifier(account.username) and account.has_usable_password():
        return False
    others = account.oidc_identities.exclude(pk=identity.pk)
    return not others.filter(issuer=settings.OIDC_ISSUER).exists()


@transaction.atomic
def remove(request: HttpRequest, identity: OidcIdentity) -> None:
    """Remove this identity from the account, and tell all addresses of the account.

    Ends the sign-ins that the identity opened, except the one in this browser. Raises `LastWayIn`.
    """
    # Two requests may remove the last two identities at once. With the row lock, one of them stays.
    account = User.objects.select_for_update().get(pk=identity.account_id)
    if is_last_way_in(identity):
        raise LastWayIn
    context = {"provider": name_of(identity)}
    announce(account, events.Kind.UNLINKED, request=request, context=context)
    own_key = request.session.session_key
    sessions.end_found(identity.sign_ins.exclude(session_key=own_key))
    identity.delete()
    log.info("identity removed", account=account.pk)


def sign_in(request: HttpRequest, identity: OidcIdentity, claims: Claims) -> None:
    """Sign the customer in, as with a password, and note that the provider vouched for it.

    Raises `AnswerRefused` for an account that is closed.
    """
    account = identity.account
    if not account.is_active or account.is_staff:
        raise AnswerRefused(Why.BLOCKED, f"account {account.pk}")
    _fill(account, claims)
    with transaction.atomic():
        login(request, account)
        SignIn.objects.filter(session_key=request.session.session_key).update(
            identity=identity, oidc_session=claims.session
        )
        # The operator knows who holds the number: this is the holder's proof.
        number = _normal(claims.phone)
        if claims.phone_is_verified and number.startswith("+"):
            proofs.record(account, ProofKind.OIDC, number)


def _fill(account: User, claims: Claims) -> None:
    """Fill in the name and the identifier that the account lacks. Nothing is overwritten."""
    changed = []
    if claims.name and not account.name:
        account.name = claims.name
        changed.append("name")
    if not _normal(account.username) and (free := _free_addresses(claims)):
        account.username = free[0]
        changed.append("username")
    if changed:
        try:
            with transaction.atomic():
                account.save(update_fields=changed)
                if "username" in changed:
                    events.record(account, events.Kind.IDENTIFIER_CHANGED)
        except IntegrityError:
            # Somebody has just signed up with this address.
            account.refresh_from_db()

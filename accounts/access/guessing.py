"""Guessing of passwords: who is counted, and who passes a lock.

- Wrong passwords are counted for each account, wherever they come from. An identifier
  without an account is counted and locked in the same way, so a lock tells nothing.
- A browser in which the account's owner has signed in before has a count of its own.
  So nobody is shut out by a stranger who guesses at their account.
- Identifiers without an account are also counted for each network. A network that
  tries many of them is locked for all browsers in which nobody has signed in before.

The recovery code has no count of its own. Nobody guesses it, and a stranger could use a
lock there to close the owner's last way back. `accounts.access.hashing` limits its cost.
"""

import ipaddress
from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest

from accounts.access import limiter
from accounts.access.hashing import GATE
from accounts.access.known_browsers import browser_of
from accounts.access.limiter import Counter, Limit
from accounts.models import User
from moportal.sealed import digest

WINDOW = timedelta(hours=1)
# A network is as much of an address as one household or office usually has.
NETWORK_BITS = {4: 24, 6: 56}


def count_attempt(request: HttpRequest | None, username: str, password: str) -> Counter:
    """Count an attempt to sign in before anything is compared, and return its counter.

    Raises `accounts.access.limiter.Locked`. After a right password, call `limiter.forget` with the
    counter, so that the attempt no longer counts.
    """
    account = User.objects.filter(username=username).only("pk").first()
    # Without an account the same is done, so that it takes as long.
    browser = browser_of(request, account or User(pk=0)) if request else None
    # What was typed may be a password, so it is not stored as it is.
    subject = f"account:{account.pk}" if account else f"typed:{digest(username)[:32]}"
    if browser:
        counter, networks = Counter(_limit("sign-in here"), f"browser:{browser}:{subject}"), []
    else:
        counter, networks = Counter(_limit("sign-in"), subject), _networks(request)
    # The answer of a lock takes as long with an account as without one: what follows does not.
    if locked := limiter.find_lock(counter, *networks):
        raise locked
    if account is None:
        limiter.count(username, *networks)
    limiter.count(password, counter)
    return counter


def check_again(user: User, password: str) -> bool:
    """Return whether this is the user's password, which a page asks for once more.

    Raises `accounts.access.limiter.Locked` or `moportal.web.gate.Busy`.
    """
    counter = Counter(_limit("re-entry"), f"account:{user.pk}")
    limiter.count(password, counter)
    with GATE.enter():
        is_right = user.check_password(password)
    if is_right:
        limiter.forget(password, counter)
    return is_right


def count_sign_up(request: HttpRequest, username: str) -> None:
    """Count an identifier for which an account is wanted, because the answer says if it is taken.

    Raises `accounts.access.limiter.Locked`.
    """
    if network := network_of(request):
        limit = Limit("sign-ups", settings.SIGN_UP_LIMIT, WINDOW)
        limiter.count(username, Counter(limit, f"network:{network}"))


def count_answer(request: HttpRequest, code: str) -> Counter | None:
    """Count an answer of the OpenID Connect provider, and return its counter if there is one.

    After a right answer, call `limiter.forget` with the counter. Raises
    `accounts.access.limiter.Locked`.
    """
    network = network_of(request)
    if not network:
        return None
    limit = Limit("provider answers", settings.NETWORK_LIMIT, WINDOW)
    counter = Counter(limit, f"network:{network}")
    limiter.count(code, counter)
    return counter


def _networks(request: HttpRequest | None) -> list[Counter]:
    """Return the counter of the request's network, if the proxy says the customer's address."""
    network = network_of(request) if request else ""
    limit = Limit("networks", settings.NETWORK_LIMIT, WINDOW)
    return [Counter(limit, f"network:{network}")] if network else []


def network_of(request: HttpRequest) -> str:
    """Return the network that the request comes from, or "" if the proxy does not say it."""
    header = settings.CLIENT_ADDRESS_HEADER
    if not header:
        return ""
    try:
        address = ipaddress.ip_address(request.headers.get(header, ""))
    except ValueError:
        return ""
    bits = NETWORK_BITS[address.version]
    return str(ipaddress.ip_network(f"{address}/{bits}", strict=False))


def _limit(name: str) -> Limit:
    return Limit(name, settings.PASSWORD_LIMIT, WINDOW)

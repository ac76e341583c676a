"""Code that runs inside the portal: it creates customers whose drafts are ready to submit.

A thousand sign-ups would take longer than the orders, because password hashes are slow. Nobody has
proven the customers' addresses. Every second one has a phone number instead of an email address.
"""

import json
import secrets

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

from accounts.models import User
from mobileplans.domain import session as visit_session
from mobileplans.models import Visit
from moportal.web.sessions import SessionStore
from orders.domain import drafts
from payments.domain.payments import add_card
from payments.gateways.values import Card
from plans.queries import offers
from tests.e2e.customer import EID

BACKEND = "accounts.access.backend.CountingBackend"
# Numbers of the operator's own country, so that they get SMS.
FIRST_NUMBER = 12_022_340_000


def create_sessions(size: int, cards: list[str]) -> None:
    """Print the session keys of `size` new customers for each card, with plan and card chosen."""
    crowds = [[_create_ready_draft(card.replace(" ", "")) for _ in range(size)] for card in cards]
    print(json.dumps(crowds))


def _create_ready_draft(number: str) -> str:
    user = create_customer()
    visit = Visit.objects.create(
        transaction_id=f"MSFT_{secrets.token_hex(6)}",
        eid=EID,
        eid_from=Visit.EidFrom.LAUNCH,
        market="US",
        location="US",
        account=user,
    )
    draft = drafts.open_draft(user, visit)
    offer = offers(market="US", location="US", language="en", category="prepaid")[0]
    drafts.choose_plan(draft, offer, version=draft.version)
    card = Card(number, expiry_month=12, expiry_year=2030, csc="123", holder="Noor Haddad")
    drafts.choose_method(draft, add_card(user, card), version=draft.version)
    return _create_session(user, visit)


def create_customer() -> User:
    """Create a customer with an email address, or every second time with a phone number."""
    number = User.objects.count()
    by_mail = f"{secrets.token_hex(6)}@example.com"
    identifier = f"+{FIRST_NUMBER + number}" if number % 2 else by_mail
    return User.objects.create_user(identifier, name="Noor Haddad")


def _create_session(user: User, visit: Visit) -> str:
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = BACKEND
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session[visit_session.SESSION_KEY] = visit.pk
    session[visit_session.TRANSACTION_KEY] = visit.transaction_id
    session["market"] = visit.market
    session.save()
    key = session.session_key
    assert key
    return key

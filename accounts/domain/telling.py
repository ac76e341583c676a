"""Tell a customer what happened: in the account, and by messages to the customer's addresses."""

from collections.abc import Mapping
from typing import Any

import structlog
from django.conf import settings
from django.db.models import QuerySet

from accounts.identifier import is_identifier
from accounts.models import AccountMessage, User
from messages.domain.writing import write
from messages.models import Message
from messages.rendering import Words, render
from messages.states import FAILED, SECURITY, Occasion
from moportal.database.statements import insert_new

log = structlog.get_logger(__name__)


def tell(
    account: User, occasion: Occasion, *, key: str, context: Mapping[str, Any], language: str = ""
) -> None:
    """Tell the customer once that this has happened.

    Call it in the transaction that makes it true. `key` names what the message is about, and is
    different for each such thing. `language` is used if the account has none. A security message
    goes to all addresses of the account, any other to one. Neither needs a proof of the address:
    they have no code and no link that signs in. An account without an address has the message in
    the account alone.
    """
    told = AccountMessage(account=account, occasion=occasion, key=key, context=dict(context))
    if not insert_new([told]):
        return
    addresses = addresses_to_tell(account)
    if not addresses:
        log.warning("no address to send to", account=account.pk, occasion=occasion)
    for address in addresses if occasion in SECURITY else addresses[:1]:
        write(
            occasion,
            key=key,
            address=address,
            language=language_of(account, language),
            place=account.time_zone or account.market,
            context={**context, "name": account.name},
        )


def language_of(account: User, language: str = "") -> str:
    """Return the account's language: its owner's choice, else this one, else its pages'."""
    return account.language or language or account.page_language or settings.LANGUAGE_CODE


def choose_time_zone(account: User, name: str) -> None:
    """Store the time zone in which it is night for the customer. An empty name: the market's."""
    account.time_zone = name
    account.save(update_fields=["time_zone"])


def addresses_to_tell(account: User) -> list[str]:
    """Return the account's addresses, proven or not, what it signs in with first.

    An address that another account has proven is not among them.
    """
    own = [account.username] if is_identifier(account.username) else []
    others = account.addresses.filter(lost_at=None).exclude(value=account.username)
    return [*own, *others.values_list("value", flat=True)]


def messages_of(account: User) -> QuerySet[AccountMessage]:
    """Return what the account was told, newest first."""
    return AccountMessage.objects.filter(account=account)


def words_of(told: AccountMessage, *, language: str) -> Words:
    """Return what the customer reads in the account."""
    context = {**told.context, "name": told.account.name}
    return render(Occasion(told.occasion), context, language=language)


def undelivered(account: User) -> bool:
    """Return whether the newest message that has left for the account reached no address."""
    addresses = addresses_to_tell(account)
    ended = Message.objects.filter(address__in=addresses, ended_at__isnull=False)
    newest = ended.first()
    if newest is None or newest.state not in FAILED:
        return False
    same = ended.filter(occasion=newest.occasion, key=newest.key)
    return not same.exclude(state__in=FAILED).exists()

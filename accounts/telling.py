"""Tell a customer what happened: in the account, and by a message to the customer's address."""

from collections.abc import Mapping
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from accounts.identifier import validate_identifier
from accounts.models import AccountMessage, User
from messages.domain.writing import write
from messages.models import Message
from messages.rendering import Words, render
from messages.states import FAILED, Occasion
from moportal.database.statements import insert_new

log = structlog.get_logger(__name__)


def tell(
    account: User, occasion: Occasion, *, key: str, context: Mapping[str, Any], language: str = ""
) -> None:
    """Tell the customer once that this has happened.

    Call it in the transaction that makes it true. `key` names what the message is about, and is
    different for each such thing. `language` is used if the account has none. The message goes to
    the identifier that the customer has given, proven or not: it has no code and no link that signs
    in. An account without an address has the message in the account alone.
    """
    told = AccountMessage(account=account, occasion=occasion, key=key, context=dict(context))
    if not insert_new([told]):
        return
    try:
        validate_identifier(account.username)
    except ValidationError:
        log.warning("no address to send to", account=account.pk, occasion=occasion)
        return
    write(
        occasion,
        key=key,
        address=account.username,
        language=account.language or language or account.page_language or settings.LANGUAGE_CODE,
        context={**context, "name": account.name},
    )


def messages_of(account: User) -> QuerySet[AccountMessage]:
    """Return what the account was told, newest first."""
    return AccountMessage.objects.filter(account=account)


def words_of(told: AccountMessage, *, language: str) -> Words:
    """Return what the customer reads in the account."""
    context = {**told.context, "name": told.account.name}
    return render(Occasion(told.occasion), context, language=language)


def undelivered(account: User) -> bool:
    """Return whether the newest message that has left for the account's address has failed."""
    newest = Message.objects.filter(address=account.username, ended_at__isnull=False).first()
    return newest is not None and newest.state in FAILED

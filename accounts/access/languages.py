"""The language of an account: what its owner chose, and what its pages were shown in.

Only the owner's choice decides the language of pages. Messages that leave the portal have no
browser to ask, so they use the language of the latest sign-in if nothing was chosen.
"""

from typing import Any

from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest
from django.utils.translation import get_language

from accounts.access import events
from accounts.models import User
from brand.signals import language_chosen


def connect() -> None:
    """Listen to the language menu and to sign-ins."""
    language_chosen.connect(store_choice, dispatch_uid="accounts.store_choice")
    user_logged_in.connect(note_page_language, dispatch_uid="accounts.note_page_language")


def store_choice(request: HttpRequest, language: str, **_signal: Any) -> None:
    """Keep the menu's choice in the account that is signed in."""
    account = request.user
    if not isinstance(account, User) or account.language == language:
        return
    account.language = language
    account.save(update_fields=["language"])
    events.record(account, events.Kind.LANGUAGE_CHANGED, request=request)


def note_page_language(user: User, **_signal: Any) -> None:
    """Keep the language in which the sign-in page was shown."""
    language = get_language() or settings.LANGUAGE_CODE
    if user.page_language != language:
        user.page_language = language
        user.save(update_fields=["page_language"])

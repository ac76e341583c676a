"""Facts that tell a customer on the phone from somebody else.

The rooms that know a fact register it, because this room cannot ask them. `settings.CALLER_CHECK`
names the facts that are asked, and `settings.CALLER_CHECK_RIGHT` says how many answers must be
right. What many people know about others, such as a name, may be asked, but counts for nothing.
"""

import hmac
from collections.abc import Callable, Collection
from dataclasses import dataclass

from django.conf import settings

from accounts.models import User
from moportal.sealed import digest
from moportal.text.normal_text import normalise_text


def normalise_words(text: str) -> str:
    """Return the text in lower case, with single spaces."""
    return " ".join(normalise_text(text).casefold().split())


@dataclass(frozen=True)
class CallerFact:
    """A question for a caller, and the answers that are right for an account.

    No answers: the account has no such fact, and it is not asked. `normalise` makes one text of an
    answer's spellings, or an empty text if it cannot be an answer.
    """

    name: str
    question: str
    answers: Callable[[User], Collection[str]]
    normalise: Callable[[str], str] = normalise_words
    # A name, a birthday, an address, a phone number: it counts for nothing.
    is_public: bool = False


_facts: dict[str, CallerFact] = {}


def register(*facts: CallerFact) -> None:
    """Let operators choose these facts by their names."""
    _facts.update({fact.name: fact for fact in facts})


def chosen_facts() -> list[CallerFact]:
    """Return the facts that the operator has chosen, in this order."""
    return [_facts[name] for name in settings.CALLER_CHECK if name in _facts]


def unknown_facts() -> list[str]:
    """Return the names in the setting that no room has registered."""
    return [name for name in settings.CALLER_CHECK if name not in _facts]


def facts_of(account: User) -> list[CallerFact]:
    """Return the chosen facts that this account has."""
    return [fact for fact in chosen_facts() if _right_answers(fact, account)]


def is_enough(names: Collection[str]) -> bool:
    """Return whether enough of these facts count to show that the caller is the customer."""
    counted = [fact for fact in chosen_facts() if fact.name in names and not fact.is_public]
    return len(counted) >= settings.CALLER_CHECK_RIGHT


def is_right(fact: CallerFact, account: User, answer: str) -> bool:
    """Return whether the answer is right. The time that this takes says nothing about it."""
    given = digest(fact.normalise(answer))
    right = [digest(one) for one in _right_answers(fact, account)]
    return sum(hmac.compare_digest(given, one) for one in right) > 0


def _right_answers(fact: CallerFact, account: User) -> set[str]:
    return {fact.normalise(answer) for answer in fact.answers(account)} - {""}


NAME = CallerFact("name", "Full name", lambda account: [account.name], is_public=True)

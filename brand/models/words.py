"""Texts that staff write in several languages. English is the fallback."""

from typing import Any

from django.core.exceptions import ValidationError


def words_by_language(value: Any) -> None:
    """Raise `ValidationError` unless the value has a text for each of its languages."""
    if not isinstance(value, dict) or not all(
        isinstance(words, str) and words.strip() for words in value.values()
    ):
        raise ValidationError('Enter a text for each language, such as {"en": "Buy now"}.')


def words_in(by_language: dict[str, str], language: str) -> str:
    """Return the words in this language, otherwise the English ones, otherwise an empty text."""
    return str(by_language.get(language) or by_language.get("en", ""))

"""Secrets that another system knows too, such as the proxy's.

While such a secret is being changed, two values are accepted: the other system changes at its own
time (docs/secrets.md).
"""

import hmac

from django.conf import settings


def accepted_values(name: str) -> list[bytes]:
    """Return the setting's value and its fallbacks; nothing if the setting is empty."""
    current: str = getattr(settings, name)
    fallbacks: list[str] = getattr(settings, f"{name}_FALLBACKS")
    return [value.encode() for value in (current, *fallbacks)] if current else []


def is_accepted(sent: bytes, name: str) -> bool:
    """Return whether this is one of the accepted values.

    Every value is compared, so the response time does not reveal which value is similar.
    """
    matches = [hmac.compare_digest(sent, value) for value in accepted_values(name)]
    return any(matches)

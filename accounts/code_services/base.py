"""What an operator's service for one-time codes must be able to do: send one, and check one.

The service makes the code, so the portal never knows it. Neither operation can be repeated safely:
a second sending sends a second SMS, and a code that was right is no longer right the second time.
"""

from typing import Protocol

from django.db.models import TextChoices

from moportal.http_client import ServiceUnavailable


class CodeServiceUnavailable(ServiceUnavailable):
    """The service gave no usable answer. `was_sent` says whether it may have done the work."""


class ServiceRefusal(TextChoices):
    """Why the service refuses."""

    # To send a code.
    TOO_MANY = "too_many", "The number was sent too many codes"
    NOT_ALLOWED = "not_allowed", "The number cannot receive codes"
    BLOCKED = "blocked", "The number's holder has blocked SMS"
    # To accept a code.
    WRONG = "wrong", "Not the code that was sent"
    FAILED = "failed", "Wrong too often"
    EXPIRED = "expired", "The code can no longer be used"
    # Both: the service does not accept the request. Staff must look at it.
    MALFORMED = "malformed", "The service does not accept the request"


class CodeRefused(Exception):
    """The service refused for good."""

    def __init__(self, reason: ServiceRefusal, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class CodeService(Protocol):
    """Sends codes by SMS. It may raise `CodeServiceUnavailable` or `CodeRefused`."""

    def send_code(self, number: str, message: str) -> str:
        """Send a new code to the number, in E.164, and return the identifier of this sending.

        The message has `{{code}}` in place of the code, and at most 160 characters. An earlier code
        to the same number can no longer be used.
        """

    def check_code(self, identifier: str, code: str) -> None:
        """Return if this is the code that was sent. A code is right once."""

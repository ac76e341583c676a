"""Messages through an HTTP gateway (docs/messages.md#gateway)."""

import httpx
from django.conf import settings

from messages.senders.base import Letter, MessageRefused, SenderUnavailable
from moportal.http_client import check_address, exchange_json

LONGEST_ID = 80


class HttpGateway:
    """`POST` of `MESSAGE_GATEWAY_URL/messages`. It sends SMS, and mail where it has a subject."""

    def send(self, letter: Letter) -> str:
        """Hand the message over, and return the gateway's id of it."""
        base = check_address(settings.MESSAGE_GATEWAY_URL, name="MESSAGE_GATEWAY_URL")
        token: str = settings.MESSAGE_GATEWAY_TOKEN
        key = str(letter.identifier)
        content = {
            "id": key,
            "to": letter.address,
            "subject": letter.subject,
            "text": letter.text,
            "language": letter.language,
        }
        status, answer = exchange_json(
            "POST",
            f"{base}/messages",
            within=settings.OUTSIDE_CALL_TIMEOUT,
            unavailable=SenderUnavailable,
            content=content,
            headers={
                "Idempotency-Key": key,
                **({"Authorization": f"Bearer {token}"} if token else {}),
            },
        )
        if httpx.codes.is_client_error(status):
            raise MessageRefused(f"HTTP {status}: {str(answer.get('error'))[:80]}")
        identifier = answer.get("id")
        if not httpx.codes.is_success(status) or not isinstance(identifier, str):
            raise SenderUnavailable(f"HTTP {status}, {str(answer)[:80]}", was_sent=True)
        return identifier.replace("\0", "")[:LONGEST_ID]

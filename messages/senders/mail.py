"""Mail through Django's backend, over SMTP with a limit for the whole conversation."""

import smtplib
import socket
import threading
from contextlib import suppress
from email.utils import formataddr
from typing import Any

from django.conf import settings
from django.core import mail
from django.core.mail.backends.smtp import EmailBackend

from brand.queries import operator
from messages.senders.base import Letter, MessageRefused, SenderUnavailable

# SMTP: these answers are final, RFC 5321, 4.2.1.
FINAL = range(500, 600)
# Answers that refuse our account or our host, not the message: RFC 4954, 6, and RFC 5321, 3.1.
NOT_OUR_MESSAGE = (
    smtplib.SMTPAuthenticationError,
    smtplib.SMTPConnectError,
    smtplib.SMTPHeloError,
    smtplib.SMTPSenderRefused,
)


class _Limited:
    """Cuts the connection when the conversation takes too long.

    The timeout of a socket limits each read. A server that sends a byte now and then would keep a
    worker past its lease.
    """

    sock: socket.socket | None = None
    # Whether the server may have got the message.
    was_sent = False

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._timer = threading.Timer(settings.OUTSIDE_CALL_TIMEOUT, self._cut)
        self._timer.daemon = True
        self._timer.start()
        try:
            super().__init__(*arguments, **options)
        except BaseException:
            self._timer.cancel()
            raise

    def close(self) -> None:
        self._timer.cancel()
        super().close()  # type: ignore[misc]  # smtplib's

    def data(self, msg: Any) -> Any:
        self.was_sent = True
        return super().data(msg)  # type: ignore[misc]  # smtplib's

    def _cut(self) -> None:
        if self.sock:
            with suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)


class LimitedSmtp(_Limited, smtplib.SMTP):
    """SMTP, with STARTTLS where the settings ask for it."""


class LimitedSmtpOverTls(_Limited, smtplib.SMTP_SSL):
    """SMTP over TLS from the first byte."""


class SmtpBackend(EmailBackend):
    """Django's backend with limited connections; EMAIL_BACKEND in production."""

    # Whether the server may have got the last message.
    was_sent = False

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        return LimitedSmtpOverTls if self.use_ssl else LimitedSmtp

    def close(self) -> None:
        """Close the connection. The message is accepted by then, whatever the server answers."""
        if self.connection is not None:
            self.was_sent = getattr(self.connection, "was_sent", False)
        with suppress(OSError, smtplib.SMTPException):
            super().close()


class Mail:
    """Sends by the backend that Django's EMAIL_BACKEND names."""

    def send(self, letter: Letter) -> str:
        """Hand the message over. A repeated message has the same Message-ID."""
        backend = mail.get_connection()
        try:
            mail.EmailMessage(
                letter.subject,
                letter.text,
                from_email=_from(),
                to=[letter.address],
                headers=_headers(letter),
                connection=backend,
            ).send()
        except smtplib.SMTPException as error:
            raise _error(error, backend) from error
        except OSError as error:
            raise _unavailable(error, backend) from error
        except ValueError as error:
            # Django found that the address or a header cannot be written.
            raise MessageRefused(f"{type(error).__name__}: the address cannot be used") from error
        finally:
            # Django leaves a connection open whose sign-in or STARTTLS has failed.
            backend.close()
        return ""


def _from() -> str:
    sender = operator()
    return formataddr((sender.name, settings.MAIL_FROM or sender.support_email))


def _headers(letter: Letter) -> dict[str, str]:
    host = (settings.MAIL_FROM or operator().support_email).rpartition("@")[2]
    return {
        "Message-ID": f"<{letter.identifier}@{host}>",
        "Content-Language": letter.language,
        # RFC 3834, 5: no holiday notice answers this mail.
        "Auto-Submitted": "auto-generated",
    }


def _error(error: smtplib.SMTPException, backend: Any) -> Exception:
    codes = _codes(error)
    is_final = bool(codes) and all(code in FINAL for code in codes)
    if is_final and not isinstance(error, NOT_OUR_MESSAGE):
        return MessageRefused(f"SMTP {codes[0]}")
    if codes:
        # The server has answered, so it has not accepted the message.
        return SenderUnavailable(f"SMTP {codes[0]}", was_sent=False)
    return _unavailable(error, backend)


def _codes(error: smtplib.SMTPException) -> list[int]:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return [code for code, _text in error.recipients.values()]
    return [error.smtp_code] if isinstance(error, smtplib.SMTPResponseException) else []


def _unavailable(error: Exception, backend: Any) -> SenderUnavailable:
    return SenderUnavailable(type(error).__name__, was_sent=getattr(backend, "was_sent", False))

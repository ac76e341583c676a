"""`messages.senders.mail` against a real SMTP server, which nobody of this project wrote."""

import socket
import ssl
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from pytest_django.fixtures import Settings

from messages.models import Message
from messages.senders.base import Letter, MessageRefused, SenderUnavailable
from messages.senders.mail import LimitedSmtp, Mail
from tests.authority import SERVER, Authority
from tests.builders import make_operator
from tests.messages.moments import MISHAPS, losses
from tests.services import free_port

LOOPBACK = "127.0.0.1"


class Mailbox:
    """The server's handler. It keeps each mail, unless it answers as it is told."""

    def __init__(self) -> None:
        self.mails: list[Envelope] = []
        self.rcpt = self.data = ""

    async def handle_RCPT(  # noqa: N802 -- aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        if self.rcpt:
            return self.rcpt
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 -- the same
        if self.data and self.data != "drop":
            return self.data
        self.mails.append(envelope)
        if self.data == "drop":
            assert server.transport is not None
            server.transport.close()
        return "250 OK"


@contextmanager
def serving(mailbox: Mailbox, **options: Any) -> Iterator[int]:
    controller = Controller(mailbox, hostname=LOOPBACK, port=free_port(), **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


@pytest.fixture
def mailbox(db: None, settings: Settings) -> Iterator[Mailbox]:
    make_operator()
    settings.EMAIL_BACKEND = "messages.senders.mail.SmtpBackend"
    mailbox = Mailbox()
    with serving(mailbox) as port:
        settings.EMAIL_HOST, settings.EMAIL_PORT = LOOPBACK, port
        yield mailbox


def content_of(mail: Envelope) -> bytes:
    assert isinstance(mail.content, bytes)
    return mail.content


def letter(address: str = "noor@example.com") -> Letter:
    return Letter(uuid.UUID(int=7), address, "ar", "تأكيد الطلب", "مرحبا نور،\n")


def test_a_mail_arrives_as_it_was_written(mailbox: Mailbox) -> None:
    assert Mail().send(letter()) == ""

    [mail] = mailbox.mails
    assert mail.rcpt_tos == ["noor@example.com"]
    assert mail.mail_from == "help@kestrel.example"
    head = message_from_bytes(content_of(mail))
    assert str(make_header(decode_header(head["Subject"]))) == "تأكيد الطلب"
    assert head["From"] == "Kestrel Mobile <help@kestrel.example>"
    assert head["Message-ID"] == f"<{uuid.UUID(int=7)}@kestrel.example>"
    assert (head["Content-Language"], head["Auto-Submitted"]) == ("ar", "auto-generated")
    body = head.get_payload(decode=True)
    assert isinstance(body, bytes)
    assert body.decode().strip() == "مرحبا نور،"


def test_the_sender_may_be_set(mailbox: Mailbox, settings: Settings) -> None:
    settings.MAIL_FROM = "noreply@portal.example"

    Mail().send(letter())

    assert mailbox.mails[0].mail_from == "noreply@portal.example"


@pytest.mark.parametrize(
    ("step", "answer", "error"),
    [
        ("rcpt", "550 no such mailbox", MessageRefused("SMTP 550")),
        ("rcpt", "450 try later", SenderUnavailable("SMTP 450", was_sent=False)),
        ("data", "554 spam", MessageRefused("SMTP 554")),
        ("data", "451 try later", SenderUnavailable("SMTP 451", was_sent=False)),
        ("data", "drop", SenderUnavailable("SMTPServerDisconnected", was_sent=True)),
    ],
)
def test_each_answer_of_the_server_has_its_error(
    mailbox: Mailbox, step: str, answer: str, error: Exception
) -> None:
    setattr(mailbox, step, answer)

    with pytest.raises(type(error), match=str(error)) as raised:
        Mail().send(letter())

    assert getattr(raised.value, "was_sent", None) == getattr(error, "was_sent", None)


def test_a_server_that_is_away_got_nothing(mailbox: Mailbox, settings: Settings) -> None:
    settings.EMAIL_PORT = free_port()

    with pytest.raises(SenderUnavailable, match="ConnectionRefusedError") as raised:
        Mail().send(letter())

    assert not raised.value.was_sent


@pytest.mark.parametrize("address", ["noor@", "noor\n@example.com", "no@or@example.com"])
def test_an_address_that_cannot_be_written_is_refused(mailbox: Mailbox, address: str) -> None:
    with pytest.raises(MessageRefused, match="the address cannot be used"):
        Mail().send(letter(address))

    assert mailbox.mails == []


def test_a_server_that_does_not_know_starttls_gets_no_mail(
    mailbox: Mailbox, settings: Settings
) -> None:
    settings.EMAIL_USE_TLS = True

    with pytest.raises(SenderUnavailable, match="SMTPNotSupportedError"):
        Mail().send(letter())

    assert mailbox.mails == []


@dataclass
class TlsServer:
    """A mail server with a certificate, and the contexts of its two sides."""

    own: ssl.SSLContext
    trusting: ssl.SSLContext
    mailbox: Mailbox
    settings: Settings
    monkeypatch: pytest.MonkeyPatch

    @contextmanager
    def serve(self, kind: str) -> Iterator[None]:
        """Serve with TLS from the first byte (smtps), or after STARTTLS and with a sign-in."""
        is_smtps = kind == "smtps"
        self.settings.EMAIL_USE_SSL, self.settings.EMAIL_USE_TLS = is_smtps, not is_smtps
        self.settings.EMAIL_HOST_USER = "portal"
        self.settings.EMAIL_HOST_PASSWORD = "pass phrase"
        tls = {"ssl_context" if is_smtps else "tls_context": self.own}
        # aiosmtpd does not see that an smtps connection is encrypted, and warns.
        auth = {"auth_required": not is_smtps, "auth_require_tls": not is_smtps}
        with serving(self.mailbox, authenticator=knows_portal, **auth, **tls) as port:
            self.settings.EMAIL_PORT = port
            self.monkeypatch.setattr("ssl.create_default_context", lambda: self.trusting)
            yield


@pytest.fixture
def tls_server(
    mailbox: Mailbox, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> TlsServer:
    """Return a mail server whose authority the portal trusts."""
    authority = Authority("The mail server's authority")
    issued = authority.issue(LOOPBACK, usages=[SERVER], hosts=[LOOPBACK])
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(*issued.write(tmp_path, "server"))
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.load_verify_locations(authority.own.write(tmp_path, "root")[0])
    return TlsServer(own, trusting, mailbox, settings, monkeypatch)


@pytest.mark.parametrize("kind", ["smtps", "starttls"])
def test_mail_goes_over_tls_after_a_sign_in(tls_server: TlsServer, kind: str) -> None:
    with tls_server.serve(kind):
        Mail().send(letter())

    assert len(tls_server.mailbox.mails) == 1


@pytest.mark.parametrize("kind", ["smtps", "starttls"])
def test_a_mail_server_that_is_not_trusted_gets_nothing(tls_server: TlsServer, kind: str) -> None:
    tls_server.trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    with tls_server.serve(kind), pytest.raises(SenderUnavailable, match="SSLCert") as raised:
        Mail().send(letter())

    assert not raised.value.was_sent
    assert tls_server.mailbox.mails == []


def test_a_refused_sign_in_is_not_the_messages_fault(mailbox: Mailbox, settings: Settings) -> None:
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "portal", "wrong"

    with serving(mailbox, authenticator=knows_portal, auth_require_tls=False) as port:
        settings.EMAIL_PORT = port
        with pytest.raises(SenderUnavailable, match="SMTP 535") as raised:
            Mail().send(letter())

    assert not raised.value.was_sent


def knows_portal(
    _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, login: Any
) -> AuthResult:
    return AuthResult(success=login.password == b"pass phrase", handled=False)


def test_a_server_that_hangs_after_it_has_accepted_gets_the_mail_once(
    mailbox: Mailbox, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.OUTSIDE_CALL_TIMEOUT = 1.0
    monkeypatch.setattr(SMTP, "smtp_QUIT", never)

    assert Mail().send(letter()) == ""

    assert len(mailbox.mails) == 1


async def never(_server: SMTP, _arguments: str) -> None:
    """Answer nothing."""


def slow_server(say: Callable[[socket.socket], None]) -> Iterator[int]:
    with socket.create_server((LOOPBACK, 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                say(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def test_a_server_that_answers_byte_by_byte_is_cut_off(
    mailbox: Mailbox, settings: Settings
) -> None:
    settings.OUTSIDE_CALL_TIMEOUT = 0.5

    def drip(connection: socket.socket) -> None:
        try:
            while True:
                connection.sendall(b"2")
                time.sleep(0.05)
        except OSError:
            return

    for port in slow_server(drip):
        settings.EMAIL_PORT = port
        began = time.monotonic()
        with pytest.raises(SenderUnavailable):
            Mail().send(letter())
        assert time.monotonic() - began < 3


def test_the_limit_may_pass_before_there_is_a_connection(settings: Settings) -> None:
    settings.OUTSIDE_CALL_TIMEOUT = 0.01

    connection = LimitedSmtp()
    time.sleep(0.1)

    assert connection.sock is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mishap", MISHAPS)
def test_a_mail_arrives_at_whatever_moment_one_thing_goes_wrong(
    mailbox: Mailbox, write_one: Callable[..., Message], settings: Settings, mishap: str
) -> None:
    settings.MAIL_SENDER, settings.MAILS_PER_HOUR = "messages.senders.mail.Mail", 1000

    found = list(
        losses(MISHAPS[mishap], lambda key: write_one(key=key), lambda: len(mailbox.mails))
    )

    assert not found, "\n".join(found)
    identifiers = {message_from_bytes(content_of(mail))["Message-ID"] for mail in mailbox.mails}
    assert len(identifiers) == Message.objects.count()

"""Secrets that another system knows too: each is changed in three steps without a refusal."""

import base64
from collections.abc import Callable

import pytest
from django.conf import settings as current
from django.test import Client, RequestFactory
from pytest_django.fixtures import Settings

from accounts.models import User
from balance_api.authentication import ClientCertificate
from moportal.checks import unfinished_changes
from moportal.trust.client_certificates import NotFromProxy, forwarded_certificate
from moportal.trust.shared_secrets import is_accepted
from moportal.web.problems import Refused
from payments.gateways.base import WebhookForged
from payments.gateways.simulator import SIGNATURE, SimulatorGateway
from simulators.payment.server import signed

OLD, NEW = "caller:the old secret", "caller:the new secret"
EVENT = '{"id": "e", "payment": {"id": "p", "reference": "r", "status": "captured"}}'


def proxy_gets_in(secret: str) -> bool:
    headers = {"X-Client-Certificate": "pem", "X-Proxy-Secret": secret}
    try:
        return bool(forwarded_certificate(RequestFactory().get("/", headers=headers)))
    except NotFromProxy:
        return False


def gateway_gets_in(secret: str) -> bool:
    try:
        SimulatorGateway().parse_webhook(EVENT.encode(), {SIGNATURE: signed(EVENT, secret, at=1)})
    except WebhookForged:
        return False
    return True


def caller_gets_in(secret: str) -> bool:
    encoded = base64.b64encode(secret.encode()).decode()
    request = RequestFactory().get("/", headers={"Authorization": f"Basic {encoded}"})
    try:
        ClientCertificate().authenticate(request)  # type: ignore[arg-type]  # it reads META alone
    except Refused:
        return False
    return True


@pytest.mark.parametrize(
    ("name", "gets_in"),
    [
        ("PROXY_SECRET", proxy_gets_in),
        ("PAYMENT_WEBHOOK_SECRET", gateway_gets_in),
        ("BALANCE_CREDENTIALS", caller_gets_in),
    ],
)
def test_a_secret_is_changed_in_three_steps_while_the_other_side_uses_the_old_one(
    name: str, gets_in: Callable[[str], bool], settings: Settings
) -> None:
    setattr(settings, name, OLD)
    assert (gets_in(OLD), gets_in(NEW)) == (True, False)

    # Step 1: the portal accepts both.
    setattr(settings, name, NEW)
    setattr(settings, f"{name}_FALLBACKS", [OLD])
    assert gets_in(OLD)
    # Step 2: the other side changes at its own time.
    assert gets_in(NEW)
    assert not gets_in("caller:guessed")
    # Step 3: the old value is gone.
    setattr(settings, f"{name}_FALLBACKS", [])
    assert (gets_in(OLD), gets_in(NEW)) == (False, True)


@pytest.mark.parametrize("sent", [b"", OLD.encode()])
def test_without_a_secret_nothing_is_accepted(sent: bytes, settings: Settings) -> None:
    settings.PROXY_SECRET, settings.PROXY_SECRET_FALLBACKS = "", [OLD]

    assert not is_accepted(sent, "PROXY_SECRET")


def test_customers_stay_signed_in_while_the_secret_key_is_changed_in_three_steps(
    alice: User, settings: Settings
) -> None:
    old, new = "o1" * 30, "n2" * 30
    settings.SECRET_KEY = old
    browser, idle = Client(), Client()
    browser.force_login(alice)
    idle.force_login(alice)

    # Step 1: every process accepts the new key, and still signs with the old one.
    settings.SECRET_KEY_FALLBACKS = [new]
    assert browser.get("/account/").status_code == 200
    # Step 2: a restarted process signs with the new key. One of step 1 still reads the session.
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = new, [old]
    assert browser.get("/account/").status_code == 200
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = old, [new]
    assert browser.get("/account/").status_code == 200
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = new, [old]
    assert browser.get("/account/").status_code == 200
    # Step 3: only a session that nobody used meanwhile has ended.
    settings.SECRET_KEY_FALLBACKS = []
    assert browser.get("/account/").status_code == 200
    assert idle.get("/account/").status_code == 303


def test_a_change_that_is_not_finished_is_noted_by_the_deployment_check(
    settings: Settings,
) -> None:
    settings.PROXY_SECRET_FALLBACKS = [OLD]
    settings.SEAL_KEYS = [*current.SEAL_KEYS, *current.SEAL_KEYS]

    notes = [note.msg for note in unfinished_changes()]

    assert notes == [
        "PROXY_SECRET_FALLBACKS is set: a second value of PROXY_SECRET is accepted.",
        "SEAL_KEYS has 2 keys.",
    ]

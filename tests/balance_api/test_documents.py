"""The interface's document is for the desk alone."""

from django.test import Client
from django.urls import reverse

from accounts.models import User


def test_staff_read_what_may_be_asked(clara: User) -> None:
    client = Client()
    client.force_login(clara)

    page = client.get(reverse("interfaces"))
    document = client.get(reverse("openapi"))

    assert "GET /v1/sims/{sim}/balances" in page.text
    assert "The transaction id was answered before." in page.text
    assert document.text.startswith("openapi: 3.1.")
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]


def test_customers_do_not(as_alice: Client) -> None:
    for name in ("interfaces", "openapi"):
        assert as_alice.get(reverse(name)).status_code == 302

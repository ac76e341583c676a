"""The pages with the OpenAPI document are for staff only."""

from django.test import Client
from django.urls import reverse

from accounts.models import User


def test_staff_see_the_operations_and_the_document(clara: User) -> None:
    client = Client()
    client.force_login(clara)

    page = client.get(reverse("interfaces"))
    document = client.get(reverse("openapi"))

    assert "GET /v1/sims/{sim}/balances" in page.text
    assert "This transaction ID has already been used." in page.text
    assert document.text.startswith("openapi: 3.1.")
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]


def test_customers_are_sent_to_the_sign_in(as_alice: Client) -> None:
    for name in ("interfaces", "openapi"):
        assert as_alice.get(reverse(name)).status_code == 302

"""The operator's logo: a path that leads nowhere is refused, and takes no page down."""

from collections.abc import Iterator

import pytest
from django.test import Client

from accounts.models import User
from brand.models import Operator, static_url
from tests.builders import make_operator

GOOD, MISSING = "img/kestrel-dark.svg", "img/nothing.svg"
PAGES = ["/options/", "/support/", "/sign-in/", "/nothing/"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def only_the_good_file(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make every other file fail, as in production when it was not collected."""

    def find(path: str) -> str:
        if path != GOOD:
            raise ValueError("Missing staticfiles manifest entry")
        return f"/static/{path}"

    monkeypatch.setattr("brand.models.operator.static", find)
    monkeypatch.setattr("brand.forms.static", find)
    static_url.cache_clear()
    yield
    static_url.cache_clear()


@pytest.mark.parametrize("path", PAGES)
def test_a_page_opens_without_a_logo_that_is_not_there(
    path: str, only_the_good_file: None, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    make_operator()
    Operator.objects.update(logo=MISSING, logo_dark=GOOD)

    page = client.get(path, follow=True)

    assert page.status_code in {200, 404}
    assert "Kestrel Mobile" in page.text
    assert "brand-logo" not in page.text
    assert MISSING in caplog.text


@pytest.mark.parametrize(
    ("logo", "dark", "is_saved"),
    [
        (GOOD, GOOD, True),
        (GOOD, "", True),
        (GOOD, MISSING, False),
        (MISSING, GOOD, False),
        ("../manage.py", GOOD, False),
        ("img/kestrel.svg", GOOD, False),
    ],
)
def test_staff_save_only_a_logo_that_is_served(
    logo: str, dark: str, *, is_saved: bool, only_the_good_file: None, clara: User, client: Client
) -> None:
    operator = make_operator()
    client.force_login(clara)
    fields = {
        name: getattr(operator, name)
        for name in ("name", "accent", "accent_dark", "support_phone", "support_email")
    }
    fields |= {"support_hours": "always", "default_market": "US", "website": ""}

    answer = client.post(
        "/admin/brand/operator/1/change/", {**fields, "logo": logo, "logo_dark": dark}
    )

    assert (answer.status_code == 302) is is_saved
    assert is_saved or "There is no such file" in answer.text


def test_a_logo_outside_the_static_files_is_refused(clara: User, client: Client) -> None:
    make_operator()
    client.force_login(clara)

    answer = client.post("/admin/brand/operator/1/change/", {"logo": "../manage.py"})

    assert "There is no such file" in answer.text

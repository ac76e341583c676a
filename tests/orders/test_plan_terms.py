"""The ways from a plan's terms back to the page where they were opened."""

import pytest
from django.test import Client

from accounts.models import User
from tests.builders import make_plan
from tests.orders.journey import ready

PLANS = "/plans/?category=prepaid"


@pytest.mark.parametrize("target", ["", "//evil.example/", "javascript:alert(1)"])
def test_the_terms_lead_to_no_other_site(client: Client, db: None, target: str) -> None:
    plan = make_plan()

    page = client.get(f"/plans/{plan.pk}/terms/", {"next": target}).text

    assert f'href="{PLANS}"' in page
    assert f'href="{target}"' not in page


def test_the_terms_lead_back_to_the_review(shopping: Client, alice: User) -> None:
    draft = ready(alice)

    page = shopping.get("/review/").text

    assert f'href="/plans/{draft.plan_id}/terms/?next=/review/"' in page
    assert 'href="/terms/?next=/review/"' in page

"""What staff look for, and how the tests read the answers."""

from typing import Any

from django.test import Client
from django.urls import reverse

from accounts.models import User
from esim.models import Profile, Sim
from moportal.sealed import digest
from tests.builders import EID

MATCHING_ID = "0A1B2-C3D4E-5F6G7-H8J9K"
TRANSACTION_ID = "MSFT_4f1c/09 be+7a%2d"


def make_profile(sim: Sim, matching_id: str) -> Profile:
    assert sim.provider is not None
    return Profile.objects.create(
        sim=sim,
        provider=sim.provider,
        eid=EID,
        matching_id=matching_id,
        matching_id_digest=digest(matching_id),
    )


def find(client: Client, text: str) -> Any:
    """Return the test client's answer, which also has the template's context."""
    return client.get("/find", {"q": text})


def found(client: Client, text: str) -> list[str]:
    """Return the addresses of what was found: where the search leads, or what it lists."""
    answer = find(client, text)
    if answer.status_code == 303:
        return [answer["Location"]]
    groups = answer.context["groups"]
    return [row["address"] for group in groups for row in group["rows"]]


def page_of(row: object) -> str:
    if isinstance(row, User):
        return reverse("customer", args=[row.pk])
    meta = row._meta  # type: ignore[attr-defined]  # any model
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk])  # type: ignore[attr-defined]  # the same

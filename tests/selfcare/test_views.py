"""`/account/`: the customer's own, all of it and nothing else."""

from django.test import Client
from django.utils.timezone import now

from accounts.models import User
from subscriptions import domain
from subscriptions.models import Bucket
from tests.builders import GB, make_card, make_order, make_plan


def give(account: User, reference: str, **of_plan: object) -> None:
    subscription = domain.prepare(
        account,
        sim=make_card(),
        plan=make_plan(code=reference, **of_plan),  # type: ignore[arg-type]  # its own keywords
        plan_name=reference,
        reference=reference,
    )
    domain.start(subscription, at=now())


def test_it_shows_what_is_left(as_alice: Client, alice: User) -> None:
    give(alice, "traveller")
    Bucket.objects.update(used_bytes=2 * GB)

    page = as_alice.get("/account/").text

    assert "<strong>3 GB</strong> of 5 GB left" in page
    assert "SIM ending in" in page


def test_unlimited_has_no_count(as_alice: Client, alice: User) -> None:
    give(alice, "endless", data_bytes=None)

    assert "Unlimited data" in as_alice.get("/account/").text


def test_a_microbalance_is_nothing_that_was_bought(as_alice: Client, alice: User) -> None:
    give(alice, "garden")
    Bucket.objects.update(kind=Bucket.Kind.MICROBALANCE)

    assert "garden" not in as_alice.get("/account/").text


def test_a_bucket_that_never_held_anything_shows_as_empty(as_alice: Client, alice: User) -> None:
    give(alice, "empty")
    Bucket.objects.update(total_bytes=0)

    assert as_alice.get("/account/").status_code == 200


def test_nothing_of_it_is_another_customers(client: Client, alice: User, bob: User) -> None:
    give(alice, "hers")
    order = make_order(alice)
    client.force_login(bob)

    page = client.get("/account/").text

    assert "hers" not in page
    assert order.display_number not in page

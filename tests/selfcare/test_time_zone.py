"""`/account/time-zone/`: the customer chooses the time zone of the quiet hours."""

from django.test import Client

from accounts.models import User
from tests.builders import EID
from tests.conftest import PASSWORD


def test_a_customer_chooses_a_time_zone_and_takes_it_back(as_alice: Client, alice: User) -> None:
    page = as_alice.get("/account/security/").text
    assert "As in my country" in page
    assert '<option value="Europe/Berlin">Germany (Berlin) Time</option>' in as_alice.get(
        "/account/time-zone/"
    ).text.replace(" selected", "")

    answer = as_alice.post("/account/time-zone/", {"zone": "Europe/Berlin"}, follow=True)
    assert "The time zone is saved." in answer.text
    assert "Germany (Berlin) Time" in answer.text
    alice.refresh_from_db()
    assert alice.time_zone == "Europe/Berlin"
    chosen = '<option value="Europe/Berlin" selected>'
    assert chosen in as_alice.get("/account/time-zone/").text

    as_alice.post("/account/time-zone/", {"zone": ""})
    alice.refresh_from_db()
    assert alice.time_zone == ""


def test_a_zone_that_does_not_exist_is_refused(as_alice: Client, alice: User) -> None:
    answer = as_alice.post("/account/time-zone/", {"zone": "Moon/Crater"}, follow=True)

    assert "Select a valid choice" in answer.text
    alice.refresh_from_db()
    assert alice.time_zone == ""


def test_the_names_are_in_the_readers_language(as_alice: Client) -> None:
    as_alice.post("/language/", {"language": "de"})

    assert "Deutschland (Berlin) (Ortszeit)" in as_alice.get("/account/time-zone/").text


def test_the_market_of_the_launch_is_kept_with_a_sign_in(client: Client, alice: User) -> None:
    client.get(f"/?market=DE&location=DE&transactionId=T1&eid={EID}")
    client.post("/sign-in/", {"username": alice.username, "password": PASSWORD})

    alice.refresh_from_db()
    assert alice.market == "DE"

"""`/account/`: the customer's own, all of it and nothing else."""

from typing import Any

from django.test import Client
from django.utils.timezone import now

from accounts.domain import telling
from accounts.models import AccountMessage, User
from messages.models import Message
from messages.states import MessageState, Occasion
from payments.domain import cards
from payments.models import Payment, PaymentMethod
from payments.states import Initiator, PaymentState, RefusalKind
from subscriptions.domain import lifecycle as domain
from subscriptions.models import Bucket
from tests.builders import GB, make_card, make_method, make_order, make_plan, payment_of
from tests.payments.conftest import agree, refuse


def give(account: User, reference: str, **of_plan: object) -> None:
    subscription = domain.prepare(
        account,
        sim=make_card(),
        plan=make_plan(code=reference, **of_plan),  # type: ignore[arg-type]  # its own keywords
        plan_name=reference,
        reference=reference,
    )
    domain.start(subscription, at=now())


def test_the_account_shows_the_remaining_data(as_alice: Client, alice: User) -> None:
    give(alice, "traveller")
    Bucket.objects.update(used_bytes=2 * GB)

    page = as_alice.get("/account/").text

    assert "<strong>3 GB</strong> of 5 GB left" in page
    assert "SIM ending in" in page


def test_an_unlimited_plan_shows_no_amount_left(as_alice: Client, alice: User) -> None:
    give(alice, "endless", data_bytes=None)

    assert "Unlimited data" in as_alice.get("/account/").text


def test_a_microbalance_is_not_shown(as_alice: Client, alice: User) -> None:
    give(alice, "garden")
    Bucket.objects.update(kind=Bucket.Kind.MICROBALANCE)

    assert "garden" not in as_alice.get("/account/").text


def test_a_bucket_of_zero_bytes_does_not_break_the_page(as_alice: Client, alice: User) -> None:
    give(alice, "empty")
    Bucket.objects.update(total_bytes=0)

    assert as_alice.get("/account/").status_code == 200


def test_the_account_shows_nothing_of_another_customer(
    client: Client, alice: User, bob: User
) -> None:
    give(alice, "hers")
    order = make_order(alice)
    client.force_login(bob)

    page = client.get("/account/").text

    assert "hers" not in page
    assert order.display_number not in page


def remove(browser: Client, method: PaymentMethod) -> str:
    """Press Remove and return the page that says what came of it."""
    answer = browser.post(f"/account/methods/{method.pk}/remove/")
    assert (answer.status_code, answer.headers["location"]) == (303, "/account/")
    return browser.get("/account/").text


def test_stored_cards_are_listed_and_removed(as_alice: Client, alice: User) -> None:
    method = make_method(alice, last4="1881")
    page = as_alice.get("/account/").text
    assert "Visa ending in 1881" in page
    assert "Expires 12/99" in page

    page = remove(as_alice, method)

    assert "Visa ending in 1881 was removed." in page
    assert f"/account/methods/{method.pk}/remove/" not in page
    method.refresh_from_db()
    assert method.removed_at is not None


def test_the_account_page_leaves_the_portal_by_sign_out(as_alice: Client) -> None:
    page = " ".join(as_alice.get("/account/").text.split())

    assert 'action="/leave/"' in page
    assert "Sign out </button>" in page
    assert "Cancel </button>" not in page


def test_an_expired_card_says_so_and_can_be_removed(as_alice: Client, alice: User) -> None:
    method = make_method(alice)
    PaymentMethod.objects.update(expiry_year=2020)

    assert "Expired" in as_alice.get("/account/").text
    assert "was removed" in remove(as_alice, method)


def test_removing_a_card_twice_gives_the_same_message(as_alice: Client, alice: User) -> None:
    method = make_method(alice)
    remove(as_alice, method)

    assert "Visa ending in 4242 was removed." in remove(as_alice, method)


def test_removing_a_card_that_an_order_needs_says_that_the_order_still_uses_it(
    as_alice: Client, alice: User
) -> None:
    order = make_order(alice)

    page = remove(as_alice, payment_of(order).method)
    assert "Your current order will still be charged to it." in page
    assert cards.is_needed(payment_of(order).method)
    Payment.objects.update(state=PaymentState.VOIDED)
    assert "still be charged to it" not in remove(as_alice, payment_of(order).method)


def test_a_customer_cannot_remove_another_customers_card(
    client: Client, alice: User, bob: User
) -> None:
    method = make_method(alice)
    client.force_login(bob)

    assert client.post(f"/account/methods/{method.pk}/remove/").status_code == 404
    assert "ending in 4242" not in client.get("/account/").text
    method.refresh_from_db()
    assert method.removed_at is None


def test_a_get_request_removes_no_card(as_alice: Client, alice: User) -> None:
    method = make_method(alice)

    answer = as_alice.get(f"/account/methods/{method.pk}/remove/")

    assert answer.headers["location"] == "/account/"
    method.refresh_from_db()
    assert method.removed_at is None


def tell(account: User) -> AccountMessage:
    context = {"number": "ABCDE-12345", "plan": "Traveller"}
    telling.tell(account, Occasion.ORDER_CANCELLED, key="ABCDE12345", context=context)
    return AccountMessage.objects.get(account=account)


def test_nobody_reads_the_messages_of_another(as_alice: Client, alice: User, bob: User) -> None:
    own, foreign = tell(alice), tell(bob)

    assert as_alice.get(f"/account/messages/{own.pk}/").status_code == 200
    for address in (f"/account/messages/{foreign.pk}/", f"/account/messages/{foreign.pk}/file/"):
        assert as_alice.get(address).status_code == 404


def test_a_message_is_shown_in_the_pages_language(as_alice: Client, alice: User) -> None:
    own = tell(alice)

    page = as_alice.get(f"/account/messages/{own.pk}/", headers={"Accept-Language": "de"})

    assert "Hallo Alice," in page.text


def test_the_account_says_that_a_message_did_not_arrive(as_alice: Client, alice: User) -> None:
    tell(alice)
    assert "didn't reach you" not in as_alice.get("/account/").text

    Message.objects.update(state=MessageState.REFUSED, ended_at=now())

    assert "didn't reach you" in as_alice.get("/account/").text


AGREED = "allowed us to charge this payment method automatically"
ENDED = "We can no longer charge this payment method automatically."


def test_a_card_that_is_charged_by_agreement_says_so_and_what_its_removal_means(
    as_alice: Client, alice: User
) -> None:
    mandated, other = make_method(alice, last4="1881"), make_method(alice)
    agree(mandated)
    page = as_alice.get("/account/").text
    assert page.count(AGREED) == 1
    assert page.index("ending in 1881") < page.index(AGREED)

    assert ENDED not in remove(as_alice, other)
    page = remove(as_alice, mandated)

    assert ENDED in page
    assert AGREED not in page


def test_the_account_says_when_the_bank_wants_the_customer(as_alice: Client, alice: User) -> None:
    mandate = agree(make_method(alice))
    wanted = "Your bank wants you to confirm the next payment."
    assert wanted not in as_alice.get("/account/").text

    by_operator: dict[str, Any] = {"mandate": mandate, "initiator": Initiator.OPERATOR}
    refuse(mandate.method, refusal_kind=RefusalKind.CUSTOMER, **by_operator)

    assert wanted in as_alice.get("/account/").text

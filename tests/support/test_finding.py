"""Staff find anything by its number, in every spelling, and only what they may view."""

from urllib.parse import quote

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils.timezone import now

from accounts.models import Address, User
from esim.models import Sim
from mobileplans.models import LpaReport, Visit
from orders.models import Order
from payments.states import PaymentState
from subscriptions.models import Line, SimOnLine, Subscription
from tests.accounts.test_roles import make_staff
from tests.builders import (
    EID,
    OTHER_EID,
    make_card,
    make_credit_note,
    make_order,
    make_pool,
    make_receipt,
    make_visit,
    payment_of,
)
from tests.support.searching import (
    MATCHING_ID,
    TRANSACTION_ID,
    find,
    found,
    make_profile,
    page_of,
)

pytestmark = pytest.mark.django_db


def test_an_order_number_leads_to_the_order_in_any_spelling(desk: Client, order: Order) -> None:
    number = order.display_number

    for text in (number, order.number, f" {number.lower()} ", number.replace("0", "O")):
        assert found(desk, text) == [page_of(order)]


def test_an_address_leads_to_the_customer(desk: Client, alice: User) -> None:
    Address.objects.create(account=alice, value="+14155550123")

    for text in ("alice@example.com", " Alice@EXAMPLE.com", "+1 415 555 0123", "(415) 555-0123"):
        assert found(desk, text) == [page_of(alice)]


def test_a_name_leads_to_the_customer(desk: Client, alice: User) -> None:
    assert found(desk, "aLICE") == [page_of(alice)]


def test_a_phone_number_finds_customer_line_and_sim(desk: Client, alice: User) -> None:
    Address.objects.create(account=alice, value="+14155550123")
    line = Line.objects.create(account=alice, msisdn="14155550123")
    sim = make_card()
    Sim.objects.update(msisdn="14155550123")

    assert found(desk, "+1 415 555 0123") == [page_of(alice), page_of(line), page_of(sim)]


def test_a_free_iccid_leads_to_its_sim_in_any_spelling(desk: Client) -> None:
    sim = make_card()
    spaced = " ".join([sim.iccid[:4], sim.iccid[4:8], sim.iccid[8:]])

    for text in (
        sim.iccid,
        f"{sim.iccid}F",
        f"{sim.iccid}f",
        spaced,
        spaced.replace(" ", "\u2013"),
    ):
        assert found(desk, text) == [page_of(sim)]


def test_an_iccid_finds_order_line_error_and_visit(desk: Client, order: Order) -> None:
    assert order.profile
    sim = order.profile.sim
    line = Line.objects.create(account=order.account)
    SimOnLine.objects.create(line=line, sim=sim, since=now(), until=now())
    visit = make_visit(iccid=sim.iccid, eid="", transaction_id="MSFT_2")
    error = LpaReport.objects.create(visit=visit, code="Other", code_as_sent="x", iccid=sim.iccid)

    assert found(desk, sim.iccid) == [page_of(row) for row in (order, line, sim, error, visit)]


def test_a_replaced_iccid_still_finds_its_order(desk: Client, order: Order) -> None:
    old = order.profile
    assert old
    new = make_profile(make_pool(1)[0], "NEW")
    order.repairs.create(
        kind="reissue",
        state="done",
        because="staff",
        asked_by=order.account,
        old_profile=old,
        new_profile=new,
        ended_at=now(),
    )
    order.profile = new
    order.save()

    assert found(desk, old.sim.iccid) == [page_of(order), page_of(old.sim)]
    assert found(desk, new.sim.iccid) == [page_of(order), page_of(new.sim)]
    assert found(desk, MATCHING_ID) == [page_of(order), page_of(old)]


def test_an_order_of_an_existing_sim_is_found_by_its_iccid(desk: Client, alice: User) -> None:
    order = make_order(alice)
    order.sim = make_card()
    order.save()

    assert found(desk, order.sim.iccid) == [page_of(order), page_of(order.sim)]


def test_an_eid_finds_orders_and_visits(desk: Client, order: Order) -> None:
    other = make_visit(eid=OTHER_EID, transaction_id="MSFT_2")

    assert found(desk, f"{EID[:8]} {EID[8:]}") == [page_of(order), page_of(order.visit)]
    assert found(desk, OTHER_EID) == [page_of(other)]


def test_an_imei_leads_to_its_visit(desk: Client) -> None:
    visit = make_visit()
    Visit.objects.update(imei="490154203237518")

    assert found(desk, "49-015420-323751-8") == [page_of(visit)]


def test_a_transaction_id_is_found_as_sent_and_percent_encoded(desk: Client, order: Order) -> None:
    error = LpaReport.objects.create(visit=order.visit, code="Other", code_as_sent="x")
    expected = [page_of(order), page_of(error), page_of(order.visit)]

    assert found(desk, TRANSACTION_ID) == expected
    assert found(desk, quote(TRANSACTION_ID, safe="")) == expected
    assert found(desk, TRANSACTION_ID.upper()) == []


def test_an_activation_code_finds_its_profile_and_order(desk: Client, order: Order) -> None:
    code = f"LPA:1$smdp.example${MATCHING_ID}"
    texts = (code, code[4:], f"{code}$$1", MATCHING_ID, MATCHING_ID.lower().replace("-", ""))

    for text in texts:
        assert found(desk, text) == [page_of(order), page_of(order.profile)]


def test_documents_and_references_lead_to_payment_and_refund(desk: Client, order: Order) -> None:
    payment = payment_of(order)
    payment.state, payment.gateway_id, payment.captured_at = PaymentState.CAPTURED, "pi_3Abc", now()
    payment.save()
    receipt = make_receipt(order)
    note = make_credit_note(receipt)

    assert found(desk, str(receipt)) == [page_of(payment)]
    assert found(desk, "pi_3Abc") == [page_of(payment)]
    assert found(desk, str(note)) == [page_of(note.refund)]


def test_a_text_that_is_two_things_finds_both(desk: Client, order: Order) -> None:
    payment = payment_of(order)
    payment.state, payment.gateway_id, payment.captured_at = PaymentState.CAPTURED, "pi_1", now()
    payment.save()
    note = make_credit_note(make_receipt(order))
    visit = make_visit(transaction_id=str(note))

    assert found(desk, str(note)) == [page_of(note.refund), page_of(visit)]


def test_of_two_customers_with_one_name_the_list_says_which_is_closed(
    desk: Client, alice: User, bob: User
) -> None:
    User.objects.filter(pk=bob.pk).update(name="Alice", is_active=False)

    (group,) = find(desk, "Alice").context["groups"]

    assert [row["facts"][-1] for row in group["rows"]] == ["closed", f"since {now():%Y-%m-%d}"]


def test_a_reference_without_an_order_finds_payments_and_plans(desk: Client, order: Order) -> None:
    payment = payment_of(order)
    type(payment).objects.update(reference="L-17")
    line = Line.objects.create(account=order.account)
    plan = Subscription.objects.create(line=line, reference="L-17")

    assert found(desk, "L-17") == [page_of(plan), page_of(payment)]


def test_kinds_that_may_not_be_viewed_are_not_shown(order: Order) -> None:
    assert order.profile
    member = make_staff()
    member.user_permissions.add(Permission.objects.get(codename="view_sim"))
    client = Client()
    client.force_login(member)

    assert found(client, order.profile.sim.iccid) == [page_of(order.profile.sim)]
    assert found(client, order.number) == []
    assert "Nothing was found" in find(client, order.number).content.decode()


def test_no_more_than_twenty_are_shown(desk: Client) -> None:
    for number in range(21):
        make_visit(transaction_id=f"MSFT_{number}")

    page = find(desk, EID)

    assert len(page.context["groups"][0]["rows"]) == 20
    assert "There are more" in page.content.decode()


def test_the_list_tells_rows_apart_without_whole_identifiers(desk: Client, order: Order) -> None:
    assert order.profile
    iccid = order.profile.sim.iccid

    text = find(desk, TRANSACTION_ID).content.decode()

    for fact in (order.display_number, "Received", "Traveller", "$19.00", f"…{iccid[-4:]}"):
        assert fact in text
    assert iccid not in text


def test_what_was_typed_is_shown_again(desk: Client) -> None:
    text = find(desk, 'no "such" <thing>').content.decode()

    assert 'value="no &quot;such&quot; &lt;thing&gt;"' in text


@pytest.mark.parametrize(
    "text", ["", "   ", "\0", "%00", "a" * 200, "1$$", "2026-9999999999", "\u0661"]
)
def test_no_text_is_too_odd(desk: Client, text: str) -> None:
    answer = find(desk, text)

    assert answer.status_code == 200
    assert "You can look for" in answer.content.decode()
    assert answer["Cache-Control"] == "no-store"


def test_a_long_text_is_answered_with_a_sentence(desk: Client) -> None:
    assert "Type at most 200 characters." in find(desk, "a" * 201).content.decode()


def test_whoever_is_not_signed_in_comes_back_after_signing_in(alice: User) -> None:
    assert find(Client(), "x")["Location"] == "/admin/login/?next=/find%3Fq%3Dx"

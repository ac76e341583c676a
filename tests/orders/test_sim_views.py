"""`/sim/`: a SIM that another customer only named goes to the one who proves it."""

from html import unescape

import pytest
from django.test import Client

from accounts.access.limiter import Counter, Locked
from accounts.models import AttemptCount, User
from esim.models import Sim
from esim.states import SimState
from mobileplans.models import Handoff
from orders.domain.limits import find_lock
from orders.models import Order
from orders.queries.orders import needing_staff
from orders.states import Failure, OrderState
from subscriptions.domain import activation, claims, lifecycle
from subscriptions.models import Line, SimOnLine, Takeover
from tests.builders import EID, make_card, make_order, make_plan, make_pool, make_visit, payment_of
from tests.orders.conftest import new_card, settled

pytestmark = pytest.mark.django_db
RIGHT = "0415"


def with_puk(sim: Sim) -> Sim:
    Sim.objects.filter(pk=sim.pk).update(puk_ending=RIGHT)
    return Sim.objects.get(pk=sim.pk)


@pytest.fixture
def card(db: None) -> Sim:
    return with_puk(make_card())


@pytest.fixture
def claimed(bob: User, card: Sim) -> SimOnLine:
    """Return the line on which Bob has a SIM card that he has only named."""
    lifecycle.prepare(bob, sim=card, plan=make_plan(), plan_name="Traveller", reference="R1")
    return SimOnLine.objects.get()


@pytest.fixture
def arrived(as_alice: Client, claimed: SimOnLine, card: Sim) -> Client:
    """Return the browser in which Alice has launched the portal with the card."""
    as_alice.get(f"/?market=US&location=US&iccid={card.iccid}&transactionId=T1")
    return as_alice


@pytest.fixture
def as_bob(bob: User) -> Client:
    client = Client()
    client.force_login(bob)
    return client


def prove(client: Client, sim: Sim, answer: str = RIGHT) -> str:
    """Send the form, and return where that leads."""
    sent = client.post("/sim/", {"sim": sim.pk, "proof": answer})
    assert sent.status_code == 303
    return sent.headers["location"]


def test_the_owner_is_asked_for_a_proof_on_arrival(arrived: Client, card: Sim) -> None:
    sent = arrived.get("/plans/")
    page = arrived.get("/sim/").text

    assert (sent.status_code, sent.headers["location"]) == (303, "/sim/")
    assert "Is this SIM yours?" in page
    assert "Last 4 digits of the PUK" in page
    assert card.iccid not in page


def test_with_the_proof_the_owner_can_buy(arrived: Client, card: Sim, alice: User) -> None:
    assert prove(arrived, card) == "/options/"

    page = arrived.get("/options/").text
    assert f"Confirmed: SIM ending in {card.iccid[-4:]} is on your account." in page
    assert SimOnLine.objects.get(until=None).line.account == alice
    assert arrived.get("/sim/").headers["location"] == "/options/"


def test_a_wrong_answer_is_said_and_not_shown_again(arrived: Client, card: Sim) -> None:
    assert prove(arrived, card, "0000") == "/sim/"

    page = arrived.get("/sim/").text
    assert "Check it and try again." in page
    assert "0000" not in page


def test_an_answer_of_another_form_is_no_try(arrived: Client, card: Sim) -> None:
    assert prove(arrived, card, "abc") == "/sim/"

    assert "Enter the last 4 digits of the PUK." in arrived.get("/sim/").text
    assert not AttemptCount.objects.exists()


def test_after_five_wrong_answers_the_page_sends_to_support(
    arrived: Client, card: Sim, alice: User
) -> None:
    for number in range(5):
        with pytest.raises(claims.WrongProof):
            claims.prove(alice, card, answer=f"000{number}")

    assert prove(arrived, card) == "/sim/"
    answer = arrived.get("/sim/")
    assert "There were too many wrong answers." in answer.text
    assert "Contact our support team to go on." in answer.text
    assert "Retry-After" not in answer.headers
    assert 'id="id_proof"' not in answer.text


def test_an_account_that_guessed_too_often_reads_how_long_to_wait(
    arrived: Client, card: Sim, alice: User
) -> None:
    for number in range(5):
        with pytest.raises(claims.WrongProof):
            claims.prove(alice, make_card(), answer=f"000{number}")

    answer = arrived.get("/sim/")

    assert 86_000 < int(answer.headers["Retry-After"]) <= 86_400
    assert "Try again in 24 hours." in answer.text


def test_a_lock_that_comes_with_the_answer_leads_to_the_page_that_says_so(
    arrived: Client, card: Sim, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_asked: object, **_how: object) -> None:
        raise Locked(Counter(claims.SIM_LIMIT, "sim:1"), None)

    monkeypatch.setattr(claims, "prove", locked)

    assert prove(arrived, card) == "/sim/"


def test_a_sim_that_somebody_else_proved_meanwhile_is_refused(
    arrived: Client, card: Sim, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_late(*_asked: object, **_how: object) -> None:
        raise lifecycle.SimOfAnother

    monkeypatch.setattr(claims, "prove", too_late)

    assert prove(arrived, card) == "/options/"


def test_a_sim_that_is_not_offered_is_not_proven(arrived: Client) -> None:
    other = with_puk(make_card())

    assert prove(arrived, other) == "/sim/"
    assert not SimOnLine.objects.filter(sim=other).exists()


def test_without_a_known_puk_the_page_says_whose_it_is(arrived: Client) -> None:
    Sim.objects.update(puk_ending="")

    assert "This SIM belongs to another account" in arrived.get("/options/").text
    assert arrived.get("/sim/").headers["location"] == "/options/"


def test_leaving_without_a_proof_hands_over_that_the_sim_is_wrong(arrived: Client) -> None:
    arrived.get("/sim/")

    arrived.post("/leave/")

    assert Handoff.objects.get().mo_direct_status == "InvalidSIM"


def test_the_first_customer_is_told_in_the_account(
    arrived: Client, card: Sim, as_bob: Client, claimed: SimOnLine
) -> None:
    before = as_bob.get("/account/").text
    assert "You haven't confirmed that the SIM" in before

    prove(arrived, card)

    after = as_bob.get("/account/").text
    assert "isn't on your account any more" in after
    assert claims.lost_lines(claimed.line.account) == {claimed.line_id}
    assert "You haven't confirmed" not in after


def test_the_first_customer_may_confirm_the_own_sim(
    as_bob: Client, claimed: SimOnLine, card: Sim
) -> None:
    assert "Otherwise someone else who confirms it will get it." in as_bob.get("/sim/").text

    prove(as_bob, card)

    assert SimOnLine.objects.get().proof == SimOnLine.Proof.PROVEN


@pytest.fixture
def esims(bob: User) -> list[Sim]:
    """Return two installed profiles that Bob has only named."""
    line = Line.objects.create(account=bob)
    found = [with_puk(sim) for sim in make_pool(2)]
    Sim.objects.update(state=SimState.IN_USE)
    for sim in found:
        SimOnLine.objects.create(line=line, sim=sim, since=line.created_at)
    return found


def test_an_esim_on_the_device_is_offered_for_a_proof(
    as_alice: Client, esims: list[Sim], alice: User
) -> None:
    iccids = ",".join(sim.iccid for sim in esims)
    as_alice.get(f"/?market=US&location=US&eid={EID}&iccids={iccids}")

    assert "Is the eSIM on this device yours?" in as_alice.get("/options/").text
    page = as_alice.get("/sim/").text
    assert all(f"eSIM ending in {sim.iccid[-4:]}" in page for sim in esims)
    prove(as_alice, esims[1])

    assert SimOnLine.objects.get(sim=esims[1], until=None).line.account == alice
    as_alice.get("/sim/")
    assert SimOnLine.objects.get(sim=esims[0], until=None).line.account != alice


def test_a_device_without_a_claimed_esim_is_not_asked(as_alice: Client) -> None:
    as_alice.get(f"/?market=US&location=US&eid={EID}")

    assert "Is the eSIM on this device yours?" not in as_alice.get("/options/").text


@pytest.fixture
def under_way(bob: User, card: Sim, gateway: str, network: str) -> Order:
    """Return Bob's order of a plan for the card. No worker has processed it."""
    visit = make_visit(account=bob, eid="", iccid=card.iccid)
    return make_order(bob, visit=visit, method=new_card(bob))


@pytest.mark.processes
def test_staff_and_the_order_page_see_that_the_sim_is_lost(
    as_bob: Client, alice: User, clara: User, card: Sim, under_way: Order
) -> None:
    order = settled(under_way)
    assert order.state == OrderState.COMPLETED
    assert not needing_staff(Order.objects.all()).exists()

    claims.prove(alice, card, answer=RIGHT)

    page = unescape(as_bob.get(f"/orders/{order.number}/").text)
    assert "This SIM isn't on your account any more" in page
    assert "We're checking whether you get your money back." in page
    assert 'id="continue"' not in page
    assert list(needing_staff(Order.objects.all())) == [order]
    claims.decide(Takeover.objects.get(), actor=clara)
    assert not needing_staff(Order.objects.all()).exists()


@pytest.mark.processes
def test_a_purchase_under_way_fails_when_the_sim_is_proven_by_another(
    alice: User, card: Sim, under_way: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    activate = activation.activate

    def proven_meanwhile(*asked: object, **how: object) -> None:
        activate(*asked, **how)  # type: ignore[arg-type]  # passed on
        claims.prove(alice, card, answer=RIGHT)

    monkeypatch.setattr(activation, "activate", proven_meanwhile)
    order = settled(under_way, times=2)

    assert (order.state, order.failure) == (OrderState.FAILED, Failure.SIM_OF_ANOTHER)
    assert (payment_of(order).state, order.undone_at is not None) == ("voided", True)
    assert SimOnLine.objects.get(sim=card, until=None).line.account == alice
    assert find_lock(order.account, order.visit) is None


def test_staff_see_takeovers_and_decide(
    client: Client, clara: User, claimed: SimOnLine, card: Sim, alice: User
) -> None:
    claims.prove(alice, card, answer=RIGHT)
    client.force_login(clara)
    takeover = Takeover.objects.get()

    page = client.get("/admin/subscriptions/takeover/", {"q": "bob@example.com"}).text
    assert all(text in page for text in (card.iccid, "bob@example.com", "alice@example.com", "R1"))
    assert client.get(f"/admin/subscriptions/takeover/{takeover.pk}/change/").status_code == 200
    client.post(
        "/admin/subscriptions/takeover/",
        {"action": "decide", "_selected_action": [takeover.pk]},
    )

    takeover.refresh_from_db()
    assert takeover.decided_at is not None
    assert str(takeover).startswith(card.iccid)


def test_staff_never_see_the_puk(client: Client, clara: User, card: Sim) -> None:
    client.force_login(clara)

    page = client.get(f"/admin/esim/sim/{card.pk}/change/").text

    assert card.iccid in page
    assert RIGHT not in page.replace(card.iccid, "")


def test_a_sim_that_staff_put_on_a_line_stays_with_its_customer(
    client: Client, clara: User, alice: User, card: Sim
) -> None:
    client.force_login(clara)
    page = client.get("/admin/subscriptions/line/add/").text
    assert '<option value="staff" selected>' in page

    line = {"account": alice.pk, "msisdn": "", "sims-TOTAL_FORMS": 1, "sims-INITIAL_FORMS": 0}
    since = {"sims-0-since_0": "2026-01-01", "sims-0-since_1": "00:00"}
    row = {"sims-0-sim": card.pk, "sims-0-proof": "staff", **since}
    client.post("/admin/subscriptions/line/add/", {**line, **row})

    assert SimOnLine.objects.get().proof == SimOnLine.Proof.STAFF
    assert claims.provable_sims(alice, [card.iccid]) == []

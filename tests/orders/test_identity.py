"""Plans whose market asks who the customer is, on lines with and without an identified holder."""

import html
import re

import httpx
import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.models import User
from esim.models import Sim
from mobileplans.models import Visit
from orders.domain import drafts, placing, pricing, targets
from orders.domain.drafts import StaleForm
from orders.domain.targets import Target
from orders.models import Draft, Order
from orders.queries.offers import offers_for
from plans.models import Identity, Plan, PlanPrice
from plans.queries import PlanNotOffered
from subscriptions.models import OperatorLine, SimOnLine
from tests.builders import make_draft, make_method, make_plan, make_visit
from tests.orders.journey import sent, where
from tests.orders.test_targets import installed
from tests.subscriptions.operator_lines.steps import ICCID, link_line, refresh

NUMBER, IDENTIFIED = "+12025550147", "8944999100000000085"
SENTENCE = "Some plans are sold here only for a SIM of Kestrel Mobile with an identified holder."


@pytest.fixture
def plan(alice: User) -> Plan:
    """Return a plan that asks for identity."""
    plan = make_plan()
    PlanPrice.objects.update(identity=Identity.BEFORE_ACTIVATION)
    return plan


def arrive(browser: Client, iccid: str = IDENTIFIED) -> None:
    browser.get(f"/?market=US&location=US&iccid={iccid}")


def words(browser: Client, path: str) -> str:
    return re.sub(r"\s+", " ", html.unescape(browser.get(path).text))


def choose(browser: Client, plan: Plan) -> tuple[int, str]:
    browser.get("/plans/")
    return where(browser.post("/plans/", sent(Draft.objects.get(), plan=plan.pk)))


def test_the_plan_is_not_offered_and_one_sentence_says_what_helps(
    as_alice: Client, plan: Plan, customers: str
) -> None:
    as_alice.get("/?market=US&location=US")

    for page in ("/options/", "/plans/?category=prepaid"):
        told = words(as_alice, page)
        assert SENTENCE in told
        assert 'href="/account/lines/link/"' in told
        assert "No plans" not in told
        assert "none available at your location" not in told
    assert choose(as_alice, plan) == (303, "/plans/")
    assert Draft.objects.get().plan is None


def test_without_a_customer_system_support_helps(as_alice: Client, plan: Plan) -> None:
    as_alice.get("/?market=US&location=US")

    told = words(as_alice, "/options/")
    assert SENTENCE in told
    assert '<a href="/support/">Contact us</a>' in told


def test_plans_that_ask_nothing_are_sold_beside(as_alice: Client, plan: Plan) -> None:
    make_plan(code="open")
    as_alice.get("/?market=US&location=US")

    told = words(as_alice, "/plans/?category=prepaid")
    assert "Open" in told
    assert "Traveller" not in told
    assert SENTENCE in told


def test_a_line_with_an_identified_holder_gets_the_plan(
    as_alice: Client, alice: User, plan: Plan, customers: str
) -> None:
    link_line(alice, NUMBER)
    arrive(as_alice)

    assert "Some plans are sold here only" not in words(as_alice, "/options/")
    assert choose(as_alice, plan) == (303, "/payment/")
    draft = Draft.objects.get()
    drafts.choose_method(draft, make_method(alice), version=draft.version)
    as_alice.get("/review/")
    draft.refresh_from_db()
    as_alice.post("/review/", sent(draft))

    order = Order.objects.get()
    assert order.sim is not None
    assert order.sim.iccid == IDENTIFIED


@pytest.mark.parametrize("reported", [None, False])
def test_an_unknown_holder_gets_no_plan(
    as_alice: Client, alice: User, plan: Plan, customers: str, reported: object
) -> None:
    told = {"holderIdentified": reported}
    httpx.put(f"{customers}/books/lines/metered", json=told, trust_env=False).raise_for_status()
    link_line(alice)
    arrive(as_alice, ICCID)

    assert OperatorLine.objects.get().is_holder_identified is reported
    assert SENTENCE in words(as_alice, "/options/")


def test_the_line_of_another_customer_helps_nobody(
    alice: User, bob: User, plan: Plan, customers: str
) -> None:
    link_line(bob, NUMBER)
    visit = make_visit(eid="", iccid=IDENTIFIED)
    draft = drafts.open_draft(alice, visit)

    with pytest.raises(PlanNotOffered):
        drafts.offer_of(draft, plan.pk)


def test_a_holder_who_is_no_longer_identified_orders_nothing(
    as_alice: Client, alice: User, plan: Plan, customers: str
) -> None:
    link_line(alice, NUMBER)
    arrive(as_alice)
    draft = make_draft(alice, visit=Visit.objects.latest("pk"), plan=plan)
    as_alice.get("/review/")
    told = {"holderIdentified": None}
    httpx.put(f"{customers}/books/lines/identified", json=told, trust_env=False)
    refresh()
    draft.refresh_from_db()

    assert where(as_alice.post("/review/", sent(draft))) == (303, "/review/")
    assert where(as_alice.get("/review/")) == (303, "/options/")
    assert "The plan you chose is no longer available here." in words(as_alice, "/options/")
    assert not Order.objects.exists()


def identify(*sims: Sim) -> None:
    for stay in SimOnLine.objects.filter(sim__in=sims):
        OperatorLine.objects.create(
            line=stay.line,
            reference=f"L-{stay.pk}",
            is_holder_identified=True,
            balances_at=stay.since,
        )


def draft_on(alice: User, sims: list[Sim], plan: Plan) -> Draft:
    visit = make_visit(iccids=tuple(sim.iccid for sim in sims))
    draft = drafts.open_draft(alice, visit)
    price = {"plan_name": "x", "currency": "USD", "gross_minor_units": 1900, "tax_minor_units": 0}
    Draft.objects.update(plan=plan, **price)
    draft.refresh_from_db()
    return draft


def test_of_installed_profiles_only_those_with_an_identified_holder_can_be_chosen(
    alice: User, plan: Plan
) -> None:
    sims = installed(alice, alice, alice)
    identify(*sims[:2])
    draft = draft_on(alice, sims, plan)

    choice = targets.choice(draft)
    assert (choice.target, choice.profiles) == (None, (sims[0], sims[1]))
    assert not choice.takes_new_esim
    draft.sim = sims[1]
    assert targets.target(draft) == Target(sims[1])
    draft.sim = sims[2]
    assert targets.target(draft) is None
    OperatorLine.objects.filter(line__sims__sim=sims[0]).delete()
    assert targets.target(draft) == Target(sims[1])


def test_profiles_whose_holders_are_unknown_lead_to_the_review_which_says_so(
    alice: User, plan: Plan
) -> None:
    draft = draft_on(alice, installed(alice), plan)

    assert targets.target(draft) is not None
    with pytest.raises(PlanNotOffered):
        pricing.update_price(draft)


def test_the_device_page_offers_no_new_esim(as_alice: Client, alice: User, plan: Plan) -> None:
    sims = installed(alice, alice)
    identify(*sims)
    iccids = ",".join(sim.iccid for sim in sims)
    as_alice.get(f"/?market=US&location=US&iccids={iccids}")
    assert choose(as_alice, plan) == (303, "/device/")

    assert "A new eSIM" not in words(as_alice, "/device/")
    new = sent(Draft.objects.get(), target="new")
    assert where(as_alice.post("/device/", new)) == (303, "/device/")
    assert "Choose which eSIM to use for this plan." in words(as_alice, "/device/")
    known = sent(Draft.objects.get(), target=str(sims[1].pk))
    assert where(as_alice.post("/device/", known)) == (303, "/payment/")


def test_the_domain_places_no_order_on_a_new_esim(alice: User, plan: Plan) -> None:
    PlanPrice.objects.update(identity=Identity.NONE)
    draft = make_draft(alice, plan=plan)
    PlanPrice.objects.update(identity=Identity.BEFORE_ACTIVATION)

    with pytest.raises(StaleForm):
        placing.place(draft, version=draft.version)


def test_nobody_known_is_offered_nothing(plan: Plan, settings: Settings) -> None:
    visit = make_visit(eid="", iccid=IDENTIFIED)
    assert offers_for(visit) == []

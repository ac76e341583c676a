"""The customer on one page: who may open it, how, for how long, and what it then shows."""

import re

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import connection
from django.http import HttpResponseBase
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.access import events
from accounts.domain.telling import tell
from accounts.models import AccessEvent, User
from messages.states import Occasion
from mobileplans.models import LpaReport
from moportal.timeline import Kind
from orders.models import Order
from subscriptions.models import Subscription
from support.domain import openings
from support.models import Opening
from support.queries.timeline import MOST_EVENTS
from tests.accounts.test_caller_facts import give_plan, right_answers
from tests.accounts.test_roles import make_staff
from tests.builders import make_visit
from tests.support.searching import find

pytestmark = pytest.mark.django_db
REASON = "Ticket 4711: the eSIM does not load"


def at_the_desk(role: str) -> Client:
    client = Client()
    client.force_login(make_staff(role))
    return client


@pytest.fixture
def agent() -> Client:
    """Return a browser in which an agent is signed in at the desk."""
    return at_the_desk("agent")


def page_of(account: User) -> str:
    return f"/customers/{account.pk}/"


def opened(agent: Client, account: User, query: str = "") -> str:
    """Open the customer's page for a reason, and return it."""
    agent.post(page_of(account), {"step": "open", "reason": REASON})
    return agent.get(page_of(account) + query).content.decode()


def is_covered(answer: HttpResponseBase) -> bool:
    return b"This page is covered" in b"".join(answer)


def texts(page: str) -> list[str]:
    """Return what the rows of the timeline say, without their tags."""
    body = page.split('class="desk-timeline"')[1]
    rows = re.findall(r"<tr>(.*?)</tr>", body, re.DOTALL)[1:]
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in rows]


class TestOpening:
    def test_the_page_is_covered_until_there_is_a_reason(self, agent: Client, alice: User) -> None:
        order = give_plan(alice)
        covered = agent.get(page_of(alice))

        page = opened(agent, alice)

        assert is_covered(covered)
        assert alice.username not in covered.content.decode().split("<title>")[1].split("module")[1]
        assert order.display_number not in covered.content.decode()
        assert order.display_number in page
        assert alice.username in page
        row = Opening.objects.get()
        assert (row.account, row.reason, row.passed_check) == (alice, REASON, False)

    def test_without_a_reason_it_stays_covered_and_nothing_is_recorded(
        self, agent: Client, alice: User
    ) -> None:
        answer = agent.post(page_of(alice), {"step": "open", "reason": " "})

        assert is_covered(answer)
        assert "This field is required" in answer.content.decode()
        assert not Opening.objects.exists()

    def test_it_is_open_for_one_person_and_half_an_hour(self, agent: Client, alice: User) -> None:
        opened(agent, alice)
        colleague = at_the_desk("supervisor")

        assert is_covered(colleague.get(page_of(alice)))
        assert not is_covered(agent.get(page_of(alice)))
        Opening.objects.update(opened_at=now() - openings.LIFETIME, closes_at=now())
        assert is_covered(agent.get(page_of(alice)))

    def test_a_caller_who_knows_enough_opens_it(self, agent: Client, alice: User) -> None:
        give_plan(alice)

        answer = agent.post(page_of(alice), {"step": "check", **right_answers(alice)})

        assert answer.headers["Location"] == page_of(alice)
        assert Opening.objects.get().passed_check

    def test_a_caller_who_knows_too_little_opens_nothing(self, agent: Client, alice: User) -> None:
        give_plan(alice)
        answers = right_answers(alice) | {"last_order": "AAAAA-AAAAA", "iccid_ending": ""}

        answer = agent.post(page_of(alice), {"step": "check", **answers})

        assert is_covered(answer)
        assert answer.content.decode().count("This is wrong.") == 1
        assert "Tell the caller nothing" in answer.content.decode()
        assert not Opening.objects.exists()

    def test_a_guesser_is_stopped_and_the_right_answers_help_no_more(
        self, agent: Client, alice: User, settings: Settings
    ) -> None:
        settings.CALLER_LIMIT = 2
        give_plan(alice)
        for number in range(2):
            agent.post(page_of(alice), {"step": "check", "last_order": f"AAAAA-0000{number}"})

        answer = agent.post(page_of(alice), {"step": "check", **right_answers(alice)})

        assert is_covered(answer)
        assert not Opening.objects.exists()

    def test_wrong_answers_count_together_with_those_of_a_recovery(
        self, alice: User, settings: Settings
    ) -> None:
        """An impostor who was refused here cannot go on guessing there."""
        from accounts.access.limiter import Locked  # noqa: PLC0415 -- this test alone
        from accounts.domain import staff_recovery  # noqa: PLC0415

        settings.CALLER_LIMIT = 1
        give_plan(alice)
        agent = make_staff("agent")
        openings.check_caller(alice, actor=agent, answers={"plan": "wrong"})

        with pytest.raises(Locked):
            staff_recovery.start(alice, actor=agent, reason="x")

    def test_an_account_without_facts_cannot_be_checked(self, agent: Client, alice: User) -> None:
        page = agent.get(page_of(alice)).content.decode()

        assert "too few facts" in page
        assert "Check answers" not in page

    def test_nobody_opens_a_page_without_the_permission(self, alice: User, clara: User) -> None:
        finance = at_the_desk("finance")

        assert finance.get(page_of(alice)).status_code == 403
        assert finance.post(page_of(alice), {"step": "open", "reason": "x"}).status_code == 403
        assert not Opening.objects.exists()

    def test_staff_have_no_such_page(self, agent: Client, clara: User) -> None:
        assert agent.get(page_of(clara)).status_code == 404

    def test_a_search_leads_to_it(self, agent: Client, alice: User) -> None:
        assert find(agent, alice.username).headers["Location"] == page_of(alice)

    def test_auditors_see_who_opened_it_and_agents_do_not(self, agent: Client, alice: User) -> None:
        opened(agent, alice)

        assert REASON in at_the_desk("auditor").get("/admin/support/opening/").content.decode()
        assert agent.get("/admin/support/opening/").status_code == 403


class TestTimeline:
    def test_it_has_the_opening_itself_with_who_and_why(self, agent: Client, alice: User) -> None:
        newest = texts(opened(agent, alice))[0]

        assert f"page opened: {REASON}" in newest
        assert newest.endswith("agent@staff.example")

    def test_it_has_all_rooms_the_newest_first(self, agent: Client, alice: User) -> None:
        order = give_plan(alice)
        events.record(alice, AccessEvent.Kind.SIGNED_IN)

        said = texts(opened(agent, alice))

        for text in ("launched, ", "submitted: ", "period 1 begins", "Signed in", "page opened"):
            assert [row for row in said if text in row], text
        assert said == sorted(said, key=lambda row: row[:19], reverse=True)
        assert order.display_number in opened(agent, alice)

    def test_it_has_what_was_sent_and_what_staff_changed(
        self, agent: Client, alice: User, clara: User
    ) -> None:
        tell(alice, Occasion.ORDER_CANCELLED, key="1", context={"number": "1"})
        LogEntry.objects.log_actions(clara.pk, [alice], CHANGE, "Name changed.", single_object=True)

        said = texts(opened(agent, alice))

        assert [row for row in said if f"“Order cancelled” by mail to {alice.username}" in row]
        assert [row for row in said if f"Name changed. {clara.username}" in row]

    def test_a_kind_can_be_chosen(self, agent: Client, alice: User) -> None:
        give_plan(alice)
        events.record(alice, AccessEvent.Kind.SIGNED_IN)

        said = texts(opened(agent, alice, f"?kind={Kind.ACCESS}"))

        assert {row.split()[2] for row in said} == {"account", "desk"}

    @pytest.mark.parametrize("query", ["?kind=nonsense", "?until=nonsense"])
    def test_a_wrong_address_shows_all(self, agent: Client, alice: User, query: str) -> None:
        assert "page opened" in " ".join(texts(opened(agent, alice, query)))

    def test_older_events_are_on_further_pages_and_none_is_lost(
        self, agent: Client, alice: User
    ) -> None:
        for number in range(MOST_EVENTS + 10):
            make_visit(account=alice, transaction_id=f"MSFT_{number}")

        first = opened(agent, alice)
        older = re.search(r'href="(\?[^"]*)">Older events', first)
        assert older is not None
        second = agent.get(page_of(alice) + older[1].replace("&amp;", "&")).content.decode()

        found = " ".join(texts(first) + texts(second))
        assert all(f"MSFT_{number}," in found for number in range(MOST_EVENTS + 10))
        assert "Older events" not in second
        assert "Newest events" in second

    def test_a_strangers_report_is_marked(self, agent: Client, alice: User, order: Order) -> None:
        assert order.profile is not None
        for account, code in ((None, "CardBusy"), (alice, "Other")):
            visit = make_visit(account=account, transaction_id=code)
            LpaReport.objects.create(
                visit=visit, code=code, code_as_sent=code, iccid=order.profile.sim.iccid
            )

        said = texts(opened(agent, alice))

        assert [row for row in said if "CardBusy" in row and "unproven" in row]
        assert not [row for row in said if "LPA error Other" in row and "unproven" in row]

    def test_another_customers_events_are_not_on_it(
        self, agent: Client, alice: User, bob: User
    ) -> None:
        give_plan(bob)
        make_visit(account=bob, transaction_id="MSFT_bob")

        page = opened(agent, alice)

        assert "MSFT_bob" not in page
        assert "submitted" not in page


def test_what_waits_for_staff_stands_at_the_top(agent: Client, alice: User, order: Order) -> None:
    assert order.profile is not None
    held = {"state": "held", "charge_decided_at": now()}
    Order.objects.filter(pk=order.pk).update(last_error="No route to the SM-DP+", **held)
    LpaReport.objects.create(
        visit=order.visit, code="CardBusy", code_as_sent="x", iccid=order.profile.sim.iccid
    )

    cases = opened(agent, alice).split('id="cases"')[1].split("</section>")[0]

    assert f"Order is held: order {order.display_number}, Traveller: No route" in cases
    assert "LPA error CardBusy" in cases


def test_plans_show_what_is_left(agent: Client, alice: User) -> None:
    give_plan(alice)

    plans = opened(agent, alice).split('id="plans"')[1].split("</section>")[0]

    assert Subscription.objects.get().plan_name in plans
    assert " left" in plans or "unlimited" in plans


def test_the_page_asks_fewer_than_twenty_questions(agent: Client, alice: User) -> None:
    give_plan(alice)
    for number in range(30):
        visit = make_visit(account=alice, transaction_id=f"MSFT_{number}")
        LpaReport.objects.create(visit=visit, code="Other", code_as_sent="x")
    opened(agent, alice)

    with CaptureQueriesContext(connection) as asked:
        agent.get(page_of(alice))

    assert len(asked) < 20, "\n".join(query["sql"][:100] for query in asked)

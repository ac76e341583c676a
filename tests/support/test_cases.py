"""The queue of what waits for staff: who sees what, who works on it, and what it costs."""

import json
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.timezone import now

from accounts.models import User
from mobileplans.domain.lpa_table import TABLE
from mobileplans.models import LpaReport
from mobileplans.words import LpaCode
from orders.models import Order
from support.domain import cases
from support.models import CaseNote, CaseWork
from support.queries.queue import BY_NAME, KINDS, NOBODY, PAGE, CaseKind
from tests.accounts.test_caller_facts import give_plan
from tests.accounts.test_roles import make_staff
from tests.builders import make_order, make_visit
from tests.support.test_customer import at_the_desk, opened, texts
from tests.support.test_indexes import nodes

pytestmark = pytest.mark.django_db
QUEUE = "/cases/"
# Until the test's transaction ends, PostgreSQL uses no index of the table that has all its rows.
WITHOUT_WHOLE_INDEXES = """
    UPDATE pg_index SET indisvalid = false WHERE indrelid = %s::regclass AND indpred IS NULL
"""


@pytest.fixture
def agent() -> Client:
    return at_the_desk("agent")


@pytest.fixture
def held(alice: User) -> Order:
    order = make_order(alice)
    wrong = {"state": "held", "charge_decided_at": now(), "last_error": "No route to the SM-DP+"}
    Order.objects.filter(pk=order.pk).update(**wrong)
    return Order.objects.get(pk=order.pk)


def report(account: User | None = None, *, code: str = "CardBusy") -> LpaReport:
    visit = make_visit(account=account) if account else make_visit()
    return LpaReport.objects.create(visit=visit, code=code, code_as_sent=code)


def page(client: Client, address: str = QUEUE) -> str:
    return client.get(address).content.decode()


def case_of(order: Order) -> str:
    return f"{QUEUE}held-orders/{order.pk}/"


class TestQueue:
    def test_a_case_says_what_it_is_and_what_to_do(self, agent: Client, held: Order) -> None:
        error = report()

        shown = page(agent)

        assert f"order {held.display_number}, Traveller: No route to the SM-DP+" in shown
        assert BY_NAME["held-orders"].remedy({}) in shown
        assert str(TABLE[LpaCode(error.code)].staff_advice) in shown.replace("&#x27;", "'")
        assert case_of(held) in shown

    def test_two_clicks_lead_to_the_remedy(self, agent: Client, held: Order) -> None:
        case = page(agent, case_of(held))

        assert f"/admin/orders/order/{held.pk}/change/" in case
        assert f"/customers/{held.account_id}/" in case

    def test_what_is_done_is_in_the_queue_no_more(self, agent: Client, held: Order) -> None:
        Order.objects.filter(pk=held.pk).update(state="in_progress")

        assert "Nothing waits." in page(agent)
        assert agent.get(case_of(held)).status_code == 404

    def test_a_kind_that_somebody_may_not_view_is_not_there(self, held: Order) -> None:
        editor = at_the_desk("catalogue editor")

        assert held.display_number not in page(editor)
        assert editor.get(case_of(held)).status_code == 404

    def test_the_filters(self, agent: Client, held: Order) -> None:
        report()
        old = now() - timedelta(days=2)
        LpaReport.objects.update(received_at=old)

        assert "LPA error" not in rows(page(agent, f"{QUEUE}?kind=held-orders"))
        assert held.display_number not in rows(page(agent, f"{QUEUE}?old=on"))
        assert "CardBusy" in rows(page(agent, f"{QUEUE}?old=on"))
        assert held.display_number in rows(page(agent, f"{QUEUE}?kind=no-such-kind"))

    def test_no_case_is_left_out_between_two_pages(self, agent: Client) -> None:
        for _ in range(PAGE + 5):
            report()
        oldest = LpaReport.objects.order_by("pk")[0]

        first = page(agent)
        later = first.split('href="?')[1].split('"')[0].replace("&amp;", "&")

        assert f"/lpa-errors/{oldest.pk}/" not in first
        assert f"/lpa-errors/{oldest.pk}/" in page(agent, f"{QUEUE}?{later}")

    def test_a_customers_page_leads_to_the_customers_cases(
        self, agent: Client, held: Order, bob: User
    ) -> None:
        mine, other = report(held.account), report(bob)

        shown = opened(agent, held.account)

        assert case_of(held) in shown
        assert f"/lpa-errors/{mine.pk}/" in shown
        assert f"/lpa-errors/{other.pk}/" not in shown


class TestWork:
    def test_somebody_takes_a_case_and_gives_it_back(self, agent: Client, held: Order) -> None:
        agent.post(case_of(held), {"work": "take", "owner": ""})

        work = CaseWork.objects.get()
        assert str(work.owner) in rows(page(agent))
        assert held.display_number in page(agent, f"{QUEUE}?owner=mine")
        assert held.display_number not in rows(page(agent, f"{QUEUE}?owner=nobody"))
        agent.post(case_of(held), {"work": "return", "owner": str(work.owner_id)})
        assert CaseWork.objects.get().owner is None
        assert held.display_number not in rows(page(agent, f"{QUEUE}?owner=mine"))

    def test_what_a_colleague_has_just_taken_is_not_taken(self, agent: Client, held: Order) -> None:
        at_the_desk("supervisor").post(case_of(held), {"work": "take", "owner": ""})

        answer = agent.post(case_of(held), {"work": "take", "owner": ""}, follow=True)

        assert "supervisor@staff.example has it now" in answer.content.decode()
        assert CaseWork.objects.get().owner is not None

    def test_of_two_at_the_same_moment_one_has_it(self, held: Order) -> None:
        one, other = make_staff("agent"), make_staff("supervisor")
        take = partial(cases.change_owner, "held-orders", held.pk)
        take(actor=one, shown_owner=None, new_owner=one)

        with pytest.raises(cases.OwnerChanged):
            take(actor=other, shown_owner=None, new_owner=other)
        take(actor=other, shown_owner=one.pk, new_owner=other)
        assert CaseWork.objects.get().owner == other

    def test_a_note_stays_with_the_case_and_on_the_timeline(
        self, agent: Client, held: Order
    ) -> None:
        agent.post(case_of(held), {"text": "Called the SM-DP+. Ticket 99."})
        Order.objects.filter(pk=held.pk).update(state="in_progress")

        assert "Ticket 99" in page(agent, case_of(held))
        assert "This case is closed" in page(agent, case_of(held))
        timeline = texts(opened(agent, held.account))
        assert any("note: Called the SM-DP+. Ticket 99." in line for line in timeline)

    def test_an_empty_note_is_not_stored(self, agent: Client, held: Order) -> None:
        answer = agent.post(case_of(held), {"text": " "})

        assert "This field is required" in answer.content.decode()
        assert not CaseNote.objects.exists()

    def test_a_viewer_sees_it_and_changes_nothing(self, held: Order) -> None:
        viewer = at_the_desk("viewer")

        assert "Take it" not in page(viewer, case_of(held))
        assert viewer.post(case_of(held), {"work": "take", "owner": ""}).status_code == 403
        assert viewer.post(case_of(held), {"text": "x"}).status_code == 403
        assert not CaseNote.objects.exists()


class TestCost:
    def test_the_queue_asks_fewer_than_twenty_questions(self, agent: Client, alice: User) -> None:
        give_plan(alice)
        for _ in range(PAGE):
            report(alice)

        with CaptureQueriesContext(connection) as asked:
            page(agent)

        assert len(asked) < 20

    @pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
    def test_each_kind_is_found_by_an_index_of_what_is_open(self, kind: CaseKind) -> None:
        """Only indexes of a part of the rows are left, and reading a table whole is made dear."""
        table = kind.open_rows().model._meta.db_table
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(WITHOUT_WHOLE_INDEXES, [table])

        plan = json.loads(kind.open_rows().order_by().explain(format="json"))[0]["Plan"]

        scans = [node for node in nodes(plan) if node.get("Alias") == table]
        assert scans
        assert not [node for node in scans if node["Node Type"] == "Seq Scan"]

    def test_each_kind_can_be_read_by_everybody_and_by_customer(self, alice: User) -> None:
        for kind in KINDS:
            assert list(kind.source.events(NOBODY, None)) == []
        assert alice.pk


def rows(shown: str) -> str:
    """Return the table of the queue."""
    return shown.split("<tbody>")[1].split("</tbody>", maxsplit=1)[0]

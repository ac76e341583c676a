"""What staff do for a customer from the customer's page: alone, or with a second person."""

import re

import pytest
from django.test import Client
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.models import AccessEvent, User
from orders.models import Order, Return
from payments.models import Payment, Refund
from subscriptions.models import Subscription
from support import checks
from support.models import StaffAction
from support.queries.actions import ACTIONS
from tests.accounts.test_caller_facts import give_plan
from tests.accounts.test_roles import make_staff
from tests.builders import make_order, payment_of
from tests.subscriptions.renewals import Renewal
from tests.support.test_customer import at_the_desk, opened, page_of, texts

pytestmark = pytest.mark.django_db
WHY = {"because": "Ticket 4711: the eSIM never loaded"}


@pytest.fixture
def agent() -> Client:
    return at_the_desk("agent")


@pytest.fixture
def supervisor() -> Client:
    return at_the_desk("supervisor")


def address(account: User, name: str, row: int) -> str:
    return f"/customers/{account.pk}/actions/{name}/{row}/"


def offered(page: str) -> set[str]:
    """Return the names of the actions that the page offers."""
    return set(re.findall(r"/actions/([a-z-]+)/\d+/", page))


def captured(order: Order) -> Payment:
    """Let the order's payment be captured, as after a purchase."""
    payment = payment_of(order)
    at = Order.objects.get(pk=order.pk).completed_at
    Payment.objects.filter(pk=payment.pk).update(
        state="captured", gateway_id="pay_1", captured_at=at
    )
    return Payment.objects.get(pk=payment.pk)


class TestWhatIsOffered:
    def test_only_what_is_possible_and_permitted(self, alice: User) -> None:
        captured(give_plan(alice))

        assert offered(opened(at_the_desk("viewer"), alice)) == set()
        assert offered(opened(at_the_desk("agent"), alice)) == {"end-sign-ins"}
        assert offered(opened(at_the_desk("supervisor"), alice)) == {
            *("end-sign-ins", "extend-plan", "refund-part", "take-back-order"),
        }

    def test_a_held_order_is_retried_or_given_up(self, supervisor: Client, alice: User) -> None:
        orders = Order.objects.filter(pk=make_order(alice).pk)
        orders.update(state="held", charge_decided_at=now())

        assert {"retry-order", "give-up-order"} <= offered(opened(supervisor, alice))

    def test_nothing_is_refunded_while_a_dispute_is_open(
        self, supervisor: Client, alice: User
    ) -> None:
        payment = captured(give_plan(alice))
        Payment.objects.filter(pk=payment.pk).update(in_flight_minor_units=0)

        found = offered(opened(supervisor, alice))

        assert not found & {"take-back-order", "refund-part"}

    def test_a_plan_that_renews_is_cancelled_or_parked(
        self, supervisor: Client, alice: User, monthly: Renewal
    ) -> None:
        assert {"cancel-plan", "park-plan"} <= offered(opened(supervisor, alice))
        Subscription.objects.filter(pk=monthly.subscription.pk).update(parked_because="fault")
        page = supervisor.get(page_of(alice)).content.decode()
        assert "resume-plan" in offered(page)
        assert "park-plan" not in offered(page)

    @pytest.mark.parametrize("name", ACTIONS)
    def test_each_says_what_follows_and_what_to_say(self, name: str) -> None:
        action = ACTIONS[name]

        assert action.consequence.endswith(".")
        assert action.say.endswith(".")
        assert len(action.name) <= 40


class TestDoing:
    def test_the_page_shows_it_and_asks_for_a_reason(self, agent: Client, alice: User) -> None:
        opened(agent, alice)
        page = address(alice, "end-sign-ins", alice.pk)

        shown = agent.get(page).content.decode()
        without = agent.post(page, {"because": " "})

        assert ACTIONS["end-sign-ins"].say in shown
        assert ACTIONS["end-sign-ins"].consequence in shown
        assert "This field is required" in without.content.decode()
        assert not StaffAction.objects.exists()

    def test_it_is_done_and_stands_on_the_timeline_with_who_and_why(
        self, agent: Client, alice: User
    ) -> None:
        opened(agent, alice)

        answer = agent.post(address(alice, "end-sign-ins", alice.pk), WHY)

        assert answer.headers["Location"] == page_of(alice)
        assert AccessEvent.objects.filter(account=alice, kind="ended_by_staff").exists()
        row = StaffAction.objects.get()
        assert (row.state, row.reason, row.decided_by) == ("done", WHY["because"], None)
        page = agent.get(page_of(alice)).content.decode()
        line = next(text for text in texts(page) if "Sign out everywhere, account" in text)
        assert WHY["because"] in line
        assert "agent" in line

    def test_nothing_is_done_while_the_page_is_covered(self, agent: Client, alice: User) -> None:
        answer = agent.post(address(alice, "end-sign-ins", alice.pk), WHY)

        assert answer.headers["Location"] == page_of(alice)
        assert not StaffAction.objects.exists()

    def test_it_takes_the_permission_and_the_customers_own_row(
        self, agent: Client, alice: User, bob: User
    ) -> None:
        order = give_plan(bob)
        opened(agent, alice)

        assert agent.post(address(alice, "take-back-order", order.pk), WHY).status_code == 403
        assert agent.post(address(alice, "retry-order", order.pk), WHY).status_code == 404
        assert agent.post(address(alice, "no-such-action", 1), WHY).status_code == 403
        assert not StaffAction.objects.exists()

    def test_what_has_changed_meanwhile_is_not_done_twice(
        self, supervisor: Client, alice: User
    ) -> None:
        order = give_plan(alice)
        captured(order)
        opened(supervisor, alice)
        page = address(alice, "take-back-order", order.pk)

        first = supervisor.post(page, WHY)
        second = supervisor.post(page, WHY, follow=True)

        assert first.status_code == 302
        assert "not possible any more" in second.content.decode()
        assert Return.objects.count() == 1
        assert StaffAction.objects.count() == 1

    def test_a_refusal_of_the_domain_leaves_no_action(
        self, supervisor: Client, alice: User
    ) -> None:
        payment = captured(give_plan(alice))
        opened(supervisor, alice)
        page = address(alice, "refund-part", payment.pk)

        supervisor.post(page, {**WHY, "amount": "1"})
        answer = supervisor.post(page, {**WHY, "amount": "1"}, follow=True)

        assert "already in progress" in answer.content.decode()
        assert Refund.objects.count() == 1
        assert StaffAction.objects.count() == 1


class TestLimit:
    def test_after_so_many_refunds_a_colleague_must_do_it(
        self, supervisor: Client, alice: User, settings: Settings
    ) -> None:
        settings.REFUNDS_A_DAY = 1
        order = give_plan(alice)
        payment = captured(order)
        opened(supervisor, alice)
        supervisor.post(address(alice, "refund-part", payment.pk), {**WHY, "amount": "1"})

        answer = supervisor.post(
            address(alice, "take-back-order", order.pk), WHY, follow=True
        ).content.decode()

        assert "as many refunds in 24 hours as one person may" in answer
        assert not Return.objects.exists()
        colleague = at_the_desk("administrator")
        opened(colleague, alice)
        colleague.post(address(alice, "take-back-order", order.pk), WHY)
        assert Return.objects.exists()

    def test_giving_up_an_order_counts_too(
        self, supervisor: Client, alice: User, bob: User, settings: Settings
    ) -> None:
        settings.REFUNDS_A_DAY = 1
        first = make_order(alice)
        for account, order in ((alice, first), (bob, make_order(bob, plan=first.plan))):
            Order.objects.filter(pk=order.pk).update(state="held", charge_decided_at=now())
            opened(supervisor, account)
            supervisor.post(address(account, "give-up-order", order.pk), WHY)

        assert [*Order.objects.order_by("pk").values_list("state", flat=True)] == [
            *("failed", "held"),
        ]


class TestSecondPerson:
    @pytest.fixture(autouse=True)
    def two_people(self, settings: Settings) -> None:
        settings.FOUR_EYES = ["take-back-order", "refund-part"]

    @pytest.fixture
    def order(self, alice: User) -> Order:
        order = give_plan(alice)
        captured(order)
        return order

    def asked(self, supervisor: Client, account: User, order: Order) -> StaffAction:
        opened(supervisor, account)
        supervisor.post(address(account, "take-back-order", order.pk), WHY)
        return StaffAction.objects.get()

    def test_nothing_happens_before_a_second_person_approves(
        self, supervisor: Client, alice: User, order: Order
    ) -> None:
        asked = self.asked(supervisor, alice, order)

        assert asked.state == "asked"
        assert not Return.objects.exists()
        page = supervisor.get(page_of(alice)).content.decode()
        assert f"/cases/actions/{asked.pk}/" in page
        case = supervisor.get(f"/cases/actions/{asked.pk}/").content.decode()
        assert f"/decisions/{asked.pk}/" in case

    def test_a_colleague_approves(self, supervisor: Client, alice: User, order: Order) -> None:
        asked = self.asked(supervisor, alice, order)
        colleague = at_the_desk("administrator")
        opened(colleague, alice)

        shown = colleague.get(f"/decisions/{asked.pk}/").content.decode()
        colleague.post(f"/decisions/{asked.pk}/", {"decision": "approve"})

        assert WHY["because"] in shown
        assert Return.objects.get().because == WHY["because"]
        asked.refresh_from_db()
        assert (asked.state, asked.values) == ("done", {})
        page = colleague.get(page_of(alice)).content.decode()
        assert any("approved: Refund and end the plan" in text for text in texts(page))

    def test_nobody_approves_what_they_have_asked_for(
        self, supervisor: Client, alice: User, order: Order
    ) -> None:
        asked = self.asked(supervisor, alice, order)

        answer = supervisor.post(f"/decisions/{asked.pk}/", {"decision": "approve"})

        assert answer.status_code == 403
        assert "Take it back" in supervisor.get(f"/decisions/{asked.pk}/").content.decode()
        assert not Return.objects.exists()

    def test_a_declined_one_is_never_done(
        self, supervisor: Client, alice: User, order: Order
    ) -> None:
        asked = self.asked(supervisor, alice, order)
        colleague = at_the_desk("administrator")
        opened(colleague, alice)

        colleague.post(f"/decisions/{asked.pk}/", {"decision": "decline"})
        colleague.post(f"/decisions/{asked.pk}/", {"decision": "approve"})

        assert not Return.objects.exists()
        asked.refresh_from_db()
        assert asked.state == "declined"

    def test_whoever_may_not_do_it_may_not_approve_it(
        self, supervisor: Client, alice: User, order: Order
    ) -> None:
        asked = self.asked(supervisor, alice, order)
        agent = at_the_desk("agent")
        opened(agent, alice)

        assert agent.post(f"/decisions/{asked.pk}/", {"decision": "approve"}).status_code == 403
        assert not Return.objects.exists()

    def test_it_is_asked_for_once(self, supervisor: Client, alice: User, order: Order) -> None:
        self.asked(supervisor, alice, order)

        again = supervisor.post(
            address(alice, "take-back-order", order.pk), WHY, follow=True
        ).content.decode()

        assert "waits for a second person already" in again
        assert StaffAction.objects.count() == 1

    def test_the_amount_that_was_asked_for_is_refunded(
        self, supervisor: Client, alice: User, order: Order
    ) -> None:
        opened(supervisor, alice)
        payment = payment_of(order)
        supervisor.post(address(alice, "refund-part", payment.pk), {**WHY, "amount": "1.50"})
        colleague = at_the_desk("administrator")
        opened(colleague, alice)

        asked = StaffAction.objects.get()
        assert "Amount: 1.50" in colleague.get(f"/decisions/{asked.pk}/").content.decode()
        colleague.post(f"/decisions/{asked.pk}/", {"decision": "approve"})

        assert Refund.objects.get().minor_units == 150

    @pytest.mark.parametrize("path", ["orders/order", "payments/payment"])
    def test_the_lists_of_the_desk_offer_no_way_around(
        self, path: str, order: Order, settings: Settings
    ) -> None:
        client = Client()
        client.force_login(make_staff("supervisor"))

        assert order.pk
        assert "efund" not in actions_of(client, path)
        settings.FOUR_EYES = []
        assert "efund" in actions_of(client, path)


def actions_of(client: Client, path: str) -> str:
    """Return the list's choice of actions."""
    page = client.get(f"/admin/{path}/").content.decode()
    return "".join(re.findall(r"<option[^>]*>([^<]*)</option>", page))


def test_a_wrong_name_in_the_setting_stops_the_portal(settings: Settings) -> None:
    settings.FOUR_EYES = ["refund-part", "refund"]

    (error,) = checks.four_eyes()
    assert "'refund'" in error.msg
    assert "take-back-order" in str(error.hint)

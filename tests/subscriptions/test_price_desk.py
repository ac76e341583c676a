"""Staff announce a new price, withdraw it, and see which customers no notice has reached."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.test import Client
from django.utils.timezone import now

from accounts.models import User
from accounts.roles import AGENT
from brand.models import MarketRules
from brand.queries import market_rules
from plans.models import Plan
from subscriptions.models import PriceChange
from tests.builders import make_operator, make_plan
from tests.subscriptions.renewals import make_monthly

PAGE = "/admin/subscriptions/pricechange/"


@pytest.fixture
def desk(client: Client, clara: User) -> Client:
    make_operator()
    client.force_login(clara)
    return client


@pytest.fixture
def plan(db: None) -> Plan:
    return make_monthly()


def announce(desk: Client, of: Plan, **more: object) -> str:
    form = {
        "plan": of.pk,
        "market": "US",
        "minor_units": 3000,
        "currency": "USD",
        "starts_on": (now() + timedelta(days=40)).date().isoformat(),
        **more,
    }
    return desk.post(f"{PAGE}add/", form, follow=True).text


def test_a_price_is_announced_with_the_days_of_its_market(
    desk: Client, plan: Plan, clara: User
) -> None:
    MarketRules.objects.create(market="US", price_notice_days=60, price_exit_days=90)
    announce(desk, plan)

    change = PriceChange.objects.get()
    assert (change.notice_days, change.exit_days) == (60, 90)
    assert LogEntry.objects.get().user == clara
    assert "$30.00" in desk.get(PAGE).text
    assert desk.get(f"{PAGE}{change.pk}/change/").status_code == 200


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("market", "DE", "The plan has no price in this market."),
        ("currency", "EUR", "The plan&#x27;s currency in this market is USD."),
        ("starts_on", "2026-01-01", "The first day must be in the future."),
        ("starts_on", "", "This field is required."),
        ("plan", "", "This field is required."),
    ],
)
def test_a_price_that_no_running_plan_could_have_is_refused(
    desk: Client, plan: Plan, field: str, value: str, said: str
) -> None:
    assert said in announce(desk, plan, **{field: value})
    assert not PriceChange.objects.exists()


def test_a_plan_that_does_not_renew_has_no_new_price(desk: Client) -> None:
    assert "This plan doesn&#x27;t renew." in announce(desk, make_plan())


def test_a_price_is_withdrawn_once(desk: Client, plan: Plan) -> None:
    announce(desk, plan)
    form = {"action": "withdraw", "_selected_action": [PriceChange.objects.get().pk]}

    assert "Withdrawn: monthly US" in desk.post(PAGE, form, follow=True).text
    assert "it is withdrawn already" in desk.post(PAGE, form, follow=True).text


def test_staff_see_whom_no_notice_has_reached(desk: Client, plan: Plan) -> None:
    announce(desk, plan)
    change = PriceChange.objects.get()
    address = (
        f"/admin/subscriptions/pricenotice/?change__id__exact={change.pk}&reached_at__isempty=1"
    )

    assert f'<a href="{address.replace("&", "&amp;")}">0</a>' in desk.get(PAGE).text
    assert desk.get(address).status_code == 200


def test_an_agent_announces_nothing(desk: Client, plan: Plan) -> None:
    agent = User.objects.create_user("agent@staff.example", "a pass phrase", is_staff=True)
    agent.groups.add(Group.objects.get(name=AGENT))
    desk.force_login(agent)

    assert desk.post(f"{PAGE}add/", {}).status_code == 403


def test_a_customer_of_the_eu_has_a_month_to_leave(db: None) -> None:
    assert (market_rules("DE").price_notice_days, market_rules("DE").price_exit_days) == (31, 31)
    assert (market_rules("US").price_notice_days, market_rules("US").price_exit_days) == (31, 0)

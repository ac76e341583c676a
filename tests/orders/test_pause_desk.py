"""Staff pause sales at the desk, change the text, and let sales go on."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.utils.timezone import now

from accounts.models import User
from accounts.roles import SUPERVISOR
from orders.models import SalesPause
from orders.queries import pauses
from plans.models import Plan
from tests.accounts.test_roles import make_staff
from tests.builders import make_operator, make_pause, make_plan, make_provider

PAGE = "/admin/orders/salespause/"
HOUR = timedelta(hours=1)


@pytest.fixture
def supervisor(db: None) -> User:
    make_operator()
    return make_staff(SUPERVISOR)


@pytest.fixture
def desk(client: Client, supervisor: User) -> Client:
    client.force_login(supervisor)
    return client


@pytest.fixture
def plan(db: None) -> Plan:
    return make_plan(code="day")


def typed(**changes: object) -> dict[str, object]:
    begun = now() - HOUR
    form = {
        "market": "",
        "plan": "",
        "provider": "",
        "text": "Back at noon.",
        "starts_at_0": f"{begun:%Y-%m-%d}",
        "starts_at_1": f"{begun:%H:%M:%S}",
        "because": "INC-7",
    }
    return {**form, **changes}


def pause(desk: Client, **changes: object) -> str:
    return desk.post(f"{PAGE}add/", typed(**changes), follow=True).text


def text_about(plan: Plan) -> str:
    return pauses.texts([plan], "US", new_esim=True).get(plan.pk, "")


def test_a_supervisor_pauses_all_sales_and_reads_what_that_covers(
    desk: Client, supervisor: User, plan: Plan
) -> None:
    make_plan(code="month")

    page = pause(desk, translations_de="Um zwölf geht es weiter.")

    stored = SalesPause.objects.get()
    assert "Plans on sale that it covers: 2. Markets: 1." in page
    assert (stored.asked_by, stored.because) == (supervisor, "INC-7")
    assert stored.translations == {"de": "Um zwölf geht es weiter."}
    assert text_about(plan) == "Back at noon."
    assert LogEntry.objects.get().user == supervisor


def test_the_form_offers_the_markets_that_have_prices(desk: Client, plan: Plan) -> None:
    make_plan(code="tokyo", market="JP", currency="JPY")

    page = desk.get(f"{PAGE}add/").text

    assert '<option value="US">United States (US)</option>' in page
    assert '<option value="JP">Japan (JP)</option>' in page
    for words in ("All markets", "All plans", "All providers"):
        assert f">{words}</option>" in page
    assert 'aria-label="Ends at: time"' in page


@pytest.mark.parametrize("market", ["ZZ", "JP"])
def test_a_choice_that_covers_no_plan_on_sale_is_refused(
    desk: Client, plan: Plan, market: str
) -> None:
    make_plan(code="tokyo", market="JP", currency="JPY")

    page = pause(desk, market=market, plan=plan.pk)

    assert "This covers no plan on sale" in page
    assert not SalesPause.objects.exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"text": " "}, "This field is required."),
        ({"because": ""}, "This field is required."),
        ({"ends_at_0": "2020-01-01", "ends_at_1": "00:00"}, "The end must be after the start."),
    ],
)
def test_a_pause_has_a_text_a_reason_and_a_time(
    desk: Client, plan: Plan, changes: dict[str, str], words: str
) -> None:
    assert words in pause(desk, **changes)
    assert not SalesPause.objects.exists()


def test_the_text_and_the_end_of_a_pause_change_but_not_what_it_covers(
    desk: Client, plan: Plan
) -> None:
    stored = make_pause(plan=plan, provider=make_provider(), translations={"fr": "Pause."})
    address = f"{PAGE}{stored.pk}/change/"
    page = desk.get(address).text
    assert "sofia@staff.example" in page
    assert ">Pause.</textarea>" in page

    desk.post(address, typed(text="Back at one.", plan=plan.pk + 1))

    changed = SalesPause.objects.get()
    assert (changed.text, changed.plan, changed.asked_by) == (
        "Back at one.",
        plan,
        stored.asked_by,
    )


def test_sales_go_on_as_soon_as_a_pause_is_ended(desk: Client, plan: Plan) -> None:
    stored = make_pause()
    action = {"action": "end_now", "_selected_action": [stored.pk]}

    assert "Ended: all markets, all plans" in desk.post(PAGE, action, follow=True).text
    assert text_about(plan) == ""
    assert LogEntry.objects.get().change_message == "Ended."
    assert "Not running, so nothing changed" in desk.post(PAGE, action, follow=True).text
    assert LogEntry.objects.count() == 1


def test_the_list_says_which_pauses_are_planned_running_and_over(desk: Client) -> None:
    make_pause(starts_at=now() + HOUR)
    make_pause()
    make_pause(starts_at=now() - HOUR, ends_at=now())

    page = desk.get(PAGE).text

    assert [page.count(f">{state}<") for state in ("Planned", "Running", "Over")] == [1, 1, 1]


def test_only_a_pause_that_has_not_begun_is_deleted(desk: Client) -> None:
    planned, running = make_pause(starts_at=now() + HOUR), make_pause()

    for stored in (planned, running):
        desk.post(f"{PAGE}{stored.pk}/delete/", {"post": "yes"})

    assert [*SalesPause.objects.all()] == [running]

"""`/esim-problem/`: from a launch's headers to the handoff (docs/contract.md#lpa-errors)."""

import json

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.utils.timezone import now

from accounts.models import User
from esim.domain import provisioning
from esim.models import Profile
from esim.states import ProfileState
from mobileplans.models import Handoff, LpaReport, Visit
from orders.models import Order, Repair
from tests.builders import EID, OTHER_EID
from tests.conftest import PASSWORD
from tests.orders.conftest import settled
from tests.orders.test_repairing import process


@pytest.fixture
def sold(placed: Order) -> Order:
    """Return Alice's order, complete, its eSIM not downloaded."""
    return settled(placed)


def come_back(client: Client, order: Order, codes: str, *, eid: str = EID, iccids: str = "") -> str:
    """Launch with the headers of a failed download; return where that leads."""
    assert order.profile is not None
    answer = client.get(
        f"/?eid={eid}&iccids={iccids}&transactionId=T2",
        headers={
            "X-MP-LPAError-Codes": codes,
            "X-MP-LPAError-TimeStamps": "11/14/2018 3:07:05 PM",
            "X-MP-LPAError-ICCIDs": order.profile.sim.iccid,
        },
    )
    return answer.headers["Location"]


def payload(client: Client) -> dict[str, object]:
    page = client.get("/handoff/").text
    block = page.split('id="handoff"')[1].split(">", 1)[1].split("</script>")[0]
    found: dict[str, object] = json.loads(json.loads(block))
    return found


def test_a_launch_with_errors_redirects_to_the_problem_page(client: Client, sold: Order) -> None:
    assert come_back(client, sold, "CardBusy") == "/esim-problem/"

    page = client.get("/esim-problem/")

    assert page.status_code == 200
    assert "Your device was busy" in page.text
    assert 'href="/sign-in/?next=/esim-problem/"' in page.text
    assert page.text.count("help@kestrel.example") == 1
    assert "T2" in page.text


@pytest.mark.parametrize("codes", ["Success", "", "0"])
def test_without_a_problem_the_page_redirects_to_the_journey(
    client: Client, sold: Order, codes: str
) -> None:
    assert come_back(client, sold, codes) == "/sign-up/"
    assert client.get("/esim-problem/").headers["Location"] == "/sign-in/"


def test_a_refused_launch_shows_the_refusal_and_not_the_problem(
    client: Client, sold: Order
) -> None:
    assert come_back(client, sold, "CardBusy", eid="1") == "/launch-refused/"
    assert LpaReport.objects.count() == 1


def test_sign_in_returns_to_the_remedy(client: Client, sold: Order) -> None:
    come_back(client, sold, "CardBusy")

    told = {"username": "alice@example.com", "password": PASSWORD, "next": "/esim-problem/"}
    answer = client.post("/sign-in/", told)

    assert answer.headers["Location"] == "/esim-problem/"
    assert "Try again" in client.get("/esim-problem/").text


def test_retry_hands_over_the_same_code(as_alice: Client, sold: Order) -> None:
    assert sold.profile is not None
    come_back(as_alice, sold, "CardBusy")

    answer = as_alice.post("/esim-problem/", {"remedy": "retry"})

    given = payload(as_alice)
    assert answer.headers["Location"] == "/handoff/"
    assert given["activationCode"] == str(sold.profile.activation_code)
    assert given["iccid"] == sold.profile.sim.iccid
    assert json.loads(str(given["purchaseResult"])) == {
        "userAccount": "Existing",
        "purchaseInstrument": "None",
        "line": "New",
        "moDirectStatus": "Complete",
        "planName": sold.plan_name,
    }


def test_a_new_esim_is_made_while_the_page_waits(as_alice: Client, sold: Order) -> None:
    come_back(as_alice, sold, "EidMismatch", eid=OTHER_EID)

    as_alice.post("/esim-problem/", {"remedy": "reissue"})
    waiting = as_alice.get("/esim-problem/").text
    process(Repair.objects.get())
    ready = as_alice.get("/esim-problem/").text
    as_alice.post("/esim-problem/", {"remedy": "ready"})

    fresh = Order.objects.get(pk=sold.pk).profile
    assert fresh is not None
    assert "data-poll" in waiting
    assert 'form="remedy">Continue' in ready
    assert "data-poll" not in ready
    assert payload(as_alice)["activationCode"] == str(fresh.activation_code)
    assert fresh.eid == OTHER_EID


def test_an_installed_profile_is_handed_over_to_be_used(as_alice: Client, sold: Order) -> None:
    assert sold.profile is not None
    iccid = sold.profile.sim.iccid
    come_back(as_alice, sold, "IccidAlreadyExists", iccids=iccid)

    as_alice.post("/esim-problem/", {"remedy": "activate"})

    given = payload(as_alice)
    assert (given["iccid"], "activationCode" in given) == (iccid, False)
    assert json.loads(str(given["purchaseResult"]))["line"] == "Existing"


def test_a_profile_not_released_is_released_before_it_is_handed_back(
    as_alice: Client, sold: Order
) -> None:
    come_back(as_alice, sold, "ProfileNotReleasedByOperator")

    as_alice.post("/esim-problem/", {"remedy": "retry"})
    assert Repair.objects.get().kind == "release"
    assert "Making your eSIM available" in as_alice.get("/esim-problem/").text
    process(Repair.objects.get())
    as_alice.post("/esim-problem/", {"remedy": "ready"})

    assert sold.profile is not None
    assert payload(as_alice)["activationCode"] == str(sold.profile.activation_code)


def test_an_installed_esim_only_has_to_be_turned_on(as_alice: Client, sold: Order) -> None:
    assert sold.profile is not None
    provisioning.move(sold.profile, ProfileState.DOWNLOADED, downloaded_at=now())
    come_back(as_alice, sold, "EidMismatch", iccids=sold.profile.sim.iccid)

    page = as_alice.get("/esim-problem/").text

    assert "It only needs to be turned on." in page


def test_a_case_is_opened_on_request(client: Client, sold: Order) -> None:
    come_back(client, sold, "ServerNotTrusted")

    client.post("/esim-problem/", {"remedy": "support"})

    assert LpaReport.objects.get().asked_for_help_at is not None
    assert "Support has been notified" in client.get("/esim-problem/").text


@pytest.mark.parametrize("remedy", ["retry", "reissue", "activate", "ready", "", "x"])
def test_another_customer_gets_nothing(client: Client, sold: Order, bob: User, remedy: str) -> None:
    client.force_login(bob)
    come_back(client, sold, "EidMismatch")

    client.post("/esim-problem/", {"remedy": remedy})

    assert not Handoff.objects.exists()
    assert not Repair.objects.exists()


def test_a_signed_out_visitor_gets_nothing(client: Client, sold: Order) -> None:
    come_back(client, sold, "CardBusy")

    answer = client.post("/esim-problem/", {"remedy": "retry"})

    assert answer.headers["Location"] == "/esim-problem/"
    assert not Handoff.objects.exists()


@pytest.mark.parametrize("account", ["None", "Existing"])
def test_leaving_from_the_problem_says_nothing_was_bought(
    client: Client, sold: Order, account: str
) -> None:
    if account == "Existing":
        client.force_login(sold.account)
    come_back(client, sold, "CardBusy")
    client.get("/esim-problem/")

    client.post("/leave/")

    found = Handoff.objects.get()
    words = (found.user_account, found.purchase_instrument, found.line, found.mo_direct_status)
    assert words == (account, "None", "None", "None")


def test_every_detail_of_an_error_is_kept_for_support(client: Client, sold: Order) -> None:
    come_back(client, sold, "CardBusy, 18, Foo")

    kept = [
        (row.code, row.code_as_sent, row.at_as_sent, row.decides)
        for row in LpaReport.objects.order_by("pk")
    ]
    assert kept == [
        ("CardBusy", "CardBusy", "11/14/2018 3:07:05 PM", True),
        ("EidMismatch", "18", "", False),
        ("Other", "Foo", "", False),
    ]


def test_header_values_are_never_shown_unescaped(client: Client, sold: Order) -> None:
    come_back(client, sold, "<script>alert(1)</script>")

    assert "<script>alert" not in client.get("/esim-problem/").text


def test_staff_see_the_queue_with_the_order(client: Client, clara: User, sold: Order) -> None:
    come_back(Client(), sold, "EidMismatch")
    client.force_login(clara)

    page = client.get("/admin/mobileplans/lpareport/")
    one = client.get(f"/admin/mobileplans/lpareport/{LpaReport.objects.get().pk}/change/")

    assert sold.display_number in page.text
    assert "EidMismatch" in page.text
    assert "bound to another EID" in one.text


def test_staff_start_and_resolve_errors(client: Client, clara: User, sold: Order) -> None:
    come_back(Client(), sold, "EidMismatch")
    client.force_login(clara)
    report = LpaReport.objects.get()
    states = []

    for action in ("take_in_hand", "resolve"):
        client.post(
            "/admin/mobileplans/lpareport/",
            {"action": action, "_selected_action": [report.pk]},
        )
        states.append(LpaReport.objects.get().state)

    assert states == ["in_progress", "resolved"]


def test_staff_issue_a_new_esim_and_read_why_if_that_is_not_possible(
    client: Client, clara: User, sold: Order
) -> None:
    client.force_login(clara)
    action = {"action": "issue_new_esim", "_selected_action": [sold.pk]}

    first = client.post("/admin/orders/order/", action)
    process(Repair.objects.get())
    Order.objects.filter(pk=sold.pk).update(profile=None)
    second = client.post("/admin/orders/order/", action)

    told = [str(m) for answer in (first, second) for m in get_messages(answer.wsgi_request)]
    assert Repair.objects.get().because == "staff"
    assert "is being issued" in told[0]
    assert "no eSIM that can be replaced" in told[-1]


def test_the_orders_timeline_shows_errors_and_repairs(
    as_alice: Client, clara: User, sold: Order
) -> None:
    come_back(as_alice, sold, "EidMismatch")
    as_alice.post("/esim-problem/", {"remedy": "reissue"})
    process(Repair.objects.get())
    desk = Client()
    desk.force_login(clara)

    page = desk.get(f"/admin/orders/order/{sold.pk}/change/").text

    for told in ("LPA error EidMismatch", "reissue requested", "reissue done", "cancelOrder"):
        assert told in page
    assert Visit.objects.count() == 2


def test_during_a_repair_the_old_code_is_not_handed_over(as_alice: Client, sold: Order) -> None:
    assert sold.profile is not None
    code, page = str(sold.profile.activation_code), f"/orders/{sold.number}/"
    come_back(as_alice, sold, "EidMismatch")
    as_alice.post("/esim-problem/", {"remedy": "reissue"})

    assert as_alice.get(f"{page}install/").headers["Location"] == page
    assert as_alice.post(f"{page}continue/").headers["Location"] == page
    assert "data-poll" in as_alice.get(page).text
    process(Repair.objects.get())
    assert as_alice.post(f"{page}continue/").headers["Location"] == "/handoff/"
    assert payload(as_alice)["activationCode"] != code


def test_a_failed_repair_leads_to_support(as_alice: Client, sold: Order) -> None:
    page = f"/orders/{sold.number}/"
    as_alice.get(f"/?eid={EID}")
    Profile.objects.update(state="cancelled")

    assert "You need a new eSIM" in as_alice.get(page).text
    assert as_alice.post(f"{page}continue/").headers["Location"] == page


def test_a_later_error_of_the_same_visit_is_shown_after_a_repair(
    as_alice: Client, sold: Order
) -> None:
    come_back(as_alice, sold, "EidMismatch")
    as_alice.post("/esim-problem/", {"remedy": "reissue"})
    process(Repair.objects.get())
    report = LpaReport.objects.get()
    LpaReport.objects.create(
        visit=report.visit,
        source="app",
        code="InsufficientSpaceOnCard",
        code_as_sent="insufficientSpaceOnCard",
        iccid=Order.objects.get(pk=sold.pk).profile.sim.iccid,  # type: ignore[union-attr]  # it has one
        decides=True,
    )

    assert "There is no room for another eSIM" in as_alice.get("/esim-problem/").text


def test_an_order_that_was_handed_over_is_not_handed_over_to_another_device(
    as_alice: Client, sold: Order
) -> None:
    page = f"/orders/{sold.number}/"
    as_alice.get(f"/?eid={EID}")
    as_alice.post(f"{page}continue/")
    as_alice.force_login(sold.account)
    as_alice.get(f"/?eid={OTHER_EID}")

    assert 'id="continue"' not in as_alice.get(page).text
    assert as_alice.post(f"{page}continue/").headers["Location"] == page


def test_an_esim_that_is_on_the_device_is_handed_over_without_a_code(
    as_alice: Client, sold: Order
) -> None:
    as_alice.get(f"/?eid={EID}")
    Profile.objects.update(state="downloaded", downloaded_at=sold.created_at)

    as_alice.post(f"/orders/{sold.number}/continue/")

    assert "activationCode" not in payload(as_alice)


def test_cancelling_after_the_purchase_hands_the_purchase_over_again(
    as_alice: Client, sold: Order
) -> None:
    come_back(as_alice, sold, "CardBusy")
    as_alice.post("/esim-problem/", {"remedy": "retry"})
    first = payload(as_alice)
    told = {"username": "alice@example.com", "password": PASSWORD}
    as_alice.post("/sign-in/", told)
    as_alice.get("/options/")

    as_alice.post("/leave/")

    assert payload(as_alice) == first


def test_a_failed_release_leads_to_support(as_alice: Client, sold: Order) -> None:
    come_back(as_alice, sold, "ProfileNotReleasedByOperator")
    as_alice.post("/esim-problem/", {"remedy": "retry"})
    Repair.objects.update(state="failed", ended_at=sold.created_at)

    assert 'value="support"' in as_alice.get("/esim-problem/").text

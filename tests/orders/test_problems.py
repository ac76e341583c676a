"""`orders.domain.problems`: the remedy of a failed download (docs/contract.md#lpa-errors)."""

from datetime import timedelta

import pytest
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.models import User
from esim.models import DownloadProgress, Profile, Sim
from esim.states import ProfileState
from mobileplans.domain.lpa_advice import Remedy
from mobileplans.models import LpaReport, Visit
from orders.domain import problems
from orders.domain.problems import problem_of
from orders.models import Order
from orders.states import RepairKind, RepairState
from subscriptions.domain import lifecycle
from subscriptions.models import Period
from tests.builders import make_card, make_order, make_pool, make_visit
from tests.orders.conftest import new_card, settled


@pytest.fixture
def sold(placed: Order) -> Order:
    """Return Alice's completed order, whose eSIM is not downloaded."""
    return settled(placed)


def relaunch(
    order: Order, code: str = "CardBusy", *, account: User | None = None, installed: bool = False
) -> Visit:
    """Launch again after a failed download of the order's eSIM, and return the visit."""
    iccid = iccid_of(order)
    visit = make_visit(account=account, iccids=(iccid,) if installed else ())
    LpaReport.objects.create(visit=visit, code=code, code_as_sent=code, iccid=iccid, decides=True)
    return visit


def iccid_of(order: Order) -> str:
    sim = order.sim_in_use
    assert sim is not None
    return sim.iccid


def remedy(visit: Visit) -> Remedy:
    found = problem_of(visit)
    assert found is not None
    return found.remedy


def mark_downloaded(order: Order) -> None:
    Profile.objects.update(state=ProfileState.DOWNLOADED, downloaded_at=now())


def test_a_visit_without_an_error_has_no_problem(alice: User) -> None:
    visit = make_visit(account=alice)
    LpaReport.objects.create(visit=visit, code="Success", code_as_sent="0", decides=True)

    assert problem_of(visit) is None
    assert problem_of(make_visit()) is None


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("CardBusy", Remedy.RETRY),
        ("CardRemoved", Remedy.DEVICE),
        ("EidMismatch", Remedy.REISSUE),
        ("IccidAlreadyExists", Remedy.ACTIVATE),
        ("ServerNotTrusted", Remedy.SUPPORT),
    ],
)
def test_the_owner_gets_the_remedy_of_the_code(sold: Order, code: str, expected: Remedy) -> None:
    assert remedy(relaunch(sold, code, account=sold.account)) == expected


@pytest.mark.parametrize("code", ["CardBusy", "CardRemoved", "EidMismatch", "IccidAlreadyExists"])
def test_a_customer_who_is_not_signed_in_must_sign_in(sold: Order, code: str) -> None:
    found = problem_of(relaunch(sold, code))

    assert found is not None
    assert (found.wants_sign_in, found.order) == (True, None)


@pytest.mark.parametrize("code", ["CardBusy", "CardRemoved", "EidMismatch", "IccidAlreadyExists"])
def test_another_customer_with_the_iccid_is_sent_to_support(
    sold: Order, bob: User, code: str
) -> None:
    found = problem_of(relaunch(sold, code, account=bob))

    assert found is not None
    assert (found.remedy, found.order) == (Remedy.SUPPORT, None)


def test_an_error_without_an_order_is_for_support(alice: User) -> None:
    visit = make_visit(account=alice)
    LpaReport.objects.create(visit=visit, code="CardBusy", code_as_sent="x", decides=True)

    assert remedy(visit) == Remedy.SUPPORT


def test_an_error_that_comes_too_often_is_for_support(sold: Order, settings: Settings) -> None:
    seen = [remedy(relaunch(sold, account=sold.account)) for _ in range(settings.LPA_ERROR_LIMIT)]

    assert seen == [Remedy.RETRY, Remedy.RETRY, Remedy.SUPPORT]


def test_reports_of_strangers_do_not_count(sold: Order, bob: User) -> None:
    for _ in range(5):
        relaunch(sold, account=bob)
        relaunch(sold)

    assert remedy(relaunch(sold, account=sold.account)) == Remedy.RETRY


def test_an_unspecific_error_is_retried_once(sold: Order) -> None:
    seen = [remedy(relaunch(sold, "Other", account=sold.account)) for _ in range(2)]

    assert seen == [Remedy.RETRY, Remedy.SUPPORT]


def test_a_profile_that_is_bound_to_this_device_is_activated(sold: Order) -> None:
    code = "ProfileNotAvailableForNewBinding"

    assert remedy(relaunch(sold, code, account=sold.account)) == Remedy.REISSUE
    assert remedy(relaunch(sold, code, account=sold.account, installed=True)) == Remedy.ACTIVATE


@pytest.mark.parametrize("code", ["CardBusy", "EidMismatch", "ProfileNotPresent"])
def test_a_downloaded_profile_is_never_issued_again(sold: Order, code: str) -> None:
    mark_downloaded(sold)

    assert remedy(relaunch(sold, code, account=sold.account)) == Remedy.SUPPORT
    assert remedy(relaunch(sold, code, account=sold.account, installed=True)) == Remedy.ACTIVATE


def test_a_profile_that_the_smdp_reported_as_downloaded_is_not_issued_again(sold: Order) -> None:
    assert sold.profile is not None
    sold.repairs.create(
        kind=RepairKind.REISSUE,
        state=RepairState.REFUSED,
        because="x",
        asked_by=sold.account,
        old_profile=sold.profile,
        ended_at=now(),
    )

    assert remedy(relaunch(sold, "EidMismatch", account=sold.account)) == Remedy.SUPPORT


def test_after_the_limit_of_reissues_it_is_for_support(sold: Order, settings: Settings) -> None:
    settings.REISSUE_LIMIT = 0

    assert remedy(relaunch(sold, "EidMismatch", account=sold.account)) == Remedy.SUPPORT


def test_a_profile_that_does_not_fit_needs_another_profile_type(sold: Order) -> None:
    code = "NoEligibleProfileForThisDevice"
    assert remedy(relaunch(sold, code, account=sold.account)) == Remedy.SUPPORT

    sold.plan.other_profile_type = "legacy"
    sold.plan.save()

    assert remedy(relaunch(sold, code, account=sold.account)) == Remedy.REISSUE


def test_a_plan_that_has_ended_is_for_support(sold: Order) -> None:
    at = now()
    ended = at - timedelta(days=1)
    Period.objects.update(starts_at=at - timedelta(days=2), ends_at=ended, usable_until=ended)

    assert remedy(relaunch(sold, account=sold.account)) == Remedy.SUPPORT


def test_a_plan_that_is_cancelled_is_for_support(sold: Order) -> None:
    assert sold.subscription
    lifecycle.end(sold.subscription)

    assert remedy(relaunch(sold, account=sold.account)) == Remedy.SUPPORT


def test_a_plan_on_a_sim_card_has_no_download_to_retry(
    alice: User, gateway: str, smdp: str
) -> None:
    card = make_card()
    visit = make_visit(account=alice, eid="", iccid=card.iccid)
    order = settled(make_order(alice, visit=visit, method=new_card(alice)))

    assert remedy(relaunch(order, account=alice)) == Remedy.SUPPORT
    assert remedy(relaunch(order, account=alice, installed=True)) == Remedy.ACTIVATE


def test_the_reference_is_the_orders_number_or_the_launchs_id(sold: Order, bob: User) -> None:
    own = problem_of(relaunch(sold, account=sold.account))
    foreign = problem_of(relaunch(sold, account=bob))

    assert own is not None
    assert foreign is not None
    assert (own.reference, foreign.reference) == (sold.display_number, "MSFT_1")


def test_a_second_request_for_help_keeps_the_first_time(sold: Order) -> None:
    report = relaunch(sold).lpa_reports.get()

    problems.open_case(report)
    first = LpaReport.objects.get().asked_for_help_at
    problems.open_case(report)

    assert first is not None
    assert LpaReport.objects.get().asked_for_help_at == first


def test_an_error_about_a_replaced_esim_leads_to_its_successor(sold: Order) -> None:
    (spare,) = make_pool(1)
    visit = relaunch(sold, "EidMismatch", account=sold.account)
    profile = Profile.objects.get()
    Profile.objects.filter(pk=profile.pk).update(sim=spare)
    sold.repairs.create(
        kind=RepairKind.RELEASE,
        state=RepairState.DONE,
        because="x",
        asked_by=sold.account,
        old_profile=old_profile(profile, visit.lpa_reports.get().iccid),
        ended_at=now(),
    )

    assert remedy(visit) == Remedy.RETRY


def old_profile(profile: Profile, iccid: str) -> Profile:
    """Return a cancelled profile that has this ICCID."""
    return Profile.objects.create(
        sim=Sim.objects.get(iccid=iccid),
        provider=profile.provider,
        state=ProfileState.CANCELLED,
        matching_id="OLD",
        matching_id_digest="old",
        smdp_host="smdp.example",
    )


def test_a_cancelled_profile_without_a_successor_is_reissued(sold: Order) -> None:
    Profile.objects.update(state=ProfileState.CANCELLED)

    assert remedy(relaunch(sold, "CardBusy", account=sold.account)) == Remedy.REISSUE


def test_a_download_resolves_its_errors(sold: Order) -> None:
    relaunch(sold)
    assert sold.profile is not None

    problems.resolve(sold.profile)

    assert LpaReport.objects.get().state == "resolved"


def test_the_download_of_an_esim_without_an_order_resolves_its_errors_too(sold: Order) -> None:
    relaunch(sold)
    profile = sold.profile
    assert profile is not None
    Order.objects.update(profile=None)

    problems.resolve(profile)

    assert LpaReport.objects.get().state == "resolved"


def test_a_failed_download_of_an_esim_without_an_order_is_no_case(sold: Order) -> None:
    profile = sold.profile
    assert profile is not None
    Order.objects.update(profile=None)

    problems.note_failure(profile, DownloadProgress())

    assert not LpaReport.objects.exists()


def test_a_failure_that_several_launches_report_counts_once(sold: Order) -> None:
    for _ in range(4):
        visit = relaunch(sold, account=sold.account)
        LpaReport.objects.update(at_as_sent="1/2/2026 3:04:05 PM")

    assert remedy(visit) == Remedy.RETRY


def test_a_failure_that_the_app_and_the_next_launch_report_counts_once(sold: Order) -> None:
    first = relaunch(sold, "Other", account=sold.account)
    LpaReport.objects.update(source="app")
    assert remedy(first) == Remedy.RETRY

    assert remedy(relaunch(sold, "Other", account=sold.account)) == Remedy.RETRY

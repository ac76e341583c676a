"""`orders.domain.problems`: the remedy of a failed download (docs/contract.md#lpa-errors)."""

from datetime import timedelta

import pytest
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.models import User
from esim.models import Profile, Sim
from esim.states import ProfileState
from mobileplans.domain.lpa_table import Remedy
from mobileplans.models import LpaReport, Visit
from orders.domain import problems
from orders.domain.problems import problem_of
from orders.models import Order
from orders.states import RepairKind, RepairState
from subscriptions.models import Subscription
from tests.builders import make_card, make_order, make_pool, make_visit
from tests.orders.conftest import new_card, settled


@pytest.fixture
def sold(placed: Order) -> Order:
    """Return Alice's order, complete, its eSIM not downloaded."""
    return settled(placed)


def come_back(
    order: Order, code: str = "CardBusy", *, account: User | None = None, installed: bool = False
) -> Visit:
    """Launch again after a failed download of the order's eSIM."""
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


def downloaded(order: Order) -> None:
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
def test_the_owner_gets_the_codes_own_remedy(sold: Order, code: str, expected: Remedy) -> None:
    assert remedy(come_back(sold, code, account=sold.account)) == expected


@pytest.mark.parametrize("code", ["CardBusy", "CardRemoved", "EidMismatch", "IccidAlreadyExists"])
def test_who_is_not_signed_in_is_asked_to(sold: Order, code: str) -> None:
    found = problem_of(come_back(sold, code))

    assert found is not None
    assert (found.wants_sign_in, found.order) == (True, None)


@pytest.mark.parametrize("code", ["CardBusy", "CardRemoved", "EidMismatch", "IccidAlreadyExists"])
def test_a_stranger_with_the_iccid_gets_nothing(sold: Order, bob: User, code: str) -> None:
    found = problem_of(come_back(sold, code, account=bob))

    assert found is not None
    assert (found.remedy, found.order) == (Remedy.SUPPORT, None)


def test_an_iccid_of_no_order_is_for_support(alice: User) -> None:
    visit = make_visit(account=alice)
    LpaReport.objects.create(visit=visit, code="CardBusy", code_as_sent="x", decides=True)

    assert remedy(visit) == Remedy.SUPPORT


def test_the_same_error_too_often_is_for_support(sold: Order, settings: Settings) -> None:
    seen = [remedy(come_back(sold, account=sold.account)) for _ in range(settings.LPA_ERROR_LIMIT)]

    assert seen == [Remedy.RETRY, Remedy.RETRY, Remedy.SUPPORT]


def test_a_strangers_claims_weigh_nothing(sold: Order, bob: User) -> None:
    for _ in range(5):
        come_back(sold, account=bob)
        come_back(sold)

    assert remedy(come_back(sold, account=sold.account)) == Remedy.RETRY


def test_something_unspecific_is_tried_once(sold: Order) -> None:
    seen = [remedy(come_back(sold, "Other", account=sold.account)) for _ in range(2)]

    assert seen == [Remedy.RETRY, Remedy.SUPPORT]


def test_a_claimed_profile_that_is_on_the_device_is_used(sold: Order) -> None:
    code = "ProfileNotAvailableForNewBinding"

    assert remedy(come_back(sold, code, account=sold.account)) == Remedy.REISSUE
    assert remedy(come_back(sold, code, account=sold.account, installed=True)) == Remedy.ACTIVATE


@pytest.mark.parametrize("code", ["CardBusy", "EidMismatch", "ProfileNotPresent"])
def test_what_was_downloaded_is_never_issued_twice(sold: Order, code: str) -> None:
    downloaded(sold)

    assert remedy(come_back(sold, code, account=sold.account)) == Remedy.SUPPORT
    assert remedy(come_back(sold, code, account=sold.account, installed=True)) == Remedy.ACTIVATE


def test_nor_where_the_smdp_said_so(sold: Order) -> None:
    assert sold.profile is not None
    sold.repairs.create(
        kind=RepairKind.REISSUE,
        state=RepairState.REFUSED,
        because="x",
        asked_by=sold.account,
        old_profile=sold.profile,
        ended_at=now(),
    )

    assert remedy(come_back(sold, "EidMismatch", account=sold.account)) == Remedy.SUPPORT


def test_after_enough_new_ones_it_is_for_support(sold: Order, settings: Settings) -> None:
    settings.REISSUE_LIMIT = 0

    assert remedy(come_back(sold, "EidMismatch", account=sold.account)) == Remedy.SUPPORT


def test_a_misfit_needs_another_profile_type(sold: Order) -> None:
    code = "NoEligibleProfileForThisDevice"
    assert remedy(come_back(sold, code, account=sold.account)) == Remedy.SUPPORT

    sold.plan.other_profile_type = "legacy"
    sold.plan.save()

    assert remedy(come_back(sold, code, account=sold.account)) == Remedy.REISSUE


def test_a_plan_that_has_ended_is_for_support(sold: Order) -> None:
    at = now()
    Subscription.objects.update(starts_at=at - timedelta(days=2), ends_at=at - timedelta(days=1))

    assert remedy(come_back(sold, account=sold.account)) == Remedy.SUPPORT


def test_a_plan_on_a_sim_card_downloads_nothing(alice: User, gateway: str, smdp: str) -> None:
    card = make_card()
    visit = make_visit(account=alice, eid="", iccid=card.iccid)
    order = settled(make_order(alice, visit=visit, method=new_card(alice)))

    assert remedy(come_back(order, account=alice)) == Remedy.SUPPORT
    assert remedy(come_back(order, account=alice, installed=True)) == Remedy.ACTIVATE


def test_the_reference_is_the_orders_number_or_the_launchs_id(sold: Order, bob: User) -> None:
    own = problem_of(come_back(sold, account=sold.account))
    strange = problem_of(come_back(sold, account=bob))

    assert own is not None
    assert strange is not None
    assert (own.reference, strange.reference) == (sold.display_number, "MSFT_1")


def test_a_case_is_opened_once(sold: Order) -> None:
    report = come_back(sold).lpa_reports.get()

    problems.open_case(report)
    first = LpaReport.objects.get().asked_for_help_at
    problems.open_case(report)

    assert first is not None
    assert LpaReport.objects.get().asked_for_help_at == first


def test_an_error_about_one_that_was_replaced_hands_over_its_successor(sold: Order) -> None:
    (spare,) = make_pool(1)
    visit = come_back(sold, "EidMismatch", account=sold.account)
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


def test_one_whose_replacement_failed_is_issued_anew(sold: Order) -> None:
    Profile.objects.update(state=ProfileState.CANCELLED)

    assert remedy(come_back(sold, "CardBusy", account=sold.account)) == Remedy.REISSUE


def test_a_download_takes_its_errors_off_the_queue(sold: Order) -> None:
    come_back(sold)
    assert sold.profile is not None

    problems.resolve(sold.profile)

    assert LpaReport.objects.get().state == "resolved"


def test_so_does_the_download_of_an_esim_that_no_order_has_any_more(sold: Order) -> None:
    come_back(sold)
    profile = sold.profile
    assert profile is not None
    Order.objects.update(profile=None)

    problems.resolve(profile)

    assert LpaReport.objects.get().state == "resolved"


def test_one_failure_told_by_several_launches_counts_once(sold: Order) -> None:
    for _ in range(4):
        visit = come_back(sold, account=sold.account)
        LpaReport.objects.update(at_as_sent="1/2/2026 3:04:05 PM")

    assert remedy(visit) == Remedy.RETRY


def test_one_told_by_the_app_first_and_by_the_launch_again_counts_once(sold: Order) -> None:
    first = come_back(sold, "Other", account=sold.account)
    LpaReport.objects.update(source="app")
    assert remedy(first) == Remedy.RETRY

    assert remedy(come_back(sold, "Other", account=sold.account)) == Remedy.RETRY

"""`esim.domain.ranges`: ranges decide which SIMs are in the programme."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from itertools import count

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from esim.domain import ranges
from esim.domain.ranges import RangesOverlap
from esim.models import IccidRange, Sim
from moportal.identifiers import Iccid
from subscriptions.balances import BalanceType, balances
from tests.constraints import without_constraint
from tests.races import at_once

pytestmark = pytest.mark.django_db

PREFIX = "8944777"


def ends(low: int, high: int) -> tuple[str, str]:
    """Return the ends of a range of serial numbers, from check digit 0 to check digit 9."""
    return f"{PREFIX}{low:011d}0", f"{PREFIX}{high:011d}9"


def make_range(low: int, high: int, *, is_in_programme: bool = False) -> IccidRange:
    first, last = ends(low, high)
    new = IccidRange(first=first, last=last, is_in_programme=is_in_programme)
    ranges.save(new)
    return new


def make_sims(*serials: int) -> list[Sim]:
    return [
        Sim.objects.create(iccid=Iccid.numbered(PREFIX, serial), kind=Sim.Kind.PHYSICAL)
        for serial in serials
    ]


def excluded() -> list[int]:
    """Return the serial numbers of the SIMs that are not in the programme."""
    iccids = Sim.objects.filter(is_in_programme=False).order_by("iccid")
    return [int(sim.iccid[len(PREFIX) : -1]) for sim in iccids]


def answer(sim: Sim) -> BalanceType:
    (balance,) = balances(sim.iccid, location=None, at=datetime.now(UTC))
    return balance.type


def test_a_sim_in_an_excluded_range_is_not_supported() -> None:
    inside, outside = make_sims(5, 50)

    make_range(0, 9)

    assert (answer(inside), answer(outside)) == (BalanceType.NOT_SUPPORTED, BalanceType.NONE)


def test_both_ends_belong_to_the_range() -> None:
    make_sims(9, 10, 11, 19, 20, 21)

    make_range(10, 20)

    assert excluded() == [10, 11, 19, 20]


def test_a_range_has_only_iccids_of_its_own_length() -> None:
    body = PREFIX + "0" * 10 + "5"
    longer = next(f"{body}0{check}" for check in range(10) if _is_valid(f"{body}0{check}"))
    Sim.objects.create(iccid=longer, kind=Sim.Kind.PHYSICAL)

    make_range(0, 9)

    assert len(longer) == 20
    assert not Sim.objects.filter(is_in_programme=False).exists()
    assert ranges.programme_lookup()(longer)


def _is_valid(iccid: str) -> bool:
    try:
        return bool(Iccid.parse(iccid))
    except ValueError:
        return False


def test_a_range_that_is_included_again_includes_its_sims() -> None:
    make_sims(5)
    excluded_range = make_range(0, 9)

    excluded_range.is_in_programme = True
    ranges.save(excluded_range)

    assert excluded() == []


def test_a_moved_range_includes_its_former_sims_again() -> None:
    make_sims(5, 15)
    excluded_range = make_range(0, 9)

    excluded_range.first, excluded_range.last = ends(10, 19)
    ranges.save(excluded_range)

    assert excluded() == [15]


def test_a_removed_range_excludes_no_sim() -> None:
    make_sims(5, 15)
    make_range(10, 19)

    ranges.remove(make_range(0, 9))

    assert excluded() == [15]


def test_a_flag_that_staff_set_is_kept_until_the_range_changes() -> None:
    make_sims(5)
    changed = make_range(0, 9, is_in_programme=True)
    Sim.objects.update(is_in_programme=False)

    changed.note = "only the note changes"
    ranges.save(changed)
    assert excluded() == [5]

    changed.first, changed.last = ends(0, 99)
    ranges.save(changed)
    assert excluded() == []


def test_all_sims_of_a_range_are_updated_by_one_statement() -> None:
    make_sims(*range(20))

    with CaptureQueriesContext(connection) as captured:
        make_range(0, 99)

    updates = [query["sql"] for query in captured if query["sql"].startswith("UPDATE")]
    assert (len(updates), len(excluded())) == (1, 20)


@pytest.mark.parametrize(("low", "high"), [(0, 9), (9, 30), (15, 16), (0, 99), (20, 20)])
def test_overlapping_ranges_are_refused(low: int, high: int) -> None:
    make_range(9, 20)

    with pytest.raises(RangesOverlap):
        make_range(low, high)

    assert IccidRange.objects.count() == 1


def test_adjacent_ranges_do_not_overlap() -> None:
    make_range(0, 9)
    make_range(10, 19)

    middle = IccidRange.objects.first()
    assert middle is not None
    ranges.save(middle)

    assert IccidRange.objects.count() == 2


def test_the_lookup_of_the_import_agrees_with_saved_ranges() -> None:
    sims = make_sims(*range(0, 60, 3))
    make_range(0, 4)
    make_range(10, 19, is_in_programme=True)
    make_range(20, 40)

    is_in_programme = ranges.programme_lookup()

    flags = {sim.iccid: sim.is_in_programme for sim in Sim.objects.all()}
    assert {sim.iccid: is_in_programme(sim.iccid) for sim in sims} == flags
    assert set(flags.values()) == {True, False}


@pytest.mark.django_db(transaction=True)
def test_of_concurrent_overlapping_ranges_one_is_stored() -> None:
    serials = count()

    results = at_once(lambda: make_range(next(serials), 50), 8)

    stored = [result for result in results if isinstance(result, IccidRange)]
    refused = [result for result in results if isinstance(result, RangesOverlap)]
    assert (len(stored), len(refused)) == (1, 7)
    assert IccidRange.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_without_the_constraint_several_overlapping_ranges_are_stored() -> None:
    delete_all = IccidRange.objects.all().delete
    with without_constraint(IccidRange, "iccid_ranges_do_not_overlap", mend=delete_all):
        stored = 0
        for _ in range(20):
            serials = count()
            results = at_once(partial(_next_range, serials), 8)
            stored = max(stored, sum(isinstance(one, IccidRange) for one in results))
            delete_all()
            if stored > 1:
                break

    assert stored > 1


def _next_range(serials: Iterator[int]) -> IccidRange:
    return make_range(next(serials), 50)


def form_fields(low: int, high: int) -> dict[str, str]:
    first, last = ends(low, high)
    return {"first": first, "last": last, "note": ""}


def test_staff_save_and_remove_ranges(client: Client, clara: User) -> None:
    client.force_login(clara)
    make_sims(5)

    client.post("/admin/esim/iccidrange/add/", form_fields(0, 9))
    assert excluded() == [5]

    chosen = [one.pk for one in IccidRange.objects.all()]
    fields = {"action": "delete_selected", "_selected_action": chosen, "post": "yes"}
    client.post("/admin/esim/iccidrange/", fields)
    assert excluded() == []


def test_staff_see_which_range_overlaps(client: Client, clara: User) -> None:
    client.force_login(clara)
    existing = make_range(5, 20)

    page = client.post("/admin/esim/iccidrange/add/", form_fields(0, 9))

    assert f"This range overlaps with {existing}." in page.text


def test_staff_see_that_an_overlapping_range_was_saved_meanwhile(
    client: Client, clara: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.force_login(clara)
    make_range(5, 20)
    # The other range is stored between the form's check and the
    # check when this one is saved.
    checks = iter([IccidRange.objects.none(), IccidRange.objects.all()])
    monkeypatch.setattr("esim.domain.ranges.overlapping", lambda _new: next(checks))

    page = client.post("/admin/esim/iccidrange/add/", form_fields(0, 9), follow=True)

    assert "Someone else just saved a range that overlaps with this one." in page.text
    assert IccidRange.objects.count() == 1


@pytest.mark.parametrize(
    ("first", "last", "message"),
    [
        ("894477700000000000", "8944777000000000009", "as long as the first"),
        ("8944777000000000009", "8944777000000000000", "not be lower"),
        ("894477700000000000X", "8944777000000000009", "18 to 20 digits"),
        ("89447770000", "89447770009", "18 to 20 digits"),
    ],
)
def test_invalid_ends_are_explained(
    client: Client, clara: User, first: str, last: str, message: str
) -> None:
    client.force_login(clara)

    page = client.post("/admin/esim/iccidrange/add/", {"first": first, "last": last, "note": ""})

    assert message in page.text

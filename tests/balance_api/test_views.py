"""Get Balance: the table of docs/contract.md#get-balance, row by row."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils.timezone import now

from accounts.models import User
from esim.models import Sim
from subscriptions.domain import lifecycle as domain
from subscriptions.models import Bucket, Line, OperatorLine, Period, Subscription
from tests.builders import GB, make_card, make_plan

pytestmark = pytest.mark.django_db
TRANSACTION = "X-MS-DM-TransactionId"


@pytest.fixture
def sim(alice: User) -> Sim:
    """Return a SIM that holds 5 GB for 30 days in US and CA."""
    card = make_card()
    give(alice, card, code="traveller")
    return card


def give(account: User, sim: Sim, *, code: str, **of_plan: Any) -> Subscription:
    subscription = domain.prepare(
        account, sim=sim, plan=make_plan(code=code, **of_plan), plan_name=code, reference=code
    )
    domain.start(subscription, at=now())
    return subscription


def get_balance(sim: object, query: str = "", **headers: str) -> Any:
    number = getattr(sim, "iccid", sim)
    return Client().get(f"/v1/sims/{number}/balances{query}", headers=headers)


def types(answer: Any) -> list[str]:
    return [balance["type"] for balance in answer.json()["balances"]]


@pytest.mark.parametrize(
    "query", ["", "?fieldsTemplate=basic", "?fieldsTemplate=", "?fieldTemplate=BASIC"]
)
def test_basic_has_four_fields(sim: Sim, query: str) -> None:
    (balance,) = get_balance(sim, query).json()["balances"]

    assert balance == {
        "id": str(Bucket.objects.get().pk),
        "type": "MODIRECTPAYG",
        "dataRemainingInMB": 5000.0,
        "timeRemaining": balance["timeRemaining"],
    }
    assert balance["timeRemaining"].startswith("P29DT23H59M")


@pytest.mark.parametrize(
    "query", ["?fieldsTemplate=full", "?fieldsTemplate=Full", "?fieldTemplate=full"]
)
def test_full_also_has_the_countries(sim: Sim, query: str) -> None:
    (balance,) = get_balance(sim, query).json()["balances"]

    assert balance["locations"] == ["US", "CA"]


@pytest.mark.parametrize("location", ["US", "us", "CA", ""])
def test_a_balance_is_shown_where_the_plan_is_valid(sim: Sim, location: str) -> None:
    assert types(get_balance(sim, f"?location={location}")) == ["MODIRECTPAYG"]


def test_elsewhere_the_balance_is_none(sim: Sim) -> None:
    (balance,) = get_balance(sim, "?location=UK&fieldsTemplate=full").json()["balances"]

    assert (balance["type"], balance["dataRemainingInMB"]) == ("NONE", 0)
    assert (balance["timeRemaining"], balance["locations"]) == ("PT0S", ["GB"])


def test_an_unlimited_plan_is_modirect_without_data(alice: User) -> None:
    card = make_card()
    give(alice, card, code="unlimited", category="recurring", data_bytes=None)

    (balance,) = get_balance(card).json()["balances"]

    assert (balance["type"], balance["dataRemainingInMB"]) == ("MODIRECT", 0)
    assert balance["timeRemaining"].startswith("P")


def test_what_ends_first_comes_first_and_limit_cuts_after_sorting(alice: User, sim: Sim) -> None:
    give(alice, sim, code="day", data_bytes=GB, validity_days=1)

    both = get_balance(sim).json()["balances"]
    first = get_balance(sim, "?limit=1").json()["balances"]

    assert [balance["dataRemainingInMB"] for balance in both] == [1000.0, 5000.0]
    assert first == both[:1]


@pytest.mark.parametrize(
    ("used", "shown"),
    [(1, 4999.99), (5 * GB - 1, 0.01), (5 * GB - 9_999, 0.01), (5 * GB - 10_001, 0.01)],
)
def test_megabytes_are_rounded_down_but_not_to_zero(sim: Sim, used: int, shown: float) -> None:
    Bucket.objects.update(used_bytes=used)

    assert get_balance(sim).json()["balances"][0]["dataRemainingInMB"] == shown


def test_a_used_up_plan_is_none(sim: Sim) -> None:
    Bucket.objects.update(used_bytes=5 * GB)

    assert types(get_balance(sim)) == ["NONE"]


def test_an_expired_plan_is_none(sim: Sim) -> None:
    past = now() - timedelta(seconds=1)
    Period.objects.update(starts_at=past - timedelta(days=30), ends_at=past, usable_until=past)

    assert types(get_balance(sim)) == ["NONE"]


def test_only_a_microbalance_is_none(sim: Sim) -> None:
    Bucket.objects.update(kind=Bucket.Kind.MICROBALANCE)

    assert types(get_balance(sim)) == ["NONE"]


def test_a_plan_is_none_until_its_order_completes(alice: User) -> None:
    card = make_card()
    domain.prepare(alice, sim=card, plan=make_plan(), plan_name="x", reference="x")

    assert types(get_balance(card)) == ["NONE"]


def test_a_sim_excluded_from_the_programme_is_not_supported(alice: User) -> None:
    (balance,) = get_balance(make_card(is_in_programme=False)).json()["balances"]

    assert balance["type"] == "NOTSUPPORTED"
    assert (balance["dataRemainingInMB"], balance["timeRemaining"]) == (0, "PT0S")


@pytest.mark.parametrize(
    "form", ["{}", "{}F", "{}f", "iccid:{}", "iccid: {}", "ICCID:%20{}", "iccid%3A{}", "IcCiD:{}F"]
)
def test_the_path_accepts_every_form_of_an_iccid(sim: Sim, form: str) -> None:
    assert types(get_balance(form.format(sim.iccid))) == ["MODIRECTPAYG"]


@pytest.mark.parametrize("number", ["8949449999999990023", "123", "x", "iccid:", "8" * 400, "%00"])
def test_an_unknown_iccid_is_404(sim: Sim, number: str) -> None:
    answer = get_balance(number)

    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_trailing_slash_is_not_redirected(sim: Sim) -> None:
    assert Client().get(f"/v1/sims/{sim.iccid}/balances/").status_code == 404


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("?fieldsTemplate=some", "fieldsTemplate"),
        ("?fieldTemplate=some", "fieldTemplate"),
        ("?limit=0", "limit"),
        ("?limit=-1", "limit"),
        ("?limit=2147483648", "limit"),
        ("?limit=1.0", "limit"),
        ("?limit=%D9%A1", "limit"),
        ("?limit=+1", "limit"),
        ("?location=XX", "location"),
        ("?location=USA", "location"),
        ("?location=7", "location"),
    ],
)
def test_a_bad_parameter_is_named(sim: Sim, query: str, parameter: str) -> None:
    answer = get_balance(sim, query)

    assert answer.status_code == 400
    assert answer.json()["parameter"] == parameter
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "query", ["?limit=", "?limit=2147483647", "?limit=1&limit=x", "?other=%00"]
)
def test_valid_and_unknown_parameters_are_accepted(sim: Sim, query: str) -> None:
    assert get_balance(sim, query).status_code == 200


@pytest.mark.parametrize(("query", "status"), [("", 200), ("?limit=x", 400)])
def test_the_transaction_id_is_echoed_on_every_answer(sim: Sim, query: str, status: int) -> None:
    answer = get_balance(sim, query, **{TRANSACTION: '"MSFT-12345678"'})

    assert (answer.status_code, answer.headers[TRANSACTION]) == (status, '"MSFT-12345678"')


def test_the_transaction_id_is_echoed_on_404(sim: Sim) -> None:
    assert get_balance("1", **{TRANSACTION: "T"}).headers[TRANSACTION] == "T"


@pytest.mark.parametrize("value", ["x" * 129, "a\x01b", "a\x80b", "\xfc-1", ""])
def test_a_transaction_id_that_cannot_be_echoed_or_stored_is_400(sim: Sim, value: str) -> None:
    """Granian hands on an id with a byte outside ASCII as empty."""
    answer = get_balance(sim, **{TRANSACTION: value})

    assert (answer.status_code, answer.json()["parameter"]) == (400, TRANSACTION)
    assert answer.headers.get(TRANSACTION) in {None, "x" * 129}


def test_the_transaction_id_is_echoed_at_an_unknown_address(sim: Sim) -> None:
    answer = Client().get("/v1/nothing/", headers={TRANSACTION: "T"})

    assert (answer.status_code, answer.headers[TRANSACTION]) == (404, "T")


def test_only_get_and_head_are_allowed(sim: Sim, settings: Any) -> None:
    settings.API_WITHOUT_CERTIFICATE = False

    refused = Client().post(f"/v1/sims/{sim.iccid}/balances")

    assert (refused.status_code, refused.headers["Allow"]) == (405, "GET, HEAD")


def test_production_requires_a_certificate(sim: Sim, settings: Any) -> None:
    settings.API_WITHOUT_CERTIFICATE = False

    assert get_balance(sim).status_code == 401


@pytest.fixture
def old_line(sim: Sim) -> OperatorLine:
    """Make the SIM's line one of the operator whose balances are too old."""
    at = now() - timedelta(hours=1, seconds=1)
    return OperatorLine.objects.create(line=Line.objects.get(), reference="L-1", balances_at=at)


def test_balances_that_are_too_old_are_503_and_never_none(sim: Sim, old_line: OperatorLine) -> None:
    answer = get_balance(sim)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["title"] == "Service unavailable"


def test_503_leaves_the_transaction_id_free(sim: Sim, old_line: OperatorLine) -> None:
    first = get_balance(sim, **{TRANSACTION: "T1"})
    OperatorLine.objects.update(balances_at=now())
    again = get_balance(sim, **{TRANSACTION: "T1"})
    third = get_balance(sim, **{TRANSACTION: "T1"})

    statuses = [answer.status_code for answer in (first, again, third)]
    assert statuses == [503, 200, 409]

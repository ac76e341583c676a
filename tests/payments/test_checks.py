"""`payments.checks`: a gateway's name that leads nowhere is found before customers find it."""

import pytest
from django.core.checks import CheckMessage
from django.db import DatabaseError
from pytest_django.fixtures import Settings

from accounts.models import User
from payments import checks
from payments.models import PaymentMethod
from tests.builders import make_method
from tests.payments.other_gateway import OTHER, SIMULATOR


def texts(found: list[CheckMessage]) -> list[str]:
    return [one.msg for one in found]


def test_right_names_are_no_problem(alice: User, settings: Settings) -> None:
    make_method(alice)
    settings.PAYMENT_GATEWAY = [SIMULATOR, OTHER]
    settings.PAYMENT_OFFERED = ["other"]
    settings.PAYMENT_OFFERED_BY_MARKET = {"DE": ["simulator", "other"]}

    assert checks.names() == checks.stored_methods() == []


def test_a_name_that_no_gateway_has_is_named_with_its_variable(settings: Settings) -> None:
    settings.PAYMENT_OFFERED = ["simulator", "bill"]
    settings.PAYMENT_OFFERED_BY_MARKET = {"DE": ["cards"]}

    assert texts(checks.names()) == [
        "PAYMENT_OFFERED: PAYMENT_GATEWAY lists no gateway with the name 'bill'.",
        "PAYMENT_OFFERED_DE: PAYMENT_GATEWAY lists no gateway with the name 'cards'.",
    ]


def test_two_gateways_with_one_name_are_a_problem(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.payments.other_gateway.OtherGateway.name", "simulator")
    # The gateways are made once for each list, and no other test uses this one.
    settings.PAYMENT_GATEWAY = [OTHER, SIMULATOR, OTHER]

    assert texts(checks.names()) == ["PAYMENT_GATEWAY lists two gateways with the same name."]


def test_a_gateway_that_stored_methods_still_need_must_be_listed(
    alice: User, settings: Settings
) -> None:
    make_method(alice)
    settings.PAYMENT_GATEWAY = [OTHER]

    (found,) = checks.stored_methods()

    assert "does not list 'simulator'" in found.msg
    assert "PAYMENT_OFFERED" in (found.hint or "")


def test_a_class_that_cannot_be_imported_is_left_to_the_other_check(
    alice: User, settings: Settings
) -> None:
    settings.PAYMENT_GATEWAY = ["payments.gateways.simulator.NoSuchGateway"]

    assert checks.names() == checks.stored_methods() == []


def test_without_tables_nothing_is_stored(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_conditions: object) -> None:
        raise DatabaseError

    monkeypatch.setattr(PaymentMethod.objects, "filter", fail)

    assert checks.stored_methods() == []

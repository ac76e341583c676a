"""Addresses: whoever proves one holds it, and nobody loses more than the address."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from django.db import IntegrityError
from django.http import HttpRequest
from django.test import Client
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from accounts.domain import addresses, codes, recovery, telling
from accounts.domain.proofs import Strength, strength_of
from accounts.models import Address, CodeRequest, User
from accounts.states import Purpose
from messages.models import Message
from messages.states import Occasion
from moportal.retention import purge
from orders.models import Order
from payments.models import PaymentMethod
from tests.accounts.codes import a_request, ask, prove
from tests.accounts.test_sessions import kinds
from tests.builders import make_method, make_order
from tests.conftest import PASSWORD
from tests.races import at_once

ALICES, NUMBER = "alice@example.com", "+12025550142"


def row(account: User, value: str) -> Address:
    return Address.objects.get(account=account, value=value)


def told(account: User) -> list[str]:
    return list(telling.messages_of(account).order_by("pk").values_list("occasion", flat=True))


def addresses_told(occasion: Occasion) -> set[str]:
    return set(Message.objects.filter(occasion=occasion).values_list("address", flat=True))


def test_a_new_customer_has_one_address_that_nobody_has_proven(alice: User) -> None:
    [address] = addresses.addresses_of(alice)

    assert (address.value, address.proven_at) == (ALICES, None)


def test_staff_have_no_address(clara: User) -> None:
    assert not Address.objects.filter(account=clara).exists()


def test_an_account_that_came_without_an_address_row_gets_it(db: None) -> None:
    noor = User.objects.create(username="noor@example.com")
    clerk = User.objects.create(username="clerk")

    assert [one.value for one in addresses.addresses_of(noor)] == ["noor@example.com"]
    assert addresses.addresses_of(clerk) == []


def test_a_proof_is_stored_told_to_all_addresses_and_worth_the_use_of_the_line(alice: User) -> None:
    proven = prove(alice, NUMBER)

    assert proven.proven_at is not None
    assert strength_of(alice, NUMBER) == Strength.USE
    assert addresses_told(Occasion.ADDRESS_ADDED) == {ALICES, NUMBER}
    assert kinds(alice) == ["address_added"]
    assert alice.username == ALICES


def test_a_code_that_was_used_meanwhile_proves_nothing(alice: User) -> None:
    request, asked, _code = ask(alice, NUMBER)
    codes.use(asked)

    with pytest.raises(codes.CodeOver):
        addresses.prove(request, alice, asked)
    assert not Address.objects.filter(proven_at__isnull=False).exists()


def test_who_proves_an_identifier_that_another_account_uses_gets_it_and_not_the_account(
    alice: User, bob: User
) -> None:
    order, method = make_order(alice), make_method(alice, last4="1881")
    code = recovery.renew_code(alice)

    prove(bob, ALICES)

    alice.refresh_from_db()
    assert alice.username.startswith("account-")
    assert row(alice, ALICES).lost_at is not None
    assert row(bob, ALICES).proven_at is not None
    assert Order.objects.get(pk=order.pk).account == alice
    assert PaymentMethod.objects.get(pk=method.pk).account == alice
    assert told(alice)[-1] == "address_lost"
    # Nothing about Alice goes to the address that is Bob's now.
    assert addresses_told(Occasion.ADDRESS_LOST) == set()
    # Alice comes back with what she still has.
    found = recovery.recover(a_request(), ALICES, code=code, password="another long pass phrase")
    assert found == alice


def test_a_lost_address_is_deleted_once_its_owner_has_had_time_to_come_back(
    alice: User, bob: User, settings: Settings
) -> None:
    code = recovery.renew_code(alice)
    prove(bob, ALICES)
    alice.refresh_from_db()
    days = timedelta(days=settings.SUPPORT_DAYS)

    with time_machine.travel(now() + days - timedelta(minutes=1)):
        assert purge("accounts.Address") == 0
    with time_machine.travel(now() + days):
        assert purge("accounts.Address") == 1

    assert list(Address.objects.values_list("account", "value")) == [
        (bob.pk, bob.username),
        (bob.pk, ALICES),
    ]
    new = "another long pass phrase"
    with pytest.raises(recovery.WrongCode):
        recovery.recover(a_request(), ALICES, code=code, password=new)
    assert recovery.recover(a_request(), alice.username, code=code, password=new) == alice


def test_who_has_lost_an_identifier_signs_in_with_another_proven_address(
    alice: User, bob: User
) -> None:
    prove(alice, NUMBER)

    prove(bob, ALICES)

    alice.refresh_from_db()
    assert alice.username == NUMBER
    assert addresses_told(Occasion.ADDRESS_LOST) == {NUMBER}


def test_who_has_lost_the_only_address_signs_in_with_the_next_one_that_is_proven(
    alice: User, bob: User
) -> None:
    prove(bob, ALICES)

    alice.refresh_from_db()
    prove(alice, NUMBER)

    alice.refresh_from_db()
    assert alice.username == NUMBER


def test_an_identifier_without_a_row_is_lost_too(bob: User) -> None:
    noor = User.objects.create(username="noor@example.com")

    prove(bob, "noor@example.com")

    noor.refresh_from_db()
    assert noor.username.startswith("account-")
    assert row(noor, "noor@example.com").lost_at is not None


def test_of_two_accounts_that_prove_a_number_the_later_one_holds_it(alice: User, bob: User) -> None:
    prove(alice, NUMBER)
    prove(bob, NUMBER)

    assert row(alice, NUMBER).lost_at is not None
    assert row(bob, NUMBER).proven_at is not None
    assert strength_of(alice, NUMBER) == Strength.NONE
    assert strength_of(bob, NUMBER) == Strength.USE
    assert told(alice)[-1] == "address_lost"

    prove(alice, NUMBER)
    assert row(alice, NUMBER).lost_at is None
    assert row(bob, NUMBER).lost_at is not None


def test_staff_keep_their_name_when_a_customer_proves_the_same_address(
    alice: User, clara: User
) -> None:
    prove(alice, clara.username)

    clara.refresh_from_db()
    assert clara.username == "clara@example.com"


def race(alice: User, bob: User) -> list[object]:
    """Let two customers prove the same number at the same time, several times."""
    seen: list[object] = []
    for number in range(4):
        asked = [(*ask(account, f"+1202555014{number}"), account) for account in (alice, bob)]

        def prove_one(asked: list[tuple[HttpRequest, CodeRequest, str, User]] = asked) -> Address:
            request, row, _code, account = asked.pop()
            return addresses.prove(request, account, row)

        seen += at_once(prove_one, 2)
    return seen


@pytest.mark.django_db(transaction=True)
def test_of_two_proofs_at_once_one_holds_the_number_and_both_are_answered(
    alice: User, bob: User
) -> None:
    seen = race(alice, bob)

    assert all(isinstance(one, Address) for one in seen), seen
    proven = Address.objects.filter(proven_at__isnull=False)
    assert proven.count() == 4
    assert Address.objects.filter(lost_at__isnull=False).count() == 4
    for address in proven:
        other = bob if address.account == alice else alice
        assert strength_of(address.account, address.value) == Strength.USE
        assert strength_of(other, address.value) == Strength.NONE


def test_a_proof_during_which_another_account_proves_the_number_is_tried_again(
    alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    prove(bob, NUMBER)
    take = addresses.take_from_others

    def see_nothing_yet(_value: str, _account: User) -> None:
        monkeypatch.setattr(addresses, "take_from_others", take)

    monkeypatch.setattr(addresses, "take_from_others", see_nothing_yet)

    prove(alice, NUMBER)

    assert row(alice, NUMBER).proven_at is not None
    assert row(bob, NUMBER).lost_at is not None


@pytest.mark.django_db(transaction=True)
def test_without_a_second_attempt_a_proof_at_the_same_time_is_an_error(
    alice: User, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(addresses, "MOST_ATTEMPTS", 1)

    seen = race(alice, bob)

    assert any(isinstance(one, IntegrityError) for one in seen)


def test_the_customer_chooses_what_to_sign_in_with(alice: User) -> None:
    proven = prove(alice, NUMBER)

    addresses.sign_in_with(a_request(), alice, proven)

    alice.refresh_from_db()
    assert alice.username == NUMBER
    assert [one.value for one in addresses.addresses_of(alice)] == [NUMBER, ALICES]
    assert addresses_told(Occasion.IDENTIFIER_CHANGED) == {ALICES, NUMBER}


def test_nobody_signs_in_with_an_address_that_is_not_proven(alice: User) -> None:
    unproven = Address.objects.create(account=alice, value=NUMBER)

    addresses.sign_in_with(a_request(), alice, unproven)

    alice.refresh_from_db()
    assert alice.username == ALICES
    assert kinds(alice) == []


def test_an_address_that_somebody_has_signed_up_with_since_can_be_chosen(alice: User) -> None:
    proven = prove(alice, "noor@example.com")
    noor = User.objects.create_user("noor@example.com", PASSWORD)

    addresses.sign_in_with(a_request(), alice, proven)

    alice.refresh_from_db()
    noor.refresh_from_db()
    assert alice.username == "noor@example.com"
    assert noor.username.startswith("account-")


def test_a_removed_address_is_told_of_it_too(alice: User) -> None:
    proven = prove(alice, NUMBER)

    addresses.remove(a_request(), alice, proven)

    assert not Address.objects.filter(value=NUMBER).exists()
    assert addresses_told(Occasion.ADDRESS_REMOVED) == {ALICES, NUMBER}
    assert kinds(alice)[-1] == "address_removed"


def test_what_the_customer_signs_in_with_is_never_removed(alice: User) -> None:
    [own] = addresses.addresses_of(alice)

    with pytest.raises(addresses.CannotRemove):
        addresses.remove(a_request(), alice, own)


def test_an_account_has_a_limited_number_of_addresses(alice: User) -> None:
    for number in range(4):
        prove(alice, f"{number}@example.com")

    with pytest.raises(addresses.TooMany):
        addresses.check_room(alice, "5@example.com")
    addresses.check_room(alice, ALICES)


@pytest.mark.parametrize("spoil", [lambda: User.objects.update(is_active=False)])
def test_an_account_without_access_receives_no_code(
    alice: User, spoil: Callable[[], object]
) -> None:
    prove(alice, ALICES)
    spoil()

    asked = codes.request_recovery_code(a_request(), ALICES)

    assert asked.account is None
    assert asked.purpose == Purpose.RECOVER


def test_staff_see_addresses_and_proofs_and_find_the_account_by_any_of_them(
    client: Client, alice: User, bob: User, clara: User
) -> None:
    prove(alice, NUMBER)
    prove(bob, ALICES)
    client.force_login(clara)

    page = client.get(f"/admin/accounts/user/{alice.pk}/change/").text
    assert f"{ALICES}: another account has proven it" in page
    assert f"{NUMBER}: proven 20" in page
    assert f"{NUMBER}: Code to the number" in page
    page = client.get(f"/admin/accounts/user/{bob.pk}/change/").text
    assert f"{bob.username}: not proven" in page
    found = client.get("/admin/accounts/user/", {"q": "1 202 555 0142"}).text
    assert f"/user/{alice.pk}/change/" in found
    assert f"/user/{bob.pk}/change/" not in found

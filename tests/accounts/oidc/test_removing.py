"""A sign-in with the provider is removed from an account, and never the last way in."""

from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from accounts.domain import reentry, safeguards
from accounts.models import Address, OidcIdentity, User
from accounts.oidc import identities
from messages.models import Message
from tests.accounts.oidc.steps import is_signed_in, kinds, sign_in
from tests.accounts.test_sessions import sign_in as sign_in_by_password
from tests.oidc_provider import FakeProvider
from tests.races import at_once

SECURITY = "/account/security/"
LAST = "This is the only way into your account, so it can&#x27;t be removed."


@pytest.fixture
def joined(alice: User, provider: FakeProvider) -> OidcIdentity:
    """Return the provider's identity that Alice's account has beside its password."""
    return add_identity(alice, provider, "alice at the provider", is_joined=True)


def add_identity(
    account: User, provider: FakeProvider, subject: str, **changes: Any
) -> OidcIdentity:
    return OidcIdentity.objects.create(
        account=account, issuer=provider.url, subject=subject, **changes
    )


def page_of(identity: OidcIdentity) -> str:
    return f"{SECURITY}operator/{identity.pk}/remove/"


def remove(client: Client, identity: OidcIdentity) -> str:
    """Remove the identity, and return the page that follows."""
    return client.post(page_of(identity), follow=True).text


def test_the_owner_removes_it_after_a_page_that_asks(
    as_alice: Client, joined: OidcIdentity, settings: Settings
) -> None:
    settings.OIDC_NAME = "Kestrel ID"
    assert "Sign-in with <bdi>Kestrel ID</bdi>" in as_alice.get(SECURITY).text
    assert page_of(joined) in as_alice.get(SECURITY).text
    page = as_alice.get(page_of(joined)).text
    assert "<bdi>Kestrel ID</bdi> won't open this account any more." in page
    assert OidcIdentity.objects.exists()

    page = remove(as_alice, joined)

    assert "Removed: sign-in with Kestrel ID" in page
    assert "Sign-in with your operator removed" in page
    assert page_of(joined) not in page
    assert not OidcIdentity.objects.exists()
    assert is_signed_in(as_alice)


def test_all_addresses_are_told_and_a_move_waits(
    as_alice: Client, alice: User, joined: OidcIdentity
) -> None:
    Address.objects.create(account=alice, value="+442079460018")

    remove(as_alice, joined)

    told = Message.objects.filter(occasion="sign_in_removed").values_list("address", flat=True)
    assert set(told) == {"alice@example.com", "+442079460018"}
    assert kinds(alice)[-1] == "unlinked"
    assert safeguards.has_changed_lately(alice)


def test_the_provider_opens_the_account_no_more_and_what_it_opened_ends(
    alice: User, provider: FakeProvider
) -> None:
    thief = Client()
    sign_in(thief, provider)
    OidcIdentity.objects.update(account=alice)
    alice.sign_ins.model.objects.update(account=alice)
    owner = sign_in_by_password(alice)

    remove(owner, OidcIdentity.objects.get())

    assert not is_signed_in(thief)
    assert is_signed_in(owner)
    provider.claims = {"email": alice.username}
    assert sign_in(Client(), provider)["Location"] == "/oidc/join/"


def test_it_is_asked_who_removes_it(as_alice: Client, joined: OidcIdentity) -> None:
    session = as_alice.session
    session[reentry.SESSION_KEY] = 0
    session.save()

    for answer in (as_alice.get(page_of(joined)), as_alice.post(page_of(joined))):
        assert answer.headers["Location"].startswith("/account/confirm/?next=")
    assert OidcIdentity.objects.exists()


def test_the_last_way_in_stays(provider: FakeProvider) -> None:
    client = Client()
    sign_in(client, provider)
    only = OidcIdentity.objects.get()
    # The operator has changed the provider: this one opens nothing now.
    OidcIdentity.objects.create(account=only.account, issuer="https://old.example", subject="1")

    page = client.get(SECURITY).text
    assert "Sign-in with <bdi>Kestrel Mobile</bdi>" in page
    assert page_of(only) not in page
    assert LAST in remove(client, only)
    assert OidcIdentity.objects.filter(pk=only.pk).exists()
    assert not Message.objects.filter(occasion="sign_in_removed").exists()


def test_of_two_identities_one_goes_and_the_other_is_then_the_last_way_in(
    provider: FakeProvider,
) -> None:
    client = Client()
    sign_in(client, provider)
    first = OidcIdentity.objects.get()
    second = add_identity(first.account, provider, "another")

    assert LAST not in remove(client, first)
    assert LAST in remove(client, second)
    assert is_signed_in(client)


def test_a_password_is_no_way_in_without_an_address_to_type(
    as_alice: Client, alice: User, joined: OidcIdentity
) -> None:
    User.objects.filter(pk=alice.pk).update(username="account-1a2b3c")

    assert LAST in remove(as_alice, joined)


def test_a_provider_that_is_not_in_use_any_more_is_named_by_its_host(
    as_alice: Client, alice: User
) -> None:
    OidcIdentity.objects.create(account=alice, issuer="https://old.example/id", subject="1")

    page = as_alice.get(SECURITY).text
    assert "Sign-in with <bdi>old.example</bdi>" in page


def test_another_customers_identity_is_not_found(joined: OidcIdentity, bob: User) -> None:
    client = sign_in_by_password(bob)

    assert client.get(page_of(joined)).status_code == 404
    assert client.post(page_of(joined)).status_code == 404
    assert OidcIdentity.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_last_identities_that_are_removed_at_once_one_stays(
    alice: User, provider: FakeProvider
) -> None:
    alice.set_unusable_password()
    alice.save()
    waiting = [add_identity(alice, provider, str(number)) for number in range(2)]
    clients = [Client(), Client()]
    for client in clients:
        client.force_login(alice)
    pairs = iter(zip(clients, waiting, strict=True))

    at_once(lambda: remove(*next(pairs)), 2)

    [left] = OidcIdentity.objects.all()
    assert identities.is_last_way_in(left)

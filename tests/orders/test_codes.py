"""An order without a usable code is never charged. A corrected host reaches sold orders."""

import pytest
from django.db import IntegrityError
from django.test import Client

from accounts.models import User
from esim.es2plus.functions import Confirmed, ConfirmOrder
from esim.models import Profile, SmdpProvider
from orders.domain import outcomes
from orders.models import Order
from orders.states import Failure, OrderState
from tests.orders.conftest import settled
from tests.providers import statuses

BAD_HOSTS = (
    "https://smdp.kestrel.example/",
    "smdp.kestrel.example/",
    "smdp.kestrel.example:443",
    " smdp.kestrel.example",
    "smdp..example",
    "-smdp.example",
    "smdp_1.example",
    "smdp.example\n",
    "",
)


@pytest.fixture
def names_no_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the SM-DP+ leave out `smdpAddress`, which is optional."""
    monkeypatch.setattr(
        ConfirmOrder, "parse_result", lambda self, _body: Confirmed(self.matching_id, "")
    )


@pytest.mark.parametrize("host", BAD_HOSTS)
def test_a_bad_host_is_not_stored(placed: Order, host: str) -> None:
    with pytest.raises(IntegrityError, match="smdp_host_is_a_host_name"):
        SmdpProvider.objects.update(smdp_host=host)


def test_staff_read_what_is_wrong_with_a_host(client: Client, clara: User, placed: Order) -> None:
    client.force_login(clara)
    provider = SmdpProvider.objects.get()

    page = client.post(
        f"/admin/esim/smdpprovider/{provider.pk}/change/",
        {"code": provider.code, "smdp_host": "https://smdp.kestrel.example/"},
    )

    assert "Give a host name alone" in page.text


def test_an_esim_that_cannot_be_handed_over_is_never_charged(
    placed: Order, gateway: str, names_no_host: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = property(lambda _provider: "https://smdp.kestrel.example/", lambda _provider, _host: None)
    monkeypatch.setattr(SmdpProvider, "smdp_host", bad)

    order = settled(placed)

    assert (order.state, order.failure) == (OrderState.FAILED, Failure.PROFILE_REFUSED)
    assert order.charge_decided_at is None
    assert statuses(gateway) == ["voided"]


def test_a_corrected_host_reaches_an_esim_that_is_not_downloaded(
    placed: Order, names_no_host: None
) -> None:
    order = settled(placed)
    SmdpProvider.objects.update(smdp_host="corrected.example")

    code = outcomes.of_order(Order.objects.get(pk=order.pk), order.visit).activation_code

    assert code is not None
    assert code.startswith("1$corrected.example$")


def test_the_host_that_the_smdp_names_comes_first(placed: Order) -> None:
    settled(placed)
    SmdpProvider.objects.update(smdp_host="corrected.example")

    profile = Profile.objects.get()

    assert profile.activation_code.smdp_host == profile.smdp_host != "corrected.example"

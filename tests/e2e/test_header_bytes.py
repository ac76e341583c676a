"""Headers with a byte outside ASCII, in the running product: none is read as empty."""

import httpx

from tests.e2e.conftest import ShopperAt
from tests.stack import Stack, on_postgresql

SIM = "/v1/sims/8944110000000000008/balances"
ODD = "größe".encode()


@on_postgresql
def test_a_cookie_of_another_application_signs_nobody_out(
    stack: Stack, shopper_at: ShopperAt
) -> None:
    alice = shopper_at(stack.base_url)
    alice.launch()
    alice.sign_up()
    own = "; ".join(f"{name}={text}" for name, text in alice.client.cookies.items())

    answer = httpx.get(
        f"{stack.base_url}/account/",
        headers=[(b"Cookie", own.encode() + b"; promo=" + ODD)],
        trust_env=False,
    )

    assert answer.status_code == 200


@on_postgresql
def test_an_odd_byte_in_a_list_of_lpa_errors_loses_one_error(stack: Stack) -> None:
    codes = b"\xff, EidMismatch"

    answer = httpx.get(
        f"{stack.base_url}/", headers=[(b"X-MP-LPAError-Codes", codes)], trust_env=False
    )

    assert answer.headers["Location"] == "/esim-problem/"


@on_postgresql
def test_a_transaction_id_with_an_odd_byte_is_refused_by_name(stack: Stack) -> None:
    sent = [(b"X-MS-DM-TransactionId", "ü-1".encode())]

    answer = httpx.get(f"{stack.base_url}{SIM}", headers=sent, trust_env=False)

    assert answer.status_code == 400
    assert answer.json()["parameter"] == "X-MS-DM-TransactionId"
    assert "X-MS-DM-TransactionId" not in answer.headers

"""Random launches that no app would send. Each leads to a page, and no input is reflected.

They have odd parameters and odd headers, and use a limited number of connections.
"""

import random
import string
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import httpx
import pytest

from tests.speeds import IS_SWEEP, long
from tests.stack import Stack, on_postgresql

CONNECTIONS, SEED = 8, 20_261_121
# The share of launches whose page is checked too.
FOLLOWED = 0.3
MARK = "zq<img src=x>zq"
NAMES = ["eid", "iccid", "iccids", "imei", "location", "market", "transactionId", "x", ""]
VALUES = [
    "89049032123451234512345678901235",
    "8944110000000000008",
    "490154203237518",
    "US",
    "uk",
    MARK,
    f'"{MARK}"',
    "\r\nSet-Cookie: a=b",
    "\u2028\U0001f680",
    "{{ 7*7 }}",
    "' OR 1=1 --",
    "9" * 400,
    "",
]
# Percent-encoded by the sender, correctly or not.
ENCODED = ["%00", "%2500", "%25%30%30", "%FF%FE", "%0d%0aSet-Cookie:%20a=b", "%", "%zz"]
CODES = ["EidMismatch", "CardBusy", "18", "Success", "", MARK, "," * 300, "x" * 5000, "\xff\xfe"]
LANGUAGES = ["en", "ar;q=0.9", "de-CH", "*", "x" * 300, ",,;q=", "zh-Hant-TW;q=banana"]


def random_launch(rng: random.Random) -> tuple[str, dict[str, str]]:
    """Return a random address and random headers."""
    pairs = [(rng.choice(NAMES), random_value(rng)) for _ in range(rng.randrange(9))]
    query = "&".join(f"{name}={text}" for name, text in pairs)
    headers = {"Accept-Language": rng.choice(LANGUAGES)}
    if rng.random() < 0.3:
        headers["X-MP-LPAError-Codes"] = rng.choice(CODES)
        headers["X-MP-LPAError-TimeStamps"] = rng.choice(["1/2/2026 3:04:05 PM", MARK, "9" * 99])
        headers["X-MP-LPAError-ICCIDs"] = rng.choice(["8944110000000000008", MARK, ",,"])
    return f"/?{query}", headers


def random_value(rng: random.Random) -> str:
    """Return a random value for an address, percent-encoded or as raw as a client can send it."""
    if rng.random() < 0.2:
        return rng.choice(ENCODED)
    text = rng.choice(VALUES)
    if rng.random() < 0.3:
        text = "".join(rng.choices(string.printable, k=rng.randrange(80)))
    return quote(text, safe=rng.choice(["", "/+:{}'"]))


def walk(base_url: str, seed: int, launches: int) -> list[str]:
    """Launch this many times and open some of the pages that follow. Return what was wrong."""
    rng = random.Random(seed)  # noqa: S311 -- a seed makes a failure repeatable
    wrong: list[str] = []
    with httpx.Client(base_url=base_url, trust_env=False, timeout=30) as client:
        for _ in range(launches):
            client.cookies.clear()
            address, headers = random_launch(rng)
            raw = [(name.encode(), text.encode("latin-1")) for name, text in headers.items()]
            answer = client.get(address, headers=raw)
            if answer.status_code != 303 or "?" in answer.headers["location"]:
                wrong.append(f"{answer.status_code} for {address!r} with {headers!r}")
                continue
            if rng.random() > FOLLOWED:
                continue
            page = client.get(answer.headers["location"])
            if page.status_code >= 500 or "<img src=x" in page.text or "Set-Cookie: a" in page.text:
                wrong.append(f"{page.status_code} at {page.url} after {address!r}")
    return wrong


@on_postgresql
@pytest.mark.timeout(600)
@pytest.mark.parametrize("launches", [1000, long(10_000 if IS_SWEEP else 4000)])
def test_no_launch_is_a_server_error_and_none_is_reflected(stack: Stack, launches: int) -> None:
    share = launches // CONNECTIONS
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        walks = [
            threads.submit(walk, stack.base_url, SEED + number, share)
            for number in range(CONNECTIONS)
        ]

    assert [wrong for one in walks for wrong in one.result()] == []


ODD_HEADERS = [
    {"X-MP-LPAError-Codes": "x" * 100_000},
    {"X-MP-LPAError-Codes": "CardBusy," * 10_000},
    {"X-MP-LPAError-ICCIDs": "9" * 60_000},
]


@pytest.mark.parametrize("headers", ODD_HEADERS, ids=["junk", "codes", "digits"])
@on_postgresql
def test_a_header_of_many_kilobytes_is_cut(stack: Stack, headers: dict[str, str]) -> None:
    answer = httpx.get(f"{stack.base_url}/", headers=headers, trust_env=False)

    assert answer.status_code == 303


@on_postgresql
def test_a_header_of_a_megabyte_is_refused(stack: Stack) -> None:
    headers = {"X-MP-LPAError-Codes": "CardBusy," * 120_000}
    try:
        status = httpx.get(f"{stack.base_url}/", headers=headers, trust_env=False).status_code
    except httpx.TransportError:
        # The server may close the connection instead. It must
        # still serve the next request.
        status = 431
    assert status == 431
    assert httpx.get(f"{stack.base_url}/", trust_env=False).status_code == 303


@on_postgresql
def test_repeated_headers_are_joined_into_one_list(stack: Stack) -> None:
    name = "X-MP-LPAError-Codes"
    with httpx.Client(base_url=stack.base_url, trust_env=False) as client:
        answer = client.get("/", headers=[(name, "Success"), (name, "CardBusy")])

    assert answer.headers["location"] == "/esim-problem/"

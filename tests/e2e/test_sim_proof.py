"""Two customers and one SIM card: the one who proves that it is theirs gets it.

Walked in Chromium, 800 by 600, with and without script.
"""

import os
from itertools import count
from pathlib import Path

import pytest
from playwright.sync_api import expect

from moportal.identifiers import Iccid
from tests.browser import PageAt
from tests.e2e.customer import PATIENCE, Customer
from tests.speeds import sampled
from tests.stack import Stack, on_postgresql

# Set this to a folder to look at the pages.
SCREENS = os.environ.get("SIM_PROOF_SCREENS", "")
_serial = count(770_000)


def new_card(stack: Stack) -> str:
    """Put a SIM card with the PUK 73920415 into the stock, and return its ICCID."""
    iccid = Iccid.numbered("8944110", next(_serial))
    columns = f"iccid='{iccid}', kind='physical', puk_ending='0415'"
    stack.manage(f"from esim.models import Sim; Sim.objects.create({columns})")
    return iccid


def look(customer: Customer, name: str) -> None:
    if SCREENS:
        customer.page.screenshot(path=Path(SCREENS) / f"{name}.png")


def arrive(customer: Customer, iccid: str) -> None:
    customer.launch(eid="", imei="", iccid=iccid)
    customer.sign_up()


def buy(customer: Customer) -> None:
    customer.choose()
    customer.choose_plan()
    customer.pay_with()
    customer.submit()
    customer.sees("You're all set")


def answer(customer: Customer, digits: str) -> None:
    customer.view.locator("#id_proof").fill(digits)
    customer.press("Next")


@on_postgresql
@pytest.mark.parametrize(
    ("language", "script"),
    sampled([("en", False), ("ar", True)], in_short=[("en", False)]),
    ids=["without script", "Arabic"],
)
def test_the_customer_who_proves_the_sim_gets_it(
    stack: Stack, page_at: PageAt, language: str, *, script: bool
) -> None:
    iccid, name = new_card(stack), f"{language}-{'script' if script else 'plain'}"
    stranger = Customer(page_at(locale=language, script=script), stack.base_url, language=language)
    owner = Customer(page_at(locale=language, script=script), stack.base_url, language=language)
    arrive(stranger, iccid)
    buy(stranger)
    stranger.page.goto(f"{stack.base_url}/account/")
    unconfirmed = stranger.view.locator(".notice").filter(
        has=stranger.view.locator("[href='/sim/']")
    )
    expect(unconfirmed).to_have_count(1, timeout=PATIENCE)
    look(stranger, f"{name}-1-unconfirmed")

    arrive(owner, iccid)
    owner.sees("Is this SIM yours?")
    look(owner, f"{name}-2-asked")
    answer(owner, "0000")
    expect(owner.view.locator("#errors")).to_be_visible()
    expect(owner.view.locator("#id_proof")).to_have_value("")
    look(owner, f"{name}-3-wrong")
    answer(owner, "73920415")
    owner.sees("How would you like to get online?")
    look(owner, f"{name}-4-confirmed")
    buy(owner)

    stranger.page.goto(f"{stack.base_url}/account/")
    expect(stranger.view.locator(".notice-warning")).to_be_visible()
    look(stranger, f"{name}-5-told")
    stranger.page.goto(f"{stack.base_url}/sim/")
    stranger.sees("This SIM belongs to another account")


@on_postgresql
def test_after_five_wrong_answers_only_support_can_help(stack: Stack, page_at: PageAt) -> None:
    iccid = new_card(stack)
    stranger = Customer(page_at(script=False), stack.base_url)
    owner = Customer(page_at(script=False), stack.base_url)
    arrive(stranger, iccid)
    buy(stranger)
    arrive(owner, iccid)
    for number in range(5):
        answer(owner, f"000{number}")

    expect(owner.view.locator("#id_proof")).to_have_count(0)
    expect(owner.view.locator("#support-title")).to_be_visible()
    look(owner, "en-6-locked")

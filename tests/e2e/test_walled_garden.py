"""A top-up at zero balance, in Chromium behind the walled garden, with the bank on another host.

The browser reaches the world through a process that asks the network simulator whether the SIM
has a way out. The listed hosts are those of the portal and of `manage.py payment_hosts`.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from demo.parts import LOOPBACK, Part
from demo.supervisor import Supervisor
from tests.e2e.customer import PATIENCE, Customer
from tests.e2e.outside import payments
from tests.e2e.shopper import order_number
from tests.e2e.test_bank_step import STEP_CARD
from tests.providers import break_it, mend
from tests.services import free_port
from tests.speeds import sampled
from tests.stack import Stack, on_postgresql

pytestmark = on_postgresql
PASSWORD = "a long enough pass phrase"
# A customer whose plan on this SIM card is used up.
MAKE_CUSTOMER = """
from django.core.management import call_command
from django.utils.timezone import now
from accounts.models import User
from plans.models import Plan
from subscriptions.domain import lifecycle
from subscriptions.models import Bucket, WayOut
from esim.models import Sim
from moportal.identifiers import Iccid
number = Sim.objects.count() + 500_000
sim = Sim.objects.create(iccid=Iccid.numbered("894499", number), kind="physical", state="in_use")
name = f"zero{{number}}@example.com"
user = User.objects.create_user(name, {password!r}, name="Noor")
plan = Plan.objects.get(code="us-traveller")
sold = lifecycle.prepare(user, sim=sim, plan=plan, plan_name="Old", reference=f"old{{number}}")
lifecycle.start(sold, at=now())
for bucket in Bucket.objects.filter(period__subscription=sold):
    bucket.used_bytes = bucket.total_bytes
    bucket.save()
last = max([0, *WayOut.objects.values_list("pk", flat=True)])
print(name, sim.iccid, last)
call_command("payment_hosts")
"""


@dataclass
class Device:
    """A device whose SIM has no balance left, with its customer's browser in the garden."""

    stack: Stack
    noor: Customer
    iccid: str
    # The number of the last way out that the portal has asked for.
    last_way: int

    @property
    def page(self) -> Page:
        return self.noor.page

    def type_of_balance(self) -> str:
        """Return what Get Balance answers."""
        address = f"{self.stack.base_url}/v1/sims/{self.iccid}/balances"
        (entry,) = httpx.get(address, trust_env=False).raise_for_status().json()["balances"]
        return str(entry["type"])

    def state_of_way(self) -> str:
        address = f"{self.stack.network_url}/ways/{self.iccid}"
        state: str = httpx.get(address, trust_env=False).json()["state"]
        return state

    def refuse_ways(self, times: int) -> None:
        """Let the network refuse the next ways, because it has closed their numbers already."""
        address = f"{self.stack.network_url}/ways/{self.iccid}/{self.last_way + times}"
        httpx.delete(address, trust_env=False).raise_for_status()

    def top_up(self) -> str:
        """Walk from the launch to the bank's step. Return the order's number."""
        self.noor.launch(eid="", imei="", iccid=self.iccid)
        self.noor.sign_in(self.noor.identifier, PASSWORD)
        self.noor.choose()
        self.noor.choose_plan()
        self.noor.pay_with(STEP_CARD)
        self.noor.submit()
        self.page.wait_for_url("**/orders/*/")
        return order_number(self.page.evaluate("location.pathname"))

    def reaches(self, address: str) -> bool:
        """Say whether a new tab of the device shows this address."""
        tab = self.page.context.new_page()
        answer = tab.goto(address)
        tab.close()
        return answer is not None and answer.status != httpx.codes.NETWORK_AUTHENTICATION_REQUIRED


@contextmanager
def device_in_garden(stack: Stack, browser: Browser, *, script: bool) -> Iterator[Device]:
    """Open a browser whose requests all go through the walled garden of one SIM."""
    made = stack.manage(MAKE_CUSTOMER.format(password=PASSWORD))
    identifier, iccid, last_way, *printed = made.split()
    # The portal's own host, and what the command for the garden's list prints.
    listed = {LOOPBACK, *printed}
    assert "localhost" not in listed, "the bank must be on a host that is not listed"
    port = free_port()
    command = [sys.executable, "-m", "simulators.network.garden", "--port", str(port)]
    command += ["--network", stack.network_url, "--iccid", iccid]
    command += [option for host in sorted(listed) for option in ("--listed", host)]
    supervisor = Supervisor(environment=stack.environment, say=lambda _name, _line: None)
    supervisor.start([Part("garden", tuple(command))])
    context = browser.new_context(
        viewport={"width": 360, "height": 640},
        java_script_enabled=script,
        proxy={"server": f"http://{LOOPBACK}:{port}"},
    )
    try:
        wait_until_open(port)
        noor = Customer(context.new_page(), stack.base_url, host=script)
        noor.identifier = identifier
        yield Device(stack, noor, iccid, int(last_way))
    finally:
        context.close()
        supervisor.stop()


def wait_until_open(port: int) -> None:
    for _attempt in range(200):
        try:
            httpx.get(f"http://{LOOPBACK}:{port}", trust_env=False)
        except httpx.ConnectError:
            continue
        else:
            return


@pytest.fixture
def network(stack: Stack) -> Iterator[str]:
    """Return the network's address, and remove all its faults afterwards."""
    yield stack.network_url
    mend(stack.network_url)


@pytest.mark.parametrize("script", sampled([True, False], in_short=[True]))
def test_a_top_up_at_zero_balance_needs_a_way_out_to_the_bank(
    stack: Stack,
    browser: Browser,
    script: bool,  # noqa: FBT001 -- a parameter of the test
) -> None:
    # A network that refuses, once: the bank is out of reach, and the page says so.
    with device_in_garden(stack, browser, script=script) as device:
        device.refuse_ways(1)
        number = device.top_up()
        device.noor.sees("Your bank can't be reached from here")
        expect(device.page.locator("#main")).to_contain_text("$")
        over_wifi = device.page.get_by_role("link", name="Go to your bank")
        bank = over_wifi.get_attribute("href") or ""
        assert not device.reaches(bank)

        # With a way out the bank is reached, although Get Balance says that nothing is left.
        device.noor.press("Try again")
        to_bank = device.page.get_by_role("link", name="Go to your bank")
        device.noor.sees("Your bank wants you to confirm")
        expect(to_bank).to_be_visible(timeout=PATIENCE)
        assert device.type_of_balance() == "NONE"
        to_bank.click()
        device.page.get_by_role("button", name="Yes, it is mine").click()
        device.noor.sees("You're all set")

        # At the return the way is closed, and the plan that was bought is there.
        wait_until_closed(device)
        assert not device.reaches(bank)
        assert device.type_of_balance() == "MODIRECTPAYG"
        assert [payment["status"] for payment in payments(stack, number)] == ["captured"]


def wait_until_closed(device: Device) -> None:
    for _attempt in range(100):
        if device.state_of_way() == "closed":
            return
        device.page.wait_for_timeout(100)
    pytest.fail("the way out is still open")


@pytest.mark.long
def test_another_device_pays_while_the_first_one_stays_in_the_garden(
    stack: Stack, browser: Browser
) -> None:
    elsewhere = browser.new_context()
    with device_in_garden(stack, browser, script=True) as device:
        device.refuse_ways(9)
        device.top_up()
        device.noor.sees("Your bank can't be reached from here")
        device.noor.press("Pay from another device")
        code = device.page.locator(".paying-code").inner_text()

        other = elsewhere.new_page()
        other.goto(f"{stack.base_url}/pay/{code}/")
        other.get_by_role("button", name="Next").click()
        expect(other.locator("#main")).to_contain_text("$")
        other.get_by_role("link", name="Go to the bank").click()
        other.get_by_role("button", name="Yes, it is mine").click()

        # The first device's page goes on by itself.
        device.noor.sees("You're all set")
        expect(other.get_by_role("heading", level=1)).to_have_text("The payment is confirmed")
    elsewhere.close()


@pytest.mark.long
def test_a_way_out_that_the_network_answers_too_late_is_closed(
    stack: Stack, browser: Browser, network: str
) -> None:
    break_it(network, "open_way", "drop_after", times=99)
    with device_in_garden(stack, browser, script=False) as device:
        device.top_up()
        device.noor.sees("Your bank can't be reached from here")
        wait_until_closed(device)

        device.page.get_by_role("button", name="Pay from another device")
        device.noor.press("Choose how to pay")
        device.noor.sees("How would you like to pay?")

"""Every outcome of docs/contract.md#outcomes, given to every host in Chromium.

The outcomes are written to the running copy's database, each with a cookie that opens its
handoff page. The calls that the stub host records are compared with the contract.
"""

import json
from dataclasses import dataclass
from itertools import cycle, islice, product
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.hosts import DATA_MART, HOSTS, NEWEST, RECORDER, USER_ACCOUNTS, WEB_SHEET
from tests.e2e.payload import parse_payload, purchase_result
from tests.speeds import sampled
from tests.stack import Stack, on_postgresql

pytestmark = on_postgresql
ICCID = "8949449999999990023"
CODE = "1$smdp.example$AAAAA-BBBBB-CCCCC-DDDDD"
PLAN = 'Day "1" </script> \u2028 \U0001f680'
TRANSACTION = "MSFT_1/x+y."


@dataclass(frozen=True)
class Row:
    """One row of the outcome table."""

    name: str
    words: tuple[str, str, str, str]
    result: str = "nothing"

    @property
    def handoff(self) -> dict[str, object]:
        account, instrument, line, status = self.words
        is_success = self.result != "nothing"
        return {
            "user_account": account,
            "purchase_instrument": instrument,
            "line": line,
            "mo_direct_status": status,
            "success": is_success,
            "iccid": ICCID if is_success else "",
            "activation_code": CODE if self.result == "download" else "",
            "on_esim": self.result in {"download", "profile"},
            "plan_name": PLAN if is_success else "",
        }


ROWS = [
    Row("bought, new profile", ("New", "New", "New", "Complete"), "download"),
    Row("bought, Existing", ("Existing", "Existing", "New", "Complete"), "download"),
    Row("first plan on a card", ("New", "New", "New", "Complete"), "card"),
    Row("first plan on a profile", ("Existing", "New", "New", "Complete"), "profile"),
    Row("top-up of a card", ("Existing", "Existing", "Existing", "Complete"), "card"),
    Row("top-up of a profile", ("Existing", "New", "Existing", "Complete"), "profile"),
    Row("attached, new profile", ("Existing", "None", "Existing", "Complete"), "download"),
    Row("attached, there", ("Existing", "New", "Existing", "Complete"), "profile"),
    Row("RETRY, REISSUE", ("Existing", "None", "New", "Complete"), "download"),
    Row("ACTIVATE", ("Existing", "None", "Existing", "Complete"), "profile"),
    Row("only the account visited", ("Existing", "None", "None", "None")),
    Row("left at sign-in", ("Bailed", "None", "None", "None")),
    Row("left at options", ("New", "None", "Bailed", "None")),
    Row("left at payment", ("Existing", "Bailed", "None", "None")),
    Row("left at review", ("New", "New", "Bailed", "None")),
    Row("launch refused: SIM", ("None", "None", "None", "InvalidSIM")),
    Row("launch refused: arguments", ("None", "None", "None", "ClientError")),
    Row("sign-in failed for good", ("None", "None", "None", "LogOnFailed")),
    Row("payment refused", ("New", "New", "None", "PurchaseFailed")),
    Row("payment refused, as billing", ("New", "New", "None", "BillingError")),
    Row("an MO system failed", ("Existing", "Existing", "None", "ServiceError")),
]
SUCCESS, LEFT = ROWS[0], ROWS[12]
NAMED = {row.name: row for row in ROWS}
RESULTS = ("download", "card", "profile", "nothing")


def sample() -> list[tuple[str, str]]:
    """Return a sample that contains each row, and each result with each host."""
    cases = []
    for result in RESULTS:
        rows = [row.name for row in ROWS if row.result == result]
        length = max(len(rows), len(HOSTS))
        cases += list(zip(islice(cycle(rows), length), cycle(HOSTS), strict=False))
    return cases


CREATE_HANDOFFS = """
import json
from datetime import timedelta
from django.utils.timezone import now
from mobileplans.domain.handoffs import _hash
from mobileplans.models import Handoff, Visit
rows, transaction, eid_from = json.loads({rows!r})
for number, row in enumerate(rows):
    visit = Visit.objects.create(transaction_id=transaction, location="US", market="US",
        eid="8" * 32 if eid_from else "", eid_from=eid_from)
    Handoff.objects.create(visit=visit, token_hash=_hash("{prefix}-%d" % number), language="en",
        expires_at=now() + timedelta(minutes=30), **row)
"""


@pytest.fixture(scope="module")
def prepared(postgresql_stack: Stack) -> Stack:
    """Write every row to the copy's database, once. Its cookie is `row-<number>`."""
    create_handoffs(postgresql_stack, "row", ROWS, eid_from="launch")
    create_handoffs(postgresql_stack, "web", [SUCCESS, ROWS[2], LEFT], eid_from="")
    return postgresql_stack


def create_handoffs(stack: Stack, prefix: str, rows: list[Row], *, eid_from: str) -> None:
    values = json.dumps([[row.handoff for row in rows], TRANSACTION, eid_from])
    stack.manage(CREATE_HANDOFFS.format(rows=values, prefix=prefix))


def open_handoff(browser: Browser, stack: Stack, cookie: str, script: str) -> Page:
    """Open a handoff page in its own browser session, with a host's script."""
    context: BrowserContext = browser.new_context()
    context.add_cookies([{"name": "handoff", "value": cookie, "url": stack.base_url}])
    page = context.new_page()
    page.add_init_script(script)
    page.goto(f"{stack.base_url}/handoff/")
    return page


def expected_calls(row: Row, host: str) -> list[Any]:
    """Return the calls that the contract requires for this outcome and host."""
    if host == "open web":
        return []
    if host == "web sheet":
        names = {"download": "profileReadyWithActivationCode", "nothing": "dismissFlow"}
        arguments = [CODE] if row.result == "download" else []
        return [[f"ODSAServiceFlow.{names.get(row.result, 'finishFlow')}", arguments]]
    account, instrument, line, status = row.words
    meta = {
        "userAccount": USER_ACCOUNTS[account],
        "purchaseInstrument": instrument,
        "line": line,
        "lineType": line,
        "moDirectStatus": status,
        "modirectStatus": status,
        "planName": PLAN if row.result != "nothing" else "",
    }
    inline = "MobilePlansInlineOperations"
    return {
        "download": [[f"{inline}.notifyProfileDownload", [meta, CODE]]],
        "profile": [[f"{inline}.notifyBalanceAddition", [meta, ICCID]]],
        "card": [[f"{inline}.notifyBalanceAddition", [meta]]],
        "nothing": [["MobilePlans.notifyCancelledPurchase", [meta]]],
    }[row.result]


def check_documented(row: Row, calls: list[Any]) -> None:
    """Compare with Microsoft's documented form, one string, which must never break."""
    ((name, (text,)),) = calls
    assert name == "DataMart.notifyPurchaseResult"
    payload = parse_payload(text)
    is_success = row.result != "nothing"
    code = {"activationCode": CODE if row.result == "download" else ""}
    assert payload == {
        "ver": "1",
        "success": is_success,
        "transactionId": TRANSACTION,
        "iccid": ICCID if is_success else "",
        "purchaseResult": purchase_result(*row.words, PLAN if is_success else ""),
        **(code if row.result in {"download", "nothing"} else {}),
    }


@pytest.mark.parametrize(("name", "host"), sampled(product(NAMED, HOSTS), in_short=sample()))
def test_each_host_is_called_as_the_contract_says(
    stack: Stack, prepared: Stack, browser: Browser, name: str, host: str
) -> None:
    row = NAMED[name]
    page = open_handoff(browser, prepared, f"row-{ROWS.index(row)}", HOSTS[host])

    calls = page.evaluate("window.calls")

    if host == "documented":
        check_documented(row, calls)
    else:
        assert calls == expected_calls(row, host)
    if row.result != "nothing":
        by_hand = page.locator("#by-hand")
        expect(by_hand).to_be_visible() if host == "open web" else expect(by_hand).to_be_hidden()
    page.context.close()


# Objects that take no further properties, as the app's own may be.
SEALED = """
window.MobilePlans.createPurchaseMetaData = function () {
    return Object.seal({
        userAccount: "", purchaseInstrument: "", line: "", moDirectStatus: "", planName: ""
    });
};
Object.seal(window.MobilePlansInlineOperations);
Object.seal(window.MobilePlansInlineProfileDownload);
"""
BROKEN = {
    "no function": "window.DataMart = {};",
    "no object": "window.DataMart = null;",
    "a function that throws": "window.DataMart = {notifyPurchaseResult: function () { throw 1; }};",
    "the newest one throws": NEWEST
    + "window.MobilePlansInlineOperations.notifyProfileDownload = function () { throw 1; };",
    "the sheet throws": WEB_SHEET
    + "window.ODSAServiceFlow.profileReadyWithActivationCode = function () { throw 1; };",
}


@pytest.mark.parametrize("script", BROKEN.values(), ids=BROKEN)
def test_with_a_broken_host_the_customer_sees_the_code(
    stack: Stack, prepared: Stack, browser: Browser, script: str
) -> None:
    page = open_handoff(browser, prepared, "row-0", RECORDER + script)

    expect(page.locator("#by-hand")).to_be_visible()
    assert page.locator("#activation-code").inner_text() == CODE
    assert page.evaluate("window.calls") == []
    page.context.close()


def test_if_the_newest_app_lacks_a_function_the_documented_one_is_called(
    stack: Stack, prepared: Stack, browser: Browser
) -> None:
    script = HOSTS["newest"] + "delete window.MobilePlansInlineOperations.notifyProfileDownload;"

    page = open_handoff(browser, prepared, "row-0", script)

    check_documented(SUCCESS, page.evaluate("window.calls"))
    page.context.close()


@pytest.mark.parametrize("host", ["newest", "documented", "web sheet"])
def test_if_the_host_does_nothing_the_code_is_shown_again(
    stack: Stack, prepared: Stack, browser: Browser, host: str
) -> None:
    context = browser.new_context()
    context.add_cookies([{"name": "handoff", "value": "row-0", "url": prepared.base_url}])
    page = context.new_page()
    page.clock.install()
    page.add_init_script(HOSTS[host])
    page.goto(f"{prepared.base_url}/handoff/")
    expect(page.locator("#by-hand")).to_be_hidden()

    # The page waits fifteen seconds before it doubts the host.
    page.clock.fast_forward(20_000)

    expect(page.locator("#late")).to_be_visible()
    assert page.locator("#activation-code").inner_text() == CODE
    context.close()


def test_reports_of_the_newest_app_are_stored_and_a_failure_shows_its_page(
    stack: Stack, prepared: Stack, browser: Browser
) -> None:
    create_handoffs(prepared, "reported", [SUCCESS], eid_from="launch")
    page = open_handoff(browser, prepared, "reported-0", HOSTS["newest"])
    names = page.evaluate(
        "[MobilePlansInlineOperations.profileActivationCompleteScript,"
        " MobilePlansInlineOperations.registrationChangedScript,"
        " MobilePlansInlineOperations.registrationCompleteScript,"
        " MobilePlansInlineProfileDownload.profileActivationCompleteScript]"
    )
    assert all(page.evaluate("name => typeof window[name]", name) == "function" for name in names)

    registered = {"networkRegistrationState": "searching", "iccid": ICCID}
    page.evaluate("([name, report]) => window[name](report)", [names[1], json.dumps(registered)])
    failed = {"activationResult": "cardBusy", "iccid": ICCID}
    page.evaluate("([name, report]) => window[name](report)", [names[0], json.dumps(failed)])

    page.wait_for_url("**/esim-problem/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your device was busy")
    stored = prepared.manage(
        "from mobileplans.models import HostReport;"
        "print(sorted(HostReport.objects.values_list('kind', 'result')))"
    )
    assert stored.strip() == "[('activation', 'cardBusy'), ('registration', 'searching')]"
    page.context.close()


def test_an_app_with_sealed_objects_is_called_too(
    stack: Stack, prepared: Stack, browser: Browser
) -> None:
    page = open_handoff(browser, prepared, "row-0", HOSTS["newest"] + SEALED)

    ((name, (meta, code)),) = page.evaluate("window.calls")

    assert (name, code) == ("MobilePlansInlineOperations.notifyProfileDownload", CODE)
    assert meta == {
        "userAccount": "ua-new",
        "purchaseInstrument": "New",
        "line": "New",
        "moDirectStatus": "Complete",
        "planName": PLAN,
    }
    expect(page.locator("#by-hand")).to_be_hidden()
    page.context.close()


def test_after_a_failure_that_cannot_be_reported_the_code_is_shown_again(
    stack: Stack, prepared: Stack, browser: Browser
) -> None:
    page = open_handoff(browser, prepared, "row-0", HOSTS["newest"])
    page.route("**/handoff/report/", lambda route: route.abort())

    page.evaluate('window.handoffActivated(\'{"activationResult": "cardBusy"}\')')

    expect(page.locator("#by-hand")).to_be_visible()
    page.context.close()


OPEN_WEB = {
    "web-0": ("Your plan is ready", "#activation-code"),
    "web-1": ("Your plan is ready", ".summary"),
    "web-2": ("You left without buying", "main a[href='/sign-in/']"),
}


@pytest.mark.parametrize("cookie", OPEN_WEB)
def test_on_the_open_web_each_result_has_its_page(
    stack: Stack, prepared: Stack, browser: Browser, cookie: str
) -> None:
    heading, shown = OPEN_WEB[cookie]
    page = open_handoff(browser, prepared, cookie, HOSTS["open web"])

    expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    expect(page.locator(shown).first).to_be_visible()
    page.context.close()


def test_only_one_host_is_ever_called(stack: Stack, prepared: Stack, browser: Browser) -> None:
    page = open_handoff(browser, prepared, "row-0", RECORDER + NEWEST + DATA_MART + WEB_SHEET)

    assert len(page.evaluate("window.calls")) == 1
    page.context.close()

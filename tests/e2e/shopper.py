"""A customer without a screen: walks the journey by its forms, as a browser without script does."""

import html
import json
import re
import secrets
import time
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx

from tests.e2e import payload
from tests.e2e.customer import EID, GOOD_CARD, IMEI

PATIENCE = 45.0
MOST_REDIRECTS = 5


@dataclass
class Form:
    """What a browser would send of a form as it stands."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)


class _Forms(HTMLParser):
    """Collects the forms of a page by their ids; one without an id by its action."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = address
        self.found: dict[str, Form] = {}
        self._open: Form | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = Form(said.get("action") or self.address)
            self.found[said.get("id") or self._open.action] = self._open
        elif tag == "input" and self._open is not None and "name" in said:
            is_choice = said.get("type") in {"radio", "checkbox"}
            if not is_choice or "checked" in said:
                self._open.fields[said["name"]] = said.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None


@dataclass(frozen=True)
class Sheet:
    """A page as it came."""

    address: str
    status: int
    text: str

    @property
    def heading(self) -> str:
        found = re.search(r"<h1>(.*?)</h1>", self.text, re.DOTALL)
        return " ".join(html.unescape(found[1]).split()) if found else ""

    def form(self, name: str) -> Form:
        forms = _Forms(self.address)
        forms.feed(self.text)
        return forms.found[name]

    @property
    def is_polling(self) -> bool:
        return "data-poll" in self.text


class Shopper:
    """Someone with a session of their own."""

    def __init__(self, base_url: str) -> None:
        self.client = httpx.Client(base_url=base_url, trust_env=False, timeout=30)
        self.identifier = f"{secrets.token_hex(6)}@example.com"
        self.password = "a long enough pass phrase"
        self.transaction_id = f"MSFT_{secrets.token_hex(6)}/+{secrets.token_hex(2)}"
        self.sheet = Sheet("", 0, "")

    def open(self, address: str) -> Sheet:
        return self._arrive(self.client.get(address))

    def send(self, form: str, **fields: str) -> Sheet:
        """Send a form of the page that is open; every answer to one is a 303 or that page again."""
        sent = self.sheet.form(form)
        return self._arrive(self.client.post(sent.action, data={**sent.fields, **fields}))

    def launch(self, **changes: str) -> Sheet:
        """Come in as the app sends a customer; a change of "" leaves the parameter out."""
        said = {
            "market": "US",
            "location": "US",
            "transactionId": self.transaction_id,
            "eid": EID,
            "imei": IMEI,
            **changes,
        }
        # As encodeURIComponent does it: the portal reads `+` as itself.
        return self.open("/?" + urlencode({k: v for k, v in said.items() if v}))

    def come_back(self, codes: str, iccid: str, *, times: str = "", **changes: str) -> Sheet:
        """Launch again with what the app says of a failed download."""
        headers = {
            "X-MP-LPAError-Codes": codes,
            "X-MP-LPAError-TimeStamps": times,
            "X-MP-LPAError-ICCIDs": iccid,
        }
        self.client.headers.update(headers)
        try:
            return self.launch(**changes)
        finally:
            for name in headers:
                del self.client.headers[name]

    def sign_up(self) -> Sheet:
        self.open("/sign-up/")
        return self.send(
            "sign-up", username=self.identifier, name="Noor Haddad", password=self.password
        )

    def sign_in(self) -> Sheet:
        self.open("/sign-in/")
        return self.send("sign-in", username=self.identifier, password=self.password)

    def choose_plan(self, index: int = 0) -> Sheet:
        self.open("/plans/?category=prepaid")
        plans = re.findall(r'id="plan-(\d+)"', self.sheet.text)
        return self.send("choose-plan", plan=plans[index])

    def name_device(self, eid: str = EID) -> Sheet:
        """Type the EID, where no launch has named a device."""
        return self.send("choose-device", eid=eid)

    def wait_for(self, form: str, patience: float = PATIENCE) -> Sheet:
        """Look at the page that is open until it has this form."""
        deadline = time.monotonic() + patience
        while f'id="{form}"' not in self.open(self.sheet.address).text:
            assert time.monotonic() < deadline, f"still {self.sheet.heading!r}"
            time.sleep(0.2)
        return self.sheet

    def wait_for_link(self, part: str, patience: float = PATIENCE) -> str:
        """Look at the page that is open until it links to an address with this in it."""
        deadline = time.monotonic() + patience
        while True:
            text = self.open(self.sheet.address).text
            found = re.search(rf'href="([^"]*{re.escape(part)}[^"]*)"', text)
            if found:
                return html.unescape(found[1])
            assert time.monotonic() < deadline, f"still {self.sheet.heading!r}"
            time.sleep(0.2)

    def pay_with(self, number: str = GOOD_CARD) -> Sheet:
        card = {"number": number, "expiry": "12/30", "csc": "123", "holder": "Noor Haddad"}
        return self.send("pay-with", method="new", **card)

    def come_to_review(self, number: str = GOOD_CARD) -> Sheet:
        self.launch()
        self.sign_up()
        self.choose_plan()
        return self.pay_with(number)

    def order(self, number: str = GOOD_CARD) -> str:
        """Go from launch to the submitted order and return its number."""
        self.come_to_review(number)
        return order_number(self.send("submit-order").address)

    def wait_for_end(self, patience: float = PATIENCE) -> Sheet:
        """Look at the order's page until nothing more will change on it."""
        deadline = time.monotonic() + patience
        while self.open(self.sheet.address).is_polling:
            assert time.monotonic() < deadline, f"still {self.sheet.heading!r}"
            time.sleep(0.2)
        return self.sheet

    def finish(self) -> dict[str, Any]:
        """Continue, and return what the handoff page gives to the app."""
        self.send("continue")
        return self.handed_over()

    def leave(self) -> dict[str, Any]:
        """Cancel, and return what the handoff page gives to the app."""
        self.send("/leave/")
        return self.handed_over()

    def handed_over(self) -> dict[str, Any]:
        assert self.sheet.address == "/handoff/"
        block = re.search(r'<script id="handoff"[^>]*>(.*?)</script>', self.sheet.text, re.DOTALL)
        assert block is not None
        return payload.read(json.loads(block[1]))

    def _arrive(self, response: httpx.Response) -> Sheet:
        for _ in range(MOST_REDIRECTS):
            if response.next_request is None:
                break
            assert response.status_code == httpx.codes.SEE_OTHER
            response = self.client.get(response.headers["location"])
        url = urlsplit(str(response.url))
        address = f"{url.path}?{url.query}" if url.query else url.path
        self.sheet = Sheet(address, response.status_code, response.text)
        return self.sheet


def order_number(address: str) -> str:
    """Return the number in an order page's address."""
    found = re.fullmatch(r"/orders/([0-9A-Z]+)/", address)
    assert found is not None, address
    return found[1]

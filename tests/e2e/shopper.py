"""A customer without a browser, who walks the journey by its forms, without script."""

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

from tests.e2e.customer import EID, GOOD_CARD, IMEI
from tests.e2e.payload import parse_payload

# In seconds.
PATIENCE = 45.0
MOST_REDIRECTS = 5


@dataclass
class Form:
    """What a browser would send for a form, if nothing were typed."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)


class _Forms(HTMLParser):
    """Collects the forms of a page by id, or by action if a form has no id."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = address
        self.found: dict[str, Form] = {}
        self._open: Form | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = Form(attributes.get("action") or self.address)
            self.found[attributes.get("id") or self._open.action] = self._open
        elif tag == "input" and self._open is not None and "name" in attributes:
            # A browser does not send a radio button or checkbox that is not checked.
            is_choice = attributes.get("type") in {"radio", "checkbox"}
            if not is_choice or "checked" in attributes:
                self._open.fields[attributes["name"]] = attributes.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None


@dataclass(frozen=True)
class LoadedPage:
    """A page as it was received."""

    address: str
    status: int
    text: str

    @property
    def heading(self) -> str:
        found = re.search(r"<h1>(.*?)</h1>", self.text, re.DOTALL)
        return " ".join(html.unescape(found[1]).split()) if found else ""

    def shows(self, text: str) -> bool:
        """Say whether the page contains this text, which is given without HTML's escapes."""
        return text in html.unescape(self.text)

    def form(self, name: str) -> Form:
        forms = _Forms(self.address)
        forms.feed(self.text)
        return forms.found[name]

    @property
    def is_polling(self) -> bool:
        return "data-poll" in self.text


class Shopper:
    """A customer with their own session."""

    def __init__(self, base_url: str) -> None:
        self.client = httpx.Client(base_url=base_url, trust_env=False, timeout=30)
        self.identifier = f"{secrets.token_hex(6)}@example.com"
        self.password = "a long enough pass phrase"
        self.recovery_code = ""
        self.transaction_id = f"MSFT_{secrets.token_hex(6)}/+{secrets.token_hex(2)}"
        self.page = LoadedPage("", 0, "")

    def open(self, address: str) -> LoadedPage:
        return self._arrive(self.client.get(address))

    def send(self, form: str, **fields: str) -> LoadedPage:
        """Send a form of the open page, with these fields changed, and open the answer."""
        sent = self.page.form(form)
        return self._arrive(self.client.post(sent.action, data={**sent.fields, **fields}))

    def launch(self, **changes: str) -> LoadedPage:
        """Launch the portal like the app. A change to "" leaves that parameter out."""
        parameters = {
            "market": "US",
            "location": "US",
            "transactionId": self.transaction_id,
            "eid": EID,
            "imei": IMEI,
            **changes,
        }
        return self.open("/?" + urlencode({k: v for k, v in parameters.items() if v}))

    def relaunch(self, codes: str, iccid: str, *, times: str = "", **changes: str) -> LoadedPage:
        """Launch again with the headers by which the app reports a failed download."""
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

    def sign_up(self) -> LoadedPage:
        """Create an account, and go on from the page with the recovery code."""
        self.open("/sign-up/")
        page = self.send(
            "sign-up", username=self.identifier, name="Noor Haddad", password=self.password
        )
        shown = re.search(r'class="code[^>]*>([A-Z2-9-]+)<', page.text)
        self.recovery_code = shown[1] if shown else ""
        return self.send("next") if shown else page

    def sign_in(self) -> LoadedPage:
        self.open("/sign-in/")
        return self.send("sign-in", username=self.identifier, password=self.password)

    def choose_plan(self, index: int = 0) -> LoadedPage:
        self.open("/plans/?category=prepaid")
        plans = re.findall(r'id="plan-(\d+)"', self.page.text)
        return self.send("choose-plan", plan=plans[index])

    def type_eid(self, eid: str = EID) -> LoadedPage:
        """Type the EID on the page that asks for a device."""
        return self.send("choose-device", eid=eid)

    def wait_for(self, form: str, patience: float = PATIENCE) -> LoadedPage:
        """Reload the open page until it has this form."""
        deadline = time.monotonic() + patience
        while f'id="{form}"' not in self.open(self.page.address).text:
            assert time.monotonic() < deadline, f"still {self.page.heading!r}"
            time.sleep(0.2)
        return self.page

    def wait_for_heading(self, heading: str, patience: float = PATIENCE) -> LoadedPage:
        """Reload the open page until it has this heading."""
        deadline = time.monotonic() + patience
        while self.open(self.page.address).heading != heading:
            assert time.monotonic() < deadline, f"still {self.page.heading!r}"
            time.sleep(0.2)
        return self.page

    def wait_for_link(self, part: str, patience: float = PATIENCE) -> str:
        """Reload the open page until it has a link that contains `part`. Return the link."""
        deadline = time.monotonic() + patience
        while True:
            text = self.open(self.page.address).text
            found = re.search(rf'href="([^"]*{re.escape(part)}[^"]*)"', text)
            if found:
                return html.unescape(found[1])
            assert time.monotonic() < deadline, f"still {self.page.heading!r}"
            time.sleep(0.2)

    def pay_with(self, number: str = GOOD_CARD) -> LoadedPage:
        card = {"number": number, "expiry": "12/30", "csc": "123", "holder": "Noor Haddad"}
        return self.send("pay-with", method="new", **card)

    def come_to_review(self, number: str = GOOD_CARD) -> LoadedPage:
        self.launch()
        self.sign_up()
        self.choose_plan()
        return self.pay_with(number)

    def order(self, number: str = GOOD_CARD) -> str:
        """Walk from the launch to the submitted order. Return the order's number."""
        self.come_to_review(number)
        return order_number(self.send("submit-order").address)

    def wait_for_end(self, patience: float = PATIENCE) -> LoadedPage:
        """Reload the order's page until it no longer polls."""
        deadline = time.monotonic() + patience
        while self.open(self.page.address).is_polling:
            assert time.monotonic() < deadline, f"still {self.page.heading!r}"
            time.sleep(0.2)
        return self.page

    def finish(self) -> dict[str, Any]:
        """Press Continue and return the payload on the handoff page."""
        self.send("continue")
        return self.handed_over()

    def leave(self) -> dict[str, Any]:
        """Press Cancel and return the payload on the handoff page."""
        self.send("/leave/")
        return self.handed_over()

    def handed_over(self) -> dict[str, Any]:
        assert self.page.address == "/handoff/"
        block = re.search(r'<script id="handoff"[^>]*>(.*?)</script>', self.page.text, re.DOTALL)
        assert block is not None
        return parse_payload(json.loads(block[1]))

    def _arrive(self, response: httpx.Response) -> LoadedPage:
        # Redirects are followed by hand, because each one must be a 303.
        for _ in range(MOST_REDIRECTS):
            if response.next_request is None:
                break
            assert response.status_code == httpx.codes.SEE_OTHER
            response = self.client.get(response.headers["location"])
        url = urlsplit(str(response.url))
        address = f"{url.path}?{url.query}" if url.query else url.path
        self.page = LoadedPage(address, response.status_code, response.text)
        return self.page


def order_number(address: str) -> str:
    """Return the number in an order page's address."""
    found = re.fullmatch(r"/orders/([0-9A-Z]+)/", address)
    assert found is not None, address
    return found[1]

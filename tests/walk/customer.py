"""`python -m tests.walk.customer`: the first customer, who buys on the host of docs/operate.md."""

import ssl
import sys

import httpx

from tests.e2e.customer import EID
from tests.e2e.shopper import Shopper

PORTAL, SMDP = "https://portal.kestrel.example", "http://127.0.0.1:9001"
TRUSTED = "/etc/moportal/trust/try-out.crt"
ICCID = "8944110000002000014"


def main() -> int:
    noor = Shopper(PORTAL)
    noor.client = httpx.Client(
        base_url=PORTAL,
        verify=ssl.create_default_context(cafile=TRUSTED),
        trust_env=False,
        timeout=30,
        headers={"Referer": f"{PORTAL}/"},
    )
    noor.order()
    noor.wait_for_end()
    payload = noor.finish()
    assert payload["success"] is True, payload
    assert payload["iccid"] == ICCID, payload

    wish = {"activationCode": payload["activationCode"], "eid": EID}
    download = httpx.post(f"{SMDP}/device/download", json=wish, trust_env=False)
    assert download.json()["result"] == "success", download.text
    print(f"sold and downloaded: {payload['iccid']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

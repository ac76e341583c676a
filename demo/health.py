"""Checks whether the parts of a running copy can serve."""

import http.client
import json
import urllib.error
import urllib.request

from demo.parts import Copy

# Requests to loopback use no proxy, even if the environment names one.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


# Six rounds of the reconciler. Each round stores a heartbeat.
LONGEST_SILENCE = 30.0
HEARTBEAT = "outbox.health.seconds_since_heartbeat"
READY, HEALTHY = "/readyz", "/healthz"


def is_ready(copy: Copy) -> bool:
    """Return whether the portal is ready and its worker has run lately."""
    status, text = answer(copy.web_url, READY)
    return status == http.HTTPStatus.OK and _worker_runs(text)


def answer(base_url: str, path: str = HEALTHY) -> tuple[int, str]:
    """Return the status and text of a probe; status 0 when nothing answers.

    The simulators' only probe is `/healthz`.
    """
    try:
        with _direct.open(base_url + path, timeout=5) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return 0, str(error)


def complaints(copy: Copy) -> list[str]:
    """Return one line for each part that does not answer or is not ready."""
    probes = [
        ("web", copy.web_url, READY),
        ("smdp", copy.smdp_url, HEALTHY),
        ("payment", copy.payment_url, HEALTHY),
        ("network", copy.network_url, HEALTHY),
        ("messages", copy.message_url, HEALTHY),
        ("customers", copy.customer_url, HEALTHY),
        ("vouchers", copy.voucher_url, HEALTHY),
        ("carrier_billing", copy.billing_url, HEALTHY),
    ]
    found = []
    for name, url, path in probes:
        status, text = answer(url, path)
        if status == 0:
            found.append(f"{name} does not answer at {url}: {text}")
        elif status != http.HTTPStatus.OK:
            found += [f"{name}: {line}" for line in _failed_parts(text)]
        elif path == READY and not _worker_runs(text):
            found.append("no worker has processed a broker message for 30 seconds")
    return found


def _worker_runs(text: str) -> bool:
    silence = json.loads(text)["figures"][HEARTBEAT]
    return silence is not None and silence < LONGEST_SILENCE


def _failed_parts(text: str) -> list[str]:
    try:
        parts = json.loads(text)["parts"]
    except (ValueError, KeyError, TypeError):
        return [f"not ready: {text[:200]}"]
    return [f"{part}: {status}" for part, status in parts.items() if status != "ok"]

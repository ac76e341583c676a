"""Checks whether the parts of a running copy can serve."""

import http.client
import json
import urllib.error
import urllib.request

from demo.parts import Copy

# Requests to loopback use no proxy, even if the environment names one.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def is_ready(copy: Copy) -> bool:
    return answer(copy.web_url)[0] == http.HTTPStatus.OK


def answer(base_url: str) -> tuple[int, str]:
    """Return the status and text of `/healthz`; status 0 when nothing answers."""
    try:
        with _direct.open(f"{base_url}/healthz", timeout=5) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return 0, str(error)


def complaints(copy: Copy) -> list[str]:
    """Return one line for each part that does not answer or is not healthy."""
    sides = {
        "web": copy.web_url,
        "smdp": copy.smdp_url,
        "payment": copy.payment_url,
        "network": copy.network_url,
    }
    found = []
    for name, url in sides.items():
        status, text = answer(url)
        if status == 0:
            found.append(f"{name} does not answer at {url}: {text}")
        elif status != http.HTTPStatus.OK:
            found += [f"{name}: {line}" for line in _unhealthy_parts(text)]
    return found


def _unhealthy_parts(text: str) -> list[str]:
    try:
        parts = json.loads(text)["parts"]
    except (ValueError, KeyError, TypeError):
        return [f"not healthy: {text[:200]}"]
    return [f"{part}: {status}" for part, status in parts.items() if status != "ok"]

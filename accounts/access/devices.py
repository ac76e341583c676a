"""The name of a browser and its system, so that customers recognise their own sign-ins.

A User-Agent is a claim. These words are shown, and nothing is decided by them.
"""

from django.http import HttpRequest

# Each browser also names the ones after it, so the first that is found counts.
BROWSERS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "SamsungBrowser": "Samsung Internet",
    "Firefox/": "Firefox",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
}
SYSTEMS = {
    "Windows": "Windows",
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "CrOS": "ChromeOS",
    "Mac OS": "macOS",
    "Linux": "Linux",
}


def describe_device(request: HttpRequest) -> str:
    """Return for example "Edge, Windows", or an empty text for an unknown browser."""
    agent = request.headers.get("User-Agent", "")
    parts = (_first_found(BROWSERS, agent), _first_found(SYSTEMS, agent))
    return ", ".join(part for part in parts if part)


def _first_found(names: dict[str, str], agent: str) -> str:
    return next((name for mark, name in names.items() if mark in agent), "")

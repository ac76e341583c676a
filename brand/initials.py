"""A logo drawn from the operator's name, for operators without one: never a broken page."""

from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple
from xml.sax.saxutils import escape

from brand.colours import text_on

SVG_NAMESPACE = "http://www.w3.org/2000/svg"
LENGTH_OF_DIGEST = 32


class Initial(NamedTuple):
    """An SVG with the first letter of a name, and its own name in its address."""

    content: bytes
    name: str


@lru_cache(maxsize=64)
def initial(name: str, fill: str) -> Initial:
    """Return the first letter of the name on a square of this colour."""
    content = (
        f'<svg xmlns="{SVG_NAMESPACE}" viewBox="0 0 32 32"><rect width="32" height="32" rx="7"'
        f' fill="{fill}"/><text x="16" y="22.5" text-anchor="middle" font-size="18"'
        f' font-family="system-ui,sans-serif" font-weight="600" fill="{text_on(fill)}">'
        f"{escape(name[:1].upper())}</text></svg>"
    ).encode()
    return Initial(content, name_of(content, "svg"))


def name_of(content: bytes, ending: str) -> str:
    """Return the name of a picture in its address. It changes with the content."""
    return f"{sha256(content).hexdigest()[:LENGTH_OF_DIGEST]}.{ending}"

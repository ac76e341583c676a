"""The open web's form of an eSIM to download: install links, a QR code, and the text to type.

`LPA:` stands before the code in links and QR codes alone (SGP.22 v2.2, 4.1; Windows: *activate by
link*). Apple's and Android's universal links take the same text; `:` and `$` stay as they are,
which is legal in a query and what all known readers take.
"""

from dataclasses import dataclass
from enum import StrEnum

import segno
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from moportal.identifiers import ActivationCode

UNIVERSAL = "esim_qrcode_provisioning?carddata="


class Platform(StrEnum):
    """What a browser says it runs on, as far as it matters for installing."""

    WINDOWS = "Windows NT"
    APPLE = "Apple"
    ANDROID = "Android"
    OTHER = ""


LINKS = {
    Platform.WINDOWS: "",
    Platform.APPLE: f"https://esimsetup.apple.com/{UNIVERSAL}",
    Platform.ANDROID: f"https://esimsetup.android.com/{UNIVERSAL}",
}


@dataclass(frozen=True)
class Link:
    """A link that opens the device's own settings with the code filled in."""

    title: str
    url: str


@dataclass(frozen=True)
class Installation:
    """Everything that a customer can install an eSIM with."""

    code: ActivationCode
    here: Link | None
    elsewhere: tuple[Link, ...]

    @property
    def scanned(self) -> str:
        """Return the text in the QR code."""
        return f"LPA:{self.code}"

    @property
    def qr_code(self) -> SafeString:
        """Return the QR code as inline SVG, without a style or a size of its own."""
        drawn = segno.make_qr(self.scanned, error="m").svg_inline(
            border=4, dark="#000", light="#fff", omitsize=True, svgclass="qr", lineclass=None
        )
        return mark_safe(drawn)  # noqa: S308 -- drawn from modules, no text of anybody in it


def installation_for(code: ActivationCode, user_agent: str) -> Installation:
    """Return what there is to install this code with, the device at hand first."""
    at_hand = platform_of(user_agent)
    titles = {
        Platform.WINDOWS: _("Install on this PC"),
        Platform.APPLE: _("Install on this iPhone or iPad"),
        Platform.ANDROID: _("Install on this phone"),
    }
    names = {
        Platform.WINDOWS: _("Windows 11 (24H2 or later)"),
        Platform.APPLE: _("iPhone or iPad (iOS 17.4 or later)"),
        Platform.ANDROID: _("Android phone"),
    }
    urls = {platform: f"{before}LPA:{code}" for platform, before in LINKS.items()}
    here = Link(titles[at_hand], urls[at_hand]) if at_hand in urls else None
    others = (Link(names[one], url) for one, url in urls.items() if one != at_hand)
    return Installation(code, here, tuple(others))


def platform_of(user_agent: str) -> Platform:
    """Read the platform; an iPad may say that it is a Mac, and then gets the QR code."""
    if "Windows NT" in user_agent:
        return Platform.WINDOWS
    if "iPhone" in user_agent or "iPad" in user_agent:
        return Platform.APPLE
    return Platform.ANDROID if "Android" in user_agent else Platform.OTHER

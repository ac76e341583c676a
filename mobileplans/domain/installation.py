"""How a customer installs an eSIM on the open web: install links, a QR code, a code to type.

`LPA:` goes before the code in links and QR codes only (SGP.22 v2.2, 4.1; Windows: *activate by
link*). Apple's and Android's universal links take the same text. They leave `:` and `$` unescaped:
both are legal in a query, and every known reader accepts them.
"""

from dataclasses import dataclass
from enum import StrEnum

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from moportal.identifiers import ActivationCode
from moportal.web.qr_codes import draw_qr_code

UNIVERSAL_LINK = "esim_qrcode_provisioning?carddata="


class Platform(StrEnum):
    """The platform that a browser names. Each has its own install link."""

    WINDOWS = "Windows NT"
    APPLE = "Apple"
    ANDROID = "Android"
    OTHER = ""


# What comes before `LPA:` in each platform's link.
LINK_PREFIXES = {
    Platform.WINDOWS: "",
    Platform.APPLE: f"https://esimsetup.apple.com/{UNIVERSAL_LINK}",
    Platform.ANDROID: f"https://esimsetup.android.com/{UNIVERSAL_LINK}",
}


@dataclass(frozen=True)
class Link:
    """A link that opens the device's eSIM settings with the code filled in."""

    title: str
    url: str


@dataclass(frozen=True)
class Installation:
    """All ways to install one eSIM, starting with the link for the device in use."""

    code: ActivationCode
    here: Link | None
    elsewhere: tuple[Link, ...]

    @property
    def qr_text(self) -> str:
        """Return the text in the QR code."""
        return f"LPA:{self.code}"

    @property
    def qr_code(self) -> SafeString:
        """Return the QR code as inline SVG."""
        return draw_qr_code(self.qr_text)


def installation_for(code: ActivationCode, user_agent: str) -> Installation:
    """Return the ways to install this code, starting with the device in use."""
    platform_in_use = platform_of(user_agent)
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

    urls = {platform: f"{prefix}LPA:{code}" for platform, prefix in LINK_PREFIXES.items()}

    # A platform without an install link gets the QR code and the links for the others.
    here = Link(titles[platform_in_use], urls[platform_in_use]) if platform_in_use in urls else None
    others = (
        Link(names[platform], url) for platform, url in urls.items() if platform != platform_in_use
    )
    return Installation(code, here, tuple(others))


def platform_of(user_agent: str) -> Platform:
    """Return the platform that the browser names. An iPad that claims to be a Mac gets no link."""
    if "Windows NT" in user_agent:
        return Platform.WINDOWS
    if "iPhone" in user_agent or "iPad" in user_agent:
        return Platform.APPLE
    return Platform.ANDROID if "Android" in user_agent else Platform.OTHER

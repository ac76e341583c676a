"""The colours that the portal makes of the operator's accent, with enough contrast everywhere."""

from typing import NamedTuple

WHITE, INK, BLACK = "#ffffff", "#111111", "#000000"
# WCAG 2.2, 1.4.3 and 1.4.11.
TEXT_CONTRAST, EDGE_CONTRAST = 4.5, 3.0
# `--ground`, `--surface` and `--surface-quiet` in static/css/tokens.css, then `--line`, on which
# bars lie.
LIGHT_GROUNDS, LIGHT_TRACK = ("#faf9f8", "#ffffff", "#f3f2f0"), "#e3e1de"
DARK_GROUNDS, DARK_TRACK = ("#1f1e1d", "#2a2928", "#353331"), "#403d3b"


def luminance(colour: str) -> float:
    """Return the relative luminance of `#rrggbb`, 0 to 1 (WCAG 2.2, definitions)."""
    channels = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    red, green, blue = (
        channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4  # noqa: PLR2004 -- sRGB
        for channel in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, 1 to 21."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def text_on(colour: str) -> str:
    """Return white or near-black, whichever reads better on the colour.

    On some middle greys only black reaches the contrast of text.
    """
    better = max((WHITE, INK), key=lambda text: contrast(text, colour))
    return better if contrast(better, colour) >= TEXT_CONTRAST else BLACK


class Palette(NamedTuple):
    """What the portal makes of the operator's accent, for a light or a dark page."""

    # Buttons and marks, with text or a check on them.
    fill: str
    text: str
    # Links and icons: they read well on every ground of the page.
    ink: str
    # The bars, and the lines around buttons and around what is chosen.
    edge: str


def light_palette(accent: str) -> Palette:
    return _palette(accent, LIGHT_GROUNDS, LIGHT_TRACK, towards=BLACK)


def dark_palette(accent: str) -> Palette:
    return _palette(accent, DARK_GROUNDS, DARK_TRACK, towards=WHITE)


def _palette(accent: str, grounds: tuple[str, ...], track: str, *, towards: str) -> Palette:
    # What is chosen or pointed at has a tint of the accent as its ground (static/css/tokens.css).
    grounds = (*grounds, *(_mix(accent, ground, 0.05) for ground in grounds))
    return Palette(
        fill=accent,
        text=text_on(accent),
        ink=_until(TEXT_CONTRAST, accent, grounds, towards),
        edge=_until(EDGE_CONTRAST, accent, (*grounds, track), towards),
    )


def _until(enough: float, colour: str, grounds: tuple[str, ...], towards: str) -> str:
    """Return the colour, darkened or lightened until it has enough contrast on all grounds."""
    steps = (_mix(towards, colour, part / 50) for part in range(51))
    return next(one for one in steps if min(contrast(one, ground) for ground in grounds) >= enough)


def _mix(one: str, other: str, part: float) -> str:
    """Return this part of one colour in the other one, in sRGB."""
    pairs = ((int(one[at : at + 2], 16), int(other[at : at + 2], 16)) for at in (1, 3, 5))
    return "#" + "".join(f"{round(a * part + b * (1 - part)):02x}" for a, b in pairs)

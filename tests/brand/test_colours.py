"""Whatever accent an operator has, everything can be read: `make palette`."""

import re
from pathlib import Path

import pytest

from brand.colours import (
    DARK_GROUNDS,
    DARK_TRACK,
    LIGHT_GROUNDS,
    LIGHT_TRACK,
    Palette,
    contrast,
    dark_palette,
    light_palette,
)

# From white to black, and eight levels of each channel.
GREYS = [f"#{level:02x}{level:02x}{level:02x}" for level in range(255, -1, -1)]
LEVELS = [round(255 * step / 7) for step in range(8)]
COLOURS = [f"#{r:02x}{g:02x}{b:02x}" for r in LEVELS for g in LEVELS for b in LEVELS]
TOKENS = (Path(__file__).parents[2] / "static" / "css" / "tokens.css").read_text(encoding="utf-8")


def least(palette: Palette, grounds: tuple[str, ...], track: str) -> tuple[float, float, float]:
    """Return the least contrast of text on the fill, of ink and of edges."""
    return (
        contrast(palette.text, palette.fill),
        min(contrast(palette.ink, ground) for ground in grounds),
        min(contrast(palette.edge, ground) for ground in (*grounds, track)),
    )


@pytest.mark.parametrize("accents", [GREYS, COLOURS], ids=["greys", "colours"])
def test_every_accent_can_be_read_in_both_schemes(accents: list[str]) -> None:
    for name, make, grounds, track in (
        ("light", light_palette, LIGHT_GROUNDS, LIGHT_TRACK),
        ("dark", dark_palette, DARK_GROUNDS, DARK_TRACK),
    ):
        found = [least(make(accent), grounds, track) for accent in accents]
        text, ink, edge = (min(ratios) for ratios in zip(*found, strict=True))
        print(f"{name}: {len(accents)} accents, text {text:.2f}, ink {ink:.2f}, edge {edge:.2f}")
        assert min(text, ink) >= 4.5
        assert edge >= 3


def test_an_accent_that_reads_well_stays_as_it_is() -> None:
    assert light_palette("#0b5c5f") == ("#0b5c5f", "#ffffff", "#0b5c5f", "#0b5c5f")
    assert dark_palette("#5ec4bf") == ("#5ec4bf", "#111111", "#5ec4bf", "#5ec4bf")


def test_a_yellow_accent_stays_yellow_on_buttons_alone() -> None:
    palette = light_palette("#ffcc00")

    assert (palette.fill, palette.text) == ("#ffcc00", "#111111")
    assert contrast("#ffcc00", "#ffffff") < 1.6
    assert palette.ink != palette.edge != palette.fill


@pytest.mark.parametrize(
    ("scheme", "grounds", "track"),
    [(0, LIGHT_GROUNDS, LIGHT_TRACK), (1, DARK_GROUNDS, DARK_TRACK)],
    ids=["light", "dark"],
)
def test_the_grounds_are_those_of_the_stylesheets(
    scheme: int, grounds: tuple[str, ...], track: str
) -> None:
    tokens = TOKENS.split("@media (prefers-color-scheme: dark)")[scheme]
    names = ("ground", "surface", "surface-quiet", "line")
    written = [re.findall(rf"--{name}: #([0-9a-f]+);", tokens)[0] for name in names]

    assert [f"#{one}" if len(one) == 6 else f"#{one * 2}" for one in written] == [*grounds, track]

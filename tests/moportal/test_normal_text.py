"""`moportal.text.normal_text`: one text has one form, whatever typed it."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moportal.text.normal_text import normalise_number, normalise_text, remove_invisible_marks


@pytest.mark.parametrize(
    ("typed", "normal"),
    [
        ("Zo\u00eb", "Zo\u00eb"),
        ("Zoe\u0308", "Zo\u00eb"),
        ("Zoe\u200b\u0308", "Zo\u00eb"),
        ("\uff41\uff44\uff41", "ada"),
        ("\u0660\u06f1\u0968\uff13", "0123"),
        ("a\u00a0b\u202fc", "a b c"),
        ("\u202aada\u202c\ufeff\u00ad", "ada"),
        (" ada ", " ada "),
    ],
)
def test_a_text_has_one_normal_form(typed: str, normal: str) -> None:
    assert normalise_text(typed) == normal


@given(st.text())
def test_the_normal_form_is_final(text: str) -> None:
    normal = normalise_text(text)

    assert normalise_text(normal) == normal
    assert unicodedata.is_normalized("NFKC", normal)


@pytest.mark.parametrize("mark", "\u00ad\u200b\u200c\u200d\u200e\u202a\u2060\u3164\ufe0f\ufeff")
def test_invisible_marks_are_removed(mark: str) -> None:
    assert remove_invisible_marks(f"{mark}a{mark}b{mark}") == "ab"


@pytest.mark.parametrize("dash", "-\u2010\u2011\u2012\u2013\u2014\u2212\uff0d")
def test_every_dash_in_a_number_is_a_hyphen(dash: str) -> None:
    assert normalise_number(f" 04 {dash}\u202f29 ") == "04-29"

"""Make an uploaded logo safe and small: an SVG by an allow-list, a PNG drawn again.

What is not known to be harmless is left out or refused. Nothing is fetched, and no entity is
expanded.
"""

import io
import re
from typing import NamedTuple
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from PIL import Image, UnidentifiedImageError

from brand.initials import SVG_NAMESPACE
from brand.models import MOST_SERVED, PNG, SVG

# In bytes.
MOST_UPLOADED = 64 * 1024
# Of an uploaded PNG, and of the one that is served: twice the size at which pages show it.
MOST_PIXELS, EDGES = 4096 * 4096, (96, 64)
TOO_MANY_PIXELS = "The PNG has too many pixels. Save it at 512 by 512."
MOST_DEPTH = 40
ELEMENTS = frozenset(
    (
        *("svg", "g", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "defs"),
        *("linearGradient", "radialGradient", "stop", "clipPath", "title", "desc"),
    )
)
# These draw something, so leaving them out would change the picture.
DRAW = frozenset(
    (
        *("text", "image", "style", "use", "foreignObject", "pattern", "filter", "mask", "symbol"),
        *("marker",),
    )
)
WITH_TEXT = frozenset({"title", "desc"})
ATTRIBUTES = frozenset(
    (
        *("id", "viewBox", "width", "height", "x", "y", "cx", "cy", "r", "rx", "ry", "x1"),
        *("y1", "x2", "y2", "fx", "fy", "d", "points", "transform", "opacity", "fill", "fill-rule"),
        *("fill-opacity", "stroke", "stroke-width", "stroke-linecap", "stroke-linejoin"),
        *("stroke-miterlimit", "stroke-dasharray", "stroke-opacity", "clip-path", "clip-rule"),
        *("clipPathUnits", "offset", "stop-color", "stop-opacity", "gradientUnits"),
        *("gradientTransform", "spreadMethod", "preserveAspectRatio"),
    )
)
SAFE_VALUE = re.compile(r"[\w\s.,%#()+-]*")
OWN_REFERENCE = re.compile(r"url\(#[\w-]+\)")
LENGTH = re.compile(r"([0-9]+(?:\.[0-9]+)?)(?:px)?")


class PictureRefused(Exception):
    """The file cannot be used. The text says how to mend it, in words for staff."""


class Picture(NamedTuple):
    """A picture as browsers get it."""

    media_type: str
    content: bytes


def clean(uploaded: bytes) -> Picture:
    """Return the picture that is served for an uploaded file. Raises `PictureRefused`."""
    if len(uploaded) > MOST_UPLOADED:
        raise PictureRefused("The file has more than 64 KB. Save it smaller, or as an SVG.")
    if uploaded.startswith(b"\x89PNG\r\n\x1a\n"):
        return Picture(PNG, _draw_again(uploaded))
    content = _Cleaner().clean(uploaded)
    if len(content) > MOST_SERVED:
        raise PictureRefused(
            f"The SVG has {len(content)} bytes, and every page loads it: {MOST_SERVED} are allowed."
            " Merge paths, and round their numbers to one decimal."
        )
    return Picture(SVG, content)


def _draw_again(uploaded: bytes) -> bytes:
    """Return a small PNG with the same picture, and with nothing else of the file."""
    try:
        with Image.open(io.BytesIO(uploaded), formats=["PNG"]) as found:
            width, height = found.size
            if width * height > MOST_PIXELS:
                raise PictureRefused(TOO_MANY_PIXELS)
            picture = found.convert("RGBA")
    except Image.DecompressionBombError as error:
        raise PictureRefused(TOO_MANY_PIXELS) from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise PictureRefused("This PNG is damaged. Save it again.") from error
    for edge in EDGES:
        small = picture.copy()
        small.thumbnail((edge, edge), Image.Resampling.LANCZOS)
        for colours in (None, 64, 32, 16):
            drawn = io.BytesIO()
            reduced = small.quantize(colours) if colours else small
            reduced.save(drawn, "PNG", optimize=True)
            if drawn.tell() <= MOST_SERVED:
                return drawn.getvalue()
    raise PictureRefused("The PNG has too much detail for a small logo. Use an SVG.")


class _Cleaner:
    """Reads an SVG and writes what is allowed of it."""

    def __init__(self) -> None:
        self._written: list[str] = []
        self._open: list[str] = []
        # How deep the reader is in an element that is left out.
        self._left_out = 0

    def clean(self, uploaded: bytes) -> bytes:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartDoctypeDeclHandler = self._refuse_doctype
        parser.StartElementHandler = self._begin
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        try:
            parser.Parse(uploaded, True)  # noqa: FBT003 -- expat's own signature
        except expat.ExpatError as error:
            raise PictureRefused(f"This is neither a PNG nor an SVG: {error}.") from error
        return "".join(self._written).encode()

    def _refuse_doctype(self, *_declared: object) -> None:
        raise PictureRefused("The SVG has a DOCTYPE. Save it as a plain or optimised SVG.")

    def _begin(self, qualified: str, attributes: dict[str, str]) -> None:
        namespace, _space, name = qualified.rpartition(" ")
        if not self._open and not self._left_out and (namespace, name) != (SVG_NAMESPACE, "svg"):
            raise PictureRefused("The file is XML, but not an SVG.")
        if self._left_out or namespace != SVG_NAMESPACE or name not in ELEMENTS:
            if namespace == SVG_NAMESPACE and name in DRAW and not self._left_out:
                raise PictureRefused(f"The SVG uses <{name}>. Convert everything to paths.")
            self._left_out += 1
            return
        if len(self._open) >= MOST_DEPTH:
            raise PictureRefused("The SVG is nested too deeply. Ungroup it.")
        kept = _attributes(attributes)
        if not self._open:
            kept = _root(kept)
        self._open.append(name)
        written = "".join(f" {key}={quoteattr(value)}" for key, value in kept.items())
        self._written.append(f"<{name}{written}>")

    def _end(self, _qualified: str) -> None:
        if self._left_out:
            self._left_out -= 1
        else:
            self._written.append(f"</{self._open.pop()}>")

    def _text(self, text: str) -> None:
        if not self._left_out and self._open and self._open[-1] in WITH_TEXT:
            self._written.append(escape(text))


def _attributes(given: dict[str, str]) -> dict[str, str]:
    """Return the allowed attributes. Those within `style` become attributes of their own."""
    styled = (part.partition(":") for part in given.get("style", "").split(";"))
    every = {**given, **{name.strip(): value.strip() for name, _colon, value in styled}}
    return {name: value for name, value in every.items() if name in ATTRIBUTES and _is_safe(value)}


def _is_safe(value: str) -> bool:
    if "url" in value.lower():
        return OWN_REFERENCE.fullmatch(value) is not None
    return SAFE_VALUE.fullmatch(value) is not None


def _root(attributes: dict[str, str]) -> dict[str, str]:
    """Return the attributes of the whole picture: what it shows, and no size of its own."""
    sizes = [LENGTH.fullmatch(attributes.get(name, "")) for name in ("width", "height")]
    if "viewBox" not in attributes:
        if not all(sizes):
            raise PictureRefused("The SVG has no viewBox. Save it with one.")
        width, height = (size[1] for size in sizes if size)
        attributes["viewBox"] = f"0 0 {width} {height}"
    kept = {name: value for name, value in attributes.items() if name not in {"width", "height"}}
    return {"xmlns": SVG_NAMESPACE, **kept}

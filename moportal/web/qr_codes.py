"""QR codes for pages."""

import segno
from django.utils.safestring import SafeString, mark_safe


def draw_qr_code(text: str) -> SafeString:
    """Return a QR code as inline SVG, without style or size. The style sheet sets both."""
    # Error correction level M still allows a scan when 15 % of the code is damaged.
    svg = segno.make_qr(text, error="m").svg_inline(
        border=4, dark="#000", light="#fff", omitsize=True, svgclass="qr", lineclass=None
    )
    return mark_safe(svg)  # noqa: S308 -- segno draws it, and it contains no text

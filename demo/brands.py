"""Three operators that the demo can look like: `manage.py load_demo --brand NAME`."""

from dataclasses import dataclass
from pathlib import Path

LOGOS = Path(__file__).parent / "brands"


@dataclass(frozen=True)
class Brand:
    """The name and the colours of a demo operator. Its logos are files with its key in their name.

    A logo that is not there is drawn from the name.
    """

    name: str
    accent: str
    accent_dark: str

    def logo(self, key: str, *, dark: bool = False) -> bytes | None:
        """Return the bytes of a logo, as staff would upload them."""
        file = LOGOS / f"{key}{'-dark' if dark else ''}.svg"
        return file.read_bytes() if file.is_file() else None


BRANDS = {
    "kestrel": Brand("Kestrel Mobile", "#0b5c5f", "#5ec4bf"),
    # A light accent: text on it is dark, and links take a darker colour.
    "sunbird": Brand("Sunbird", "#f5c400", "#f5c400"),
    "redstart": Brand("Redstart Telecom", "#b3001b", "#ff6b7a"),
}

"""The commands of docs/operate.md, by section, exactly as the page has them."""

import re
from dataclasses import dataclass

from demo.parts import ROOT

PAGE = ROOT / "docs" / "operate.md"
_HEADING_OR_COMMANDS = re.compile(
    r"^## (?P<heading>[^\n]+)$|^```sh\n(?P<commands>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Section:
    """A section of the page, and its commands in their order."""

    heading: str
    commands: str


def sections() -> list[Section]:
    """Return the sections that have commands."""
    found: dict[str, str] = {}
    heading = ""
    for match in _HEADING_OR_COMMANDS.finditer(PAGE.read_text(encoding="utf-8")):
        heading = match["heading"] or heading
        if match["commands"]:
            found[heading] = found.get(heading, "") + match["commands"]
    return [Section(*pair) for pair in found.items()]

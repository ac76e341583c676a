"""The words of a message, in its language."""

import re
from dataclasses import dataclass
from typing import Any

from django.template.loader import render_to_string
from django.utils.translation import override

from brand.queries import operator
from messages.states import Channel, Occasion


@dataclass(frozen=True)
class Words:
    """A message as its reader sees it. An SMS has no subject."""

    subject: str
    text: str


def render(
    occasion: Occasion, context: dict[str, Any], *, language: str, channel: Channel = Channel.MAIL
) -> Words:
    """Render a message in this language. The text for mail is also the one in the account."""
    values = {**context, "operator": operator()}

    def part(name: str) -> str:
        return render_to_string(f"messages/{occasion}.txt", {**values, "part": name})

    with override(language):
        if channel == Channel.SMS:
            return Words("", _one_line(part("sms")))
        return Words(_one_line(part("subject")), _paragraphs(part("text")))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _paragraphs(text: str) -> str:
    """Return the text without the blank lines that template tags leave behind."""
    lines = "\n".join(line.strip() for line in text.strip().splitlines())
    return re.sub(r"\n{3,}", "\n\n", lines) + "\n"

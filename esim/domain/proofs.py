"""How a customer proves that a SIM is theirs; `settings.SIM_PROOF` names the check.

An operator's own check is a class with the members of `SimProof`. It runs inside a request, so it
must not call another system.
"""

import hmac
import re
from functools import cache
from typing import Protocol

from django.conf import settings
from django.utils.functional import Promise
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from esim.models import Sim
from moportal.text.normal_text import normalise_number


class SimProof(Protocol):
    """A question that only somebody who has the SIM can answer."""

    label: str | Promise
    help_text: str | Promise
    # What the customer reads if the answer does not have the form of one.
    format_error: str | Promise

    def can_check(self, sim: Sim) -> bool:
        """Return whether the right answer is known for this SIM."""
        ...

    def normalise(self, answer: str) -> str:
        """Return the answer's normal form, or an empty text if it cannot be an answer."""
        ...

    def is_right(self, sim: Sim, answer: str) -> bool:
        """Return whether a normal answer is the right one."""
        ...


class PukEnding:
    """Asks for the last four digits of the PUK, which the import of SIMs brought."""

    label = _("Last 4 digits of the PUK")
    help_text = _("The PUK is printed on the card or letter that came with your SIM.")
    format_error = _("Enter the last 4 digits of the PUK.")

    def can_check(self, sim: Sim) -> bool:
        return bool(sim.puk_ending)

    def normalise(self, answer: str) -> str:
        """Return the last four digits. A customer may type the whole PUK, which has eight."""
        digits = normalise_number(answer).replace("-", "")
        return digits[-4:] if re.fullmatch(r"(?:[0-9]{4}){1,2}", digits, re.ASCII) else ""

    def is_right(self, sim: Sim, answer: str) -> bool:
        return hmac.compare_digest(sim.puk_ending.encode(), answer.encode())


def sim_proof() -> SimProof:
    """Return the check that this installation uses."""
    return _made(settings.SIM_PROOF)


@cache
def _made(name: str) -> SimProof:
    chosen: type[SimProof] = import_string(name)
    return chosen()

"""One outcome of a visit, and its forms for the hosts (contract, section 4)."""

import json
from dataclasses import dataclass
from enum import StrEnum

from mobileplans.words import LineResult, MoDirectStatus, PurchaseInstrument, UserAccount
from moportal.identifiers import ActivationCode

VERSION = "1"
# The words are those of several enumerations: what they say is what counts.
UNFINISHED = {"Bailed", "None"}


class Result(StrEnum):
    """What the host has to do, which decides the function that it is called by."""

    DOWNLOAD = "download"
    # The plan is on a profile that is on the eSIM, or on a physical SIM.
    PROFILE = "profile"
    CARD = "card"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Outcome:
    """How a visit ended.

    `activation_code` is None where there is nothing to download; `on_esim` says that the ICCID is
    an eSIM profile's and not a card's.
    """

    user_account: UserAccount
    purchase_instrument: PurchaseInstrument
    line: LineResult
    mo_direct_status: MoDirectStatus
    success: bool = False
    iccid: str = ""
    activation_code: str | None = None
    on_esim: bool = False
    plan_name: str = ""

    def __post_init__(self) -> None:
        """Refuse an outcome that would not be valid by the schema, with `ValueError`."""
        if self.success != bool(self.iccid) or self.success != bool(self.plan_name):
            raise ValueError("A success names its ICCID and its plan; anything else names neither.")
        if self.success != (self.mo_direct_status == MoDirectStatus.COMPLETE):
            raise ValueError("Complete is the status of a success, and of nothing else.")
        unfinished = {self.user_account, self.line} & UNFINISHED
        if self.success and (unfinished or self.purchase_instrument == PurchaseInstrument.BAILED):
            raise ValueError("What was left or not reached is no success.")
        if self.activation_code is not None:
            if not self.success:
                raise ValueError("Without a success there is nothing to download.")
            ActivationCode.parse(self.activation_code)

    @property
    def result(self) -> Result:
        """Say what is left for the host to do."""
        if not self.success:
            return Result.NOTHING
        if self.activation_code is not None:
            return Result.DOWNLOAD
        return Result.PROFILE if self.on_esim else Result.CARD

    @property
    def words(self) -> dict[str, str]:
        """Return the five inner fields."""
        return {
            "userAccount": self.user_account,
            "purchaseInstrument": self.purchase_instrument,
            "line": self.line,
            "moDirectStatus": self.mo_direct_status,
            "planName": self.plan_name,
        }

    def for_newer_hosts(self) -> dict[str, object]:
        """Return what the hosts with functions of their own for each result are called with."""
        return {
            "result": self.result,
            "iccid": self.iccid,
            "activationCode": self.activation_code or "",
            "meta": self.words,
        }

    def payload(self, transaction_id: str) -> str:
        """Return the string for `DataMart.notifyPurchaseResult`, valid by `handoff.schema.json`.

        `activationCode` is absent for a success without a download, and empty without a success.
        """
        outer: dict[str, object] = {
            "ver": VERSION,
            "success": self.success,
            "transactionId": transaction_id,
            "iccid": self.iccid,
            "purchaseResult": json.dumps(self.words, ensure_ascii=False),
        }
        if not self.success:
            outer["activationCode"] = ""
        elif self.activation_code is not None:
            outer["activationCode"] = self.activation_code
        return json.dumps(outer, ensure_ascii=False)

"""The outcome of a visit, and its form for each host (docs/contract.md#handoff)."""

import json
from dataclasses import dataclass
from enum import StrEnum

from mobileplans.words import LineResult, MoDirectStatus, PurchaseInstrument, UserAccount
from moportal.identifiers import ActivationCode

VERSION = "1"
# The enumerations share these words, and their members are equal to the text.
UNFINISHED = {"Bailed", "None"}


class Result(StrEnum):
    """What the host has to do. It decides which function of the host the page calls."""

    DOWNLOAD = "download"
    # The plan is on a profile that the device already has.
    PROFILE = "profile"
    # The plan is on a physical SIM.
    CARD = "card"
    NOTHING = "nothing"


@dataclass(frozen=True)
class Outcome:
    """How a visit ended.

    `activation_code` is None if there is nothing to download. `on_esim` says that the ICCID belongs
    to an eSIM profile and not to a physical SIM.
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
        """Raise `ValueError` for an outcome that the schema does not allow."""
        names_sim, names_plan = bool(self.iccid), bool(self.plan_name)
        # The host acts on any ICCID that it is given, even beside `success: false`.
        if not (self.success == names_sim == names_plan):
            raise ValueError(
                "A success names its ICCID and its plan. Any other outcome names neither."
            )
        if self.success != (self.mo_direct_status == MoDirectStatus.COMPLETE):
            raise ValueError("A success has the status Complete. No other outcome has it.")

        lacks_account_or_line = bool({self.user_account, self.line} & UNFINISHED)
        # `None` is allowed for the payment: handing the same eSIM over again needs none.
        abandoned_payment = self.purchase_instrument == PurchaseInstrument.BAILED
        if self.success and (lacks_account_or_line or abandoned_payment):
            raise ValueError(
                "A success needs an account, a line, and no payment that was abandoned."
            )

        if self.activation_code is not None:
            if not self.success:
                raise ValueError("Only a success can have an activation code.")
            # Raises an error for a code that a host could not use.
            ActivationCode.parse(self.activation_code)

    @property
    def result(self) -> Result:
        """Return what the host still has to do."""
        if not self.success:
            return Result.NOTHING
        if self.activation_code is not None:
            return Result.DOWNLOAD
        return Result.PROFILE if self.on_esim else Result.CARD

    @property
    def purchase_result(self) -> dict[str, str]:
        """Return the five fields that the handoff calls `purchaseResult`."""
        return {
            "userAccount": self.user_account,
            "purchaseInstrument": self.purchase_instrument,
            "line": self.line,
            "moDirectStatus": self.mo_direct_status,
            "planName": self.plan_name,
        }

    def for_newer_hosts(self) -> dict[str, object]:
        """Return the values for hosts that have one function for each result."""
        return {
            "result": self.result,
            "iccid": self.iccid,
            "activationCode": self.activation_code or "",
            "meta": self.purchase_result,
        }

    def payload(self, transaction_id: str) -> str:
        """Return the string for `DataMart.notifyPurchaseResult` (`handoff.schema.json`).

        `activationCode` is absent for a success without a download, and empty without a success.
        """
        outer: dict[str, object] = {
            "ver": VERSION,
            "success": self.success,
            "transactionId": transaction_id,
            "iccid": self.iccid,
            # JSON inside a string inside JSON: so Microsoft documents it.
            "purchaseResult": json.dumps(self.purchase_result, ensure_ascii=False),
        }
        if not self.success:
            outer["activationCode"] = ""
        elif self.activation_code is not None:
            outer["activationCode"] = self.activation_code
        return json.dumps(outer, ensure_ascii=False)

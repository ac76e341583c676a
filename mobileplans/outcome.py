"""One outcome of a visit, and the source documents' form of it (contract, section 4)."""

import json
from dataclasses import dataclass

from mobileplans.words import LineResult, MoDirectStatus, PurchaseInstrument, UserAccount

VERSION = "1"


@dataclass(frozen=True)
class Outcome:
    """How a visit ended. `activation_code` is None where there is nothing to download."""

    user_account: UserAccount
    purchase_instrument: PurchaseInstrument
    line: LineResult
    mo_direct_status: MoDirectStatus
    success: bool = False
    iccid: str = ""
    activation_code: str | None = None
    plan_name: str = ""

    def __post_init__(self) -> None:
        """Refuse an outcome that would not be valid by the schema."""
        if self.success != bool(self.iccid) or self.success != bool(self.plan_name):
            raise ValueError("A success names its ICCID and its plan; anything else names neither.")

    def payload(self, transaction_id: str) -> str:
        """Return the string for `DataMart.notifyPurchaseResult`, valid by `handoff.schema.json`.

        `activationCode` is absent for a success without a download, and empty without a success.
        """
        inner = {
            "userAccount": self.user_account,
            "purchaseInstrument": self.purchase_instrument,
            "line": self.line,
            "moDirectStatus": self.mo_direct_status,
            "planName": self.plan_name,
        }
        outer: dict[str, object] = {
            "ver": VERSION,
            "success": self.success,
            "transactionId": transaction_id,
            "iccid": self.iccid,
            "purchaseResult": json.dumps(inner, ensure_ascii=False),
        }
        if not self.success:
            outer["activationCode"] = ""
        elif self.activation_code is not None:
            outer["activationCode"] = self.activation_code
        return json.dumps(outer, ensure_ascii=False)

"""How each phone number behaves. Its last four digits decide that."""

from dataclasses import dataclass
from http import HTTPStatus

from simulators.carrier_billing.refusals import BillingRefusal

UNPROCESSABLE = HTTPStatus.UNPROCESSABLE_ENTITY


@dataclass(frozen=True)
class Preset:
    """How the billing treats a number. `error` refuses at once, with this status and code.

    `status` is what a prepared payment becomes, after `seconds`. `lasts` is how long a reservation
    can be confirmed.
    """

    text: str
    error: tuple[HTTPStatus, str] | None = None
    status: str = "reserved"
    seconds: float = 0.0
    lasts: float = 3600.0
    # Whether the customer types the code at the operator's own page.
    has_page: bool = False
    confirms_slowly: bool = False
    refund: str = "succeeded"


USUAL = Preset("it is charged")
PRESETS = {
    "0201": Preset("it is over its limit", (UNPROCESSABLE, "USER_AMOUNT_THRESHOLD_OVERPASSED")),
    "0202": Preset("the customer must type a code", status="pending_validation"),
    "0203": Preset("it has no bill of its own", (UNPROCESSABLE, "SERVICE_NOT_APPLICABLE")),
    "0204": Preset("the operator denies the payment", (HTTPStatus.FORBIDDEN, "PAYMENT_DENIED")),
    "0205": Preset("a reservation takes two seconds", seconds=2),
    "0206": Preset("it is denied after two seconds", status="denied", seconds=2),
    "0207": Preset("after two seconds a code is sent", status="pending_validation", seconds=2),
    "0208": Preset("a reservation lapses at once", lasts=0),
    "0209": Preset("one purchase may not cost so much", (UNPROCESSABLE, "UNAUTHORIZED_AMOUNT")),
    "0210": Preset("nobody has this number", (HTTPStatus.NOT_FOUND, "IDENTIFIER_NOT_FOUND")),
    "0211": Preset(
        "the customer confirms on the operator's page", status="pending_validation", has_page=True
    ),
    "0212": Preset("a refund is decided later", refund="processing"),
    "0213": Preset("a refund is denied later", refund="denied"),
    "0214": Preset(
        "over its limit, by the name in CAMARA's tests",
        (UNPROCESSABLE, "AMOUNT_THRESHOLD_OVERPASSED"),
    ),
    "0215": Preset("a confirmation takes two seconds", confirms_slowly=True),
}


def preset(number: str) -> Preset:
    return PRESETS.get(number[-4:], USUAL)


def refuse_if_preset(number: str) -> None:
    """Raise `BillingRefusal` if the number is one that is refused at once."""
    error = preset(number).error
    if error is not None:
        raise BillingRefusal(*error)


def describe_endings() -> str:
    """Return one line for each ending, for the help of the command line."""
    return "\n".join(f"  {ending}  {one.text}" for ending, one in PRESETS.items())

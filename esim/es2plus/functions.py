"""The functions of an SM-DP+: what each sends, and what a successful answer must hold.

The answer is compared with the request: a success that does not match is a contradiction.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeVar

from esim.models import SmdpProvider
from moportal.identifiers import HOST_NAME

Result_co = TypeVar("Result_co", covariant=True)
# Not longer than its column.
_HOST = re.compile(rf"(?=.{{1,120}}\Z){HOST_NAME}")
# The forms of a flag that is not set. SGP.22 v2.2 has no such field here. Platforms have.
NOT_REQUIRED = (None, False, "", "0", "false")
# SGP.22 v2.2, table 21: an ICCID has 20 places, and F may fill up the last ones.
ICCID_PLACES = 20


class Contradiction(Exception):
    """The function was executed, but not as requested (docs/es2plus.md#errors, 8)."""


class Function(Protocol[Result_co]):
    """A function of the SM-DP+ with its parameters."""

    name: ClassVar[str]

    def message_fields(self, provider: SmdpProvider) -> dict[str, Any]:
        """Return the fields of the message in this provider's form."""
        ...

    def parse_result(self, body: Mapping[str, Any]) -> Result_co:
        """Return the result from a successful answer, or raise `Contradiction`."""
        ...


@dataclass(frozen=True)
class Ordered:
    """The result of DownloadOrder: the reserved profile."""

    iccid: str


@dataclass(frozen=True)
class DownloadOrder:
    """Reserve a profile (SGP.22 v2.2, 5.3.1).

    The ICCID is always given: with the type alone, a repeat would reserve another profile.
    """

    name: ClassVar[str] = "downloadOrder"
    iccid: str
    profile_type: str
    eid: str = ""

    def message_fields(self, provider: SmdpProvider) -> dict[str, Any]:
        iccid = pad_iccid(self.iccid, provider)
        return {**_eid(self.eid), "iccid": iccid, "profileType": self.profile_type}

    def parse_result(self, body: Mapping[str, Any]) -> Ordered:
        iccid = body.get("iccid")
        _check_echo("iccid", iccid.rstrip("Ff") if isinstance(iccid, str) else iccid, self.iccid)
        return Ordered(self.iccid)


@dataclass(frozen=True)
class Confirmed:
    """The result of ConfirmOrder.

    The address, if given, goes into the activation code (SGP.22 v2.2, 5.3.2).
    """

    matching_id: str
    smdp_address: str = ""


@dataclass(frozen=True)
class ConfirmOrder:
    """Bind the matching id and, with `releases`, allow the download (SGP.22 v2.2, 5.3.2)."""

    name: ClassVar[str] = "confirmOrder"
    iccid: str
    matching_id: str
    eid: str = ""
    releases: bool = True

    def message_fields(self, provider: SmdpProvider) -> dict[str, Any]:
        return {
            "iccid": pad_iccid(self.iccid, provider),
            **_eid(self.eid),
            "matchingId": self.matching_id,
            "releaseFlag": self.releases,
        }

    def parse_result(self, body: Mapping[str, Any]) -> Confirmed:
        _check_echo("matchingId", body.get("matchingId"), self.matching_id)
        # The EID in the answer is optional; only a different one is a contradiction.
        _check_echo("eid", body.get("eid") or self.eid, self.eid)
        # No device may be asked for a confirmation code (docs/contract.md#profile).
        if body.get("confirmationCode") or body.get("ccRequiredFlag") not in NOT_REQUIRED:
            raise Contradiction("the device would be asked for a confirmation code")
        host = body.get("smdpAddress") or ""
        if host and not (isinstance(host, str) and _HOST.fullmatch(host)):
            raise Contradiction("smdpAddress is not a host name")
        return Confirmed(self.matching_id, host)


@dataclass(frozen=True)
class CancelOrder:
    """Cancel an order whose profile no device has, and retire the ICCID (SGP.22 v2.2, 5.3.3).

    EID and matching id are sent too, so that a late repeat cannot cancel another order.
    """

    name: ClassVar[str] = "cancelOrder"
    iccid: str
    matching_id: str = ""
    eid: str = ""

    def message_fields(self, provider: SmdpProvider) -> dict[str, Any]:
        return {
            "iccid": pad_iccid(self.iccid, provider),
            **_eid(self.eid),
            **({"matchingId": self.matching_id} if self.matching_id else {}),
            # "Available" would put the profile back into the stock of the SM-DP+.
            "finalProfileStatusIndicator": "Unavailable",
        }

    def parse_result(self, _body: Mapping[str, Any]) -> None:
        return None


@dataclass(frozen=True)
class ReleaseProfile:
    """Allow the download of a profile that was confirmed without release (SGP.22 v2.2, 5.3.4)."""

    name: ClassVar[str] = "releaseProfile"
    iccid: str

    def message_fields(self, provider: SmdpProvider) -> dict[str, Any]:
        return {"iccid": pad_iccid(self.iccid, provider)}

    def parse_result(self, _body: Mapping[str, Any]) -> None:
        return None


FUNCTIONS: tuple[type[Function[Any]], ...] = (
    DownloadOrder,
    ConfirmOrder,
    CancelOrder,
    ReleaseProfile,
)


def pad_iccid(iccid: str, provider: SmdpProvider) -> str:
    """Return the ICCID in this provider's form: some want it filled up with F."""
    return iccid.ljust(ICCID_PLACES, "F") if provider.pads_iccid else iccid


def _eid(eid: str) -> dict[str, str]:
    """Return the field for the EID if it is known; on the open web it may not be."""
    return {"eid": eid} if eid else {}


def _check_echo(name: str, answered: object, sent: str) -> None:
    if answered != sent:
        difference = "is missing" if answered is None else "differs"
        raise Contradiction(f"{name} {difference} in the answer")

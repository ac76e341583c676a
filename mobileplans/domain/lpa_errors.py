"""Reading what the host says of a failed download (contract, section 2, *LPA errors*).

No Django in here: header texts in, `LpaErrors` out; nothing in them makes an exception leave.
The codes are Windows' ESimOperationStatus, and what the app itself adds to them as the result of
an activation (`MobilePlansActivationError`).
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from itertools import zip_longest

from mobileplans.words import LONGEST_TEXT, NUMBERED, LpaCode
from moportal.identifiers import Iccid, InvalidIdentifier

LONGEST_HEADER = 4096
MOST_ERRORS = 20


_BY_NAME = {code.casefold(): code for code in LpaCode}
_BY_NUMBER = {str(number): code for number, code in enumerate(list(LpaCode)[:NUMBERED])}
# "11/14/2018 3:07:05 PM", with or without seconds and an offset to UTC.
_US_TIME = re.compile(
    r"(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4})\s+"
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.\d{1,9})?)?"
    r"\s*(?P<half>[AaPp])?(?(half)\.?[Mm]\.?)"
    r"\s*(?:(?:Z|UTC|GMT)?(?P<sign>[+-])(?P<off_h>\d{1,2}):?(?P<off_m>\d{2})?|Z|UTC|GMT)?",
    re.ASCII,
)
# What an SM-DP+ says, by subject and reason code, of a download that the device knows by its own
# names (SGP.22 v2.2, 5.3.5 and 5.6): its profile is in the state Error from then on.
_BY_SMDP = {
    ("8", "4.2"): LpaCode.OTHER,
    ("8.1", "4.8"): LpaCode.INSUFFICIENT_SPACE_ON_CARD,
    ("8.1.1", "3.8"): LpaCode.EID_MISMATCH,
    ("8.2.5", "4.3"): LpaCode.NO_ELIGIBLE_PROFILE_FOR_THIS_DEVICE,
    ("8.2.7", "6.4"): LpaCode.CONFIRMATION_CODE_MAX_RETRIES_EXCEEDED,
    ("8.2.8", "1.2"): LpaCode.POLICY_VIOLATION,
    ("8.2.9", "3.11"): LpaCode.PROFILE_PROCESSING_ERROR,
    ("8.2.10", "4.2"): LpaCode.PROFILE_PROCESSING_ERROR,
    ("8.8.5", "3.8"): LpaCode.TIMEOUT_WAITING_FOR_USER_CONSENT,
    ("8.8.5", "4.10"): LpaCode.INVALID_MATCHING_ID,
    ("8.8.5", "6.4"): LpaCode.PROFILE_DOWNLOAD_MAX_RETRIES_EXCEEDED,
}
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@dataclass(frozen=True)
class LpaError:
    """One error: its code, and when it happened where that could be read; both also as sent."""

    code: LpaCode
    code_as_sent: str
    at: datetime | None = None
    at_as_sent: str = ""


@dataclass(frozen=True)
class LpaErrors:
    """All that the three headers say, oldest first as they stood there."""

    errors: tuple[LpaError, ...] = ()
    iccid: Iccid | None = None

    @property
    def deciding(self) -> LpaError | None:
        """Return the newest error; where no time could be read, the last one."""
        timed = [error for error in self.errors if error.at is not None]
        if timed:
            # Of two at the same time the later one in the list.
            return max(
                reversed(timed), key=lambda error: error.at or datetime.min.replace(tzinfo=UTC)
            )
        return self.errors[-1] if self.errors else None

    @property
    def is_problem(self) -> bool:
        """Say whether the customer has something to be told."""
        return self.deciding is not None and self.deciding.code != LpaCode.SUCCESS


def _instant(error: LpaError) -> datetime:
    return error.at or datetime.min.replace(tzinfo=UTC)


def parse_lpa_errors(codes: str, times: str = "", iccids: str = "") -> LpaErrors:
    """Read the three headers as they were sent; never raises.

    The lists are paired as far as they go: an error without a time keeps its place, a time without
    an error says nothing.
    """
    names, instants = _items(codes), _items(times)
    pairs = zip_longest(names, instants[: len(names)], fillvalue="")
    errors = [_error(name, instant) for name, instant in pairs if name]
    return LpaErrors(tuple(errors[-MOST_ERRORS:]), _iccid(iccids))


def parse_lpa_code(text: str) -> LpaCode:
    """Read a status by its name in any case or by its number; an unknown one is `Other`."""
    tidied = text.strip().casefold()
    if re.fullmatch(r"[0-9]{1,6}", tidied):
        return _BY_NUMBER.get(str(int(tidied)), LpaCode.OTHER)
    return _BY_NAME.get(tidied, LpaCode.OTHER)


def translate_smdp_codes(subject: str, reason: str) -> LpaCode:
    """Return the device's name for what the SM-DP+ calls this; an unknown one is `Other`."""
    return _BY_SMDP.get((subject, reason), LpaCode.OTHER)


def parse_us_time(text: str) -> datetime | None:
    """Read a time in US format as UTC; without an offset it is UTC. None where it is none."""
    found = _US_TIME.fullmatch(" ".join(text.split()))
    if found is None:
        return None
    hour = int(found["hour"])
    if found["half"]:
        if hour > 12:  # noqa: PLR2004 -- a clock's face
            return None
        hour = hour % 12 + (12 if found["half"] in "Pp" else 0)
    offset = timedelta(hours=int(found["off_h"] or 0), minutes=int(found["off_m"] or 0))
    try:
        zone = timezone(-offset if found["sign"] == "-" else offset)
        local = datetime(
            int(found["year"]),
            int(found["month"]),
            int(found["day"]),
            hour,
            int(found["minute"]),
            int(found["second"] or 0),
            tzinfo=zone,
        )
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def parse_app_report(text: str, name: str) -> tuple[str, Iccid | None]:
    """Read what the app reports to the page: a JSON object with the result under `name`.

    Returns an empty result where it is not such an object; never raises.
    """
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return "", None
    if not isinstance(said, dict) or not isinstance(said.get(name), str | int):
        return "", None
    iccid = said.get("iccid")
    return _plain(str(said[name])), _iccid(iccid) if isinstance(iccid, str) else None


def _items(header: str) -> list[str]:
    """Split a list; of one that is too long the item that the cut goes through is left out."""
    kept = header[:LONGEST_HEADER]
    items = [item.strip(" \t\"'") for item in kept.split(",")]
    if len(header) > LONGEST_HEADER and header[LONGEST_HEADER] != ",":
        items.pop()
    return items


def _error(name: str, instant: str) -> LpaError:
    return LpaError(parse_lpa_code(name), _plain(name), parse_us_time(instant), _plain(instant))


def _iccid(header: str) -> Iccid | None:
    """Return the first ICCID of the header; the documents say that there is one only."""
    for item in _items(header):
        try:
            return Iccid.parse(item)
        except InvalidIdentifier:
            continue
    return None


def _plain(text: str) -> str:
    """Return text that neither a log line nor a page nor a database trips over."""
    return _UNPRINTABLE.sub("\ufffd", text)[:LONGEST_TEXT]

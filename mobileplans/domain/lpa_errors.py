"""The parser of what the host reports about a failed download (docs/contract.md#lpa-errors).

This module uses no Django and never raises: it turns header texts into `LpaErrors`. The codes are
Windows' ESimOperationStatus, and the activation results that the Mobile Plans app adds to them
(`MobilePlansActivationError`).
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from itertools import zip_longest

from mobileplans.words import LONGEST_TEXT, WINDOWS_CODES, LpaCode
from moportal.identifiers import Iccid, InvalidIdentifier
from moportal.text.json_numbers import whole_number
from moportal.text.normal_text import remove_invisible_marks

# In characters, and errors for each launch. Everything beyond these limits is dropped.
LONGEST_HEADER = 4096
MOST_ERRORS = 20

_BY_NAME = {code.casefold(): code for code in LpaCode}
_BY_NUMBER = {str(number): code for number, code in enumerate(list(LpaCode)[:WINDOWS_CODES])}
# "11/14/2018 3:07:05 PM". Seconds and an offset to UTC are optional. Without AM or PM (also A.M.),
# the hours are those of a 24-hour clock.
_US_TIME = re.compile(
    r"(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4})\s+"
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.\d{1,9})?)?"
    r"\s*(?P<half>[AaPp])?(?(half)\.?[Mm]\.?)"
    r"\s*(?:(?:Z|UTC|GMT)?(?P<sign>[+-])(?P<off_h>\d{1,2}):?(?P<off_m>\d{2})?|Z|UTC|GMT)?",
    re.ASCII,
)
# The SM-DP+ reports a failed download by subject and reason code, and puts the profile in the state
# Error (SGP.22 v2.2, 5.3.5 and 5.6). The device reports the same failure under the name here.
_BY_SMDP_CODES = {
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
# Control characters, line separators and lone surrogates. They break log lines, and PostgreSQL
# refuses some of them.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


@dataclass(frozen=True)
class LpaError:
    """One error: its code, its time if that could be parsed, and both texts as sent."""

    code: LpaCode
    code_as_sent: str
    at: datetime | None = None
    at_as_sent: str = ""


@dataclass(frozen=True)
class LpaErrors:
    """What the three headers say. The errors keep the order of the header."""

    errors: tuple[LpaError, ...] = ()
    iccid: Iccid | None = None

    @property
    def deciding(self) -> LpaError | None:
        """Return the newest error, or the last in the list if none has a time."""
        timed = [error for error in self.errors if error.at is not None]
        if timed:
            # Of equal times `max` returns the first. Reversed, that is the last in the list.
            return max(reversed(timed), key=_instant)
        return self.errors[-1] if self.errors else None

    @property
    def is_problem(self) -> bool:
        """Say whether there is a problem to show to the customer."""
        return self.deciding is not None and self.deciding.code != LpaCode.SUCCESS


def _instant(error: LpaError) -> datetime:
    return error.at or datetime.min.replace(tzinfo=UTC)


def parse_lpa_errors(codes: str, times: str = "", iccids: str = "") -> LpaErrors:
    """Parse the three headers as sent. Nothing in them raises an error.

    Codes and times are paired by position. An error without a time is kept. A time without an
    error is dropped.
    """
    names, instants = _items(codes), _items(times)
    pairs = zip_longest(names, instants[: len(names)], fillvalue="")
    errors = [_error(name, instant) for name, instant in pairs if name]
    # Of too many errors the last ones are kept, because the newest usually comes last.
    return LpaErrors(tuple(errors[-MOST_ERRORS:]), _first_iccid(iccids))


def parse_lpa_code(text: str) -> LpaCode:
    """Parse a status of the headers. They only come after a failure: unknown is `Other`."""
    return find_lpa_code(text) or LpaCode.OTHER


def find_lpa_code(text: str) -> LpaCode | None:
    """Return the status with this name, in any case, or this number. None if unknown."""
    tidied = remove_invisible_marks(text).strip().casefold()
    # Not `isdigit`, which also accepts digits of other scripts.
    if re.fullmatch(r"[0-9]{1,6}", tidied):
        return _BY_NUMBER.get(str(int(tidied)))
    return _BY_NAME.get(tidied)


def translate_smdp_codes(subject: str, reason: str) -> LpaCode:
    """Return the device's name for an SM-DP+'s failure. An unknown one becomes `Other`."""
    return _BY_SMDP_CODES.get((subject, reason), LpaCode.OTHER)


def parse_us_time(text: str) -> datetime | None:
    """Parse a time in US format and return it in UTC, or None. Without an offset it is UTC."""
    # Windows may write a narrow no-break space before AM or PM, and direction marks around each
    # number. `split` takes any white space.
    match = _US_TIME.fullmatch(" ".join(remove_invisible_marks(text).split()))
    if match is None:
        return None

    hour = int(match["hour"])
    if match["half"]:
        if hour > 12:  # noqa: PLR2004 -- the hours of a 12-hour clock
            return None
        # 12 AM is midnight, and 12 PM is noon.
        hour = hour % 12 + (12 if match["half"] in "Pp" else 0)

    offset = timedelta(hours=int(match["off_h"] or 0), minutes=int(match["off_m"] or 0))
    try:
        zone = timezone(-offset if match["sign"] == "-" else offset)
        local = datetime(
            int(match["year"]),
            int(match["month"]),
            int(match["day"]),
            hour,
            int(match["minute"]),
            int(match["second"] or 0),
            tzinfo=zone,
        )
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        # There is no such day, or the offset leads out of the years that `datetime` knows.
        return None


def parse_app_report(text: str, name: str) -> tuple[str, Iccid | None]:
    """Parse the JSON object that the app reports to the page, with the result under `name`.

    The result is empty if the text is no such object. No text raises an error.
    """
    try:
        report = json.loads(text)
    except (ValueError, RecursionError):
        # Deeply nested JSON raises RecursionError.
        return "", None
    if not isinstance(report, dict):
        return "", None

    result, iccid = report.get(name), report.get("iccid")
    number = whole_number(result)
    if number is None and not isinstance(result, str):
        return "", None
    text = str(result if number is None else number)
    return _printable(text), _first_iccid(iccid) if isinstance(iccid, str) else None


def _items(header: str) -> list[str]:
    """Split a list. If the header is cut, drop the item that the cut goes through."""
    kept = header[:LONGEST_HEADER]
    items = [item.strip(" \t\"'") for item in kept.split(",")]
    last_is_cut = len(header) > LONGEST_HEADER and header[LONGEST_HEADER] != ","
    if last_is_cut:
        items.pop()
    return items


def _error(name: str, instant: str) -> LpaError:
    return LpaError(
        parse_lpa_code(name), _printable(name), parse_us_time(instant), _printable(instant)
    )


def _first_iccid(header: str) -> Iccid | None:
    """Return the first valid ICCID. Microsoft documents exactly one per header."""
    for item in _items(header):
        try:
            return Iccid.parse(item)
        except InvalidIdentifier:
            continue
    return None


def _printable(text: str) -> str:
    """Return text that is safe in a log line, on a page and in the database."""
    return _UNPRINTABLE.sub("\ufffd", text)[:LONGEST_TEXT]

"""CSV files as spreadsheets, vendors and charging systems save them, read line by line.

A file is UTF-8, with or without a byte order mark. Its delimiter is a semicolon or a
comma, or the one that a first line such as `sep=;` names. Spreadsheets pad rows and
columns with empty cells: rows without any value are skipped, and so are columns
without a name and without values.

No line is kept after it was read, so a file may have any length.
"""

import csv
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from operator import itemgetter
from typing import BinaryIO, NamedTuple

# Bytes, ten times as long as any correct line. Without a limit, a file without line
# ends would be read as a whole.
LONGEST_LINE = 2000
# The most characters of a wrong value that an error shows.
SHOWN = 60
_SEPARATOR_LINE = re.compile(rb"(?:\xef\xbb\xbf)?sep=([,;\t|])\s*", re.IGNORECASE)


class UnreadableHeader(Exception):
    """The header does not name the columns; the message says what is wrong with it."""


class Row(NamedTuple):
    """A line with its values, in the order in which the reader was given the columns."""

    number: int
    values: tuple[str, ...]


class Fault(NamedTuple):
    """A line in error: where it is, the wrong value, and how to correct it.

    `column` is empty if the fault is in the line as a whole.
    """

    number: int
    column: str
    value: str
    problem: str


class _InvalidLine(Exception):
    """A line that cannot be split into values: the text to show, and the problem."""


class CsvFile:
    """An open CSV file. The constructor reads the header, and iteration reads the rows.

    `columns` are the names that the header may have: at least two, in any case and any order. The
    header must have those of `required`. A column that the file does not have is empty in every
    row. Raises `UnreadableHeader`.
    """

    def __init__(
        self, file: BinaryIO, *, columns: Sequence[str], required: Collection[str]
    ) -> None:
        self._file = file
        line = file.readline(LONGEST_LINE)
        self._header_number = 1
        separator_line = _SEPARATOR_LINE.fullmatch(line)
        if separator_line:
            line = file.readline(LONGEST_LINE)
            self._header_number = 2

        text = self._decode_header(line)
        detected = ";" if ";" in text else ","
        self._delimiter = separator_line[1].decode() if separator_line else detected
        names = [name.strip().strip('"').lower() for name in text.split(self._delimiter)]
        self._check_header(names, columns, required)

        self._width = len(names)
        self._unnamed = [place for place, name in enumerate(names) if not name]
        # A column that the file does not have is read from the place after the last
        # value, where `__iter__` puts an empty text.
        places = [
            names.index(name) if name in names else self._width for name in map(str.lower, columns)
        ]
        self._pick_columns: Callable[[list[str]], tuple[str, ...]] = itemgetter(*places)

    def __iter__(self) -> Iterator[Row | Fault]:
        """Yield a row or a fault for each line that has a value."""
        lines = iter(partial(self._file.readline, LONGEST_LINE), b"")
        for number, line in enumerate(lines, start=self._header_number + 1):
            try:
                text = self._decode(line)
                values = self._split(text)
                if any(values):
                    self._check_width(values, text)
                    yield Row(number, self._pick_columns([*values, ""]))
            except _InvalidLine as error:
                text, problem = error.args
                yield Fault(number, "", text.strip()[:SHOWN], problem)

    def _decode_header(self, line: bytes) -> str:
        try:
            return line.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            where = f"Line {self._header_number}"
            raise UnreadableHeader(f"{where} is not UTF-8: save the file as UTF-8.") from error

    def _check_header(
        self, names: list[str], columns: Sequence[str], required: Collection[str]
    ) -> None:
        where = f"Line {self._header_number}"
        named = [name for name in names if name]
        known = {name.lower() for name in columns}
        unknown = [name for name in named if name not in known]
        missing = [name for name in required if name.lower() not in named]
        if not named:
            problem = f"{where} is empty."
        elif unknown:
            problem = f"Unknown column “{unknown[0][:SHOWN]}”."
        elif missing:
            problem = f"The column “{missing[0]}” is missing."
        elif len(set(named)) != len(named):
            problem = "A column is named twice."
        else:
            return
        raise UnreadableHeader(
            f"{problem} {where} names the columns, in any order: {', '.join(columns)}."
        )

    def _decode(self, line: bytes) -> str:
        if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
            # Skip the rest of the line, or it would count as lines of its own.
            while line and not line.endswith(b"\n"):
                line = self._file.readline(LONGEST_LINE)
            raise _InvalidLine("", f"The line has more than {LONGEST_LINE} characters.")
        try:
            return line.decode()
        except UnicodeDecodeError as error:
            text = line.decode(errors="backslashreplace")
            problem = f"Byte {error.start + 1} is not UTF-8: save the file as UTF-8."
            raise _InvalidLine(text, problem) from error

    def _split(self, line: str) -> list[str]:
        if '"' in line:
            # Each line is parsed alone. An open quote does not swallow the next lines.
            try:
                (values,) = csv.reader([line], delimiter=self._delimiter, strict=True)
            except csv.Error as error:
                raise _InvalidLine(line, f"The quotes do not match: {error}.") from error
        else:
            values = line.split(self._delimiter)
        return [value.strip() for value in values]

    def _check_width(self, values: list[str], line: str) -> None:
        if len(values) != self._width:
            header = f"Line {self._header_number}"
            problem = f"{header} names {self._width} columns; this line has {len(values)}."
            raise _InvalidLine(line, problem)
        if any(values[place] for place in self._unnamed):
            raise _InvalidLine(line, "The line has a value in a column without a name.")

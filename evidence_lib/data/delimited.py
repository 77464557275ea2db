"""Comma-separated files. Every value stays text; a row that is not whole is refused."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from evidence_lib.data.content import Content, refuse_headings
from evidence_lib.data.encodings import Encoding, decode_text
from evidence_lib.errors import DataError
from evidence_lib.language import Message, message

if TYPE_CHECKING:
    import pandas as pd

DELIMITERS = {",": "comma", "\t": "tab", ";": "semicolon"}
INVISIBLE = "\ufeff\u200b"


def read_csv(content: bytes, where: str, encoding: Encoding) -> Content:
    """The table of a csv file. The delimiter is the one the heading row holds most of: comma, tab or semicolon.

    Empty rows are left out and counted in a note; so is a first column without heading that only numbers the rows (as
    R writes it). Raises DataError for a row with fewer or more values than there are headings, for a quotation that
    does not end, and for text that cannot be decoded.
    """
    text, used = decode_text(content, where=where, encoding=encoding)
    if not text.strip():
        raise DataError("the file is empty", where=where)
    notes: list[Message] = [] if used == "utf-8" else [message("data.note.gb18030", file=where)]
    first = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = max(DELIMITERS, key=lambda mark: (first.count(mark), mark == ","))
    if delimiter != ",":
        notes.append(
            message("data.note.delimiter", file=where, delimiter=message(f"data.delimiter.{DELIMITERS[delimiter]}"))
        )
    headings, rows, numbers, empty, padded = _rows(text, delimiter, where)
    if empty:
        notes.append(message("data.note.empty_rows", file=where, rows=empty))
    if not text.endswith(("\n", "\r")):
        notes.append(message("data.note.no_final_newline", file=where))
    frame = _frame(headings, rows, numbers, where)
    if headings[0] == "" and frame.iloc[:, 0].tolist() == [str(n) for n in range(1, len(frame) + 1)]:
        frame = frame.iloc[:, 1:]
        notes.append(message("data.note.row_numbers", file=where))
    return Content(frame, used, notes=tuple(notes), padded={name: tuple(at) for name, at in padded.items()})


def _rows(
    text: str, delimiter: str, where: str
) -> tuple[list[str], list[list[str]], list[int], int, dict[str, list[int]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    headings: list[str] | None = None
    rows: list[list[str]] = []
    numbers: list[int] = []
    padded: dict[str, list[int]] = {}
    empty = 0
    number = 0
    try:
        for values in reader:
            number += 1
            if not any(value.strip() for value in values):
                empty += 1
            elif headings is None:
                headings = [value.strip().strip(INVISIBLE).strip() for value in values]
                empty = 0
            elif len(values) != len(headings):
                raise _uneven(where, number, len(headings), len(values))
            else:
                stripped = [value.strip() for value in values]
                if stripped != values:
                    for heading, value, short in zip(headings, values, stripped, strict=True):
                        if value != short and short:
                            padded.setdefault(heading, []).append(number)
                rows.append(stripped)
                numbers.append(number)
    except csv.Error as error:
        raise DataError(
            "a quotation does not end, or the file is cut off",
            where=f"{where}, row {number + 1}",
            found=str(error),
            mend="export the file again",
        ) from None
    if headings is None:
        raise DataError("the file is empty", where=where)
    return headings, rows, numbers, empty, padded


def _uneven(where: str, number: int, expected: int, found: int) -> DataError:
    return DataError(
        "a row has fewer values than there are headings: the file may be cut off here"
        if found < expected
        else "a row has more values than there are headings",
        where=f"{where}, row {number}",
        expected=f"{expected} values",
        found=str(found),
        mend="export the file again, with quotation marks around values that hold the delimiter",
    )


def _frame(headings: list[str], rows: list[list[str]], numbers: list[int], where: str) -> pd.DataFrame:
    import pandas as pd

    refuse_headings(headings[1:] if headings[0] == "" and len(headings) > 1 else headings, where=where)
    frame = pd.DataFrame(rows, columns=headings, index=numbers, dtype=object)
    return frame.mask(frame == "", None)

"""The first sheet of an Excel workbook: headings in its first row, one record per row below."""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import Any

from evidence_lib.data.content import Content, refuse_headings
from evidence_lib.data.encodings import Encoding
from evidence_lib.errors import DataError
from evidence_lib.language import Message, message


def read_workbook(content: bytes, where: str, encoding: Encoding) -> Content:
    """The values of the first sheet, formulas by the value that Excel stored for them.

    Empty rows and columns are left out; further sheets, and errors such as #N/A (read as missing), are counted in a
    note. Raises DataError for a file that is damaged, protected by a password, or an old .xls renamed; for a title
    above the headings; and for formulas without a stored value (the file was never opened in Excel).
    """
    import pandas as pd

    values, kinds, others = _first_sheet(content, where)
    unsaved = [
        f"{chr(65 + column) if column < 26 else f'column {column + 1} row '}{number}"
        for number, row in kinds.items()
        for column, kind in enumerate(row)
        if kind == "f" and values[number][column] is None
    ]
    if unsaved:
        raise DataError(
            "formulas have no stored value",
            where=f"{where}, {', '.join(unsaved[:5])}",
            mend="open the workbook in Excel or WPS, save it, and try again",
        )
    filled = [number for number, row in values.items() if any(_blank(value) is not None for value in row)]
    if not filled:
        raise DataError("the first sheet is empty", where=where, mend="move the data to the first sheet")
    table = [[_blank(value) for value in values[number]] for number in filled]
    used = [column for column in range(len(table[0])) if any(row[column] is not None for row in table)]
    headings = ["" if table[0][column] is None else str(table[0][column]) for column in used]
    refuse_headings(headings, where=where)
    rows = [[row[column] for column in used] for row in table[1:]]
    frame = pd.DataFrame(rows, columns=headings, index=filled[1:], dtype=object)
    notes: list[Message] = []
    errors = int(sum(kind == "e" for number in filled for kind in kinds[number]))
    if errors:
        notes.append(message("data.note.excel_errors", file=where, cells=errors))
    if others:
        notes.append(message("data.note.other_sheets", file=where, sheets=others))
    return Content(frame, notes=tuple(notes))


def _first_sheet(content: bytes, where: str) -> tuple[dict[int, list[Any]], dict[int, list[str]], int]:
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    values: dict[int, list[Any]] = {}
    kinds: dict[int, list[str]] = {}
    try:
        stored = load_workbook(io.BytesIO(content), data_only=True)
        written = load_workbook(io.BytesIO(content), data_only=False)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, OSError, EOFError, zlib.error) as error:
        raise DataError(
            "the workbook is damaged, cut off, or protected by a password",
            where=where,
            found=type(error).__name__,
            mend="copy it again, or save it as CSV UTF-8",
        ) from None
    sheet, formulas = stored.worksheets[0], written.worksheets[0]
    for number, (row, written_row) in enumerate(zip(sheet.iter_rows(), formulas.iter_rows(), strict=True), start=1):
        values[number] = [None if cell.data_type == "e" else cell.value for cell in row]
        kinds[number] = [
            "e" if cell.data_type == "e" else other.data_type for cell, other in zip(row, written_row, strict=True)
        ]
    return values, kinds, len(stored.worksheets) - 1


def _blank(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = value.strip()
    return text or None

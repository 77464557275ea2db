"""SAS transport (.xpt, versions 5 and 8) and .sas7bdat files, with their labels.

pyreadstat decodes labels strictly and fails on one that was cut inside a character (transport keeps 40 bytes), and it
reads a transport file that was cut off as one with fewer rows. Both are handled here: text comes in as Latin-1, which
keeps every byte, and is decoded by our own rules; the length of a transport file is checked against its header.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evidence_lib.data.content import Content
from evidence_lib.data.encodings import SAVE_AS, Encoding, decode_cut, decode_pieces
from evidence_lib.errors import DataError
from evidence_lib.language import Message, message

if TYPE_CHECKING:
    import pandas as pd

BLOCK = 80  # a transport file is made of records of 80 bytes, the last one filled with spaces
WESTERN = ("WINDOWS-1252", "ISO-8859-1", "LATIN1")


def read_transport(content: bytes, where: str, encoding: Encoding) -> Content:
    """A SAS transport file. Raises DataError where it is damaged or cut off."""
    import pyreadstat

    found = _read(pyreadstat.read_xport, content, where, encoding, declared=None)
    _refuse_cut_off(content, len(found.frame), where)
    return found


def read_sas7bdat(content: bytes, where: str, encoding: Encoding) -> Content:
    """A SAS data set. A file that declares a Western encoding is read so, unless ``encoding`` says otherwise."""
    import pyreadstat

    return _read(pyreadstat.read_sas7bdat, content, where, encoding, declared=_declared(content, where))


def _read(
    reader: Callable[..., Any], content: bytes, where: str, encoding: Encoding, *, declared: str | None
) -> Content:
    frame, meta = _raw(reader, content, where, {"encoding": "LATIN1"})
    if meta.number_rows is not None and meta.number_rows != len(frame):
        raise _damaged(where, f"{len(frame)} of {meta.number_rows} rows")
    texts = [name for name in frame.columns if frame[name].map(lambda value: isinstance(value, str)).any()]
    western = encoding == "auto" and declared in WESTERN
    frame, used = _decoded(frame, texts, where, encoding, western=western)
    labels: dict[str, str] = {}
    cut: list[str] = []
    for name, label in zip(frame.columns, meta.column_labels, strict=True):
        if label:
            text, was_cut = decode_cut(label.encode("latin-1"), encoding=used)
            cut += [name] if was_cut else []
            if text.strip():
                labels[name] = text.strip()
    notes: list[Message] = [message("data.note.gb18030", file=where)] if used == "gb18030" else []
    if cut:
        notes.append(message("data.note.label_cut", file=where, columns=tuple(cut)))
    for name in texts:
        stripped = frame[name].str.strip()
        frame[name] = stripped.mask(stripped == "", None)
    frame.columns = [str(name).strip() for name in frame.columns]
    frame = frame.set_axis(range(1, len(frame) + 1), axis="index")
    return Content(frame, used, labels, tuple(notes))


def _decoded(
    frame: pd.DataFrame, texts: list[str], where: str, encoding: Encoding, *, western: bool
) -> tuple[pd.DataFrame, str]:
    distinct = sorted({value for name in texts for value in frame[name].dropna()})
    raw = [value.encode("latin-1") for value in distinct]
    odd = [piece for piece in raw if not piece.isascii()]
    if western:
        decoded, used = _western(odd, where), "cp1252"
    elif odd:
        decoded, used = decode_pieces(odd, where=where, encoding=encoding)
    else:
        decoded, used = [], "utf-8" if encoding == "auto" else encoding
    meaning = dict(zip((piece.decode("latin-1") for piece in odd), decoded, strict=True))
    for name in texts:
        frame[name] = frame[name].map(lambda value: meaning.get(value, value))
    return frame, used


def _western(pieces: list[bytes], where: str) -> list[str]:
    try:
        return [piece.decode("cp1252") for piece in pieces]
    except UnicodeDecodeError:
        raise DataError("the text is not Windows-1252, which the file declares", where=where, mend=SAVE_AS) from None


def _raw(reader: Callable[..., Any], content: bytes, where: str, options: dict[str, Any]) -> tuple[pd.DataFrame, Any]:
    from pyreadstat import PyreadstatError, ReadstatError

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table"
        path.write_bytes(content)
        try:
            return reader(str(path), **options)
        except (ReadstatError, PyreadstatError, UnicodeDecodeError, ValueError) as error:
            raise _damaged(where, type(error).__name__) from None


def _declared(content: bytes, where: str) -> str | None:
    import pyreadstat

    try:
        return _raw(pyreadstat.read_sas7bdat, content, where, {"metadataonly": True})[1].file_encoding
    except DataError:
        return None  # a label that was cut: the file itself is read, or refused, by the caller


def _damaged(where: str, found: str) -> DataError:
    return DataError("the SAS file is damaged or cut off", where=where, found=found, mend="copy it again")


def _refuse_cut_off(content: bytes, rows: int, where: str) -> None:
    """Transport files end with a whole record; what follows the last row is only spaces; version 8 counts its rows.

    Layout: SAS technical support document TS-140 (version 5) and "Record layout of a SAS version 8 or 9 data set in
    SAS transport format". A file cut exactly between two rows and two records cannot be told from a shorter one.
    """
    if len(content) % BLOCK:
        raise _damaged(where, f"{len(content)} bytes, not a multiple of {BLOCK}")
    start = content.find(b"HEADER RECORD*******OBS")
    if start < 0:
        raise _damaged(where, "no observations header")
    header = content[start : start + BLOCK]
    if header[20:25] == b"OBSV8":
        stated = header[48:].strip()
        if stated.isdigit() and int(stated) != rows:
            raise _damaged(where, f"{rows} of {int(stated)} rows")
    width = _row_width(content, start)
    if content[start + BLOCK + rows * width :].strip(b" "):
        raise _damaged(where, f"an unfinished row after row {rows}")


def _row_width(content: bytes, end: int) -> int:
    start = content.find(b"HEADER RECORD*******NAMESTR")
    if start < 0:
        start = content.find(b"HEADER RECORD*******NAMSTV8")
    member = content.rfind(b"HEADER RECORD*******MEMB", 0, start)
    size = int(content[member + 75 : member + 78])  # bytes of one variable's description: 140, or 136 on old VMS
    variables = int(content[start + 54 : start + 58])
    first = start + BLOCK
    return (
        sum(int.from_bytes(content[first + k * size + 4 : first + k * size + 6], "big") for k in range(variables))
        if first + variables * size <= end
        else 0
    )

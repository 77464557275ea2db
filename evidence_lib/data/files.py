"""Reading one table from a file, strictly: what cannot be read in full is refused, what was decided is noted."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evidence_lib.data.content import Content, refuse_headings
from evidence_lib.data.encodings import ENCODINGS, Encoding
from evidence_lib.data.fingerprint import Fingerprint, fingerprint
from evidence_lib.errors import DataError, InvalidInput
from evidence_lib.language import Message

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".csv", ".csv.gz", ".parquet", ".xpt", ".sas7bdat", ".xlsx")


@dataclass(frozen=True)
class Table:
    """A table as it stands in its file.

    ``frame`` has one column per heading (surrounding spaces removed). Its index is the row number that its reader
    sees: for .csv and .xlsx the first record is row 2, below the headings; else it is record 1. Every value of a csv is
    text (``007`` stays ``007``); the empty text is missing. ``labels`` are those of SAS. ``notes`` say what was
    decided while reading; ``padded`` are the rows, by column, whose text had spaces at its ends that were removed.
    """

    frame: pd.DataFrame
    fingerprint: Fingerprint
    encoding: str
    labels: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[Message, ...] = ()
    padded: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


def suffix_of(path: Path) -> str | None:
    """The ending of a file name that says its format, in lower case; None where it is not one of ``SUFFIXES``."""
    return next(
        (suffix for suffix in sorted(SUFFIXES, key=len, reverse=True) if path.name.lower().endswith(suffix)), None
    )


def read_table(path: Path, *, encoding: Encoding = "auto") -> Table:
    """One table from a .csv, .csv.gz, .parquet, .xpt, .sas7bdat or .xlsx file (its first sheet).

    ``encoding`` holds for csv and SAS files: ``auto`` is strict UTF-8, else strict GB18030 (and a note says so).

    Raises DataError for a file that is missing, empty, cut off, damaged, of another format, in mixed or unknown
    encodings, still being written, without rows, or with two columns of one name; InvalidInput for another encoding.
    """
    if encoding not in ENCODINGS:
        raise InvalidInput("unknown encoding", expected=", ".join(ENCODINGS), found=repr(encoding))
    suffix = suffix_of(path)
    if suffix is None:
        raise DataError(
            "this format is not read",
            where=path.name,
            expected=", ".join(SUFFIXES),
            mend="save an .xls or .et workbook as .xlsx or as CSV UTF-8",
        )
    content = _bytes_of(path)
    if not content:
        raise DataError("the file is empty", where=path.name)
    found = _reader(suffix)(content, path.name, encoding)
    headings = [str(heading) for heading in found.frame.columns]
    refuse_headings(headings, where=path.name)
    if found.frame.empty:
        raise DataError("the file has headings and no rows", where=path.name, mend="export the data again")
    identity = fingerprint(content, file=path.name, rows=len(found.frame), columns=len(headings))
    return Table(found.frame, identity, found.encoding, found.labels, found.notes, found.padded)


def _reader(suffix: str) -> Callable[[bytes, str, Encoding], Content]:
    from evidence_lib.data import delimited, sas, workbook

    readers: dict[str, Callable[[bytes, str, Encoding], Content]] = {
        ".csv": delimited.read_csv,
        ".csv.gz": lambda content, where, encoding: delimited.read_csv(_unzipped(content, where), where, encoding),
        ".parquet": _read_parquet,
        ".xpt": sas.read_transport,
        ".sas7bdat": sas.read_sas7bdat,
        ".xlsx": workbook.read_workbook,
    }
    return readers[suffix]


def _bytes_of(path: Path) -> bytes:
    try:
        before = path.stat()
        content = path.read_bytes()
        after = path.stat()
    except FileNotFoundError:
        raise DataError("there is no such file", where=path.name) from None
    except OSError as error:
        raise DataError("the file cannot be read", where=path.name, found=type(error).__name__) from error
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or len(content) != after.st_size:
        raise DataError("the file is still being written", where=path.name, mend="run again when it is complete")
    return content


def _unzipped(content: bytes, where: str) -> bytes:
    try:
        return gzip.decompress(content)
    except (EOFError, OSError, zlib.error) as error:
        raise DataError(
            "the compressed file is damaged or cut off", where=where, found=type(error).__name__, mend="copy it again"
        ) from None


def _read_parquet(content: bytes, where: str, encoding: Encoding) -> Content:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(pa.BufferReader(content))
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            "the parquet file is damaged or cut off", where=where, found=type(error).__name__, mend="copy it again"
        ) from None
    refuse_headings([name.strip() for name in table.column_names], where=where)
    frame: Any = table.to_pandas(ignore_metadata=True)
    frame.columns = [name.strip() for name in table.column_names]
    frame = frame.set_axis(range(1, len(frame) + 1), axis="index")
    texts = {name: frame[name].map(_stripped) for name in frame.columns if frame[name].dtype == object}
    padded = {
        name: tuple(rows)
        for name, stripped in texts.items()
        if len(rows := frame.index[stripped.notna() & (frame[name] != stripped).to_numpy(dtype=bool)])
    }
    return Content(frame.assign(**texts), padded=padded)


def _stripped(value: Any) -> Any:
    return value.strip() or None if isinstance(value, str) else value

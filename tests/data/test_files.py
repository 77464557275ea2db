"""Reading files: every format, both encodings, and every way of being broken."""

from __future__ import annotations

import datetime as dt
import gzip
import hashlib
from pathlib import Path

import openpyxl
import pandas as pd
import pyreadstat
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from evidence_lib.data.encodings import decode_cut, decode_text
from evidence_lib.data.files import read_table
from evidence_lib.errors import DataError, InvalidInput

CHINESE = "编号,姓名,检验\n007,张三,阳性\n008,李四,阴性\n"


def save(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def workbook(path: Path, rows: list[list[object]]) -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


def transport(path: Path, *, version: int = 5, rows: int = 12, label: str = "ok") -> Path:
    frame = pd.DataFrame({"USUBJID": [f"S{k:07d}" for k in range(rows)], "AVAL": [float(k) for k in range(rows)]})
    pyreadstat.write_xport(frame, str(path), column_labels=[label, "time"], file_format_version=version)
    return path


def test_csv_keeps_text_and_row_numbers(tmp_path: Path) -> None:
    table = read_table(save(tmp_path / "a.csv", b" ID ,X\n007, 1.50\n\n008,\n"))
    assert list(table.frame.columns) == ["ID", "X"]
    assert table.frame["ID"].tolist() == ["007", "008"]
    assert table.frame["X"].tolist() == ["1.50", None]
    assert table.frame.index.tolist() == [2, 4]
    assert [note.key for note in table.notes] == ["data.note.empty_rows"]


def test_fingerprint_is_of_the_bytes(tmp_path: Path) -> None:
    content = b"A,B\n1,2\n3,4\n"
    found = read_table(save(tmp_path / "a.csv", content)).fingerprint
    assert (found.file, found.size, found.rows, found.columns) == ("a.csv", 12, 2, 2)
    assert found.sha256 == hashlib.sha256(content).hexdigest()
    assert str(tmp_path) not in str(found.to_json())


@pytest.mark.parametrize(("encoding", "used"), [("utf-8", "utf-8"), ("utf-8-sig", "utf-8"), ("gb18030", "gb18030")])
def test_83_both_encodings_read_alike(tmp_path: Path, encoding: str, used: str) -> None:
    table = read_table(save(tmp_path / "a.csv", CHINESE.encode(encoding)))
    assert table.encoding == used
    assert list(table.frame.columns) == ["编号", "姓名", "检验"]
    assert table.frame["检验"].tolist() == ["阳性", "阴性"]
    assert [note.key for note in table.notes] == (["data.note.gb18030"] if used == "gb18030" else [])


def test_83_undecodable_bytes_are_named_never_replaced(tmp_path: Path) -> None:
    path = save(tmp_path / "a.csv", b"A,B\n1,\xff\xff\n")
    with pytest.raises(DataError, match=r"byte 0xFF at byte 6 \(line 2\).*encoding: gb18030"):
        read_table(path)
    with pytest.raises(DataError, match=r"not UTF-8; found byte 0xD5 at byte 4 \(line 2\)"):
        read_table(save(tmp_path / "b.csv", "A\n1,张\n".encode("gb18030")), encoding="utf-8")


def test_70_mixed_encodings_are_refused(tmp_path: Path) -> None:
    content = "编号,检验\n1,阳性\n".encode("gb18030") + "2,检验结果\n".encode()
    with pytest.raises(DataError, match=r"two encodings are mixed.*UTF-8 text at byte \d+ \(line 3\)"):
        read_table(save(tmp_path / "a.csv", content))


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=1, max_size=6), min_size=1))
@example(["\u99d9\u4e01"])  # its GB18030 bytes are valid UTF-8 by chance
def test_83_any_chinese_text_survives_gb18030(words: list[str]) -> None:
    text = ",".join(words) + "\n"
    assert decode_text(text.encode("utf-8"), where="a.csv") == (text, "utf-8")
    assert decode_text(text.encode("gb18030"), where="a.csv", encoding="gb18030")[0] == text


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
def test_17_utf16_is_refused(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(DataError, match="UTF-16.*CSV UTF-8"):
        read_table(save(tmp_path / "a.csv", "A,B\n1,2\n".encode(encoding)))


def test_wrong_encoding_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="gb18030"):
        read_table(save(tmp_path / "a.csv", b"A\n1\n"), encoding="latin-1")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"\n\n", "the file is empty"),
        (b"A,B\n", "headings and no rows"),
        (b"A,B\n1,2\n3", r"row 3: a row has fewer values.*cut off.*expected 2 values; found 1"),
        (b'A,B\n1,2\n3,"x', "row 3: a quotation does not end"),
        (b"A,B\n1,2,3\n", "row 2: a row has more values"),
        (b"A,A \n1,2\n", "same heading; found A"),
        (b"A,,B\n1,2,3\n", "no heading.*none in column 2"),
    ],
)
def test_69_broken_csv(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_table(save(tmp_path / "a.csv", content))


def test_84_cut_off_in_the_last_value_is_noted(tmp_path: Path) -> None:
    table = read_table(save(tmp_path / "a.csv", b"A,B\n1,2\n3,4"))
    assert [note.key for note in table.notes] == ["data.note.no_final_newline"]


def test_delimiters_and_row_numbers(tmp_path: Path) -> None:
    table = read_table(save(tmp_path / "a.csv", b";A;B\n1;x;1,5\n2;y;2,5\n"))
    assert table.frame.to_dict("list") == {"A": ["x", "y"], "B": ["1,5", "2,5"]}
    assert [note.key for note in table.notes] == ["data.note.delimiter", "data.note.row_numbers"]


def test_69_gzip(tmp_path: Path) -> None:
    whole = gzip.compress(b"A,B\n" + b"1,2\n" * 1000)
    assert len(read_table(save(tmp_path / "a.csv.gz", whole)).frame) == 1000
    for content in (whole[: len(whole) // 2], whole[:-4], b"A,B\n1,2\n"):
        with pytest.raises(DataError, match="damaged or cut off"):
            read_table(save(tmp_path / "a.csv.gz", content))


def test_69_parquet(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pd.DataFrame({"A": [1, 2], "B": ["x", None]}).to_parquet(path)
    table = read_table(path)
    assert table.frame["A"].tolist() == [1, 2]
    assert table.frame.index.tolist() == [1, 2]
    with pytest.raises(DataError, match="parquet file is damaged or cut off"):
        read_table(save(tmp_path / "b.parquet", path.read_bytes()[:-10]))


@pytest.mark.parametrize("version", [5, 8])
def test_transport_reads(tmp_path: Path, version: int) -> None:
    table = read_table(transport(tmp_path / "a.xpt", version=version))
    assert table.frame["USUBJID"].tolist()[:2] == ["S0000000", "S0000001"]
    assert table.frame["AVAL"].tolist() == [float(k) for k in range(12)]
    assert table.labels == {"USUBJID": "ok", "AVAL": "time"}


@pytest.mark.parametrize("version", [5, 8])
@pytest.mark.parametrize("bytes_lost", [1, 80, 160])
def test_69_transport_cut_off(tmp_path: Path, version: int, bytes_lost: int) -> None:
    # 12 rows of 16 bytes fill 2.4 records of 80. pyreadstat 1.3.7 reads all of these without complaint, as fewer rows.
    content = transport(tmp_path / "a.xpt", version=version).read_bytes()[:-bytes_lost]
    # version 5 cut between two rows at the end of a record is a whole file of fewer rows: nothing can tell
    if version == 5 and bytes_lost in (80, 160):
        assert len(read_table(save(tmp_path / "b.xpt", content)).frame) == 12 - (2 if bytes_lost == 80 else 7)
        return
    with pytest.raises(DataError, match="SAS file is damaged or cut off"):
        read_table(save(tmp_path / "b.xpt", content))


def test_69_transport_cut_off_inside_a_row(tmp_path: Path) -> None:
    frame = pd.DataFrame({"USUBJID": [f"S{k:05d}" for k in range(40)], "AVAL": [float(k + 1) for k in range(40)]})
    pyreadstat.write_xport(frame, str(tmp_path / "a.xpt"), file_format_version=5)  # rows of 14 bytes
    content = (tmp_path / "a.xpt").read_bytes()[:-160]
    with pytest.raises(DataError, match="an unfinished row after row"):
        read_table(save(tmp_path / "b.xpt", content))


def test_69_no_transport_at_all(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="damaged or cut off"):
        read_table(save(tmp_path / "a.xpt", b"A,B\n1,2\n"))


def test_70_label_cut_inside_a_character(tmp_path: Path) -> None:
    full = "中" * 13  # 39 of the 40 bytes of a label
    content = transport(tmp_path / "a.xpt", label=full).read_bytes()
    at = content.find(full.encode())
    cut = save(tmp_path / "b.xpt", content[: at + 39] + b"\xe4" + content[at + 40 :])
    with pytest.raises(UnicodeDecodeError):
        pyreadstat.read_xport(str(cut))  # 1.3.7: why labels are decoded here
    table = read_table(cut)
    assert table.labels["USUBJID"] == full
    assert [note.key for note in table.notes] == ["data.note.label_cut"]
    assert dict(table.notes[0].values)["columns"] == ("USUBJID",)


def test_decode_cut_never_invents() -> None:
    assert decode_cut("中文".encode()[:5], encoding="utf-8") == ("中", True)
    assert decode_cut("中文".encode("gb18030")[:3], encoding="gb18030") == ("中", True)
    assert decode_cut(b"\xff\xff\xff\xff\xff", encoding="utf-8") == ("", True)
    assert decode_cut(b"Age", encoding="utf-8") == ("Age", False)


def test_83_transport_in_gb18030(tmp_path: Path) -> None:
    frame = pd.DataFrame({"USUBJID": ["1", "2"], "RESULT": ["阳性", "阴性"]})
    path = tmp_path / "a.xpt"
    pyreadstat.write_xport(frame, str(path), file_format_version=5)
    content = path.read_bytes()
    for word in ("阳性", "阴性"):
        content = content.replace(word.encode(), word.encode("gb18030") + b"  ")
    table = read_table(save(path, content))
    assert table.frame["RESULT"].tolist() == ["阳性", "阴性"]
    assert table.encoding == "gb18030"


def test_sas7bdat() -> None:
    # by_haven.sas7bdat: haven 2.5.1 (R 4.2.2), write_sas(data.frame(USUBJID = c("1", "2", "3"),
    # RESULT = c("阳性", "阴性", NA), AVAL = c(1, NA, 2.5), ADT = as.Date(c("2024-03-05", "2024-03-06", NA)))),
    # with RESULT labelled 检验结果
    table = read_table(Path(__file__).parent / "by_haven.sas7bdat")
    assert table.frame["RESULT"].tolist() == ["阳性", "阴性", None]
    assert table.frame["AVAL"].iloc[[0, 2]].tolist() == [1.0, 2.5]
    assert table.frame["ADT"].iloc[0] == dt.date(2024, 3, 5)
    assert table.labels == {"RESULT": "检验结果"}


def test_69_sas7bdat_cut_off(tmp_path: Path) -> None:
    content = (Path(__file__).parent / "by_haven.sas7bdat").read_bytes()
    with pytest.raises(DataError, match="SAS file is damaged or cut off"):
        read_table(save(tmp_path / "a.sas7bdat", content[: len(content) // 2]))


def test_workbook(tmp_path: Path) -> None:
    rows = [
        ["编号", "日期", "值", None],
        ["007", dt.datetime(2024, 3, 5), 1.5, None],
        [None] * 4,
        ["008", None, 2, None],
    ]
    table = read_table(workbook(tmp_path / "a.xlsx", rows))
    assert list(table.frame.columns) == ["编号", "日期", "值"]
    assert table.frame.index.tolist() == [2, 4]
    assert table.frame["编号"].tolist() == ["007", "008"]
    assert table.frame["日期"].iloc[0] == dt.datetime(2024, 3, 5)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "first sheet is empty"),
        ([["随访表", None], ["编号", "值"], ["1", 2]], "no heading.*no title above them; found none in column 2"),
        ([["A", "B"], ["1", "=1+1"]], "B2: formulas have no stored value"),
        ([["A", "A"], [1, 2]], "same heading"),
        ([["A", "B"]], "headings and no rows"),
    ],
)
def test_broken_workbooks(tmp_path: Path, rows: list[list[object]], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_table(workbook(tmp_path / "a.xlsx", rows))


def test_69_workbook_cut_off(tmp_path: Path) -> None:
    content = workbook(tmp_path / "a.xlsx", [["A"], [1]]).read_bytes()
    for broken in (content[: len(content) // 2], b"\xd0\xcf\x11\xe0" + b"\x00" * 600):
        with pytest.raises(DataError, match="damaged, cut off, or protected"):
            read_table(save(tmp_path / "b.xlsx", broken))


def test_other_formats_and_missing_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="this format is not read.*save an .xls"):
        read_table(save(tmp_path / "a.xls", b"x"))
    with pytest.raises(DataError, match="there is no such file"):
        read_table(tmp_path / "none.csv")

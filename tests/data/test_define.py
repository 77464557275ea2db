"""define.xml 2.0 and 2.1: what it states, what it refuses, and what the checks make of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from evidence_lib.data.adam import AdamData, load_adam
from evidence_lib.data.conformance import conformance
from evidence_lib.data.define import find_define, read_define
from evidence_lib.data.subjects import subjects
from evidence_lib.errors import DataError

ITEMS = {
    "USUBJID": ("Unique subject identifier", "text", "Predecessor", None, "1"),
    "TRT01P": ("Planned treatment", "text", "Assigned", "CL.TRT", None),
    "AGE": ("Age in years", "integer", "Derived", None, None),
    "AGEGR1N": ("Age group", "integer", "Derived", "CL.AGEGR", None),
    "COUNTRY": ("Country", "text", "Predecessor", None, None),
}


def define_xml(*, version: str = "2.1", doctype: str = "", lists: str = "A,B", name: str = "ADSL") -> str:
    """A small define.xml of ADSL, in the layout of the specification's own example."""
    references, items = "", ""
    for item, (label, kind, origin, codes, key) in ITEMS.items():
        place = f' KeySequence="{key}"' if key else ""
        mandatory = "Yes" if item in ("USUBJID", "AGE") else "No"
        codelist = f'<CodeListRef CodeListOID="{codes}"/>' if codes else ""
        references += f'<ItemRef ItemOID="IT.{item}" Mandatory="{mandatory}"{place}/>'
        items += (
            f'<ItemDef OID="IT.{item}" Name="{item}" DataType="{kind}" Length="8">'
            f'<Description><TranslatedText xml:lang="de">Etwas</TranslatedText>'
            f'<TranslatedText xml:lang="en">{label}</TranslatedText></Description>'
            f'{codelist}<def:Origin Type="{origin}"/></ItemDef>'
        )
    arms = "".join(f'<EnumeratedItem CodedValue="{arm}"/>' for arm in lists.split(","))
    return f"""<?xml version="1.0" encoding="UTF-8"?>
{doctype}<ODM xmlns="http://www.cdisc.org/ns/odm/v1.3" xmlns:def="http://www.cdisc.org/ns/def/v{version}"
 ODMVersion="1.3.2" FileType="Snapshot" FileOID="F" CreationDateTime="2024-01-01T00:00:00">
<Study OID="S"><GlobalVariables><StudyName>S</StudyName></GlobalVariables>
<MetaDataVersion OID="M" Name="m" def:DefineVersion="{version}.0">
<ItemGroupDef OID="IG.{name}" Name="{name}" Repeating="No" Purpose="Analysis">{references}</ItemGroupDef>
{items}
<CodeList OID="CL.TRT" Name="Treatment" DataType="text">{arms}</CodeList>
<CodeList OID="CL.AGEGR" Name="Age groups" DataType="integer">
<CodeListItem CodedValue="1"><Decode><TranslatedText>young</TranslatedText></Decode></CodeListItem>
<CodeListItem CodedValue="2"><Decode><TranslatedText>old</TranslatedText></Decode></CodeListItem>
</CodeList></MetaDataVersion></Study></ODM>"""


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., AdamData]:
    def made(text: str | bytes, **columns: object) -> AdamData:
        frame = pd.DataFrame(
            {
                "STUDYID": "S",
                "USUBJID": ["SECRET-1", "SECRET-2"],
                "TRT01P": ["A", "B"],
                "AGE": ["60", "70"],
                "AGEGR1N": ["1", "2"],
                "COUNTRY": "X",
            }
        ).assign(**columns)
        frame.to_csv(tmp_path / "adsl.csv", index=False)
        content = text.encode() if isinstance(text, str) else text
        (tmp_path / "define.xml").write_bytes(content)
        return load_adam(tmp_path)

    return made


@pytest.mark.parametrize("version", ["2.0", "2.1"])
def test_labels_codelists_keys_and_origins(folder: Callable[..., AdamData], version: str) -> None:
    data = folder(define_xml(version=version))
    columns = data.define.columns("ADSL")
    assert list(columns) == list(ITEMS)
    assert columns["TRT01P"].codelist == ("A", "B")
    assert columns["AGEGR1N"].codelist == ("1", "2")
    assert [columns[name].origin for name in ITEMS] == [origin for _, _, origin, _, _ in ITEMS.values()]
    assert [columns[name].key for name in ITEMS] == [1, None, None, None, None]
    assert columns["AGE"].mandatory
    assert not columns["COUNTRY"].mandatory
    assert data.adsl.labels["AGE"] == "Age in years"
    assert subjects(data).labels["AGE"] == "Age in years"
    assert [one.rule for one in conformance(data)] == ["data_without_define"]  # STUDYID


def test_labels_of_the_file_come_first(folder: Callable[..., AdamData], tmp_path: Path) -> None:
    import pyreadstat

    data = folder(define_xml())
    frame = data.adsl.frame
    (tmp_path / "adsl.csv").unlink()
    pyreadstat.write_xport(frame, str(tmp_path / "adsl.xpt"), column_labels={"AGE": "Age at entry"})
    labels = load_adam(tmp_path).adsl.labels
    assert (labels["AGE"], labels["TRT01P"]) == ("Age at entry", "Planned treatment")


@pytest.mark.parametrize(
    ("columns", "lists", "rule", "said"),
    [
        (
            {"TRT01P": ["A", "C"]},
            "A,B",
            "not_in_define",
            "TRT01P holds values that its codelist in define.xml does not",
        ),
        ({"AGEGR1N": ["1", "3"]}, "A,B", "not_in_define", "have: 3"),
        ({"AGE": ["60", ""]}, "A,B", "define_mandatory", "origin: Derived"),
        ({"USUBJID": "SECRET-1"}, "A,B", "define_key", "USUBJID"),
    ],
)
def test_what_differs_from_define_is_a_warning(
    folder: Callable[..., AdamData], columns: dict[str, object], lists: str, rule: str, said: str
) -> None:
    findings = [one for one in conformance(folder(define_xml(lists=lists), **columns)) if one.rule == rule]
    assert [one.severity for one in findings] == ["warning"]
    assert said in str(findings[0])
    assert "SECRET" not in str(findings[0])


def test_columns_that_only_one_of_the_two_has(folder: Callable[..., AdamData], tmp_path: Path) -> None:
    folder(define_xml())
    pd.DataFrame({"STUDYID": ["S"], "USUBJID": ["1"], "TRT01P": "A", "AGE": 1, "AGEGR1N": 1, "SEX": "F"}).to_csv(
        tmp_path / "adsl.csv", index=False
    )
    said = {one.rule: str(one) for one in conformance(load_adam(tmp_path))}
    assert "COUNTRY" in said["define_without_data"]
    assert "SEX" in said["data_without_define"]


def test_numbers_are_compared_as_numbers(folder: Callable[..., AdamData]) -> None:
    rules = {one.rule for one in conformance(folder(define_xml(), AGEGR1N=["1.0", "2.0"]))}
    assert "not_in_define" not in rules


ENTITIES = '<!DOCTYPE ODM [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE ODM SYSTEM "http://example.org/evil.dtd">'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (define_xml(doctype=ENTITIES), "document type or entity"),
        (define_xml(doctype=OUTSIDE), "document type or entity"),
        (define_xml(doctype=OUTSIDE.lower()), "document type or entity"),
        (define_xml()[:400], "not well-formed XML; found line"),
        ("", "not well-formed XML"),
        ("<html><body/></html>", "not Define-XML"),
        (define_xml().encode("utf-16"), "UTF-16"),
        (b"\xff\xfe\x00", "UTF-16 or not a text file"),
    ],
)
def test_what_is_no_define_is_refused(tmp_path: Path, text: str | bytes, said: str) -> None:
    path = tmp_path / "define.xml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(DataError, match=said):
        read_define(path)


def test_a_define_in_gb18030(tmp_path: Path) -> None:
    path = tmp_path / "define.xml"
    text = define_xml().replace('encoding="UTF-8"', 'encoding="GB18030"').replace("Age in years", "年龄（岁）")
    path.write_bytes(text.encode("gb18030"))
    assert read_define(path).labels("adsl")["AGE"] == "年龄（岁）"


def test_which_file_is_the_define(tmp_path: Path) -> None:
    assert find_define(tmp_path) is None
    (tmp_path / "define-2-1.xml").write_text(define_xml())
    assert find_define(tmp_path) == tmp_path / "define-2-1.xml"
    (tmp_path / "define_sdtm.xml").write_text(define_xml())
    with pytest.raises(DataError, match=r"more than one define.xml.*define-2-1.xml, define_sdtm.xml"):
        find_define(tmp_path)
    (tmp_path / "Define.xml").write_text(define_xml())
    assert find_define(tmp_path) == tmp_path / "Define.xml"


def test_a_huge_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evidence_lib.data.define.LARGEST", 100)
    path = tmp_path / "define.xml"
    path.write_text(define_xml())
    with pytest.raises(DataError, match="too large"):
        read_define(path)

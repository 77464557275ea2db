"""``evidence new``: from a spreadsheet or ADaM data to a study file that the strict model accepts."""

from __future__ import annotations

import random
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from evidence_lib.data.adam import analysis_frame, load_adam
from evidence_lib.data.coding import event_coding
from evidence_lib.data.headings import column_name, endpoint_of, role_of, split_unit
from evidence_lib.data.proposal import propose, write_proposal
from evidence_lib.data.study_text import quoted, slug
from evidence_lib.errors import DataError, StudyError
from evidence_lib.study import load_study

Record = dict[str, object]


def patients(n: int = 60) -> pd.DataFrame:
    """A doctor's spreadsheet, made up, with everything that must not leave it."""
    draw = random.Random(20240305)
    rows = [
        {
            "姓名": f"张三{chr(0x4E00 + k)}",
            "住院号": f"ZY{880000 + k}",
            "身份证号": f"11010119500101{k:04d}",
            "手机": f"138{12340000 + k}",
            "性别": "12"[k % 2],
            "年龄（岁）": str(30 + k),
            "治疗组": "试验组" if k % 3 else "对照组",
            "生存时间（月）": f"{draw.uniform(1, 40):.1f}",
            "是否死亡": "是" if draw.random() < 0.6 else "否",
            "出生日期": "1950-01-01",
            "CEA": "<0.01" if k == 4 else "１２.5",
            "EGFR": ["阴性", "阳性(+)"][k % 2],
        }
        for k in range(n)
    ]
    return pd.DataFrame(rows)


def written(folder: Path, frame: pd.DataFrame, name: str = "patients.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(frame.to_csv(index=False).encode(encoding))
    return path


def survival(**columns: list[object]) -> pd.DataFrame:
    base: dict[str, list[object]] = {
        "arm": ["a", "b"] * 3,
        "days": [10, 20, 30, 40, 50, 60],
        "event": [0, 1, 1, 0, 1, 1],
    }
    return pd.DataFrame({name: values for name, values in {**base, **columns}.items() if values is not None})


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_chinese_spreadsheet_becomes_a_study(tmp_path: Path, encoding: str) -> None:
    source = patients()
    proposal = propose(written(tmp_path, source, "随访表.csv", encoding))
    study = load_study(write_proposal(tmp_path / "study", proposal))
    report = study.reports[0]
    assert study.study.design == "observational"
    assert report.parameters["treatment"] in ("试验组", ["试验组"])
    assert report.parameters["reference"] == "对照组"
    assert report.parameters["endpoint"] == "OS"
    assert report.parameters["unit"] == "months"
    made = analysis_frame(load_adam(tmp_path / "study" / "adam"), endpoint="OS", baseline=["SEX", "AGE", "CEA", "EGFR"])
    expected = source["生存时间（月）"].astype(float) * 30.4375
    assert made.frame["time"].tolist() == pytest.approx(expected.tolist(), abs=1e-6)
    assert made.frame["event"].tolist() == [int(text == "是") for text in source["是否死亡"]]
    assert made.frame["arm"].tolist() == source["治疗组"].tolist()
    assert made.frame["SEX"].tolist() == ["M", "F"] * 30
    assert made.frame["AGE"].tolist() == list(range(30, 90))
    assert made.frame["EGFR"].tolist() == ["Negative", "Positive"] * 30
    assert made.missing == {"CEA": 1}
    assert study.labels["AGE"] == "年龄（岁）"


def test_direct_identifiers_are_never_written(tmp_path: Path) -> None:
    source = patients()
    source["备注"] = source["手机"]  # a telephone number under a harmless heading
    proposal = propose(written(tmp_path, source))
    write_proposal(tmp_path / "study", proposal)
    everything = "".join(
        path.read_text(encoding="utf-8") for path in (tmp_path / "study").rglob("*.*") if path.is_file()
    )
    everything += "".join(proposal.guesses)
    for column in ("姓名", "住院号", "身份证号", "手机", "出生日期"):
        assert not any(value in everything for value in source[column])
    assert list(proposal.tables["adsl"]["USUBJID"][:2]) == ["PATIENTS-0001", "PATIENTS-0002"]


def test_every_guess_is_marked_in_the_file(tmp_path: Path) -> None:
    proposal = propose(written(tmp_path, patients()))
    assert len(proposal.guesses) > 10
    for guess in proposal.guesses:
        assert f"# GUESS: {guess}" in proposal.study_yaml
    assert any("the event is 是 in column 是否死亡" in guess for guess in proposal.guesses)
    assert any("CEA: limits such as <0.01 became missing (row 6)" in guess for guess in proposal.guesses)


def test_workbook_with_dates(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    rows: list[list[object]] = [["编号", "分组", "入组日期", "末次随访日期", "死亡日期"]]
    starts = [pd.Timestamp("2024-01-01"), "2024年1月1日", 20240101, "2024/1/1"]
    ends = [(pd.Timestamp("2024-01-31"), None), (None, "2024-02-01"), ("2024-01-01", None), (None, 45356)]
    rows += [[k, "AB"[k % 2], start, *end] for k, (start, end) in enumerate(zip(starts, ends, strict=True))]
    for row in rows:
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    table = propose(tmp_path / "a.xlsx").tables["adtte"]
    # last day - first day + 1; the serial number 45356 is 2024-03-05
    assert table["AVAL"].tolist() == [31, 32, 1, 65]
    assert table["CNSR"].tolist() == [1, 0, 1, 0]
    assert table["PARAMCD"].unique().tolist() == ["OS"]


def test_several_endpoints(tmp_path: Path) -> None:
    frame = survival(event=None, days=None).assign(
        OS_months=[1, 2, 3, 4, 5, 6],
        OS_event=[0, 0, 1, 1, 1, 1],
        PFS_months=[1, 1, 2, 3, 4, 5],
        PFS_event=[1] * 5 + [0],
    )  # type: ignore[arg-type]
    proposal = propose(written(tmp_path, frame))
    table = proposal.tables["adtte"]
    assert table.groupby("PARAMCD")["CNSR"].sum().to_dict() == {"OS": 2, "PFS": 1}
    study = load_study(write_proposal(tmp_path / "study", proposal))
    assert [report.id for report in study.reports] == ["overall-survival", "progression-free-survival"]


def test_event_coding_of_lung(tmp_path: Path) -> None:
    # R's survival::lung codes 1 = censored, 2 = dead
    table = propose(written(tmp_path, survival(event=[1, 2, 2, 1, 2, 2]).rename(columns={"event": "status"}))).tables[
        "adtte"
    ]
    assert table["CNSR"].tolist() == [1, 0, 0, 1, 0, 0]


@pytest.mark.parametrize(
    ("heading", "codes", "events"),
    [
        ("event", [0, 1], [False, True]),
        ("event", [0, 0], [False, False]),
        ("cens", [0, 1], [False, True]),
        ("censored", [0, 1], [True, False]),
        ("是否删失", ["是", "否"], [False, True]),
        ("结局", ["死亡", "存活"], [True, False]),
        ("结局", ["死亡", "失访"], [True, False]),
        ("status", ["Dead", "ALIVE"], [True, False]),
        ("alive", ["yes", "no"], [False, True]),
        ("是否死亡", ["１", "０"], [True, False]),
        ("status", [True, False], [True, False]),
    ],
)
def test_event_coding(heading: str, codes: list[object], events: list[bool]) -> None:
    assert event_coding(pd.Series(codes, name=heading, dtype=object)).event.tolist() == events


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        ([0, 1, 2], "codes of the event are not clear.*found 0, 1, 2"),
        ([0, 2], "codes of the event are not clear"),
        ([1, 1], "may be all events or none"),
        ([2, 2], "codes of the event are not clear"),
        ([0, 3], "not known"),
        (["死亡", "好转"], "not known.*好转"),
        ([1, None], "the status is empty"),
        ([1, 0.5], "not known"),
    ],
)
def test_60_unclear_event_codes_are_refused(codes: list[object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        event_coding(pd.Series(codes, name="event", dtype=object))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"event": [0, 1, 2, 0, 1, 1]}, "codes of the event are not clear"),
        ({"days": [10, "", 30, 40, 50, 60]}, "column days, row 3: the time is empty"),
        ({"days": [10, "<5", 30, 40, 50, 60]}, "column days, row 3: the time is empty or not a number"),
        ({"days": [10, -1, 30, 40, 50, 60]}, "column days, row 3: the time is negative"),
        ({"arm": ["a", "", "a", "b", "a", "b"]}, "column arm, row 3: the treatment is empty"),
        ({"arm": ["a"] * 6}, "does not hold 2 to 10 treatments"),
        ({"arm": None}, "no column holds the treatment"),
        ({"days": None}, "no column holds the time"),
        ({"event": None}, "no column holds the status"),
        (
            {"id": ["k1", "k2", "k1", "k4", "k5", "k6"]},
            "column id, rows 2, 4: a patient number stands in more than one row",
        ),
    ],
)
def test_spreadsheets_that_cannot_answer(tmp_path: Path, changes: dict[str, list[object]], message: str) -> None:
    with pytest.raises(DataError, match=message) as told:
        propose(written(tmp_path, survival(**changes)))
    assert "k1" not in str(told.value)


@pytest.mark.parametrize(
    ("dates", "message"),
    [
        ({"last follow-up date": ["2024-02"] + ["2024-02-01"] * 5}, "row 2: a date has no day or month"),
        ({"last follow-up date": ["2023-12-31"] + ["2024-02-01"] * 5}, "row 2: the last date lies before the start"),
        ({"last follow-up date": [""] + ["2024-02-01"] * 5}, "row 2: there is no last date"),
        (
            {"last follow-up date": ["2024-02-01"] * 6, "death date": ["2024-02-01"] + [""] * 5},
            "the status says no event",
        ),
    ],
)
def test_62_dates_that_cannot_answer(tmp_path: Path, dates: dict[str, list[object]], message: str) -> None:
    frame = survival(days=None).assign(**{"start date": "2024-01-01"}, **dates)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=message):
        propose(written(tmp_path, frame))


def test_time_without_unit_is_told(tmp_path: Path) -> None:
    proposal = propose(written(tmp_path, survival().rename(columns={"days": "time"})))
    assert any("names no unit" in guess and "largest: 60" in guess for guess in proposal.guesses)
    assert proposal.tables["adtte"]["AVAL"].tolist() == [10, 20, 30, 40, 50, 60]


def test_plan_of_the_report(tmp_path: Path) -> None:
    study = load_study(write_proposal(tmp_path / "s", propose(written(tmp_path, survival()))))
    parameters = study.reports[0].parameters
    # arms a: 10, 30, 50; b: 20, 40, 60 days. Both are followed to day 50; four events allow no covariate.
    assert (parameters["unit"], parameters["tau"], parameters["times"]) == ("days", 50, [17, 33, 50])
    assert "covariates" not in parameters


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    proposal = propose(written(tmp_path, survival()))
    path = write_proposal(tmp_path / "s", proposal)
    before = path.read_bytes()
    with pytest.raises(StudyError, match="there is one already"):
        write_proposal(tmp_path / "s", proposal)
    assert path.read_bytes() == before


def test_adam_folder(reference: Path, tmp_path: Path) -> None:
    source = reference / "cdisc-pilot-xpt"
    proposal = propose(source, directory=tmp_path / "cdisc")
    assert proposal.tables == {}
    study = load_study(write_proposal(tmp_path / "cdisc", proposal))
    assert (study.folder / study.data.path).resolve() == source.resolve()
    assert [path.name for path in (tmp_path / "cdisc").iterdir()] == ["study.yml"]
    assert study.study.design == "randomised"
    parameters = study.reports[0].parameters
    assert parameters["endpoint"] == "TTDE"
    assert parameters["reference"] == "Placebo"
    assert parameters["treatment"] == ["Xanomeline High Dose", "Xanomeline Low Dose"]
    # the longest times of the arms are 198, 189 and 190 days
    assert (parameters["unit"], parameters["tau"], parameters["times"]) == ("days", 189, [63, 126, 189])
    assert Path(study_path(source)).is_absolute()


def study_path(source: Path) -> str:
    line = next(line for line in propose(source).study_yaml.splitlines() if line.startswith("  path: "))
    return line.removeprefix("  path: ").strip('"')


@pytest.mark.parametrize(
    "text", ["a: b # c", 'quote " and \\', "line\nbreak", "\u2028", "NO", "1:30", "\x00\x7f", "😀{x}"]
)
def test_any_text_survives_the_study_file(tmp_path: Path, text: str) -> None:
    import yaml

    assert yaml.safe_load(f"key: {quoted(text)}") == {"key": text}


def test_odd_arms_and_headings_survive(tmp_path: Path) -> None:
    frame = survival(arm=["NO", "a: {b}"] * 3).assign(**{'x"\n# GUESS: no\nversion: 2': [1, 2, 3, 4, 5, 6]})
    study = load_study(write_proposal(tmp_path / "s", propose(written(tmp_path, frame))))
    assert {study.reports[0].parameters["reference"], study.reports[0].parameters["treatment"]} == {"NO", "a: {b}"}


@pytest.mark.parametrize(
    ("heading", "role"),
    [
        ("姓名", "personal"), ("患者电话", "personal"), ("Name", "personal"), ("身份证号码", "personal"),
        ("住院号", "id"), ("病案号", "id"), ("MRN", "id"), ("出生年月", "birth"), ("治疗方案", "arm"),
        ("Treatment", "arm"),
        ("OS.time", "time"), ("随访月数", "time"), ("生存时间(天)", "time"), ("是否死亡", "status"),
        ("PFS_event", "status"), ("入组日期", "start"), ("末次随访日期", "end"), ("死亡日期", "death"),
        ("年龄", "other"), ("number of nodes", "other"), ("stage", "other"),
    ],
)  # fmt: skip
def test_roles(heading: str, role: str) -> None:
    assert role_of(heading) == role


def test_headings() -> None:
    assert split_unit("生存时间（月）") == ("生存时间", "months")
    assert split_unit("histogram") == ("histogram", None)
    assert endpoint_of("无进展生存期（月）") == "PFS"
    assert endpoint_of("oscillation") is None
    assert column_name("年龄（岁）", set()) == "AGE"
    assert column_name("Tumour size (mm)", {"TUMOURSI"}) == "TUMOURS2"
    assert column_name("淋巴", {"VAR1"}) == "VAR2"


def test_slug() -> None:
    assert slug("Time to First: Event!", "x") == "time-to-first-event"
    assert slug("肺癌", "my-study") == "my-study"
    assert slug("a", "x", taken={"a"}) == "a-2"
    assert len(slug("a" * 300, "x")) <= 64

"""BAD_INPUTS 56 to 70 and 87: small ADaM folders, each through ``evidence check`` and through a run.

The number of the list leads each case's id. The notebook of these runs does what every report does with its data: the
subjects, the analysis frame of its endpoint, and the records of every data set.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyreadstat
import pytest
import yaml

from evidence_lib import cli
from tests.runs.material import Place, notebook, text_of

IDS = [f"SECRET-{number:02d}" for number in range(1, 13)]
GIVEN = """study: str = "study.yml"
report: str = "first"
language: str = "en"
endpoint: str | None = None
treatment: str | list | None = None
reference: str | None = None
unit: str | None = None
strata: list | None = None
covariates: list | None = None"""
USES = """
from evidence_lib.session.opening import open_report
rep = open_report(study, report)
rep.subjects()
frame = rep.analysis_frame()
for name in rep.data.names:
    rep.records(name)
"""
MODEL = """
from evidence_lib.statistics import cox
rep.record(cox.hazard_ratio, frame, covariates=rep.covariates)
"""
REPORT = {
    "notebook": "first",
    "primary_measure": "hazard_ratio",
    "estimand": {"treatment": "a", "population": "b", "variable": "c", "intercurrent_events": ["d"], "summary": "e"},
}


def adsl() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "STUDYID": "S",
            "USUBJID": IDS,
            "TRT01P": ["A", "B"] * 6,
            "ITTFL": "Y",
            "RANDDT": "2024-01-01",
            "SITE": ["one", "one", "two", "two"] * 3,
            "AGE": [str(50 + number) for number in range(12)],
        }
    )


def adtte() -> pd.DataFrame:
    days = [10 + 7 * (number * 5 % 12) for number in range(12)]
    return pd.DataFrame(
        {
            "USUBJID": IDS,
            "PARAMCD": "OS",
            "PARAM": "Overall survival",
            "AVAL": [str(day) for day in days],
            "AVALU": "DAYS",
            "CNSR": ["0", "0", "1", "0"] * 3,
            "TRTP": ["A", "B"] * 6,
            "STARTDT": "2024-01-01",
            "ADT": [str((pd.Timestamp("2023-12-31") + pd.Timedelta(days=day)).date()) for day in days],
            "EVNTDESC": ["Death", "Death", "", "Death"] * 3,
        }
    )


def adlb() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "USUBJID": IDS,
            "PARAMCD": "ALT",
            "PARAM": "ALT (U/L)",
            "AVAL": "20",
            "AVISIT": "Week 1",
            "ADT": "2024-02-01",
            "LBSEQ": [str(number) for number in range(12)],
        }
    )


Write = Callable[[Path], None]


@dataclass(frozen=True)
class Case:
    """What is wrong, how it is made, and what is said: an exit code of 3, or a warning (or nothing) and 0."""

    id: str
    said: str
    code: int = 3
    change: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = field(default_factory=dict)
    write: Write | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    study: dict[str, Any] = field(default_factory=dict)
    cells: str = USES


def dropped(column: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda frame: frame.drop(columns=column)


def put(column: str, value: Any, row: int = 2) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """One value changed; row 2 of the frame is row 4 of the file."""

    def change(frame: pd.DataFrame) -> pd.DataFrame:
        frame = frame.astype(object)
        frame.loc[row, column] = value
        return frame

    return change


def filled(**columns: Any) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda frame: frame.assign(**columns)


def twice(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([frame, frame.iloc[[2]]])


def replaced(name: str, content: bytes) -> Write:
    """A file of the folder with other bytes, in place of the csv of that data set."""

    def write(folder: Path) -> None:
        (folder / f"{name.split('.')[0]}.csv").unlink()
        (folder / name).write_bytes(content)

    return write


def cut_transport(folder: Path) -> None:
    pyreadstat.write_xport(adlb(), str(folder / "whole.xpt"))
    content = (folder / "whole.xpt").read_bytes()
    (folder / "whole.xpt").unlink()
    replaced("adlb.xpt", content[: len(content) - 100])(folder)


def cut_parquet(folder: Path) -> None:
    content = adlb().to_parquet()
    replaced("adlb.parquet", content[: len(content) // 2])(folder)


def label_cut_inside_a_character(folder: Path) -> None:
    frame, label = adlb(), "中" * 13
    pyreadstat.write_xport(frame, str(folder / "whole.xpt"), column_labels=[label] * len(frame.columns))
    content = (folder / "whole.xpt").read_bytes()
    (folder / "whole.xpt").unlink()
    at = content.find(label.encode())
    replaced("adlb.xpt", content[: at + 39] + b"\xe4" + content[at + 40 :])(folder)


def mixed_encodings(folder: Path) -> None:
    lines = adsl().assign(SITE="x").to_csv(index=False).splitlines()
    lines = [line.replace(",x,", ",北京市朝阳区,") for line in lines]
    parts = [line.encode("utf-8" if number % 2 else "gbk") for number, line in enumerate(lines)]
    replaced("adsl.csv", b"\n".join(parts) + b"\n")(folder)


def in_gbk(folder: Path) -> None:
    text = adsl().assign(SITE="北京市朝阳区").to_csv(index=False)
    replaced("adsl.csv", text.encode("gbk"))(folder)


COVARIATES = {"covariates": ["AGE", "TWIN"]}
CASES = [
    Case("56-no-CNSR", "ADTTE: Column CNSR is missing", change={"adtte": dropped("CNSR")}),
    Case("56-no-USUBJID-in-ADSL", "ADSL: Column USUBJID is missing", change={"adsl": dropped("USUBJID")}),
    Case("56-no-PARAMCD-in-ADLB", "ADLB: Column PARAMCD is missing", change={"adlb": dropped("PARAMCD")}),
    Case("57-time-in-words", "AVAL holds something that is not a number", change={"adtte": put("AVAL", "ten")}),
    Case("57-flag-in-words", "ITTFL holds something other than Y, N", change={"adsl": put("ITTFL", "perhaps")}),
    Case("57-value-in-words", "AVAL holds something that is not a number", change={"adlb": put("AVAL", "high")}),
    Case("58-twice-in-ADSL", "A subject has more than one record", change={"adsl": twice}),
    Case("58-twice-in-ADTTE", "A subject has more than one record", change={"adtte": twice}),
    Case("58-twice-in-ADLB", "Whole records occur more than once", change={"adlb": twice}),
    Case("59-event-before-randomisation", "ADT lies before RANDDT", change={"adtte": put("ADT", "2023-12-30")}),
    Case("59-death-before-randomisation", "RANDDT is after DTHDT", change={"adsl": filled(DTHDT="2023-12-30")}),
    Case("59-negative-time", "AVAL is negative", change={"adtte": put("AVAL", "-1")}),
    Case("59-zero-time", "AVAL is 0; the patients are kept", 0, change={"adtte": put("AVAL", "0")}),
    Case("60-blank", "CNSR is empty", change={"adtte": put("CNSR", "")}),
    Case("60-negative", "CNSR is negative", change={"adtte": put("CNSR", "-1")}),
    Case("60-fraction", "CNSR is not a whole number", change={"adtte": put("CNSR", "0.5")}),
    Case("60-text", "CNSR holds text", change={"adtte": put("CNSR", "lost")}),
    Case("60-reason-2-is-legal", "", 0, change={"adtte": put("CNSR", "2")}),
    Case("60-event-column-holds-2", "EVENT holds something other than 0 and 1", 0, change={"adtte": filled(EVENT=2)}),
    Case("61-unknown-arm", "no arm C; there is", parameters={"treatment": "C"}),
    Case("61-empty-arm", "an arm has no patient left", change={"adsl": filled(ITTFL=["Y", "N"] * 6)}),
    Case("61-one-arm", "All patients are in one arm", change={"adsl": filled(TRT01P="A"), "adtte": filled(TRTP="A")}),
    Case("62-partial-date", "ADT holds dates without day or month", 0, change={"adtte": put("ADT", "2024-02")}),
    Case("62-partial-date-in-ADLB", "ADT holds dates without day or month", 0, change={"adlb": put("ADT", "2024")}),
    Case("63-not-in-ADSL", "Subjects are not in ADSL", change={"adtte": put("USUBJID", "SECRET-99")}),
    Case("63-not-in-ADSL-but-in-ADLB", "Subjects are not in ADSL", change={"adlb": put("USUBJID", "SECRET-99")}),
    Case(
        "64-CNSR-read-as-event",
        "CNSR seems to be the wrong way round",
        change={"adtte": filled(EVNTDESC=["", "", "Death", ""] * 3)},
    ),
    Case("65-all-censored", "Nobody had the event", 0, change={"adtte": filled(CNSR="1", EVNTDESC="")}),
    Case("65-no-event-in-an-arm", "Nobody in arm A had the event", 0, change={"adtte": filled(CNSR=["1", "0"] * 6)}),
    Case(
        "66-stratum-of-one",
        "Strata by SITE hold a single patient",
        0,
        change={"adsl": put("SITE", "three")},
        parameters={"strata": ["SITE"]},
    ),
    Case(
        "67-collinear",
        "",
        0,
        change={"adsl": lambda f: f.assign(TWIN=f["AGE"])},
        parameters=COVARIATES,
        cells=USES + MODEL,
    ),
    Case("67-constant", "", 0, change={"adsl": filled(TWIN="7")}, parameters=COVARIATES, cells=USES + MODEL),
    Case(
        "67-1e308",
        "",
        0,
        change={"adsl": lambda f: put("TWIN", "1e308")(filled(TWIN="1")(f))},
        parameters=COVARIATES,
        cells=USES + MODEL,
    ),
    Case(
        "67-separation",
        "",
        0,
        change={"adsl": filled(TWIN=["1", "1", "0", "1"] * 3)},
        parameters=COVARIATES,
        cells=USES + MODEL,
    ),
    Case(
        "68-one-patient",
        "All patients are in one arm",
        0,
        change={"adsl": lambda f: f.head(1), "adtte": lambda f: f.head(1), "adlb": lambda f: f.head(1)},
        parameters={"treatment": None, "reference": None},
        study={"design": "single-arm"},
    ),
    Case("69-empty-file", "adsl.csv: the file is empty", write=replaced("adsl.csv", b"")),
    Case(
        "69-header-only", "adlb.csv: the file has headings and no rows", write=replaced("adlb.csv", b"USUBJID,AVAL\n")
    ),
    Case(
        "69-cut-gzip",
        "the compressed file is damaged or cut off",
        write=replaced("adlb.csv.gz", gzip.compress(adlb().to_csv(index=False).encode())[:60]),
    ),
    Case("69-cut-parquet", "the parquet file is damaged or cut off", write=cut_parquet),
    Case("69-cut-transport", "the SAS file is damaged or cut off", write=cut_transport),
    Case("70-mixed-encodings", "two encodings are mixed in one file", write=mixed_encodings),
    Case("70-all-in-GBK", "", 0, write=in_gbk),
    Case("70-label-cut-inside-a-character", "", 0, write=label_cut_inside_a_character),
    Case("87-full-width-digits", "", 0, change={"adtte": put("AVAL", "８０"), "adlb": put("AVAL", "２０．５")}),
    Case(
        "87-dates-without-hyphens",
        "",
        0,
        change={"adsl": filled(RANDDT="20240101"), "adlb": filled(ADT="2024年3月5日")},
    ),
    Case("87-detection-limit", "AVAL holds limits such as <0.01", change={"adlb": put("AVAL", "<0.01")}),
    Case(
        "87-sex-as-numbers",
        "SEX holds values outside the controlled terminology",
        0,
        change={"adsl": filled(SEX=["1", "2", "0", "9"] * 3)},
    ),
    Case("87-signs-as-results", "", 0, change={"adlb": filled(AVALC=["阴性", "阳性(+)"] * 6)}),
]


def written(place: Place, case: Case) -> Place:
    """The study folder of a case."""
    parameters = {"endpoint": "OS", "treatment": "B", "reference": "A", "unit": "days", **case.parameters}
    document = {
        "version": 1,
        "study": {"id": "small", "title": "A small study", "design": "randomised", **case.study},
        "data": {
            "kind": "adam",
            "path": "adam",
            "cutoff": {"unknown": "made up"},
            "blinding": {"unblinded": {"date": {"unknown": "made up"}, "person": "nobody", "reason": "made up"}},
        },
        "disclosure": {"preset": "none", "reason": "made-up data"},
        "reports": [
            {"id": "first", **REPORT, "parameters": {k: v for k, v in parameters.items() if v is not None}},
        ],
    }
    place.write(
        yaml.safe_dump(document, sort_keys=False), first=notebook(case.cells, "rep.complete()", parameters=GIVEN)
    )
    folder = place.folder / "adam"
    for name, make in (("adsl", adsl), ("adtte", adtte), ("adlb", adlb)):
        frame = case.change.get(name, lambda made: made)(make())
        frame.to_csv(folder / f"{name}.csv", index=False)
    if case.write is not None:
        case.write(folder)
    return place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A folder for one study, without an earlier run."""
    return Place(tmp_path / "place")


# A run takes a kernel: of cases that reach the same code, one is run.
CHECKED_ONLY = {"57-flag-in-words", "57-value-in-words", "58-twice-in-ADTTE", "60-negative", "60-fraction", "60-text"}
CHECKED_ONLY |= {"59-death-before-randomisation", "62-partial-date", "63-not-in-ADSL", "65-no-event-in-an-arm"}
CHECKED_ONLY |= {"67-constant", "69-header-only", "69-cut-parquet", "60-event-column-holds-2"}
CHECKED_ONLY |= {"56-no-CNSR", "87-signs-as-results", "87-sex-as-numbers", "59-zero-time"}
RUN = [case for case in CASES if case.id not in CHECKED_ONLY]


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_check(case: Case, place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    code = cli.main(["check", str(written(place, case).study)])
    shown = capsys.readouterr()
    errors, warnings = shown.out.split("Warnings (a run goes on)")
    assert code == case.code, shown.out + shown.err
    for part in case.said.split(": "):
        assert part in (errors if case.code else warnings)
    assert errors.startswith("Errors (a run stops): 0") == (case.code == 0)
    assert "SECRET" not in shown.out + shown.err
    assert "Traceback" not in shown.out + shown.err
    assert case.said or warnings.strip() == ": 0", warnings


@pytest.mark.parametrize("case", RUN, ids=[case.id for case in RUN])
def test_run(case: Case, place: Place) -> None:
    outcome = written(place, case).run()
    told = text_of(outcome)
    assert outcome.exit_code == case.code, told
    assert (outcome.published is None) == (case.code != 0)
    if case.code:
        assert case.said in told
        assert {report.cause for report in outcome.reports} == {"DataError"}
    assert "SECRET" not in told
    assert "Traceback" not in told


def test_every_number_of_the_list_has_a_case() -> None:
    for cases in (CASES, RUN):
        assert {case.id.partition("-")[0] for case in cases} == {str(number) for number in (*range(56, 71), 87)}
    assert {case.id for case in CASES} > CHECKED_ONLY


def test_the_values_of_87_are_read_as_meant(place: Place) -> None:
    from evidence_lib.data.adam import load_adam
    from evidence_lib.data.subjects import records, subjects

    digits, dates = (
        next(case for case in CASES if case.id == id) for id in ("87-full-width-digits", "87-dates-without-hyphens")
    )
    data = load_adam(written(place, digits).folder / "adam")
    assert data.typed("ADTTE")["AVAL"].iloc[2] == 80
    assert records(data, "ADLB", subjects(data))["AVAL"].iloc[2] == 20.5
    data = load_adam(written(place, dates).folder / "adam")
    assert set(records(data, "ADLB", subjects(data))["ADT"]) == {pd.Timestamp("2024-03-05")}
    assert set(subjects(data).frame["RANDDT"]) == {pd.Timestamp("2024-01-01")}

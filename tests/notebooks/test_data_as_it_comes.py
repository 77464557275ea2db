"""Data as they come: a doctor's spreadsheet, faulty records that stop a run, and thin ones that do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

from tests.published import (
    evidence,
    outcome,
    patients,
    published,
    records,
    results_of,
    small_study,
    with_value,
)
from tests.schema import assert_valid_results

HEADINGS = ("治疗组", "生存时间(天)", "状态", "年龄", "性别", "姓名", "住院号")


def asked(endpoint: str, **more: Any) -> dict[str, Any]:
    """The parameters of a report on one endpoint."""
    arms = {"treatment": "A", "reference": "B"}
    return {"endpoint": endpoint, **arms, "unit": "months", "tau": 9, "times": [6], "baseline": ["AGE"], **more}


# A spreadsheet


def sixty() -> list[tuple[Any, ...]]:
    """Sixty made-up patients under ``HEADINGS``; names and hospital numbers that nothing else would hold."""
    rows = []
    for number in range(60):
        arm, dead = ("试验组", "对照组")[number % 2], number % 5 < 3
        name, hospital = f"欧阳测{chr(0x7532 + number)}", f"ZY88{1000 + number * 7}"
        time = 40 + (number * 113) % 1201
        rows.append((arm, time, ("存活", "死亡")[dead], 35 + number % 41, ("男", "女")[number % 3 > 0], name, hospital))
    return rows


@pytest.fixture(scope="module")
def spreadsheet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workbook as a hospital sends it, then the two commands; the folder that holds the study and its output."""
    folder = tmp_path_factory.mktemp("spreadsheet")
    book = openpyxl.Workbook()
    for row in (HEADINGS, *sixty()):
        book.active.append(row)
    book.save(folder / "随访.xlsx")
    made = evidence("new", folder / "made" / "study", "--from", folder / "随访.xlsx")
    assert made.returncode == 0, made.stderr
    published(folder / "made" / "study" / "study.yml", folder / "made" / "out")
    return folder / "made"


def test_a_chinese_spreadsheet_becomes_a_page_with_its_own_counts(spreadsheet: Path) -> None:
    (path,) = spreadsheet.glob("out/*/latest/*.results.json")
    assert_valid_results(path)
    (page,) = (page for page in path.parent.glob("*.html") if page.name != "index.html")
    text = page.read_text(encoding="utf-8")
    assert "试验组" in text
    assert "对照组" in text
    counted = {
        (row["analysis"], row["groups"]["arm"]): row["value"]
        for row in results_of(path)["results"]
        if row["analysis"].startswith("count.") and row["statistic"] == "estimate"
    }
    for arm in ("试验组", "对照组"):
        of_arm = [row for row in sixty() if row[0] == arm]
        assert counted["count.subjects", arm] == len(of_arm)
        assert counted["count.events", arm] == sum(row[2] == "死亡" for row in of_arm)


def test_no_name_and_no_hospital_number_leaves_the_spreadsheet(spreadsheet: Path) -> None:
    files = [path for path in spreadsheet.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} >= {".yml", ".csv", ".html", ".ipynb", ".json"}
    for path in files:
        content = path.read_bytes()
        for *_, name, hospital in sixty():
            escaped = name.encode("unicode_escape")  # as JSON may write it
            found = [text for text in (name.encode(), escaped, hospital.encode()) if text in content]
            assert found == [], f"{path.name} holds a personal detail"


# Faults that stop a run (BAD_INPUTS 58, 60, 61)

REFUSED = {
    "dup": "more than one record",
    "blank": "CNSR is empty",
    "negative": "CNSR is negative",
    "fraction": "CNSR is not a whole number",
    "text": "CNSR holds text",
    "unknown": "no arm Z",
    "onearm": "No patient of arm B",
}


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, dict[str, dict[str, Any]], Path]:
    """One study whose endpoints have one fault each."""
    folder, adsl = tmp_path_factory.mktemp("refused"), patients()
    adtte = pd.concat(
        [
            records(adsl, "DUP"),
            records(adsl, "DUP").head(1),
            with_value(adsl, "BLANK", "CNSR", 4, None),
            with_value(adsl, "NEGATIVE", "CNSR", 4, -1),
            with_value(adsl, "FRACTION", "CNSR", 4, 0.5),
            with_value(adsl, "TEXT", "CNSR", 4, "lost"),
            records(adsl, "UNKNOWN"),
            records(adsl, "ONEARM")[adsl["TRT01P"] == "A"],
        ]
    )
    reports = [asked(name.upper(), **({"treatment": "Z"} if name == "unknown" else {})) for name in REFUSED]
    study = small_study(folder / "study", adsl=adsl, adtte=adtte, reports=reports)
    return *outcome(study, folder / "out"), folder / "out"


@pytest.mark.parametrize("name", REFUSED)
def test_a_fault_in_the_data_is_named_and_stops_the_report(
    refused: tuple[int, dict[str, dict[str, Any]], Path], name: str
) -> None:
    told = refused[1][name]
    assert (told["exit_code"], told["cause"]) == (3, "DataError")
    assert REFUSED[name] in told["message"]
    assert "M-0" not in told["message"]  # rows are named by their number, never by the subject


def test_faults_of_one_kind_give_their_exit_code_and_publish_nothing(
    refused: tuple[int, dict[str, dict[str, Any]], Path],
) -> None:
    assert refused[0] == 3
    assert not list(refused[2].rglob("*.results.json"))


# Thin data that do not stop a run (BAD_INPUTS 65, 66, 68; a censoring reason of 2 or 3, which is legal)


@pytest.fixture(scope="module")
def thin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run whose endpoints are thin in one way each."""
    folder, adsl = tmp_path_factory.mktemp("thin"), patients()
    adsl["SITE"] = ["one"] + ["many"] * (len(adsl) - 1)
    nobody_on_a = records(adsl, "NOEVENTS")
    nobody_on_a.loc[adsl["TRT01P"] == "A", "CNSR"] = 1
    adtte = pd.concat(
        [
            records(adsl, "CENSORED", CNSR=1),
            nobody_on_a,
            records(adsl, "STRATUM"),
            records(adsl, "PAIR").head(2),
            records(adsl, "REASONS", CNSR=[number % 4 for number in range(len(adsl))]),
        ]
    )
    reports = [asked("CENSORED"), asked("NOEVENTS"), asked("STRATUM", strata=["SITE"]), asked("PAIR"), asked("REASONS")]
    return published(small_study(folder / "study", adsl=adsl, adtte=adtte, reports=reports), folder / "out")


def rows(thin: Path, report: str, analysis: str, statistic: str = "estimate") -> list[dict[str, Any]]:
    path = thin / f"{report}.results.json"
    found = results_of(path)["results"]
    return [row for row in found if (row["analysis"], row["statistic"]) == (analysis, statistic)]


def warning_of(thin: Path, report: str) -> str:
    (gate,) = (gate for gate in results_of(thin / f"{report}.results.json")["gates"] if gate["id"] == "data")
    return str(gate["reason"])


@pytest.mark.parametrize("report", ["censored", "noevents", "stratum", "pair", "reasons"])
def test_thin_data_give_valid_results_and_a_page(thin: Path, report: str) -> None:
    assert_valid_results(thin / f"{report}.results.json")
    assert "<h1>" in (thin / f"{report}.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("report", "warning"),
    [
        ("censored", "Nobody had the event: all are censored."),
        ("noevents", "Nobody in arm A had the event."),
        ("stratum", "Strata by SITE hold a single patient (1 of them)."),
    ],
)
def test_thin_data_are_warned_about_in_results_and_page(thin: Path, report: str, warning: str) -> None:
    assert warning in warning_of(thin, report)
    assert warning.rstrip(".") in (thin / f"{report}.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("report", ["censored", "noevents", "pair"])
def test_a_hazard_ratio_that_does_not_exist_is_not_made_up(thin: Path, report: str) -> None:
    for statistic in ("estimate", "conf_low", "conf_high"):
        (row,) = rows(thin, report, "cox.hazard_ratio.unstratified", statistic)
        assert (row["value"], row["status"]) == (None, "not_estimable")
        assert row["reason"]


def test_a_stratum_of_one_patient_keeps_the_stratified_results(thin: Path) -> None:
    """A stratum of one adds nothing to the partial likelihood: the same as the model without that patient."""
    from lifelines import CoxPHFitter

    adsl = patients().iloc[1:]
    frame = records(patients(), "X").iloc[1:]
    data = pd.DataFrame(
        {"time": frame["AVAL"], "event": (frame["CNSR"] == 0).astype(int), "on": (adsl["TRT01P"] == "A").astype(int)}
    )
    fitted = CoxPHFitter().fit(data, "time", "event", fit_options={"precision": 1e-12, "r_precision": 1e-12})
    (row,) = rows(thin, "stratum", "cox.hazard_ratio.stratified")
    assert row["value"] == pytest.approx(float(fitted.hazard_ratios_["on"]), rel=1e-6)


def test_every_whole_number_above_zero_is_a_reason_of_censoring(thin: Path) -> None:
    counted = {row["groups"]["arm"]: row["value"] for row in rows(thin, "reasons", "count.events")}
    assert counted["all"] == 6  # 24 patients, CNSR 0, 1, 2, 3 in turn


def test_one_patient_per_arm_is_a_draft(thin: Path) -> None:
    assert 'class="status draft"' in (thin / "pair.html").read_text(encoding="utf-8")


def test_one_patient_alone_in_a_single_arm_study(tmp_path: Path) -> None:
    adsl = patients(1)
    alone = {"endpoint": "OS", "unit": "months", "baseline": ["AGE"]}
    study = small_study(tmp_path / "study", adsl=adsl, adtte=records(adsl, "OS"), reports=[alone], design="single-arm")
    run = published(study, tmp_path / "out")
    assert_valid_results(run / "os.results.json")
    assert {row["value"] for row in rows(run, "os", "count.subjects")} == {1}


def test_a_study_that_declares_nothing_but_the_comparison(tmp_path: Path) -> None:
    adsl = patients()
    bare = {"endpoint": "OS", "treatment": "A", "reference": "B", "unit": "months"}
    run = published(
        small_study(tmp_path / "study", adsl=adsl, adtte=records(adsl, "OS"), reports=[bare]), tmp_path / "out"
    )
    assert_valid_results(run / "os.results.json")
    assert rows(run, "os", "cox.hazard_ratio.unstratified")[0]["status"] == "ok"

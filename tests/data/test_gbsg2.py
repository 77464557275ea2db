"""The demo study's data: GBSG-2 as ADaM."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from evidence_lib.data.adam import AnalysisFrame, analysis_frame, load_adam

SCRIPT = Path(__file__).parents[2] / "data" / "gbsg2" / "make_data.py"
COLUMNS = ("AGE", "TSIZE", "PNODES", "PGR", "ER", "TGRADEN", "MENOSTAT", "AGEGR1")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> AnalysisFrame:
    folder = tmp_path_factory.mktemp("gbsg2")
    for _ in range(2):  # the second time over the first: the same bytes
        script = runpy.run_path(str(SCRIPT))
        script["main"].__globals__["FOLDER"] = folder / "adam"
        before = {path.name: path.read_bytes() for path in folder.glob("adam/*")}
        script["main"]()
    assert before == {path.name: path.read_bytes() for path in folder.glob("adam/*")}
    assert sorted(before) == ["adsl.csv", "adtte.csv"]
    return analysis_frame(load_adam(folder / "adam"), endpoint="RFS", baseline=COLUMNS)


def test_gbsg2_equals_the_copy_in_r(made: AnalysisFrame) -> None:
    # R 4.2.2, survival 3.5-3, whose gbsg is the same study from another source:
    # aggregate(cbind(rfstime, status, age, size, nodes, pgr, er, grade, meno, one = 1) ~ hormon, gbsg, sum)
    frame = made.frame.assign(meno=(made.frame["MENOSTAT"] == "Postmenopausal").astype(int), one=1)
    names = ["time", "event", "AGE", "TSIZE", "PNODES", "PGR", "ER", "TGRADEN", "meno", "one"]
    sums = frame.groupby("arm")[names].sum()
    none = [466281, 205, 22465, 13034, 2175, 44881, 35078, 943, 209, 440]
    hormonal = [305119, 94, 13929, 7086, 1262, 30576, 30951, 509, 187, 246]
    assert sums.loc["No hormonal therapy"].tolist() == none
    assert sums.loc["Hormonal therapy"].tolist() == hormonal


def test_gbsg2_has_no_findings_and_whole_days(made: AnalysisFrame) -> None:
    assert made.findings == ()
    assert made.missing == {}
    assert made.frame["time"].dtype == "int64"
    assert made.endpoint_label == "Relapse-free survival"


def test_gbsg2_age_groups(made: AnalysisFrame) -> None:
    ranges = made.frame.groupby("AGEGR1")["AGE"].agg(["min", "max"])
    assert ranges.loc["45 or under", "max"] == 45
    assert (ranges.loc["46 to 60", "min"], ranges.loc["46 to 60", "max"]) == (46, 60)
    assert ranges.loc["61 or over", "min"] == 61

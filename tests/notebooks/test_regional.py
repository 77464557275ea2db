"""Regional consistency on made-up trials: the cells of the notebook are run here, and what a reader gets is made.

The trials have regions as awkward as they come: one arm empty, no events, one region only, twenty tiny ones.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from evidence_lib.errors import DataError, DisclosureError, EvidenceError, ParameterError, StudyError
from evidence_lib.report.context import Context, view
from evidence_lib.report.display import Figure, Passage
from evidence_lib.report.html import render
from evidence_lib.report.narrative import first_screen
from evidence_lib.report.page import CONTEXT_MIME, SHOW_MIME, display_of
from evidence_lib.report.theme import svg
from evidence_lib.results import ResultSet
from evidence_lib.session import Report

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "trial" / "regional-consistency.ipynb"
UNBLINDED = {"unblinded": {"date": "2026-01-31", "person": "A statistician", "reason": "final analysis"}}
ESTIMAND = {
    "treatment": "A against B",
    "population": "Everybody randomised",
    "variable": "Time to death",
    "intercurrent_events": ["Nothing was left out"],
    "summary": "Hazard ratio",
}
FOUR = {"China": 80, "Europe": 120, "Japan": 60, "Americas": 100}
Run = Callable[..., SimpleNamespace]


def trial(sizes: dict[str, int], *, log_ratio: float | dict[str, float] = -0.6, seed: int = 1) -> pd.DataFrame:
    """Patients of arms A and B in turn, with exponential times that are cut off at a year."""
    rng = np.random.default_rng(seed)
    rows = []
    for region, size in sizes.items():
        own = log_ratio[region] if isinstance(log_ratio, dict) else log_ratio
        for number in range(size):
            arm = "AB"[number % 2]
            time = rng.exponential(200 / math.exp(own if arm == "A" else 0.0))
            rows.append({"REGION1": region, "arm": arm, "time": math.ceil(min(time, 365)), "event": int(time <= 365)})
    frame = pd.DataFrame(rows)
    frame["AGE"], frame["SEX"] = rng.integers(40, 80, len(frame)), rng.choice(["F", "M"], len(frame))
    frame["STRAT1"] = rng.choice(["low", "high"], len(frame))
    return frame


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """``run(frame, **parameters)``: the notebook's cells on these patients, and everything a reader would see."""
    return runner(tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def typical(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """A trial in four regions with a plan, run once."""
    with pytest.MonkeyPatch.context() as patch:
        yield runner(tmp_path_factory.mktemp("typical"), patch)(
            trial(FOUR), focus="Japan", strata=["STRAT1"], power=0.9, times=[200]
        )


def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """What runs a study in a folder."""
    bundles: list[dict[str, Any]] = []
    monkeypatch.setattr(Report, "_publish", lambda self, bundle: bundles.append(bundle))
    monkeypatch.setenv("EVIDENCE_OUT", str(tmp_path / "out"))

    def of(frame: pd.DataFrame, *, blinding: Any = UNBLINDED, report: Any = None, **parameters: Any) -> SimpleNamespace:
        write(tmp_path, frame, blinding, parameters, report or {})
        bundles.clear()
        names: dict[str, Any] = {}
        for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code":
                exec("".join(cell["source"]), names)  # the committed notebook itself
                if cell["id"] == "parameters":
                    names.update(study=str(tmp_path / "study.yml"), report="regional")
        text = (tmp_path / "out" / "regional.results.json").read_text(encoding="utf-8")
        results = ResultSet.from_json(text)
        (told,) = (bundle[CONTEXT_MIME] for bundle in bundles if CONTEXT_MIME in bundle)
        at = view(Context.from_json(told), results, "en", "X1")
        displays = {}
        for record in (bundle[SHOW_MIME] for bundle in bundles if SHOW_MIME in bundle):
            name = record["content"][0]["value"] if record["id"] == "passage" else record["id"]
            displays[name] = display_of(record, at)
            assert "None" not in render(displays[name], "X1", at), name
        return SimpleNamespace(rep=names["rep"], results=results, view=at, displays=displays, screen=first_screen(at))

    return of


def write(folder: Path, frame: pd.DataFrame, blinding: Any, parameters: dict[str, Any], report: dict[str, Any]) -> None:
    """The data sets and the study file."""
    ids = [f"T-{number:04d}" for number in range(len(frame))]
    (folder / "adam").mkdir(parents=True, exist_ok=True)
    columns = frame.drop(columns=["arm", "time", "event"])
    adsl = columns.assign(STUDYID="T", USUBJID=ids, TRT01P=frame["arm"], ITTFL="Y")
    adsl.to_csv(folder / "adam" / "adsl.csv", index=False)
    records = {"STUDYID": "T", "USUBJID": ids, "PARAMCD": "OS", "PARAM": "Overall survival", "TRTP": frame["arm"]}
    adtte = pd.DataFrame({**records, "AVAL": frame["time"], "AVALU": "DAYS", "CNSR": 1 - frame["event"]})
    adtte.to_csv(folder / "adam" / "adtte.csv", index=False)
    compared = {} if blinding == "blinded" else {"treatment": "A", "reference": "B"}
    document = {
        "version": 1,
        "study": {"id": "trial", "title": "A made-up trial", "design": "randomised"},
        "data": {"kind": "adam", "path": "adam", "cutoff": "2025-12-31", "blinding": blinding},
        "disclosure": {"preset": "none", "reason": "made-up data"},
        "reports": [
            {
                "id": "regional",
                "notebook": "trial/regional-consistency",
                "parameters": {"endpoint": "OS", "baseline": ["AGE", "SEX"], **compared, **parameters},
                "primary_measure": "hazard_ratio",
                "estimand": ESTIMAND,
                **report,
            }
        ],
    }
    (folder / "study.yml").write_text(json.dumps(document), encoding="utf-8")


def number(results: ResultSet, analysis: str, statistic: str = "estimate", **groups: Any) -> float:
    row = results.find(analysis, statistic, **groups)
    assert row is not None
    assert row.value is not None, (analysis, groups, row.reason)
    return float(row.value)


def answer(done: SimpleNamespace) -> str:
    return "".join(text for text, _ in done.screen.answer)


def test_the_regions_are_those_of_the_data(typical: SimpleNamespace) -> None:
    frame, done = trial(FOUR), typical
    table = done.results.table("regional.regions")
    assert list(table["region"]) == ["Japan", "Europe", "Americas", "China"]  # of interest first, then the larger ones
    for line in table.to_dict("records"):
        of = frame[frame["REGION1"] == line["region"]]
        assert (line["n"], line["events"]) == (len(of), of["event"].sum())
    whole = number(done.results, "cox.hazard_ratio.stratified")
    own = number(done.results, "cox.hazard_ratio.stratified", region="Japan")
    kept = number(done.results, "regional.retention", region="Japan")
    assert kept == pytest.approx(math.log(own) / math.log(whole), rel=1e-12)
    assert f"hazard ratio {own:.2f}, against {whole:.2f}" in answer(done)
    assert "60 of 360" in answer(done)


def test_every_number_was_computed_twice(typical: SimpleNamespace) -> None:
    done = typical
    gate = done.results.gates["recalculation"]
    assert (gate.result, gate.measure) == ("pass", 0.0)
    regional = [row for row in done.results.rows.values() if row.analysis.startswith(("regional.", "consistency."))]
    assert {row.statistic for row in regional} >= {"estimate", "conf_low", "test_statistic"}
    assert all(row.agrees for row in regional if row.statistic == "estimate" and row.status == "ok")
    models = {row.groups["model"] for row in regional if row.analysis == "regional.pattern.other_way"}
    assert models == {"planned", "estimated"}
    assert len([row for row in regional if row.analysis == "consistency.method_1.joint"]) == 4


def test_regions_left_out_of_the_mean_are_those_declared_small(run: Run) -> None:
    done = run(trial({**FOUR, "Oceania": 12}), smallest_region=30)
    compared = {row.groups["region"] for row in done.results.select("regional.effect.ratio")}
    assert compared == set(FOUR)
    assert done.results.find("cox.hazard_ratio.unstratified", region="Oceania") is not None  # shown all the same
    assert any("Oceania" in line for line in done.screen.caution)
    assert any("fewer than 30 patients" in note for note in done.displays["regional_effects"].footnotes)


def test_the_rule_of_method_1_for_the_region_of_interest(run: Run) -> None:
    alike = run(trial({"China": 300, "Europe": 300}, log_ratio=-0.7), focus="China")
    assert "China is in line with the whole trial" in answer(alike)
    assert "point" not in alike.screen.key_messages[1].lines[-1]
    other = run(trial({"China": 300, "Europe": 900}, log_ratio={"China": 0.3, "Europe": -0.9}), focus="China")
    assert "China falls short: it points the other way" in answer(other)
    assert "If the estimated effect held everywhere, chance alone would bring this in" in answer(other)
    less = run(trial({"China": 400, "Europe": 900}, log_ratio={"China": -0.15, "Europe": -1.0}, seed=5), focus="China")
    assert 0 < number(less.results, "regional.retention", region="China") < 0.5
    assert "China falls short: it keeps" in answer(less)


def test_a_planned_effect_stands_for_a_power(run: Run) -> None:
    done = run(trial({"China": 100, "Europe": 120}), planned_effect=0.6)
    whole = number(done.results, "cox.hazard_ratio.unstratified", "std_error")
    regions = done.results.select("regional.effect.ratio", "std_error")
    fractions = np.array([float(row.value or 0) ** -2 for row in regions])
    roots = np.sqrt(fractions / fractions.sum()) * abs(math.log(0.6)) / whole
    same = norm.cdf(roots).prod() + norm.cdf(-roots).prod()
    assert number(done.results, "regional.pattern.other_way", model="planned") == pytest.approx(1 - same)


def test_the_rules_without_a_region_of_interest(run: Run) -> None:
    far = {"China": 0.5, "Europe": -0.9, "Japan": -0.9}
    every = run(trial({"China": 200, "Europe": 300, "Japan": 200}, log_ratio=far))
    assert "not every region is in line" in answer(every)
    sides = run(trial({"China": 200, "Europe": 300, "Japan": 200}, log_ratio=far), consistency_method=2)
    assert "not all in line: 2 of 3 point to the side of the whole trial" in answer(sides)
    assert sides.screen.key_messages[1].big == "2 of 3"
    alike = run(trial({"China": 200, "Europe": 300}, log_ratio=-0.8), consistency_method=2)
    assert "all 2 point to the side of the whole trial" in answer(alike)


def test_what_chance_brings_is_said_before_any_region(typical: SimpleNamespace) -> None:
    done = typical
    ids = list(done.displays)
    assert ids.index("regional_patterns") < ids.index("regional_forest") < ids.index("regional_retention")
    chance = number(done.results, "regional.pattern.other_way")
    assert done.screen.key_messages[2].big == f"{round(100 * chance)} in 100"
    assert any("no region is tested by itself" in line for line in done.screen.caution)


def test_no_p_value_of_a_region_is_shown(typical: SimpleNamespace) -> None:
    done = typical
    for name in ("regional_effects", "regional_arms", "regional_retention", "regional_forest"):
        display = done.displays[name]
        table = display.data if isinstance(display, Figure) else display
        assert not any("p-value" in heading for heading in table.columns)
    said = " ".join(
        text
        for display in done.displays.values()
        if isinstance(display, Passage)
        for text in (*display.paragraphs, *display.items)
    )
    assert "no difference between" not in f"{said} {answer(done)}"
    assert "significant" not in f"{said} {answer(done)}"


def test_the_number_of_patients_a_region_needs(typical: SimpleNamespace) -> None:
    done = typical
    share = number(done.results, "consistency.smallest_fraction")
    (needed,) = done.results.table("regional.needed").to_dict("records")
    assert (needed["needed"], needed["of"]) == (math.ceil(share * 360), 360)
    assert any(f"{needed['needed']} of 360" in note for note in done.displays["regional_planning"].footnotes)


# --- awkward regions --------------------------------------------------------------------------------------------------


def test_a_region_with_one_arm_empty(run: Run) -> None:
    frame = trial(FOUR)
    frame = frame[(frame["REGION1"] != "Japan") | (frame["arm"] == "A")]
    done = run(frame, focus="Japan")
    assert "no hazard ratio can be estimated" in answer(done)
    assert "No patients in B" in answer(done)
    assert {row.groups["region"] for row in done.results.select("regional.effect.ratio")} == set(FOUR) - {"Japan"}
    assert done.screen.key_messages[1].big == "Not estimable"
    assert "Whether the rule that was fixed before is met cannot be said" in answer(done)


def test_a_region_without_events(run: Run) -> None:
    frame = trial(FOUR)
    frame.loc[frame["REGION1"] == "China", "event"] = 0
    done = run(frame)
    assert number(done.results, "regional.regions") == 3
    assert any("China" in line for line in done.screen.caution)
    (cell,) = (row[2] for row in done.displays["regional_effects"].rows if row[0] == "China")
    assert cell == "NE"


def test_nobody_has_an_event(run: Run) -> None:
    done = run(trial(FOUR).assign(event=0), focus="China", power=0.9)
    assert "No hazard ratio of the whole trial can be estimated" in answer(done)
    assert "regional_retention" not in done.displays
    assert [message.big for message in done.screen.key_messages] == ["Not estimable"] * 3


def test_one_region_only(run: Run) -> None:
    done = run(trial({"China": 120}), focus="China", power=0.9)
    assert number(done.results, "regional.retention", region="China") == pytest.approx(1)
    row = done.results.find("regional.heterogeneity", "test_statistic")
    assert row is not None
    assert row.status == "not_estimable"
    assert done.screen.key_messages[2].big == "Not estimable"
    assert not done.results.select("consistency.method_1.joint")


def test_twenty_tiny_regions(run: Run) -> None:
    done = run(trial({f"R{i:02d}": 12 for i in range(20)}), power=0.9)
    assert number(done.results, "regional.pattern.other_way", model="planned") > 0.9
    assert len(done.displays["regional_retention"].rows) == len(done.results.select("regional.effect.ratio"))
    assert done.screen.key_messages[2].big.endswith("in 100")
    assert len(svg(done.displays["regional_forest"].drawing, "x")) < 500_000


def test_an_overall_effect_that_may_be_none_is_a_caution(run: Run) -> None:
    done = run(trial(FOUR, log_ratio=0.0), focus="China")
    assert any("The interval of the whole trial includes no difference" in line for line in done.screen.caution)
    assert done.results.find("regional.retention", "conf_low", region="China").value is None  # type: ignore[union-attr]
    assert any("have no bounds" in note for note in done.displays["regional_retention"].footnotes)


def test_a_blinded_study_is_described_and_not_compared(run: Run) -> None:
    done = run(trial(FOUR), blinding="blinded", focus="China", power=0.9, times=[200])
    assert "No arms are compared" in answer(done)
    analyses = {row.analysis for row in done.results.rows.values()}
    assert not any(name.startswith(("cox.", "regional.", "consistency.")) for name in analyses)
    assert number(done.results, "km.survival", region="China") > 0
    assert len(done.displays["regional_arms"].rows) == 4
    with pytest.raises(DisclosureError, match="blinded"):
        run(trial(FOUR), blinding="blinded", treatment="A", reference="B")


def test_three_arms(run: Run) -> None:
    frame = trial({"China": 150, "Europe": 210})
    frame["arm"] = np.where(np.arange(len(frame)) % 3 == 0, "High", frame["arm"])
    done = run(frame, treatment=["High", "A"], reference="B", focus="China", power=0.9)
    assert len(done.screen.key_messages) == 6
    assert {row.groups["treatment"] for row in done.results.select("regional.retention")} == {"High", "A"}
    assert done.displays["regional_effects"].groups is not None


def test_patients_without_a_region_are_left_out_of_the_regions_only(run: Run) -> None:
    frame = trial(FOUR)
    frame.loc[:8, "REGION1"] = None
    done = run(frame)
    assert int(done.results.table("regional.regions")["n"].sum()) == 351
    assert number(done.results, "cox.hazard_ratio.unstratified", "n") == 360
    assert any("9 patients without a region" in item for item in done.displays["data.notes"].items)


def test_later_treatment_is_counted_by_region(run: Run) -> None:
    frame = trial(FOUR)
    frame["NEWTRTDT"] = np.where(frame["AGE"] < 50, "2025-05-01", "")
    done = run(frame)
    of = frame[(frame["REGION1"] == "China") & (frame["arm"] == "A")]
    found = done.results.find("proportion.wilson", "events", region="China", arm="A")
    assert found.value == (of["AGE"] < 50).sum()
    assert "next_therapy" in done.displays


@pytest.mark.parametrize(
    ("parameters", "error", "match"),
    [
        ({"focus": "Atlantis"}, ParameterError, "no such region.*Americas, China, Europe, Japan.*Atlantis"),
        ({"region": "PLACE"}, DataError, "no such column.*PLACE"),
        ({"power": 0.9, "planned_effect": 0.7}, ParameterError, "the plan is given twice"),
        ({"planned_effect": 1.0}, ParameterError, "the planned effect is none"),
        ({"planned_effect": -0.5}, EvidenceError, "planned_effect"),
        ({"retained": 1.0}, EvidenceError, "retained"),
        ({"consistency_method": 3}, EvidenceError, "consistency_method"),
        ({"smallest_region": 2.5}, EvidenceError, "smallest_region"),
    ],
)
def test_refusals(run: Run, parameters: dict[str, Any], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        run(trial(FOUR), **parameters)


def test_nobody_has_a_region(run: Run) -> None:
    with pytest.raises(DataError, match="nobody has a region"):
        run(trial(FOUR).assign(REGION1=""))


def test_another_measure_is_refused_with_what_is_supported(run: Run) -> None:
    with pytest.raises(StudyError, match="does not estimate; expected hazard_ratio; found risk_difference"):
        run(trial(FOUR), report={"primary_measure": "risk_difference"})


def test_no_region_is_large_enough(run: Run) -> None:
    done = run(trial(FOUR), smallest_region=1000, focus="China", power=0.9)
    assert not done.results.select("regional.effect.ratio")
    assert "Whether the rule that was fixed before is met cannot be said" in answer(done)
    assert number(done.results, "cox.hazard_ratio.unstratified", region="China") > 0  # shown all the same
    assert done.results.table("regional.regions")["compared"].tolist() == [False] * 4


def test_names_of_regions_are_shown_as_they_are(run: Run) -> None:
    strange = ["<b>East</b> & West", "all", "$\\alpha$ {n}", "A"]
    done = run(trial(dict.fromkeys(strange, 60)), focus=strange[0])
    assert list(done.results.table("regional.regions")["region"]) == [strange[0], "$\\alpha$ {n}", "A", "all"]
    assert strange[0] in answer(done)
    assert "<b>" not in render(done.displays["regional_effects"], "X1", done.view)


def test_numbers_of_regions_and_another_level(run: Run) -> None:
    frame = trial({"1": 90, "2": 110, "3": 60})
    frame["REGION1"] = frame["REGION1"].astype(int)
    done = run(frame, focus="2", conf_level=0.9, power=0.8)
    assert list(done.results.table("regional.regions")["region"]) == ["2", "1", "3"]
    assert "90% CI" in " ".join(done.screen.key_messages[0].lines)
    (row,) = done.results.select("regional.retention", region="2")
    assert row.conf_level == 0.9

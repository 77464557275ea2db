"""Tables: every cell is read from the results, and what is missing is said with its reason."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from evidence_lib.report import cells, tables
from evidence_lib.report.context import View, view
from evidence_lib.report.display import Table
from tests.report import material

THREE = ("High dose", "Low dose", "Placebo")


def cell(table: Table, row: str, column: str) -> str:
    position = list(table.columns).index(column)
    return next(line[position] for line in table.rows if line[0] == row)


def changed(at: View, analysis: str, **fields: object) -> View:
    """The view with every row of an analysis changed."""
    rows = [replace(row, **fields) for row in at.results.rows.values() if row.analysis == analysis]  # type: ignore[arg-type]
    at.results.add(rows)
    return at


def test_estimand_has_five_attributes() -> None:
    at = material.a_view()
    table = tables.estimand(at.context.estimand, view=at)
    assert [row[0] for row in table.rows] == [
        "Treatment",
        "Population",
        "Variable",
        "Intercurrent event",
        "Intercurrent event",
        "Population-level summary",
    ]
    assert table.rows[4][1] == "New therapy: treatment policy."


def test_estimand_names_what_is_not_stated() -> None:
    table = tables.estimand({"treatment": {"en": "A"}}, view=material.a_view())
    assert [row[1] for row in table.rows] == ["A", *["not stated"] * 4]


def test_attrition_has_a_column_per_arm() -> None:
    at = material.a_view(THREE)
    table = tables.attrition(at.results.table("attrition"), view=at)
    assert list(table.columns) == ["Step", "All", *THREE]
    assert list(table.rows[0]) == ["In ADSL", "686", "200", "200", "200"]


def test_baseline_cells_and_differences() -> None:
    at = material.a_view(labels={"AGE": "Age (years)"})
    table = tables.baseline(at.results.table("baseline"), at.results.table("baseline.standardized_difference"), view=at)
    assert table.groups == ["Age (years)"] * 3 + ["GRADE, n (%)"] * 2
    assert list(table.rows[0]) == ["Mean (standard deviation)", "52.3 (9.5)", "52.3 (9.5)", "0.46"]
    assert list(table.rows[1]) == ["Median (lowest to highest)", "52 (21 to 80)", "52 (21 to 80)", ""]
    assert list(table.rows[2]) == ["Missing", "2", "2", ""]
    assert list(table.rows[3]) == ["I", "83 (41.5%)", "83 (41.5%)", "−0.13"]


def test_baseline_of_three_arms_names_each_difference() -> None:
    at = material.a_view(THREE)
    table = tables.baseline(at.results.table("baseline"), at.results.table("baseline.standardized_difference"), view=at)
    assert list(table.columns[-2:]) == ["Standardised difference: High dose", "Standardised difference: Low dose"]


def test_median_says_not_estimable_with_the_reason() -> None:
    table = tables.median_and_survival(view=material.a_view())
    assert cell(table, "Median (months)", "Active") == "50.2 (42.6 to NE)"
    assert any("the upper band never reaches 0.5" in note for note in table.footnotes)
    assert "Free of the event at 5 years" in [row[0] for row in table.rows]


def test_withheld_is_said_with_the_reason_and_shows_no_number() -> None:
    at = material.a_view()
    for analysis in ("cox.hazard_ratio.unstratified", "rmst.difference", "milestone.difference", "km.median"):
        changed(at, analysis, status="withheld", value=None, reason="the arms are out of balance")
    ratio = tables.tests_and_hazard_ratios(view=at)
    assert cell(ratio, "Hazard ratio, unstratified", "Result") == "withheld"
    assert cell(ratio, "Hazard ratio, unstratified", "95% CI") == "–"
    assert cell(ratio, "Hazard ratio, unstratified", "p-value") == "withheld"
    for table in (ratio, tables.rmst(view=at), tables.milestones(view=at), tables.median_and_survival(view=at)):
        assert any(note == "Withheld: the arms are out of balance" for note in table.footnotes)
    assert tables.milestones(view=at).rows[0][3] == "withheld"


def test_headline_ratio_stands_beside_the_matching_logrank() -> None:
    table = tables.tests_and_hazard_ratios(view=material.a_view())
    assert cell(table, "Log-rank test", "Result") == "chi-square 8.56 (df 1)"
    assert cell(table, "Hazard ratio, unstratified", "p-value") == "0.0034"
    assert cell(table, "Hazard ratio, stratified", "p-value") == "0.0036"
    assert cell(table, "Hazard ratio, adjusted", "p-value") == "0.0089 (Wald)"
    assert cell(table, "Hazard ratio, stratified", "95% CI") == "0.54 to 0.89"


def test_second_calculation_is_named_and_a_difference_shouts() -> None:
    at = material.a_view()
    table = tables.tests_and_hazard_ratios(view=at)
    assert "Calculated a second time by another library 1.0: agrees." in table.footnotes
    assert cell(table, "Log-rank test", "Second calculation") == "agrees"
    row = at.results.find("logrank.unstratified", "test_statistic")
    assert row is not None
    at.results.add([replace(row, agrees=False)])
    table = tables.tests_and_hazard_ratios(view=at)
    assert cell(table, "Log-rank test", "Second calculation") == "DIFFERS"


def test_rmst_in_the_display_unit() -> None:
    table = tables.rmst(view=material.a_view())
    assert cell(table, "RMST: Active (months)", "Estimate") == "41.5"
    assert cell(table, "Difference: Active against Control (months)", "Estimate") == "4.9"
    assert cell(table, "Difference: Active against Control (months)", "95% CI") == "1.8 to 8.1"
    assert cell(table, "Ratio: Active against Control", "Estimate") == "1.12"
    assert table.title.endswith("up to 5 years")


def test_milestones_give_both_shares_and_points() -> None:
    table = tables.milestones(view=material.a_view())
    assert table.rows[0][0] == "5 years"
    assert table.rows[0][3] == "14.4 points (5.3 to 23.6)"


def test_milestones_of_three_arms_are_grouped() -> None:
    table = tables.milestones(view=material.a_view(THREE))
    assert table.groups == ["High dose against Placebo", "Low dose against Placebo"]


def test_checks_name_the_check_its_measure_and_limit() -> None:
    table = tables.checks(view=material.a_view())
    assert list(table.rows[0][1:]) == ["FAIL", "0.410", "0.100", "too far"]
    assert table.rows[1][1] == "pass"


def test_follow_up_and_trust() -> None:
    at = material.a_view()
    assert [row[0] for row in tables.follow_up(view=at).rows] == ["Active", "Control", "Everybody"]
    assert list(tables.sources(view=at).rows[0]) == ["adtte.csv", "686", "9", "ab" * 32]
    provenance = dict(tuple(row) for row in tables.provenance(view=at).rows)
    assert provenance["versions: python"] == "3.11"
    assert provenance["Horizon of the restricted mean"] == "5 years"
    assert provenance["Strata"] == "GRADE"


@pytest.mark.parametrize(("level", "said"), [(0.95, "95%"), (0.975, "97.5%"), (0.9, "90%")])
def test_confidence_level_is_printed_as_it_is(level: float, said: str) -> None:
    assert cells.level(material.a_view(conf_level=level)) == said


@pytest.mark.parametrize(
    ("days", "unit", "said"),
    [(1826, "months", "60"), (913, "months", "30"), (45, "months", "1.5"), (10.4, "days", "10.4"), (365, "years", "1")],
)
def test_grid_times(days: float, unit: str, said: str) -> None:
    assert cells.time_number(material.a_view(unit=unit), days) == said


OF_SURVIVAL = ["attrition", "baseline", "checks", "estimand", "follow_up", "median_and_survival", "milestones"]
OF_SURVIVAL += ["provenance", "rmst", "sources", "tests_and_hazard_ratios"]


def test_every_table_is_rectangular() -> None:
    for arms in (("Active", "Control"), THREE):
        about = material.context(arms)
        at = view(about, material.results(about), "en", "T1")
        content = {
            "estimand": [about.estimand],
            "attrition": [at.results.table("attrition")],
            "baseline": [at.results.table("baseline"), at.results.table("baseline.standardized_difference")],
        }
        for name in OF_SURVIVAL:
            table = getattr(tables, name)(*content.get(name, []), view=at)
            assert {len(row) for row in table.rows} == {len(table.columns)}, name
            assert table.groups is None or len(table.groups) == len(table.rows), name


def test_formal_testing_says_what_is_rejected_or_that_nothing_is_tested() -> None:
    at = material.a_view()
    row = {"family": "primary", "method": "holm", "alpha": 0.05, "hypothesis": "OS", "report": "os", "test": "logrank"}
    table = tables.formal_testing(
        pd.DataFrame(
            [
                {**row, "p_value": 0.01, "adjusted": 0.02, "rejected": True},
                {**row, "hypothesis": "PFS", "p_value": None, "adjusted": None, "rejected": False},
            ]
        ),
        view=at,
    )
    assert [tuple(row) for row in table.rows] == [
        ("OS (report os)", "0.010", "0.020", "hypothesis of no difference rejected"),
        ("PFS (report os)", "NE", "NE", "not rejected"),
    ]
    empty = tables.formal_testing(pd.DataFrame(), view=at)
    assert [tuple(row) for row in empty.rows] == [("None in this report", "–", "–", "–")]
    assert "Not formally tested" in empty.footnotes[0]

"""The story, tables and figure of a time to an event with which others compete, on made-up results."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from evidence_lib.endpoints.time_to_event import VisitSchedule
from evidence_lib.endpoints.time_to_event.sensitivity import VARIANTS
from evidence_lib.language import words
from evidence_lib.report import figures, tables
from evidence_lib.report.context import Context, View, view
from evidence_lib.report.narrative import cautions, first_screen, passage
from evidence_lib.report.roles import role_of
from evidence_lib.results import Estimate, ResultSet
from tests.report import material

CAUSES = ("Stopping", "Death")
AT = 1826
RATIOS = {
    "fine_gray.subdistribution_hazard_ratio.stratified": (0.79, 0.66, 0.94),
    "cause_specific.hazard_ratio.stratified": (0.69, 0.57, 0.83),
}
TREATED, REFERENCE = {1: 0.572, 2: 0.099}, {1: 0.690, 2: 0.117}
DIFFERENCE = (-0.118, -0.196, -0.041)


def results(about: Context, *, difference: tuple[float | None, ...] = DIFFERENCE) -> ResultSet:
    made = ResultSet(about.study, about.report)
    pair = {"reference": about.reference, "subgroup": "all"}
    for arm in about.arms:
        counted = Estimate(analysis="count.subjects", unit="subjects", method="c", groups={"arm": arm}, estimate=300)
        made.add(material.rows(about, counted))
        for cause, share in (REFERENCE if arm == about.reference else TREATED).items():
            for time in material.TIMES:
                value = share * time / AT
                groups = {"arm": arm, "cause": cause, "time": time}
                made.add(
                    material.rows(
                        about,
                        material.interval("aalen_johansen.cumulative_incidence", "probability", value, value - 0.05,
                                          value + 0.05, groups=groups, n=300, events=100 + cause),
                    )
                )  # fmt: skip
    for treatment in about.treatments:
        groups = {"treatment": treatment, **pair, "cause": 1}
        made.add(
            material.rows(
                about,
                material.interval(
                    "aalen_johansen.difference", "probability", *difference, groups={**groups, "time": AT}, reason="few"
                ),
            )
        )
        test = Estimate(analysis="gray.stratified", unit="chi-square", method="g", groups=groups, test_statistic=7.5,
                        df=1, p_value=0.0061, is_test=True)  # fmt: skip
        made.add(material.rows(about, test))
        for analysis, values in RATIOS.items():
            for cause in (1, 2) if analysis.startswith("cause") else (1,):
                named = {**groups, "cause": cause}
                made.add(
                    material.rows(about, material.interval(analysis, "ratio", *values, groups=named, p_value=0.01))
                )
    made.add_table("km.at_risk", material.at_risk(about.arms))
    made.add_table("cumulative_incidence.curve", curve(about.arms))
    return made


def curve(arms: tuple[str, ...]) -> pd.DataFrame:
    rows = [
        (arm, cause, 100.0 * step, 2, 0.01 * step * (3 - cause), 0.009 * step, 0.03 * step)
        for arm in arms
        for cause in (1, 2)
        for step in range(20)
    ]
    columns = ["arm", "cause", "time", "n_events", "cumulative_incidence", "conf_low", "conf_high"]
    return pd.DataFrame(rows, columns=columns)


def a_view(arms: tuple[str, ...] = ("Active", "Control"), **changes: Any) -> View:
    difference = changes.pop("difference", DIFFERENCE)
    given = {"primary_measure": "cumulative_incidence_difference", "design": "randomised", "causes": CAUSES, **changes}
    about = material.context(arms, **given)
    return view(about, results(about, difference=difference), "en", "F1")


def answer(at: View) -> str:
    return "".join(text for text, _ in first_screen(at).answer)


def strong(at: View) -> list[str]:
    return [text for text, is_strong in first_screen(at).answer if is_strong]


def test_the_answer_tells_both_probabilities() -> None:
    assert answer(a_view()) == (
        "The event was less frequent in the Active group: within 5 years it happened to 57 in 100 patients, "
        "against 69 in 100 in the Control group."
    )


@pytest.mark.parametrize(
    ("difference", "said"),
    [
        ((-0.118, -0.196, -0.041), "less frequent"),
        ((0.118, 0.041, 0.196), "more frequent"),
        ((-0.05, -0.12, 0.02), "there may be no difference"),
        ((-0.05, -0.12, 0.0), "there may be no difference"),
        ((-0.05, None, -0.01), "there may be no difference"),
    ],
)
def test_the_direction_is_that_of_the_interval(difference: tuple[float, ...], said: str) -> None:
    at = a_view(difference=difference)
    assert said in strong(at)[0]
    unclear = "may be no difference" in said
    assert ("There may be no difference." in dict(first_screen(at).plain)["How sure?"]) == unclear
    assert ("includes no difference" in passage("survival.effect", view=at).paragraphs[0]) == unclear


@pytest.mark.parametrize("measure", ["subdistribution_hazard_ratio", "hazard_ratio"])
def test_a_ratio_below_one_means_fewer(measure: str) -> None:
    at = a_view(primary_measure=measure, difference=(0.0, -0.1, 0.1))
    assert strong(at)[0] == "less frequent"
    assert any("do not all agree" in line for line in cautions(at))  # the difference includes none
    name = "fine_gray" if measure.startswith("sub") else "cause_specific"
    for key, row in list(at.results.rows.items()):
        if row.analysis.startswith(name) and row.statistic in ("estimate", "conf_low", "conf_high"):
            at.results.rows[key] = replace(row, value=1 / float(row.value or 1))
    for key, row in list(at.results.rows.items()):  # the limits change places
        if row.analysis.startswith(name) and row.statistic in ("conf_low", "conf_high"):
            low, high = sorted((1 / 0.94, 1 / 0.66)) if name == "fine_gray" else sorted((1 / 0.83, 1 / 0.57))
            at.results.rows[key] = replace(row, value=low if row.statistic == "conf_low" else high)
    # More by the declared ratio, but fewer by the milestone: which must be said.
    assert strong(at)[:2] == ["more frequent", "not within 5 years"]


def test_key_messages_are_difference_ratio_and_rate_with_what_came_first() -> None:
    absolute, relative, rate = first_screen(a_view()).key_messages
    assert absolute.big == "\u221212 in 100"
    assert absolute.lines == ["The event within 5 years", "57.2% v 69.0%; 95% CI \u221219.6 to \u22124.1 points"]
    assert relative.big == "sHR 0.79"
    assert relative.lines[:2] == ["subdistribution hazard ratio", "95% CI 0.66 to 0.94"]
    assert "Gray's test p = 0.0061" in relative.lines
    assert rate.big == "HR 0.69"
    assert "Death first within 5 years: 9.9% v 11.7%" in rate.lines


def test_the_plain_words_say_that_another_event_came_first() -> None:
    seen = dict(first_screen(a_view()).plain)["What was seen?"]
    assert "The event happened to about 57 in 100 patients in the Active group within 5 years." in seen
    assert "That is about 12 fewer in every 100." in seen
    assert "The true gap could be as small as 4 or as large as 20." in seen
    assert "Another event came first in some people: Death in about 10 and 12 in 100." in seen


def test_the_plain_words_follow_the_declared_ratio_where_the_probabilities_are_unclear() -> None:
    unclear = (-0.05, -0.12, 0.002)
    seen = dict(first_screen(a_view(primary_measure="hazard_ratio", difference=unclear)).plain)["What was seen?"]
    assert "There may be no difference" not in seen
    assert "At 5 years by itself, the gap could be anything from 12 fewer to none in 100." in seen
    assert "The event was less frequent in the Active group over the whole follow-up. That is the main measure." in seen
    seen = dict(first_screen(a_view(difference=unclear)).plain)["What was seen?"]
    assert "There may be no difference. The true gap could be 12 fewer or none." in seen
    agreeing = dict(first_screen(a_view(primary_measure="hazard_ratio")).plain)["What was seen?"]
    assert "main measure" not in agreeing


def test_one_arm_is_described_and_not_compared() -> None:
    about = replace(a_view().context, treatments=(), arms=("Control",), design="single-arm")
    at = view(about, results(about), "en", "F1")
    assert answer(at) == (
        "The event happened to 69 in 100 patients within 5 years. There is no other group to compare with."
    )
    assert [message.big for message in first_screen(at).key_messages] == ["69 in 100", "12 in 100"]
    assert not re.search(r"less|more frequent|sHR", answer(at))
    for key, row in list(at.results.rows.items()):
        if row.analysis.startswith("aalen"):
            at.results.rows[key] = replace(row, value=None, status="not_estimable", reason="too short")
    assert "The study is too short to say." in dict(first_screen(at).plain)["What was seen?"]


def test_withheld_is_said_with_the_reason() -> None:
    at = a_view(design="observational")
    for key, row in list(at.results.rows.items()):
        if row.analysis.startswith("fine_gray") and row.statistic == "estimate":
            at.results.rows[key] = replace(row, value=None, status="withheld", reason="a declared check failed")
    assert answer(at).startswith("We can not say whether the event was less frequent")
    assert dict(first_screen(at).plain)["What was seen?"] == "We can not say: a declared check failed."


def test_tests_and_ratios_stand_under_their_role() -> None:
    at = a_view()
    table = tables.tests_and_hazard_ratios(view=at)
    of = {row[0]: group for row, group in zip(table.rows, table.groups or (), strict=True)}
    main, other = "Active against Control: main analysis", "Active against Control: supplementary analyses"
    assert of["Gray's test, stratified: Stopping"] == other  # the declared measure is the difference at a time
    assert main not in of.values()
    assert "main analysis" in tables.milestones(view=at).footnotes[0]
    assert of["Subdistribution hazard ratio, stratified: Stopping"] == other
    assert of["Event-specific hazard ratio, stratified: Death"] == other
    at = a_view(primary_measure="subdistribution_hazard_ratio")
    table = tables.tests_and_hazard_ratios(view=at)
    assert [
        row[0].split(",")[0] for row, group in zip(table.rows, table.groups or (), strict=True) if group == main
    ] == [
        "Gray's test",
        "Subdistribution hazard ratio",
    ]
    assert "supplementary" in tables.milestones(view=at).footnotes[0]
    row = at.results.find("fine_gray.subdistribution_hazard_ratio.stratified")
    assert row is not None
    assert role_of(at, row) == "main"
    assert role_of(at, replace(row, groups={**row.groups, "cause": 2})) == "supplementary"
    assert role_of(at, replace(row, groups={**row.groups, "role": "sensitivity"})) == "sensitivity"


def test_the_table_of_probabilities_has_every_kind_of_event() -> None:
    table = tables.cumulative_incidence(view=a_view())
    assert [*dict.fromkeys(table.groups or ())] == ["Everybody", "Stopping", "Death"]
    rows = dict(zip([(g, r[0]) for g, r in zip(table.groups or (), table.rows, strict=True)], table.rows, strict=True))
    assert list(rows["Stopping", "Subjects with this event"][1:3]) == ["101", "101"]
    assert rows["Death", "Probability by 5 years"][1] == "9.9% (4.9% to 14.9%)"
    milestones = tables.milestones(view=a_view())
    assert milestones.rows[0][1:4] == ("57.2%", "69.0%", "\u221211.8 points (\u221219.6 to \u22124.1)")
    assert "main analysis" in milestones.footnotes[0]


@pytest.mark.parametrize("arms", [("Active", "Control"), ("High", "Low", "Placebo"), ("Only",)])
@pytest.mark.parametrize("size", ["main", "first_screen"])
def test_the_figure_draws_every_arm_and_says_its_numbers(arms: tuple[str, ...], size: Any) -> None:
    at = a_view(arms)
    curve, at_risk = (at.results.table(name) for name in ("cumulative_incidence.curve", "km.at_risk"))
    figure = figures.competing_events(curve, at_risk, view=at, size=size)
    (axes,) = figure.drawing.axes
    said = " ".join(text.get_text() for text in axes.texts)
    for arm in arms:
        assert arm in said
        assert f"{arm}, Death:" in figure.alternative_text
    assert {round(float(line.get_ydata()[-1]), 2) for line in axes.lines if len(line.get_xdata()) == 20} >= {0.38}
    assert figure.data is not None
    assert len(figure.data.rows) == len(arms) * len(material.GRID)


def test_without_any_event_the_curve_is_flat() -> None:
    at = a_view()
    empty = at.results.table("cumulative_incidence.curve").iloc[:0]
    figure = figures.competing_events(empty, at.results.table("km.at_risk"), view=at)
    heights = [float(value) for line in figure.drawing.axes[0].lines[:2] for value in line.get_ydata()]
    assert set(heights) <= {0.0, 1.0}


# Formal testing, and how follow-up ended


def family(*, adjusted: float | None, rejected: bool) -> pd.DataFrame:
    row = {"family": "primary", "method": "holm", "alpha": 0.05, "hypothesis": "H1", "report": "relapse", "test": "t"}
    return pd.DataFrame(
        [
            {**row, "p_value": 0.01, "adjusted": adjusted, "rejected": rejected},
            {**row, "hypothesis": "H2", "report": "another", "p_value": 0.5, "adjusted": 0.5, "rejected": False},
        ]
    )


@pytest.mark.parametrize(
    ("adjusted", "rejected", "said"),
    [
        (0.021, True, "is rejected, with the p-value adjusted for the family p = 0.021 at a two-sided alpha of 0.05."),
        (0.21, False, "is not rejected, with the p-value adjusted for the family p = 0.210"),
        (None, False, "The hypothesis H1 of the family primary (two-sided alpha 0.05) could not be tested."),
    ],
)
@pytest.mark.parametrize("competing", [True, False])
def test_what_a_family_decided_is_said_with_its_number(
    adjusted: float | None, rejected: bool, said: str, competing: bool
) -> None:
    at = a_view() if competing else material.a_view()
    at.results.add_table("families.tested", family(adjusted=adjusted, rejected=rejected))
    effect = passage("survival.effect", view=at).paragraphs
    assert any(said in paragraph for paragraph in effect)
    assert not any("H2" in paragraph for paragraph in effect)
    lines = first_screen(at).key_messages[1].lines
    assert any(line.startswith("formally tested: adjusted p") for line in lines) == (adjusted is not None)
    limits = " ".join(passage("survival.limitations", view=at).items)
    assert "every other p-value is nominal" in limits
    assert "All p-values are nominal" not in limits


@pytest.mark.parametrize(("tested", "kind"), [(True, "unadjusted"), (False, "nominal")])
@pytest.mark.parametrize("analysis", ["gray.stratified", "logrank.stratified"])
def test_the_p_value_that_a_family_adjusts_is_not_called_nominal(analysis: str, tested: bool, kind: str) -> None:
    at = a_view() if analysis.startswith("gray") else material.a_view()
    shown = next(row for row in at.results.select(analysis, "p_value"))
    assert isinstance(shown.value, float)
    of_family = family(adjusted=0.02, rejected=True)
    of_family.loc[0, "p_value"] = shown.value if tested else shown.value / 2
    at.results.add_table("families.tested", of_family)
    said = " ".join(passage("survival.effect", view=at).paragraphs)
    assert re.findall(r"\((nominal|unadjusted)\)", said) == [kind]


def test_without_a_family_nothing_is_said_to_be_tested_formally() -> None:
    for at in (a_view(), material.a_view()):
        said = " ".join(passage("survival.effect", view=at).paragraphs)
        assert "ormally tested" not in said
        assert "All p-values are nominal" in " ".join(passage("survival.limitations", view=at).items)


def test_outcomes_are_counted_by_kind_and_reason() -> None:
    ended = pd.DataFrame(
        [
            ("Active", "event", "Stopped", 20, 0.2),
            ("Control", "competing", "Death", 3, 0.03),
            ("Active", "censored", None, 80, 0.8),
        ],
        columns=["arm", "kind", "reason", "n", "share"],
    )
    table = tables.outcomes(ended, view=a_view())
    assert list(table.groups or ()) == ["Event", "Another event first", "Censored"]
    assert [list(row) for row in table.rows] == [
        ["Stopped", "20 (20.0%)", "0"],
        ["Death", "0", "3 (3.0%)"],
        ["Reason not in the data", "80 (80.0%)", "0"],
    ]


def test_rules_of_censoring_stand_below_the_main_analysis() -> None:
    at = material.a_view(endpoint="PFS")
    pair = {"treatment": "Active", "reference": "Control", "subgroup": "all", "role": "sensitivity", "rule": "FDA"}
    at.results.add(
        material.rows(
            at.context,
            material.interval("cox.hazard_ratio.stratified", "ratio", 0.81, 0.61, 1.02, groups=pair, n=9, events=5),
        )
    )
    columns = ["arm", "kind", "reason", "n", "share", "rule", "name"]
    rules = pd.DataFrame(
        [
            ("Active", "event", "PD", 10, 0.5, "PFS", None),
            ("Active", "censored", "Last visit", 10, 0.5, "PFS", None),
            ("Active", "event", "tte.event.progression", 8, 0.4, "FDA", "tte.rules.FDA"),
            ("Active", "censored", "tte.censored.new_therapy", 12, 0.6, "FDA", "tte.rules.FDA"),
        ],
        columns=columns,
    )
    table = tables.censoring_rules(rules, view=at)
    rows = [(group, *row) for group, row in zip(table.groups or (), table.rows, strict=True)]
    main = "Relapse-free survival (main analysis)"
    fda = "FDA: censored at new anticancer therapy, and at two or more missed assessments"
    assert (main, "Censored: Last visit", "10", "0") in rows
    assert (fda, "Censored: new anticancer therapy before an event", "12", "0") in rows
    assert (fda, "Hazard ratio (95% CI)", "0.81 (0.61 to 1.02)", "–") in rows
    assert (main, "Hazard ratio (95% CI)", "0.69 (0.54 to 0.89)", "–") in rows
    figure = figures.censoring_rules(rules, view=at)
    assert figure.alternative_text == (
        "Hazard ratios under each rule of censoring: Main analysis 0.69 (0.54 to 0.89) and FDA rules, from dates 0.81 "
        "(0.61 to 1.02)."
    )


@pytest.mark.parametrize("rule", ["FDA", "missed_censored", "backdated"])
def test_a_rule_about_missed_assessments_says_from_how_many_on(rule: str) -> None:
    """One missed assessment changes nothing under any of them: the schedule's own number is two."""
    assert VisitSchedule(interval=42, allowance=7).missed == 2
    assert VARIANTS[rule].missed != "ignore"
    assert "two or more missed assessments" in words("en")(f"tte.rules.{rule}")
    assert rule == "FDA" or "2" in words("en")(f"survival.rules.short.{rule}")
    assert "two or more missed assessments" in words("en")("tte.censored.missed_assessments")

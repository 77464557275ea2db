"""The story, the tables and the figures of a response report, on results made of plain counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evidence_lib.report import figures, tables
from evidence_lib.report.context import Context, View, view
from evidence_lib.report.stories import response as story
from evidence_lib.report.theme import svg
from evidence_lib.results import Estimate, ResultSet, rows_of
from evidence_lib.statistics import proportions, survival
from tests.report.material import context

Counts = Mapping[str, tuple[int, int]]  # responders of patients, by arm; the reference last
CLEAR: Counts = {"Active": (80, 150), "Control": (40, 150)}
UNCLEAR: Counts = {"Active": (50, 150), "Control": (47, 150)}
NOBODY: Counts = {"Active": (0, 150), "Control": (0, 150)}


def response_view(
    counts: Counts, *, days: tuple[int, ...] = (100, 200, 300), confirmed: bool = True, **changes: Any
) -> View:
    """A view of a report on response with these counts; every responder's response lasted one of ``days``."""
    arms = tuple(counts)
    facts: dict[str, Any] = {
        "primary_measure": "risk_difference",
        "design": "randomised",
        "strata": (),
        "subgroups": ("SEX",),
    }
    facts |= {"endpoint": "", "notebook": "trial/response", "milestone": None, "times": (), "report": "response"}
    about = context(arms, **{**facts, **changes})
    made = ResultSet(about.study, about.report)
    for arm in (*arms, "all"):
        n = counts[arm][1] if arm in counts else sum(of for _, of in counts.values())
        add(
            made, about, Estimate(analysis="count.subjects", unit="subjects", method="counted", estimate=n), "", arm=arm
        )
    for arm, (responders, n) in counts.items():
        answers = np.repeat([1, 0], [responders, n - responders])
        add(made, about, proportions.proportion(answers), "ORR", arm=arm)
        for best, count in (("PR", responders), ("SD", n - responders - 3), ("NE", 3)):
            of = np.repeat([1, 0], [count, n - count])
            add(made, about, proportions.proportion(of), "BOR", arm=arm, category=best)
        control = {"arm": arm, "role": "supplementary"}
        add(made, about, proportions.proportion(np.repeat([1, 0], [n - 3, 3])), "DCR", **control)
        other = {"arm": arm, "role": "sensitivity", "rule": "unconfirmed"}
        add(made, about, proportions.proportion(answers), "ORR", **other)
        time = np.array([days[i % len(days)] for i in range(responders)])
        add(made, about, survival.median_survival(time, np.ones(time.size)), "DOR", arm=arm, role="supplementary")
    rules = {"confirmed": [confirmed], "minimum_stable_days": [42]}
    made.add_table("response.rules", pd.DataFrame(rules))
    for arm in arms[:-1]:
        compare(made, about, counts, arm, arms[-1])
    return view(about, made, "en", "F1")


def compare(made: ResultSet, about: Context, counts: Counts, treatment: str, reference: str) -> None:
    arms = [arm for arm in (treatment, reference) for _ in range(2)]
    event, count = (
        [1, 0, 1, 0],
        [x for arm in (treatment, reference) for x in (counts[arm][0], counts[arm][1] - counts[arm][0])],
    )
    given: dict[str, Any] = {"treatment": treatment, "reference": reference, "count": count}
    pair = {"treatment": treatment, "reference": reference, "subgroup": "all"}
    for statistic in (proportions.risk_difference, proportions.risk_ratio, proportions.odds_ratio):
        add(made, about, statistic(event, arms, **given), "ORR", **pair)
    other = {**pair, "role": "sensitivity", "rule": "unconfirmed"}
    add(made, about, proportions.risk_difference(event, arms, **given), "ORR", **other)
    for level in ("F", "M"):
        within = {**pair, "subgroup": "SEX", "level": level}
        add(made, about, proportions.risk_difference(event, arms, **given), "ORR", **within)


def add(made: ResultSet, about: Context, estimate: Estimate, endpoint: str, **groups: Any) -> None:
    named = replace(estimate, groups={**groups, **estimate.groups})
    made.add(rows_of(named, endpoint=endpoint, population=about.population))


def bars(counts: Mapping[str, int]) -> pd.DataFrame:
    """Changes from +60 % to -100 % in even steps; a response from -30 % on."""
    parts = []
    for arm, n in counts.items():
        changes = np.linspace(60, -100, n)
        parts.append(
            pd.DataFrame({"arm": arm, "percent_change": changes, "best": np.where(changes <= -30, "PR", "SD")})
        )
    return pd.concat(parts, ignore_index=True)


# --- the story ------------------------------------------------------------------------------------------------------


def test_the_answer_gives_both_shares_in_100() -> None:
    said = story.answer(response_view(CLEAR))
    assert said.startswith("In 100 patients, **53** in the Active group and **27** in the Control group had")
    assert "no difference" not in said
    assert not story.unclear(response_view(CLEAR))


def test_the_words_say_whether_a_response_had_to_be_confirmed() -> None:
    asked, not_asked = response_view(CLEAR), response_view(CLEAR, confirmed=False)
    assert story.answer(asked).endswith("shrank by at least 30%, and a later scan confirmed it.")
    assert "A later scan had to confirm it." in story.seen(asked)[0]
    assert "had a confirmed tumour response" in story.key_messages(asked)[0].lines[0]
    assert "on at least one scan" in story.answer(not_asked)
    assert "on at least one scan" in story.seen(not_asked)[0]
    told = [story.answer(not_asked), *story.seen(not_asked)]
    assert not any("confirm" in text for text in told)
    assert "confirmed or not" in story.key_messages(not_asked)[0].lines[0]
    (one,) = story.key_messages(response_view({"Active": (30, 60)}, treatments=(), reference=""))[:1]
    assert "had a confirmed tumour response" in one.lines[0]


def test_how_days_of_stable_disease_count_is_said() -> None:
    made = tables.response_sensitivity(view=response_view(CLEAR))
    assert any("stable disease 42 days or more after the start" in str(row[0]) for row in made.rows)
    assert any("the day of the start is day 0" in note for note in made.footnotes)
    assert any("42 days or more" in note for note in tables.best_overall_response(view=response_view(CLEAR)).footnotes)


def test_an_interval_with_no_difference_is_said() -> None:
    assert "There may be no difference" in story.answer(response_view(UNCLEAR))
    assert story.unclear(response_view(UNCLEAR))


@pytest.mark.parametrize("measure", ["risk_difference", "risk_ratio", "odds_ratio"])
def test_the_declared_measure_decides_what_is_unclear(measure: str) -> None:
    assert story.unclear(response_view(UNCLEAR, primary_measure=measure))
    assert not story.unclear(response_view(CLEAR, primary_measure=measure))


def test_with_several_treatments_the_unclear_one_is_named() -> None:
    three = {"High": (80, 150), "Low": (45, 150), "Control": (40, 150)}
    said = story.answer(response_view(three))
    assert said.endswith("There may be no difference in: Low against Control.")
    assert [message.id for message in story.key_messages(response_view(three))] == ["K1", "K2", "K3", "K4", "K5", "K6"]


def test_key_messages_are_difference_ratio_and_duration_with_intervals() -> None:
    first, second, third = story.key_messages(response_view(CLEAR))
    assert first.big == "+27 in 100"
    # R 4.2.2: the score limits by maximising the constrained likelihood with optimize(), 0.1572 and 0.3699
    assert "53.3% v 26.7%; 95% CI 15.7 to 37.0 points" in first.lines
    assert second.big == "Ratio 2.00"
    # 80/150 and 40/150: the usual interval on the log scale: exp(log(2) -+ 1.959964 sqrt(7/1200 + 11/600))
    assert "95% CI 1.47 to 2.71" in second.lines
    assert third.big.endswith("months")
    assert any("no randomised comparison" in line for line in third.lines)


def test_the_odds_ratio_leads_where_it_is_declared() -> None:
    assert story.key_messages(response_view(CLEAR, primary_measure="odds_ratio"))[1].big == "OR 3.14"


def test_one_arm_has_a_share_and_a_duration() -> None:
    only = response_view({"All patients": (30, 100)}, treatments=(), design="single-arm")
    share, duration = story.key_messages(only)
    assert share.big == "30 in 100"
    assert "95% CI 21.9% to 39.6%" in share.lines  # Wilson; R 4.2.2: prop.test(30, 100, correct = FALSE)
    assert duration.big.endswith("months")
    assert "**30**" in story.answer(only)


def test_nobody_responds() -> None:
    nobody = response_view(NOBODY)
    assert story.key_messages(nobody)[1].big == "Not estimable"
    assert story.key_messages(nobody)[2].big == "Not estimable"
    assert "about 0 in 100" in " ".join(story.seen(nobody))
    assert story.unclear(nobody)


def test_cautions_name_the_surrogate_the_not_evaluated_and_few_responders() -> None:
    said = " ".join(story.cautions(response_view({"Active": (12, 60), "Control": (50, 60)})))
    assert "does not tell how long or how well people live" in said
    assert "3 in Active and 3 in Control" in said
    assert "Few responders: how long responses lasted is uncertain (Active)." in said


def test_plain_words_are_natural_frequencies_with_a_range() -> None:
    said = " ".join(story.seen(response_view(CLEAR)))
    assert "about 53 in 100 patients in the Active group" in said
    assert "as small as 16 or as large as 37" in said
    assert "There may be no difference." in " ".join(story.seen(response_view(UNCLEAR)))


# --- tables ---------------------------------------------------------------------------------------------------------


def test_best_overall_response_counts_each_patient_once() -> None:
    table = tables.best_overall_response(view=response_view(CLEAR))
    assert [row[0] for row in table.rows] == ["Partial response (PR)", "Stable disease (SD)", "Not evaluable (NE)"]
    assert [int(row[1].split()[0]) for row in table.rows] == [80, 67, 3]
    assert table.rows[0][1].startswith("80 (53.3%; 45.4% to 61.1%)")


def test_rates_say_who_counts_as_non_responder() -> None:
    table = tables.response_rates(view=response_view(CLEAR))
    assert [row[1] for row in table.rows][:2] == ["150", "80"]
    assert any("never assessed" in note for note in table.footnotes)


@pytest.mark.parametrize(
    ("measure", "first"),
    [
        ("risk_difference", "Difference of the shares"),
        ("odds_ratio", "Odds ratio"),
        ("risk_ratio", "Ratio of the shares"),
    ],
)
def test_the_primary_measure_comes_first(measure: str, first: str) -> None:
    table = tables.response_comparisons(view=response_view(CLEAR, primary_measure=measure))
    assert table.rows[0][0] == first
    assert table.groups is not None
    assert [group.endswith("primary measure") for group in table.groups] == [True, False, False]


def test_other_rules_stand_in_groups_of_their_own() -> None:
    table = tables.response_sensitivity(view=response_view(CLEAR))
    assert table.groups == [
        "Objective response: main analysis",
        "Objective response: sensitivity, under another rule",
        "Disease control: supplementary",
    ]
    assert table.rows[1][0] == "Confirmation not needed"


def test_durations_are_in_the_display_unit_and_described_only() -> None:
    times = pd.DataFrame([{"arm": "Active", "n": 80, "median": 61, "q1": 43, "q3": 91, "low": 40, "high": 200}])
    table = tables.response_durations(times, view=response_view(CLEAR))
    assert table.rows[2][1].startswith("6.6 ")  # 200 days
    assert table.rows[3][1:] == ("2.0 (1.4 to 3.0)", "–")
    assert any("nothing is tested" in note for note in table.footnotes)


# --- figures --------------------------------------------------------------------------------------------------------


def test_the_waterfall_says_counts_and_holds_no_patient_in_its_data() -> None:
    figure = figures.waterfall(bars({"Active": 101, "Control": 51}), view=response_view(CLEAR))
    # Of 101 even steps from +60 to -100 (1.6 each) 44 are at -30 or lower, 26 at +20 or higher.
    assert (
        "Active: of 101 patients, 44 shrank by 30% or more, 31 lie in between, and 26 grew" in figure.alternative_text
    )
    assert figure.data is not None
    assert sum(int(row[1]) for row in figure.data.rows) == 101
    assert len(figure.data.rows) < 10


def test_hundreds_of_bars_stay_small_and_the_same() -> None:
    many = bars({"Active": 600, "Control": 600})
    drawn = [svg(figures.waterfall(many, view=response_view(CLEAR)).drawing, "F1") for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert len(drawn[0]) < 400_000


@pytest.mark.parametrize("size", ["main", "first_screen"])
@pytest.mark.parametrize("n", [1, 4])
def test_the_waterfall_takes_one_arm_and_many(n: int, size: Any) -> None:
    counts = {f"Arm {i}": (10, 50) for i in range(n)}
    changes: dict[str, Any] = {"treatments": ()} if n == 1 else {}
    figure = figures.waterfall(bars(dict.fromkeys(counts, 50)), view=response_view(counts, **changes), size=size)
    assert len([axes for axes in figure.drawing.axes if axes.get_visible()]) == n
    figure.drawing.draw_without_rendering()
    name = figure.drawing.axes[0].yaxis.label.get_window_extent()
    page = figure.drawing.bbox
    assert page.x0 <= name.x0 < name.x1 <= page.x1
    assert page.y0 <= name.y0 < name.y1 <= page.y1


def spider_frames() -> tuple[pd.DataFrame, pd.DataFrame]:
    rows = [["Active", line, "PR", day, -10.0 * line * (day > 1), 120] for line in (1, 2, 5) for day in (1, 43, 85)]
    lines = pd.DataFrame(rows, columns=["arm", "line", "best", "day", "percent_change", "of"])
    band = pd.DataFrame([["Active", 63, 40, -50.0, -30.0, -10.0]], columns=["arm", "day", "n", "q1", "median", "q3"])
    return lines, band


def test_the_spider_says_how_many_are_drawn_of_how_many() -> None:
    figure = figures.spider(*spider_frames(), view=response_view(CLEAR))
    assert "Active: 3 patients drawn, of whom 1 shrank by 30% or more at some time." in figure.alternative_text
    assert any("3 of 120 in Active" in note for note in figure.footnotes)


def course(n: int = 4) -> pd.DataFrame:
    rows = [
        {
            "arm": arm,
            "line": i + 1,
            "best": "PR",
            "end": 400.0 - 10 * i,
            "treated_until": 100.0,
            "response": 50.0 if i % 2 == 0 else None,
            "progression": 200.0,
            "died": i == 0,
            "ongoing": i == 1,
            "of": n,
        }
        for arm in ("Active", "Control")
        for i in range(n)
    ]
    return pd.DataFrame(rows)


def test_the_swimmer_counts_its_marks() -> None:
    figure = figures.swimmer(course(), view=response_view(CLEAR))
    assert "Active: of 4 patients drawn, 2 responded, 4 progressed, 1 died, and 1 are still treated." in (
        figure.alternative_text
    )
    assert figure.data is not None
    assert [row[1] for row in figure.data.rows] == ["4", "2", "4", "1", "1"]
    assert not any("legible" in note for note in figure.footnotes)


def test_subgroups_stand_beside_everybody() -> None:
    figure = figures.response_subgroups(view=response_view(CLEAR))
    assert "Active against Control, all patients: 26.7 (15.7 to 37.0) percentage points." in figure.alternative_text
    assert figure.data is not None
    assert [row[0] for row in figure.data.rows] == ["Everybody", "F", "M"]


def test_a_subgroup_that_cannot_be_estimated_is_drawn_in_words() -> None:
    made = response_view(CLEAR)
    nobody = proportions.risk_difference([1, 0], ["Active", "Active"], treatment="Active", reference="Control")
    groups = {"treatment": "Active", "reference": "Control", "subgroup": "SEX", "level": "M"}
    add(made.results, made.context, nobody, "ORR", **groups)
    figure = figures.response_subgroups(view=made)
    assert figure.data is not None
    assert [row[-1] for row in figure.data.rows] == ["26.7 (15.7 to 37.0)", "26.7 (15.7 to 37.0)", "NE"]


def test_the_curve_is_about_staying_in_response() -> None:
    time = np.array([100, 200, 300, 400])
    curve = survival.kaplan_meier(time, np.ones(4)).assign(arm="Active")
    at_risk = survival.at_risk(time, np.ones(4), times=[0, 183, 365]).assign(arm="Active")
    figure = figures.response_duration(curve, at_risk, view=response_view(CLEAR))
    assert figure.title == "How long responses lasted"
    assert figure.drawing.axes[0].get_xlabel() == "Time since the first response (months)"
    assert "nothing is tested" in figure.footnotes[0]

"""Safety: tables and figures are read from results, and the words follow the numbers without judging them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from evidence_lib.report import figures, tables
from evidence_lib.report.context import View, view
from evidence_lib.report.display import Table
from evidence_lib.report.narrative import first_screen, passage
from evidence_lib.report.stories import safety as story
from evidence_lib.report.theme import svg, theme
from evidence_lib.results import Estimate, Estimates, ResultSet, rows_of
from evidence_lib.statistics import safety
from evidence_lib.statistics.proportions import fisher_exact, risk_difference
from evidence_lib.statistics.rates import incidence_rate, rate_difference, rate_ratio
from tests.report import material

TWO = ("Active", "Control")
THREE = ("High dose", "Low dose", "Placebo")
JUDGING = (
    r"\b(caus\w+|effects? of|because of|improv\w+|benefit\w*|leads? to|led to|due to|significan\w+|safe|harmful)\b"
)


def people(arms: tuple[str, ...], size: int = 40) -> pd.DataFrame:
    return pd.DataFrame(
        [(size * i + j, arm) for i, arm in enumerate(arms) for j in range(size)], columns=["subject", "arm"]
    )


def events(arms: tuple[str, ...], shares: dict[str, list[int]], size: int = 40) -> pd.DataFrame:
    """For each term how many subjects of each arm had it; the first of them had it twice."""
    rows = []
    for term, counts in shares.items():
        for i, count in enumerate(counts[: len(arms)]):
            rows += [(size * i + j, arms[i], f"Class of {term[0]}", term) for j in range(count)]
            rows += [rows[-1]] if count else []
    return pd.DataFrame(rows, columns=["subject", "arm", "soc", "term"])


def a_view(
    arms: tuple[str, ...] = TWO,
    *,
    tests: bool = False,
    categories: dict[str, list[int]] | None = None,
    exposure: list[float] | None = None,
    later: int = 0,
    **changes: Any,
) -> View:
    facts = {"notebook": "trial/safety", "design": "randomised", "primary_measure": "risk_difference", "item": "F1"}
    item = str({**facts, **changes}.pop("item"))
    about = material.context(arms, **{k: v for k, v in {**facts, **changes}.items() if k != "item"})
    made = ResultSet(about.study, about.report)
    everybody = people(arms)

    def add(found: Estimate | Estimates, **groups: Any) -> None:
        for estimate in [found] if isinstance(found, Estimate) else found.items:
            named = replace(estimate, groups={**groups, **estimate.groups})
            made.add(rows_of(named, endpoint="", population="safety population"))

    def counted(frame: pd.DataFrame, level: str) -> None:
        counts = safety.incidence_counts(frame, subjects=everybody, levels=[level])
        for name, part in counts.groupby(level, sort=False, observed=True):
            for treatment in arms[:-1]:
                both = {"treatment": treatment, "reference": arms[-1]}
                columns = {"event": part["event"], "group": part["arm"], "count": part["count"]}
                add(risk_difference(**columns, **both), **{level: name})
                if tests:
                    add(fisher_exact(**columns, **both), **{level: name, **both})

    for arm in [*arms, "all"]:
        n = len(everybody) if arm == "all" else 40
        count = Estimate(analysis="count.subjects", unit="subjects", method="counted", estimate=n)
        add(count, arm=arm)
    given = categories or {"any": [36, 30, 28], "grade3": [12, 8, 6], "discontinuation": [6, 2, 2]}
    by_category = events(arms, given).drop(columns="soc").rename(columns={"term": "category"})
    by_category["category"] = pd.Categorical(by_category["category"], categories=list(given))
    add(safety.incidence(by_category, subjects=everybody, levels=["category"]))
    add(
        safety.incidence(
            by_category.assign(arm="all"), subjects=everybody.assign(arm="all"), levels=["category"]
        )
    )  # fmt: skip
    counted(by_category, "category")
    terms = events(arms, {"Rash": [20, 10, 8], "Reflux": [4, 12, 9], "Colic": [1, 0, 0]})
    add(safety.incidence(terms, subjects=everybody, levels=["soc", "term"], nested=True))
    counts = safety.incidence_counts(terms, subjects=everybody, levels=["soc", "term"])
    for (soc, term), part in counts.groupby(["soc", "term"], sort=False):
        for treatment in arms[:-1]:
            columns = {"event": part["event"], "group": part["arm"], "count": part["count"]}
            add(risk_difference(**columns, treatment=treatment, reference=arms[-1]), soc=soc, term=term)
    days = [100.0 + i % 50 for i in range(len(everybody))]
    had = [int(i % 3 == 0) for i in range(len(everybody))]
    for arm in arms:
        here = everybody["arm"] == arm
        add(
            incidence_rate(pd.Series(had)[here], pd.Series(days)[here]), category="any", arm=arm
        )  # fmt: skip
    for treatment in arms[:-1]:
        both = {"treatment": treatment, "reference": arms[-1], "group": everybody["arm"]}
        for statistic in (rate_difference, rate_ratio):
            add(statistic(had, days, **both), category="any")
    shown = safety.frequent(counts, min_percent=5)
    by_class = safety.incidence_counts(terms, subjects=everybody, levels=["soc"])
    made.add_table("safety.shown", safety.table_order(by_class, shown, min_percent=5))
    made.add_table("safety.window", pd.DataFrame({"days": [14], "later": [later]}))
    answers = {"answer": ["", "NONE", "POSSIBLE", "REMOTE"], "related": [True, False, True, False]}
    made.add_table("safety.relation", pd.DataFrame(answers))
    means = exposure or [100.0] * len(arms)
    made.add_table(
        "safety.exposure",
        pd.DataFrame(
            [
                {"variable": "duration", "arm": arm, "n": 40, "mean": mean, "sd": 3.0, "median": 99.0, "q1": 90.0,
                 "q3": 110.0, "low": 1.0, "high": 200.0}
                for arm, mean in zip(arms, means, strict=True)
            ]
        ),
    )  # fmt: skip
    return view(about, made, "en", item)


def answer(at: View) -> str:
    return "".join(text for text, _ in first_screen(at).answer)


def cell(table: Table, row: str, column: str) -> str:
    position = next(i for i, name in enumerate(table.columns) if column in name)
    return next(line[position] for line in table.rows if line[0] == row)


def everything(at: View) -> str:
    screen = first_screen(at)
    texts = [*screen.grey_line, answer(at), *screen.caution, *(part for pair in screen.plain for part in pair)]
    texts += [line for message in screen.key_messages for line in (message.big, *message.lines)]
    for key in story.PASSAGES:
        made = passage(key, view=at)
        texts += [*made.paragraphs, *made.items]
    return "\n".join(texts)


# Words


def test_the_answer_says_how_many_of_100_in_each_arm() -> None:
    own = {"people": "women", "with_treatment": "with the drug", "with_reference": "without it"}
    assert answer(a_view(plain=own)) == (
        "Of 100 women, 90 with the drug and 75 without it had an unwanted event. "
        "30 with the drug and 20 without it had one of grade 3 or higher. "
        "15 with the drug and 5 without it stopped treatment over such an event."
    )


def test_three_arms_stand_in_one_sentence() -> None:
    assert answer(a_view(THREE)).startswith(
        "Of 100 patients, 90 in the High dose group, 75 in the Low dose group, and 70 in the Placebo group had an"
    )
    assert [message.id for message in first_screen(a_view(THREE)).key_messages] == [f"K{i}" for i in range(1, 7)]


def test_one_arm_has_shares_and_no_comparison() -> None:
    at = a_view(("All patients",), design="single-arm")
    assert answer(at).startswith("Of 100 patients, 90 had an unwanted event. 30 had one of grade 3 or higher.")
    assert [message.big for message in first_screen(at).key_messages] == ["90 in 100", "30 in 100", "15 in 100"]
    assert "formally tested" not in everything(at)
    assert not story.unclear(at)


@pytest.mark.parametrize(
    ("there", "second"),
    [({"severe", "serious"}, "had a severe one"), ({"serious"}, "had a serious one"), (set(), None)],
)
def test_the_worse_events_are_those_that_the_data_have(there: set[str], second: str | None) -> None:
    found = answer(a_view(categories={"any": [36, 30], **{name: [4, 4] for name in sorted(there)}}))
    assert found.count(".") == 1 + (second is not None)
    assert second is None or second in found


def test_key_messages_have_both_shares_and_the_interval() -> None:
    first, second, third = first_screen(a_view()).key_messages
    assert first.big == "+15 in 100"
    assert first.lines[0] == "had any adverse event"
    assert re.fullmatch(r"90.0% v 75.0%; 95% CI .*\d to \d+.\d points", first.lines[1])
    assert (second.big, third.big) == ("+10 in 100", "+10 in 100")


def test_a_difference_that_its_rounded_parts_do_not_give_is_said_to_be_rounded() -> None:
    # 36 and 30 of 40 are 90% and 75%: 15 points. 37 and 33 are 92.5% (93 in 100) and 82.5% (83): 10 points.
    for counts in ([36, 30], [37, 33]):
        assert "(rounded)" not in first_screen(a_view(categories={"any": counts})).key_messages[0].lines[0]
    # 37 and 32 are 92.5% (93 in 100) and 80%: 12.5 points (13). 38 and 33 are 95% and 82.5% (83): 12.5 points (13).
    assert "(rounded)" not in first_screen(a_view(categories={"any": [37, 32]})).key_messages[0].lines[0]
    lines = first_screen(a_view(categories={"any": [38, 33]})).key_messages[0].lines
    assert lines[0] == "had any adverse event (rounded)"


def test_unequal_treatment_leads_to_a_caution() -> None:
    caution = " ".join(first_screen(a_view(exposure=[150.0, 100.0])).caution)
    assert "mean 150 days Active and 100 days Control" in caution
    assert "different times" not in " ".join(first_screen(a_view(exposure=[120.0, 100.0])).caution)
    for at in (a_view(), a_view(THREE)):
        assert "No comparison of safety was formally tested" in " ".join(first_screen(at).caution)


def test_an_interval_with_no_difference_is_unclear_by_the_declared_measure() -> None:
    assert story.unclear(a_view(categories={"any": [30, 30]})) == [
        "There may be no difference in how many had any unwanted event."
    ]
    assert story.unclear(a_view(categories={"any": [40, 10]})) == []
    assert story.unclear(a_view(categories={"any": [40, 10]}, primary_measure="rate_ratio")) == [
        "There may be no difference in how many had any unwanted event in the same length of time."
    ]


def test_plain_words_name_only_the_comparisons_whose_interval_includes_no_difference() -> None:
    given = {"any": [36, 34], "grade3": [12, 12], "discontinuation": [16, 2]}
    plain = dict(first_screen(a_view(categories=given)).plain)["How sure?"]
    assert plain.endswith(
        "There may be no difference in how many had any unwanted event and how many had one of grade 3 or more."
    )
    assert "stopped" not in plain
    three = {"any": [36, 34, 34], "grade3": [30, 12, 12], "discontinuation": [16, 3, 2]}
    assert story.unclear(a_view(THREE, categories=three)) == [
        "High dose against Placebo: there may be no difference in how many had any unwanted event.",
        "Low dose against Placebo: there may be no difference in how many had any unwanted event, how many had one of "
        "grade 3 or more, and how many stopped treatment over an unwanted event.",
    ]
    apart = {"any": [40, 10], "grade3": [30, 5], "discontinuation": [16, 2]}
    assert "no difference" not in dict(first_screen(a_view(categories=apart)).plain)["How sure?"]


def test_plain_words_give_natural_frequencies_and_do_not_say_that_safety_is_missing() -> None:
    plain = dict(first_screen(a_view()).plain)
    assert "Active: 90 in 100. Control: 75 in 100." in plain["What was seen?"]
    assert "rare unwanted events" in plain["Not known:"]


@pytest.mark.parametrize("arms", [TWO, THREE, ("All patients",)])
def test_nothing_is_called_a_cause_and_nothing_safe(arms: tuple[str, ...]) -> None:
    found = re.sub("no proof of safety", "", everything(a_view(arms)))
    assert re.findall(JUDGING, found, flags=re.IGNORECASE) == []


def test_without_results_the_story_says_so() -> None:
    about = material.context(TWO, notebook="trial/safety", design="randomised", primary_measure="risk_difference")
    empty = view(about, ResultSet("demo", "safety"), "en")
    assert answer(empty) == "The data do not say who had unwanted events."
    assert first_screen(empty).figure is None
    assert "The data do not say" in dict(first_screen(empty).plain)["What was seen?"]


# Tables


def test_the_overview_has_subjects_shares_events_and_differences() -> None:
    table = tables.adverse_event_overview(view=a_view())
    assert cell(table, "Any adverse event", "Active (N = 40)") == "36 (90.0%) [37]"
    assert cell(table, "Any adverse event", "Control") == "30 (75.0%) [31]"
    assert cell(table, "Any adverse event", "difference in points").startswith("15.0 (")
    assert not any(column.endswith(": p") for column in table.columns)


def test_the_notes_name_the_window_and_the_answers_on_relation() -> None:
    given = {"any": [36, 30], "related": [20, 10], "discontinuation": [6, 2]}
    at = a_view(categories=given, later=2)
    notes = " ".join(tables.adverse_event_overview(view=at).footnotes)
    assert "from the first dose to 14 days after the last" in notes
    assert "2 events that the data flag as treatment-emergent began after this window" in notes
    assert "as unrelated count: NONE and REMOTE. As related count: no answer and POSSIBLE." in notes
    rates = tables.adverse_event_rates(at.results.table("safety.shown"), view=at, categories=True)
    assert any(
        "from the first dose to 14 days after the last, death or the last day seen" in n for n in rates.footnotes
    )
    plain = " ".join(tables.adverse_event_overview(view=a_view()).footnotes)
    assert "began after this window" not in plain
    assert "unrelated" not in plain


def test_p_values_stand_only_where_they_were_asked_for() -> None:
    table = tables.adverse_event_overview(view=a_view(tests=True))
    assert re.fullmatch(r"0\.\d+", cell(table, "Any adverse event", ": p"))


def test_terms_stand_under_their_class_and_the_threshold_is_said() -> None:
    at = a_view()
    table = tables.adverse_events_by_term(at.results.table("safety.shown"), view=at)
    assert list(dict.fromkeys(table.groups or [])) == ["Class of R"]
    assert [row[0] for row in table.rows] == ["Any term of this class", "Rash", "Reflux"]
    assert cell(table, "Rash", "Active") == "20 (50.0%) [21]"
    assert any("at least 5% of an arm" in note for note in table.footnotes)


def test_one_arm_has_no_column_of_differences() -> None:
    at = a_view(("All patients",), design="single-arm")
    table = tables.adverse_event_overview(view=at)
    assert list(table.columns) == ["Category", "All patients (N = 40)"]
    rates = tables.adverse_event_rates(at.results.table("safety.shown"), view=at, categories=True)
    assert len(rates.columns) == 2


def test_rates_have_limits_and_no_line_for_a_class() -> None:
    at = a_view()
    table = tables.adverse_event_rates(at.results.table("safety.shown"), view=at, categories=True)
    assert re.fullmatch(r"[\d.,]+ \([\d.,]+ to [\d.,]+\)", cell(table, "Any adverse event", "Active (N"))
    terms = tables.adverse_event_rates(at.results.table("safety.shown"), view=at)
    assert [row[0] for row in terms.rows] == ["Rash", "Reflux"]


def test_grades_are_in_order_and_missing_cells_are_zero() -> None:
    at = a_view()
    counts = pd.DataFrame(
        [("Skin", "Rash", grade, "Active", 2, 40, 0.05) for grade in ("4", "not_coded", "1")],
        columns=["soc", "term", "grade", "arm", "n", "of", "share"],
    )
    table = tables.adverse_events_by_grade(counts, view=at)
    assert list(table.columns[1:4]) == ["Not graded", "Grade 1", "Grade 4"]
    assert list(table.rows[0][1:]) == ["2 (5.0%)"] * 3 + ["0"] * 3
    assert table.spanners == {"Active (N = 40)": [1, 2, 3], "Control (N = 40)": [4, 5, 6]}
    assert list(tables.adverse_events_by_grade(counts[:0], view=at).rows) == []


def test_shifts_show_both_counts() -> None:
    at = a_view()
    counts = pd.DataFrame(
        [("ALT", "ALT (U/L)", "worst", "Active", "normal", "high", 2, 38, 2 / 38),
         ("ALT", "ALT (U/L)", "worst", "Control", "low", "normal", 1, 1, 1.0),
         ("ALT", "ALT (U/L)", "Week 2", "Control", "high", "high", 1, 1, 1.0)],
        columns=["parameter", "label", "visit", "arm", "baseline", "category", "n", "of", "share"],
    )  # fmt: skip
    table = tables.laboratory_shifts(counts, view=at)
    assert [list(row) for row in table.rows] == [
        ["Low \u2192 Normal", "\u2013", "1 of 1 (100.0%)"],
        ["Normal \u2192 High", "2 of 38 (5.3%)", "\u2013"],
    ]
    assert table.groups == ["ALT (U/L)"] * 2


def test_exposure_and_vital_signs() -> None:
    at = a_view()
    table = tables.exposure(at.results.table("safety.exposure"), view=at)
    assert cell(table, "Mean (SD)", "Active") == "100.0 (3.0)"
    assert cell(table, "Median (quartiles)", "Active") == "99.0 (90.0 to 110.0)"
    assert list(tables.exposure(pd.DataFrame(), view=at).rows) == []
    summary = pd.DataFrame(
        [("W", "Weight (kg)", "", "Week 2", "Active", "change", 3, -1.25, None, -1.0, -2.0, 0.0)],
        columns=["parameter", "label", "position", "visit", "arm", "what", "n", "mean", "sd", "median", "low", "high"],
    )
    vital = tables.vital_signs(summary, view=at)
    assert list(vital.rows[0]) == ["Week 2", "\u2013", "\u22121.3 (\u2013), n = 3", "\u2013", "\u2013"]


def test_one_patient_has_no_standard_deviation() -> None:
    at = a_view()
    exposure = at.results.table("safety.exposure")
    exposure.loc[exposure["arm"] == "Active", "sd"] = None  # among numbers a frame reads the null as NaN
    assert cell(tables.exposure(exposure, view=at), "Mean (SD)", "Active") == "100.0 (\u2013)"
    columns = ["parameter", "label", "position", "visit", "arm", "what", "n", "mean", "sd", "median", "low", "high"]
    two = [
        ("W", "Weight (kg)", "", "Week 2", arm, "value", n, 60.0, sd, 60.0, 60.0, 60.0)
        for arm, n, sd in (("Active", 1, None), ("Control", 2, 1.5))
    ]
    vital = tables.vital_signs(pd.DataFrame(two, columns=columns), view=at)
    assert vital.rows[0][1] == "60.0 (\u2013), n = 1"
    assert "NaN" not in str(vital.rows)


# Figures


@pytest.mark.parametrize("arms", [TWO, THREE, ("All patients",)])
@pytest.mark.parametrize("size", ["main", "first_screen"])
def test_the_dot_plot_is_drawn_alike_every_time_and_said_in_words(arms: tuple[str, ...], size: Any) -> None:
    at = a_view(arms)
    one, two = (figures.risk_differences(at.results.table("safety.shown"), view=at, size=size) for _ in range(2))
    assert svg(one.drawing, "x") == svg(two.drawing, "x")
    assert len(one.drawing.axes) == (2 if len(arms) > 1 else 1)
    assert "Rash: 50.0%" in one.alternative_text
    assert one.data is not None
    assert [row[0] for row in one.data.rows][0] == "Rash"


@pytest.mark.parametrize("size", ["main", "first_screen"])
def test_names_of_many_arms_touch_neither_each_other_nor_the_edge(size: Any) -> None:
    arms = tuple(f"Dose {i} of the new medicine with chemotherapy" for i in range(5))
    found = figures.risk_differences(a_view(arms).results.table("safety.shown"), view=a_view(arms), size=size)
    renderer = FigureCanvasAgg(found.drawing).get_renderer()
    whole = found.drawing.bbox
    boxes = [
        text.get_window_extent(renderer)
        for text in found.drawing.axes[0].texts
        if text.get_text().startswith("Dose")
    ]  # fmt: skip
    assert len(boxes) == len(arms)
    for i, box in enumerate(boxes):
        assert box.x1 <= whole.x1 + 1
        assert box.y1 <= whole.y1 + 1
        assert not any(box.overlaps(other) for other in boxes[i + 1 :])


@pytest.mark.parametrize("arms", [TWO, THREE, ("A", "B", "C", "D", "E")])
def test_the_numbers_beside_the_differences_do_not_touch(arms: tuple[str, ...]) -> None:
    found = figures.risk_differences(a_view(arms).results.table("safety.shown"), view=a_view(arms))
    renderer = FigureCanvasAgg(found.drawing).get_renderer()
    boxes = [text.get_window_extent(renderer) for text in found.drawing.axes[1].texts]
    assert len(boxes) == 2 * (len(arms) - 1)
    assert not any(box.overlaps(other) for i, box in enumerate(boxes) for other in boxes[i + 1 :])
    assert all(box.x1 <= found.drawing.bbox.x1 for box in boxes)


def test_a_plot_without_terms_says_so() -> None:
    at = a_view()
    found = figures.risk_differences(at.results.table("safety.shown")[:0], view=at)
    assert found.alternative_text == "No adverse event reached the threshold."
    with theme("x"):
        assert svg(found.drawing, "x")


def test_the_liver_plot_holds_no_more_than_the_values() -> None:
    at = a_view()
    peaks = pd.DataFrame(
        {"arm": ["Active", "Control"], "alt": [8.0, 0.0], "bilirubin": [3.0, 0.4], "category": ["both", "neither"]}
    )
    found = figures.liver_values(peaks, view=at)
    assert svg(found.drawing, "x") == svg(figures.liver_values(peaks, view=at).drawing, "x")
    assert svg(figures.liver_values(peaks[:0], view=at).drawing, "x")


@pytest.mark.parametrize("arms", [TWO, THREE, ("All patients",)])
def test_the_first_event_figure_with_and_without_events(arms: tuple[str, ...]) -> None:
    at = a_view(arms, unit="days", milestone=60, times=(60,))
    at_risk = pd.DataFrame(
        [(arm, t, 40 - t // 10) for arm in arms for t in (0, 60, 120)], columns=["arm", "time", "n_at_risk"]
    )
    curve = pd.DataFrame(
        [(arm, "event", t, 0.1 * i, None if i == 0 else 0.05 * i, None if i == 0 else 0.2 * i, 0 if i == 0 else 2)
         for arm in arms for i, t in enumerate((0, 30, 90))],
        columns=["arm", "cause", "time", "cumulative_incidence", "conf_low", "conf_high", "n_events"],
    )  # fmt: skip
    found = figures.first_adverse_event(curve, at_risk, view=at)
    assert svg(found.drawing, "x") == svg(figures.first_adverse_event(curve, at_risk, view=at).drawing, "x")
    assert found.data is not None
    assert len(found.data.rows) == 3 * len(arms)
    empty = figures.first_adverse_event(pd.DataFrame(), at_risk, view=at)
    assert svg(empty.drawing, "x")

"""Reports on outcomes at visits: what is said by case, what the tables and figures hold; made-up numbers."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from evidence_lib.language import words
from evidence_lib.report import figures, tables
from evidence_lib.report.context import View, view
from evidence_lib.report.narrative import first_screen, passage
from evidence_lib.report.stories import continuous
from evidence_lib.results import Estimate, ResultSet, rows_of
from tests.report.material import context

VISIT = "Week 12"
MINUS = "\u2212"
CAUSAL = re.compile(r"\b(effect of|caus\w*|reduc\w*|improv\w*|benefit\w*|significant\w*|prevent\w*)\b", re.I)


def estimate(analysis: str, value: float | None, half: float | None = None, **groups: Any) -> Estimate:
    unit = "probability" if "responder" in analysis else "outcome"
    made: dict[str, Any] = {"analysis": analysis, "unit": unit, "method": "made up", "groups": groups, "n": 40}
    if value is None:
        return Estimate(**made, conf_level=0.95, status="not_estimable", reason="nobody was seen")
    if half is None:
        return Estimate(**made, estimate=value)
    limits = {"conf_low": value - half, "conf_high": value + half, "conf_level": 0.95}
    return Estimate(**made, estimate=value, std_error=half / 2, p_value=0.03, **limits)


def facts(roles: dict[str, str], **given: Any) -> pd.DataFrame:
    shared = {
        "visit": VISIT,
        "change": True,
        "ordinal": False,
        "carried": False,
        "imputation": "mar",
        "higher_is": "better",
        "important_difference": None,
        "responder": None,
        **given,
    }
    declared = [*roles.items()] or [(None, None)]
    return pd.DataFrame([{"analysis": name, "role": role, **shared} for name, role in declared]).astype(object)


def summary(arms: tuple[str, ...]) -> pd.DataFrame:
    rows = []
    for variable, visit in (
        ("baseline", None),
        ("value", "Week 6"),
        ("value", VISIT),
        ("observed", "Week 6"),
        ("observed", VISIT),
    ):
        for rank, arm in enumerate(arms):
            mean = 1.5 * rank - (2.0 if visit == VISIT else 0.0)
            rows.append([variable, visit, arm, 40 - rank, mean, 4.0, 0.7, mean - 1.4, mean + 1.4, mean, -9.0, 9.5])
    return pd.DataFrame(
        rows,
        columns=["variable", "visit", "arm", "n", "mean", "sd", "se", "conf_low", "conf_high", "median", "low", "high"],
    )


def a_report(
    difference: float | None = 3.0,
    half: float = 1.0,
    *,
    arms: tuple[str, ...] = ("Active", "Control"),
    roles: dict[str, str] | None = None,
    others: list[Estimate] | None = None,
    seen: int = 38,
    about: dict[str, Any] | None = None,
    **given: Any,
) -> View:
    told = context(
        arms,
        notebook="trial/continuous-endpoints",
        design="randomised" if len(arms) > 1 else "single-arm",
        endpoint="QOL",
        endpoint_label="Quality of life",
        primary_measure="mean_difference",
        **(about or {}),
    )
    declared = {"mmrm": "main"} if roles is None else roles
    made = ResultSet(told.study, told.report)
    made.add_table("continuous.facts", facts(declared if len(arms) > 1 else {}, **given))
    made.add_table("continuous.summary", summary(arms))
    found = [*(others or [])]
    for rank, arm in enumerate(arms):
        found.append(
            Estimate(analysis="count.subjects", unit="subjects", method="made up", groups={"arm": arm}, estimate=40)
        )
        mean = estimate("mean", 1.25 * rank, 0.5, arm=arm, visit=VISIT)
        found.append(
            Estimate(
                **{
                    **{
                        k: getattr(mean, k)
                        for k in (
                            "analysis",
                            "unit",
                            "method",
                            "groups",
                            "estimate",
                            "std_error",
                            "conf_low",
                            "conf_high",
                            "conf_level",
                        )
                    },
                    "n": seen,
                }
            )
        )
        found.append(estimate("mmrm.ls_mean", 2.0 if rank < len(arms) - 1 else -1.0, 0.8, arm=arm, visit=VISIT))
    found.append(
        Estimate(
            analysis="count.subjects", unit="subjects", method="made up", groups={"arm": "all"}, estimate=40 * len(arms)
        )
    )
    found += [
        estimate("mmrm.contrast", difference, half, treatment=one, reference=arms[-1], visit=VISIT) for one in arms[:-1]
    ]
    for one in found:
        made.add(rows_of(one, endpoint="QOL", population="all patients"))
    return view(told, made, "en", "F1")


def answer(at: View) -> str:
    return "".join(text for text, _ in first_screen(at).answer)


@pytest.mark.parametrize(
    ("difference", "half", "higher_is", "said"),
    [
        (3.0, 1.0, "better", "was better in the Active group"),
        (3.0, 1.0, "worse", "was worse in the Active group"),
        (-3.0, 1.0, "better", "was worse in the Active group"),
        (-3.0, 1.0, "worse", "was better in the Active group"),
        (3.0, 1.0, None, "was higher in the Active group"),
        (-3.0, 1.0, None, "was lower in the Active group"),
        (0.5, 1.0, "better", "There may be no difference"),
        (1.0, 1.0, "better", "There may be no difference"),  # the interval ends at no difference
        (None, 1.0, "better", "The data can not answer"),
    ],
)
def test_the_answer_by_case(difference: float | None, half: float, higher_is: str | None, said: str) -> None:
    at = a_report(difference, half, higher_is=higher_is)
    assert said in answer(at)
    assert "+2.0" in answer(at) or difference is None
    screen = first_screen(at)
    doubt = any("There may be no difference" in text for _, text in screen.plain)
    assert doubt == (said == "There may be no difference")
    assert continuous.unclear(at) == (said == "There may be no difference")


def test_key_messages_hold_means_difference_and_robustness() -> None:
    k1, k2, k3 = first_screen(a_report(important_difference=2.5)).key_messages
    assert k1.big == f"+2.0 v {MINUS}1.0"
    assert "Higher is better." in k1.lines
    assert k2.big == "+3.0"
    assert "95% CI +2.0 to +4.0" in k2.lines
    assert "declared to matter: 2.5 or more" in k2.lines
    assert k3.big == "76 of 80"
    tip = [estimate("imputation.tipping_point", -4.25, treatment="Active", reference="Control", visit=VISIT)]
    assert first_screen(a_report(others=tip)).key_messages[2].big == f"changes at {MINUS}4.3"
    shares = [
        estimate("imputation.responder_difference", 0.2, 0.1, treatment="Active", reference="Control", level=">= 5")
    ]
    third = first_screen(a_report(others=shares)).key_messages[2]
    assert third.big == "+20 in 100"
    assert "share with an outcome \u2265 5 at Week 12" in third.lines


@pytest.mark.parametrize(
    ("difference", "half", "said"),
    [(1.0, 0.5, "lies inside 2 either way"), (4.0, 0.5, "lies beyond 2"), (2.0, 1.0, "smaller and larger than 2")],
)
def test_the_important_difference(difference: float, half: float, said: str) -> None:
    told = passage("continuous.effect", view=a_report(difference, half, important_difference=2.0))
    assert said in " ".join(told.paragraphs)


def test_cautions() -> None:
    assert not continuous.cautions(a_report())
    (missing,) = continuous.cautions(a_report(seen=30))
    assert missing.startswith("25% had no value at Week 12, or none at the start: ")
    (missing,) = continuous.cautions(a_report(seen=30, change=False))
    assert missing.startswith("25% had no value at Week 12: ")
    (carried,) = continuous.cautions(a_report(seen=30, carried=True))
    assert "carried forward" in carried
    pair = {"treatment": "Active", "reference": "Control", "visit": VISIT}
    other = [estimate("imputation.contrast", 0.2, 1.0, model="jump-to-reference", **pair)]
    roles = {"mmrm": "main", "jump-to-reference": "sensitivity"}
    assert "Not all analyses" in continuous.cautions(a_report(roles=roles, others=other))[-1]
    assert not continuous.cautions(a_report(0.1, roles=roles, others=other))  # both leave it open


@pytest.mark.parametrize(
    ("difference", "value", "said"),
    [
        (3.0, -4.0, "would change if all treated patients without a value at Week 12 had fared 4.0 points lower"),
        (0.2, 2.0, "no difference was shown; one would be if"),
        (3.0, None, "nobody was seen"),
    ],
)
def test_the_tipping_point_in_words(difference: float, value: float | None, said: str) -> None:
    row = estimate("imputation.tipping_point", value, treatment="Active", reference="Control", visit=VISIT)
    assert said in " ".join(passage("continuous.tipping", view=a_report(difference, others=[row])).items)


def test_the_tipping_point_is_that_of_the_scan() -> None:
    """Where the scan without a shift shows no difference, none can be lost, whatever the main analysis says."""
    pair = {"treatment": "Active", "reference": "Control", "visit": VISIT}
    rows = [
        estimate("imputation.shifted", 0.5, 1.0, delta=0.0, **pair),
        estimate("imputation.tipping_point", 2.0, **pair),
    ]
    assert "no difference was shown" in passage("continuous.tipping", view=a_report(3.0, others=rows)).items[0]


def test_one_arm_compares_nothing() -> None:
    at = a_report(arms=("Active",))
    assert (
        answer(at) == "The mean change in Quality of life at Week 12 was 0.0. There is no other group to compare with."
    )
    assert [message.id for message in first_screen(at).key_messages] == ["K1", "K2"]
    assert not continuous.unclear(at)


def test_an_ordinal_outcome_has_no_size() -> None:
    def tested(p: float) -> View:
        test = Estimate(
            analysis="cmh.row_means", unit="chi-square", method="made up", is_test=True, test_statistic=5.0, df=1,
            p_value=p, n=80, groups={"treatment": "Active", "reference": "Control", "visit": VISIT},
        )  # fmt: skip
        return a_report(roles={"cmh": "main"}, others=[test], ordinal=True, change=False)

    assert "There may be no difference" in answer(tested(0.2))
    assert "differed in the Active group and in the Control group" in answer(tested(0.01))
    assert first_screen(tested(0.2)).key_messages[1].big == "p = 0.200"


def test_a_withheld_difference_is_said_to_be() -> None:
    from dataclasses import replace

    at = a_report()
    for key, row in list(at.results.rows.items()):
        if row.analysis == "mmrm.contrast" and row.statistic != "n":
            at.results.rows[key] = replace(row, value=None, status="withheld", reason="a declared check failed")
    assert "We can not say" in answer(at)
    assert first_screen(at).key_messages[1].big == "Withheld"


def test_no_text_claims_a_cause() -> None:
    texts = [text for key, text in words("en")._texts.items() if key.startswith("continuous.")]
    assert len(texts) > 100
    assert [text for text in texts if CAUSAL.search(str(text))] == []


def test_main_and_other_analyses_stand_apart() -> None:
    pair = {"treatment": "Active", "reference": "Control", "visit": VISIT}
    others = [
        estimate("imputation.contrast", 2.5, 1.0, model="mar", role="sensitivity", **pair),
        estimate("ancova.contrast", 3.5, 1.0, role="supplementary", **pair),
        estimate("ancova.dose_trend.regression", 0.0123, 0.02, variable="dose"),
        replace(estimate("mmrm.contrast.average", 2.0, 1.0, treatment="Active", reference="Control"), n=52),
    ]
    at = a_report(roles={"mmrm": "main", "mar": "sensitivity", "ancova": "supplementary"}, others=others)
    table = tables.mean_differences(view=at)
    assert list(dict.fromkeys(table.groups or ())) == [
        "Main analysis",
        "Sensitivity analyses",
        "Supplementary analyses",
    ]
    assert table.columns[1] == "n"
    assert table.rows[0][:5] == ("MMRM", "52", "2.00", f"{MINUS}1.00", "3.00 (SE 0.50)")
    assert table.rows[-1][4] == "0.0123 (SE 0.0100)"
    figure = figures.estimates_side_by_side(view=at)
    assert figure.data is not None
    names = ["MMRM", "Multiple imputation, missing at random", "ANCOVA"]
    assert [row[:2] for row in figure.data.rows] == list(zip(names, ("52", "40", "40"), strict=True))
    assert "the same patients" not in " ".join(figure.footnotes)
    assert "MMRM 3.00 (2.00 to 4.00)" in figure.alternative_text


@pytest.mark.parametrize("arms", [("Active",), ("Active", "Control"), ("High", "Low", "Control")])
@pytest.mark.parametrize("size", ["main", "first_screen"])
def test_the_profile_shows_every_mean_seen(arms: tuple[str, ...], size: Any) -> None:
    at = a_report(arms=arms)
    figure = figures.mean_profile(at.results.table("continuous.summary"), view=at, size=size)
    assert figure.data is not None
    assert len(figure.data.rows) == 3 * len(arms)
    assert all(arm in figure.alternative_text for arm in arms)
    table = tables.visit_summary(at.results.table("continuous.summary"), view=at)
    assert list(dict.fromkeys(table.groups or ())) == ["Start", "Week 6", VISIT]


@pytest.mark.parametrize("visits", [5, 9, 14])
def test_the_names_of_visits_do_not_touch(visits: int) -> None:
    arms = ("Active", "Control")
    at = a_report(arms=arms)
    made = summary(arms)
    seen = made[made["variable"] == "observed"].drop_duplicates("arm")
    more = [seen.assign(visit=f"Week {6 * place}") for place in range(1, visits)]
    figure = figures.mean_profile(
        pd.concat([made[made["variable"] == "baseline"], *more]), view=at, size="first_screen"
    ).drawing
    figure.draw_without_rendering()
    (axes,) = figure.axes
    boxes = [label.get_window_extent() for label in axes.get_xticklabels() if label.get_text()]
    assert all(one.x1 < other.x0 for one, other in zip(boxes, boxes[1:], strict=False))
    assert axes.get_xticklabels()[-1].get_text().split() == ["Week", str(6 * (visits - 1))]


def test_what_is_missing() -> None:
    at = a_report()
    counts = pd.DataFrame(
        [[VISIT, arm, 40, 30, 4, 6] for arm in ("Active", "Control")],
        columns=["visit", "arm", "subjects", "observed", "gap", "left"],
    )
    assert tables.missing_values(counts, view=at).rows == [(VISIT, *("30 (75%)", "4", "6") * 2)]
    patterns = pd.DataFrame(
        [[kind, arm, 5] for kind in ("complete", "gaps and drop-out") for arm in ("Active", "Control")],
        columns=["pattern", "arm", "n"],
    )
    reasons = pd.DataFrame([["DEATH", "Active", 2], [None, "Control", 1]], columns=["reason", "arm", "n"])
    table = tables.missing_patterns(patterns, reasons, view=at)
    assert table.rows[-2:] == [("DEATH", "2", "0"), ("No reason by then", "0", "1")]
    assert tables.missing_patterns(patterns, reasons.iloc[:0], view=at).rows[-1][0] == "Gaps before they left"


def test_the_tipping_curve_and_its_table() -> None:
    pair = {"treatment": "Active", "reference": "Control", "visit": VISIT}
    rows = [estimate("imputation.shifted", 3.0 + 0.4 * delta, 1.0, delta=float(delta), **pair) for delta in (-8, -4, 0)]
    rows.append(estimate("imputation.tipping_point", -5.0, **pair))
    at = a_report(others=rows, roles={"mmrm": "main", "tipping-point": "sensitivity"})
    figure = figures.tipping_curve(view=at)
    assert f"{MINUS}5.0 is added" in figure.alternative_text
    assert [row[0] for row in tables.tipping_point(view=at).rows] == [f"{MINUS}8", f"{MINUS}4", "0"]


def test_categories_and_their_shares() -> None:
    counts = pd.DataFrame(
        [[VISIT, str(kind), arm, 10 * kind, kind / 6] for kind in (1, 2, 3) for arm in ("Active", "Control")],
        columns=["visit", "category", "arm", "n", "share"],
    )
    at = a_report(roles={"cmh": "main"}, ordinal=True, change=False)
    assert tables.categories(counts, view=at).rows[2] == ("3", "30 (50%)", "30 (50%)")
    for size in ("main", "first_screen"):
        figure = figures.category_shares(counts, view=at, size=size)  # type: ignore[arg-type]
        assert "Active, Week 12: most often rated 3 (50%)." in figure.alternative_text

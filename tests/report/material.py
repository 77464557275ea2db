"""Made-up results for the tests of the report room: shaped like real ones, but no number here is a finding."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import nbformat
import pandas as pd

from evidence_lib.report.context import Context, View, view
from evidence_lib.results import Estimate, Gate, ResultSet, Row, rows_of

GRID = (0, 365, 731, 1096, 1461, 1826, 2192)
TIMES = (365, 731, 1826)
CONTEXT_MIME = "application/vnd.evidence-lib.context+json"
SHOW_MIME = "application/vnd.evidence-lib.show+json"


def context(arms: Sequence[str] = ("Active", "Control"), **changes: Any) -> Context:
    facts: dict[str, Any] = {
        "study": "demo",
        "report": "relapse",
        "study_title": "Demo study",
        "question": "Does it delay relapse?",
        "design": "partly-randomised",
        "convention": "R",
        "endpoint": "RFS",
        "endpoint_label": "Relapse-free survival",
        "population": "all patients",
        "arms": tuple(arms),
        "treatments": tuple(arms[:-1]),
        "reference": arms[-1],
        "unit": "months",
        "tau": 1826,
        "times": TIMES,
        "milestone": 1826,
        "conf_level": 0.95,
        "ph_alpha": 0.05,
        "primary_measure": "survival_difference",
        "strata": ("GRADE",),
        "subgroups": ("GRADE",),
        "estimand": {
            "treatment": "Active added to usual care",
            "population": "All patients entered",
            "variable": "Days to relapse or death",
            "intercurrent_events": [
                "Loss to follow-up: censored",
                {"event": "New therapy", "strategy": "treatment policy"},
            ],
            "summary": "Difference in survival",
        },
        "sources": ({"name": "adtte.csv", "rows": 686, "columns": 9, "sha256": "ab" * 32},),
        "provenance": {"versions": {"python": "3.11"}},
        "limitations": ("Not everybody was randomised.",),
        "page": {"contact": "trial@example.org", "use": "scientific exchange"},
    }
    return Context(**{**facts, **changes})


def results(about: Context) -> ResultSet:
    made = ResultSet(about.study, about.report)
    made.add_table("km.curve", curve(about.arms))
    made.add_table("km.at_risk", at_risk(about.arms))
    made.add_table("attrition", pd.DataFrame([{"step": "In ADSL", "n": 686, **dict.fromkeys(about.arms, 200)}]))
    made.add_table("baseline", baseline(about.arms))
    made.add_table("baseline.standardized_difference", differences(about.treatments))
    made.add_table("proportional_hazards.curve", hazards(about.treatments))
    made.add(per_arm(about))
    made.add(compared(about))
    made.gates["balance"] = Gate(
        id="balance", result="fail", measure=0.41, limit=0.1, governs="cox.*", reason="too far"
    )
    made.gates["tau"] = Gate(id="tau", result="pass", measure=0, limit=0, governs=None)
    return made


def a_view(arms: Sequence[str] = ("Active", "Control"), *, item: str = "T1", **changes: Any) -> View:
    about = context(arms, **changes)
    return view(about, results(about), "en", item)


def survival(rank: int, time: float) -> float:
    return math.exp(-time / (1500.0 + 1100.0 * rank))


def curve(arms: Sequence[str], steps: int = 60, last: float = 2600) -> pd.DataFrame:
    rows = []
    for rank, arm in enumerate(reversed(arms)):
        for i in range(steps + 1):
            time = round(last * i / steps)
            s = survival(rank, time)
            band = 0.02 + 0.1 * i / steps
            events = 0 if i % 7 == 3 or i == 0 else 2
            rows.append(
                {
                    "arm": arm,
                    "time": time,
                    "survival": s,
                    "std_error": band / 2,
                    "conf_low": max(s - band, 0),
                    "conf_high": min(s + band, 1),
                    "n_at_risk": 200 - 3 * i,
                    "n_events": events,
                    "n_censored": 0 if i == 0 else 1,
                }
            )
    return pd.DataFrame(rows)


def at_risk(arms: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"arm": arm, "time": time, "n_at_risk": 246 - 37 * i - rank, "n_events": 11 * i, "n_censored": 7 * i}
            for rank, arm in enumerate(arms)
            for i, time in enumerate(GRID)
        ]
    )


def baseline(arms: Sequence[str]) -> pd.DataFrame:
    rows = []
    for arm in arms:
        numbers = {"mean": 52.25, "sd": 9.5, "median": 52.0, "q1": 45.0, "q3": 60.0, "low": 21.0, "high": 80.0}
        rows.append({"variable": "AGE", "level": None, "arm": arm, "n": 198, "missing": 2, **numbers})
        for level in ("I", "II"):
            rows.append(
                {"variable": "GRADE", "level": level, "arm": arm, "n": 200, "missing": 0, "count": 83, "share": 0.415}
            )
    return pd.DataFrame(rows)


def differences(treatments: Sequence[str]) -> pd.DataFrame:
    values = (("AGE", None, 0.4567), ("GRADE", "I", -0.125), ("GRADE", "II", 0.0))
    return pd.DataFrame(
        [
            {"variable": variable, "level": level, "treatment": treatment, "value": value}
            for treatment in treatments
            for variable, level, value in values
        ]
    )


def hazards(treatments: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "treatment": treatment,
                "time": 50 + 50 * i,
                "log_hazard_ratio": -0.6 + 0.012 * i,
                "conf_low": -1.2 + 0.012 * i,
                "conf_high": 0.1 + 0.012 * i,
            }
            for treatment in treatments
            for i in range(40)
        ]
    )


def rows(about: Context, estimate: Estimate, *, twice: bool = True) -> list[Row]:
    stated = [name for name in ("estimate", "conf_low", "conf_high", "test_statistic") if name in estimate.stated()]
    return rows_of(
        estimate,
        endpoint=about.endpoint,
        population=about.population,
        second=estimate if twice else None,
        second_source="another library 1.0" if twice else None,
        agrees=dict.fromkeys(stated, True) if twice else None,
    )


def interval(
    analysis: str, unit: str, value: float | None, low: float | None, high: float | None, **more: Any
) -> Estimate:
    return Estimate(
        analysis=analysis,
        unit=unit,
        method=f"method of {analysis}",
        estimate=value,
        conf_low=low,
        conf_high=high,
        conf_level=0.95,
        **more,
    )


def per_arm(about: Context) -> list[Row]:
    found: list[Row] = []
    for rank, arm in enumerate(reversed(about.arms)):
        group = {"arm": arm}
        for name, value in (("count.subjects", 246), ("count.events", 94)):
            found += rows(
                about,
                Estimate(analysis=name, unit="subjects", method="counted", groups=group, estimate=value),
                twice=False,
            )
        reason = "the upper band never reaches 0.5"
        found += rows(about, interval("km.median", "days", 1528.0, 1296.0, None, groups=group, reason=reason))
        found += rows(about, interval("follow_up.median", "days", 1582.0, 1500.0, 1700.0, groups=group))
        found += rows(about, interval("rmst", "days", 1264.5, 1204.4, 1324.7, groups={**group, "time": 1826}))
        for time in TIMES:
            s = survival(rank, time)
            groups = {**group, "time": time}
            found += rows(about, interval("km.survival", "probability", s, s - 0.05, s + 0.05, groups=groups))
    found += rows(about, interval("follow_up.median", "days", 1645.0, 1600.0, 1700.0, groups={"arm": "all"}))
    return found


def compared(about: Context) -> list[Row]:
    found: list[Row] = []
    for treatment in about.treatments:
        pair: dict[str, str | float] = {"treatment": treatment, "reference": about.reference}
        for variant, chi in (("unstratified", 8.5648), ("stratified", 8.4846)):
            test = Estimate(
                analysis=f"logrank.{variant}",
                unit="chi-square",
                method=f"log-rank {variant}",
                groups=pair,
                test_statistic=chi,
                df=1,
                p_value=0.0034 if variant == "unstratified" else 0.0036,
                is_test=True,
            )
            found += rows(about, test)
        for variant, p in (("unstratified", 0.0031), ("stratified", 0.0032), ("adjusted", 0.0089)):
            ratio = interval(
                f"cox.hazard_ratio.{variant}",
                "ratio",
                0.69,
                0.54,
                0.89,
                groups={**pair, "subgroup": "all"},
                n=686,
                events=299,
                p_value=p,
                scale="log",
            )
            found += rows(about, ratio)
        for level, values in (("I", (0.5, 0.04, 2.5)), ("II", (0.8, 0.6, 1.1))):
            groups = {**pair, "subgroup": "GRADE", "level": level}
            found += rows(
                about,
                interval("cox.hazard_ratio.subgroup", "ratio", *values, groups=groups, n=100, events=40, scale="log"),
            )
        groups = {**pair, "subgroup": "GRADE", "level": "III"}
        none = interval(
            "cox.hazard_ratio.subgroup", "ratio", None, None, None, groups=groups, n=3, events=0, reason="none"
        )
        found += rows(about, replace_status(none, "not_estimable", "no events in one arm"), twice=False)
        for name, statistic, p in (("cox.interaction", 0.0187, 0.8911), ("proportional_hazards.test", 0.2275, 0.6334)):
            more = {"subgroup": "GRADE"} if name == "cox.interaction" else {}
            found += rows(
                about,
                Estimate(
                    analysis=name,
                    unit="chi-square",
                    method=f"method of {name}",
                    groups={**pair, **more},
                    test_statistic=statistic,
                    df=1,
                    p_value=p,
                    is_test=True,
                ),
            )
        at = {**pair, "time": 1826}
        found += rows(about, interval("rmst.difference", "days", 149.4, 53.8, 245.1, groups=at, p_value=0.0022))
        found += rows(about, interval("rmst.ratio", "ratio", 1.118, 1.042, 1.2, groups=at, p_value=0.002, scale="log"))
        found += rows(
            about, interval("milestone.difference", "probability", 0.1444, 0.053, 0.236, groups=at, p_value=0.002)
        )
    return found


def replace_status(estimate: Estimate, status: Any, reason: str) -> Estimate:
    from dataclasses import replace

    return replace(estimate, status=status, reason=reason, estimate=None, conf_low=None, conf_high=None, p_value=None)


def show(item: str, function: str, *content: dict[str, Any], **options: Any) -> dict[str, Any]:
    return {"item": item, "function": function, "content": list(content), "options": options}


def code_cell(record: dict[str, Any] | None = None, *, tags: Sequence[str] = (), extra: Sequence[Any] = ()) -> Any:
    outputs = list(extra)
    if record is not None:
        data = {"text/plain": record["item"], SHOW_MIME: record}
        outputs.append(nbformat.v4.new_output("display_data", data=data))
    return nbformat.v4.new_code_cell("secret = 'code'", outputs=outputs, metadata={"tags": list(tags)})


def notebook(about: Context, *cells: Any) -> Any:
    last = nbformat.v4.new_output("display_data", data={"text/plain": "complete", CONTEXT_MIME: about.to_json()})
    made = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_markdown_cell("# Notebook title\n\nFor whoever opens the notebook."),
            code_cell(tags=["parameters"], extra=[nbformat.v4.new_output("stream", name="stdout", text="a parameter")]),
            *cells,
            nbformat.v4.new_code_cell("rep.complete()", outputs=[last]),
        ]
    )
    for i, cell in enumerate(made.cells):
        cell["id"] = f"cell{i}"
    return made


def full_notebook(about: Context) -> Any:
    markdown = nbformat.v4.new_markdown_cell
    return notebook(
        about,
        markdown("## The question"),
        code_cell(show("T1", "tables.estimand", {"value": dict(about.estimand)})),
        markdown("## Data"),
        code_cell(show("T2", "tables.attrition", {"table": "attrition"})),
        code_cell(show("T3", "tables.baseline", {"table": "baseline"}, {"table": "baseline.standardized_difference"})),
        code_cell(show("T4", "tables.follow_up")),
        markdown("## Checks"),
        code_cell(show("T5", "tables.checks")),
        markdown("## Results\n\nEach curve falls where an event happens."),
        code_cell(show("F1", "figures.kaplan_meier", {"table": "km.curve"}, {"table": "km.at_risk"})),
        code_cell(show("T6", "tables.median_and_survival")),
        code_cell(show("T7", "tables.tests_and_hazard_ratios")),
        code_cell(show("T8", "tables.rmst")),
        code_cell(show("T9", "tables.milestones")),
        markdown("### Subgroups"),
        code_cell(show("F2", "figures.forest")),
        markdown("### Hazards"),
        code_cell(show("F3", "figures.proportional_hazards", {"table": "proportional_hazards.curve"})),
    )

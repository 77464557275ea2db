"""The long frame of a continuous outcome and the analyses planned: what counts, what is missing, what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_lib.endpoints import continuous
from evidence_lib.errors import DataError, ParameterError
from evidence_lib.study import PARAMETERS

VISITS = ("Week 2", "Week 4", "Week 10")


def people(n: int = 6) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "subject": range(n),
            "arm": ["A" if one % 2 else "B" for one in range(n)],
            "SITE": [1.0 + one % 3 for one in range(n)],
            "AGE": [50.0 + one for one in range(n)],
            "DOSE": [10.0 * (one % 2) for one in range(n)],
        }
    )


def records(n: int = 6, **changes: Any) -> pd.DataFrame:
    rows = []
    for one in range(n):
        rows.append((one, "Baseline", 0, 20.0 + one, 20.0 + one, np.nan, "Y", None, pd.Timestamp("2024-01-03"), -1))
        for place, visit in enumerate(VISITS):
            day = pd.Timestamp("2024-01-03") + pd.Timedelta(days=14 * (place + 1))
            value = 20.0 + one + place
            rows.append(
                (one, visit, int(visit.split()[1]), value, 20.0 + one, float(place), None, None, day, 15 + 14 * place)
            )
    names = ["subject", "AVISIT", "AVISITN", "AVAL", "BASE", "CHG", "ABLFL", "DTYPE", "ADT", "ADY"]
    return pd.DataFrame(rows, columns=names).assign(**{"ANL01FL": "Y", **changes})


def parameters(**given: Any) -> dict[str, Any]:
    return {**{name: one.default for name, one in PARAMETERS.items()}, **given}


class TestOutcomes:
    def test_a_row_for_every_subject_and_visit(self) -> None:
        made = continuous.outcomes(records().iloc[::-1], people(), strata=["SITE"], covariates=["AGE"])
        frame = made.frame
        assert made.visits == VISITS
        assert made.main == "Week 10"
        assert list(frame["subject"]) == sorted(list(range(6)) * 3)
        assert list(frame["visit"].astype(str)[:3]) == list(VISITS)
        assert list(frame["outcome"][:3]) == [0.0, 1.0, 2.0] == list(frame["observed"][:3])
        assert made.factors == ("baseline", "SITE", "AGE")
        assert set(frame["SITE"]) == {"1", "2", "3"}  # a number of a stratum is a name
        assert list(frame["baseline"][::3]) == [20.0 + one for one in range(6)]

    def test_a_subject_without_a_record_stays_with_its_baseline(self) -> None:
        kept = records()
        kept = kept[(kept["subject"] != 2) | (kept["AVISIT"] == "Baseline")]
        kept = kept[kept["subject"] != 3]
        made = continuous.outcomes(kept, people())
        nobody = made.frame[made.frame["subject"].isin([2, 3])]
        assert nobody["outcome"].isna().all()
        assert len(nobody) == 6
        assert set(nobody.loc[nobody["subject"] == 2, "baseline"]) == {22.0}
        assert sorted(made.modelled["subject"].unique()) == [0, 1, 2, 4, 5]
        assert [note.key for note in made.notes] == ["continuous.note.no_covariates"]

    def test_flags_and_imputed_records(self) -> None:
        given = records()
        given.loc[given["AVISIT"] == "Week 10", "DTYPE"] = "LOCF"
        given.loc[(given["AVISIT"] == "Week 4") & (given["subject"] == 0), "ANL01FL"] = None
        plain = continuous.outcomes(given, people(), visits=["Week 2", "Week 4"]).frame
        assert plain["outcome"].isna().sum() == 1
        with pytest.raises(DataError, match="no record of a visit.*found Week 10"):
            continuous.outcomes(given, people(), visits=list(VISITS))
        carried = continuous.outcomes(given, people(), imputed_records=True)
        assert carried.frame.loc[carried.frame["visit"] == "Week 10", "outcome"].notna().all()
        assert [note.key for note in carried.notes] == [
            "continuous.note.records_left",
            "continuous.note.imputed_records",
        ]

    def test_days_count_from_the_start(self) -> None:
        start = pd.Series(pd.Timestamp("2024-01-04"), index=range(6))
        dated = continuous.outcomes(records(), people(), start=start).frame
        assert list(dated["day"][:3]) == [13.0, 27.0, 41.0]
        counted = continuous.outcomes(records().drop(columns=["ADT"]), people()).frame
        assert list(counted["day"][:3]) == [14.0, 28.0, 42.0]  # ADY 15 is day 14 from a start at 0

    def test_without_a_baseline_column(self) -> None:
        made = continuous.outcomes(records().drop(columns=["BASE"]), people(), outcome="AVAL")
        assert made.factors == ()
        assert "baseline" not in made.frame
        assert len(made.modelled) == 18

    @settings(max_examples=20, deadline=None)
    @given(st.randoms(use_true_random=False))
    def test_the_order_of_records_does_not_matter(self, random: Any) -> None:
        given = records()
        order = list(range(len(given)))
        random.shuffle(order)
        one = continuous.outcomes(given, people(), strata=["SITE"]).frame
        other = continuous.outcomes(given.iloc[order], people(), strata=["SITE"]).frame
        pd.testing.assert_frame_equal(one, other)

    @pytest.mark.parametrize(
        ("changes", "given", "match"),
        [
            ({}, {"outcome": "NONE"}, "no such column; found NONE"),
            ({}, {"strata": ["NONE"]}, "ADSL: no such column"),
            ({}, {"record_flag": "NONE"}, "no such column"),
            ({}, {"main": "Week 3"}, "no such visit; expected Week 2, Week 4, Week 10; found Week 3"),
            ({"AVISITN": 1}, {}, "the visits have no order"),
            ({"ANL01FL": "N"}, {}, "no record after the start"),
        ],
    )
    def test_refusals(self, changes: dict[str, Any], given: dict[str, Any], match: str) -> None:
        with pytest.raises(DataError, match=match):
            continuous.outcomes(records(**changes), people(), **given)

    def test_two_records_of_a_visit_are_refused(self) -> None:
        twice = pd.concat([records(), records().iloc[[1]]], ignore_index=True)
        with pytest.raises(DataError, match="several records of one subject at a visit.*found 2 records.*record_flag"):
            continuous.outcomes(twice, people())

    def test_a_baseline_that_changes_is_refused(self) -> None:
        given = records()
        given.loc[1, "BASE"] = 99.0
        with pytest.raises(DataError, match="a baseline value that changes.*in 1 subjects"):
            continuous.outcomes(given, people())


class TestPlan:
    made = continuous.outcomes(records(), people(), strata=["SITE"], kept=["DOSE"])

    def plan(self, *, arms: int = 2, compared: bool = True, **given: Any) -> continuous.Planned:
        return continuous.planned(self.made, parameters(**given), arms=arms, compared=compared)

    def test_roles_and_choices(self) -> None:
        plan = self.plan(
            analysis="mmrm", sensitivity=["mar", "tipping-point"], supplementary=["ancova"], deltas=[-1, 0], dose="DOSE"
        )
        assert plan.roles == {
            "mmrm": "main",
            "mar": "sensitivity",
            "tipping-point": "sensitivity",
            "ancova": "supplementary",
        }
        assert plan.imputing == ("mar",)
        assert plan.differences == ("mmrm", "mar", "ancova")
        assert plan.choices["mmrm"]["by_visit"] == ["baseline"]
        assert plan.choices["mmrm"]["covariance"] not in plan.choices["mmrm"]["fallback"]
        assert plan.choices["ancova"]["dose"] == {"A": 10.0, "B": 0.0}
        assert plan.choices["mar"]["at"] == ["Week 10"]
        assert plan.choices["tipping-point"]["deltas"] == [-1, 0]
        assert plan.choices["tipping-point"]["shifted"] == "missing"

    def test_imputation_follows_the_estimand(self) -> None:
        asked = self.made.under(self.made.frame, "retrieved-dropout", event="event")
        plan = continuous.planned(asked, parameters(analysis="imputation"), arms=2, compared=True)
        assert plan.roles == {"retrieved-dropout": "main"}
        assert plan.choices["retrieved-dropout"]["event"] == "event"

    def test_without_a_comparison_nothing_is_planned(self) -> None:
        assert self.plan(compared=False, analysis="mmrm").roles == {}
        facts = continuous.facts(self.made, parameters(), self.plan(compared=False))
        assert len(facts) == 1
        assert facts["analysis"].isna().all()

    def test_responders_are_at_the_good_end(self) -> None:
        for meaning, side in (("better", "at-least"), ("worse", "at-most")):
            plan = self.plan(supplementary=["responders"], responder=3, higher_is=meaning)
            assert plan.choices["responders"]["responders"] == side

    @pytest.mark.parametrize(
        ("given", "match"),
        [
            ({"sensitivity": ["tipping-point"]}, "a tipping point needs its deltas"),
            ({"supplementary": ["responders"], "responder": 1.0}, "responders need a threshold and a direction"),
            ({"analysis": "cmh"}, "a test within strata needs strata"),
            ({"sensitivity": ["ancova"]}, "declared already; found ancova as main analysis"),
            ({"sensitivity": ["mar"], "supplementary": ["mar"]}, "declared already; found mar as sensitivity"),
        ],
    )
    def test_refusals(self, given: dict[str, Any], match: str) -> None:
        with pytest.raises(ParameterError, match=match):
            self.plan(**given)

    def test_an_arm_with_two_doses_is_refused(self) -> None:
        frame = self.made.frame.assign(DOSE=range(len(self.made.frame)))
        with pytest.raises(DataError, match="an arm without one dose of its own"):
            continuous.planned(
                self.made.under(frame, "mar", event=None), parameters(dose="DOSE"), arms=2, compared=True
            )


class TestReasons:
    """Of the visit of week 10 (day 42 from the start) only what was dated by then may say why a value is missing."""

    start = pd.Series(pd.Timestamp("2024-01-03"), index=range(6))

    def reasons(self, **columns: Any) -> list[Any]:
        given = people().assign(**columns)
        made = continuous.with_reasons(
            continuous.outcomes(records(), people(), start=self.start), given, reason="DCSREAS", start=self.start
        )
        assert "stated_reason" in made.frame
        return [None if value != value else value for value in made.at_main["stated_reason"]]

    def test_a_reason_counts_from_its_day_on(self) -> None:
        days = pd.Timestamp("2024-01-03") + pd.to_timedelta([1, 41, 42, 43, 400, 7], unit="D")
        named = ["DEATH", "DEATH", "WITHDRAWAL", "DEATH", "DEATH", None]
        assert self.reasons(DCSREAS=named, EOSDT=days) == ["DEATH", "DEATH", "WITHDRAWAL", None, None, None]

    def test_death_is_dated_by_itself(self) -> None:
        days = pd.Timestamp("2024-01-03") + pd.to_timedelta([1, 43, 1, 1, 1, 1], unit="D")
        named = ["DEATH", "Death", "WITHDRAWAL", None, None, None]
        assert self.reasons(DCSREAS=named, DTHDT=days) == ["DEATH", None, None, None, None, None]

    @pytest.mark.parametrize("start", [None, start])
    def test_without_dates_nothing_is_shown_and_that_is_said(self, start: pd.Series | None) -> None:
        made = continuous.with_reasons(
            continuous.outcomes(records(), people()), people().assign(DCSREAS="DEATH"), reason="DCSREAS", start=start
        )
        assert "stated_reason" not in made.frame
        assert made.notes[-1].key == "continuous.note.reasons_undated"


def test_attrition_goes_on_to_the_analyses() -> None:
    given = records()
    given = given[(given["subject"] != 0) | (given["AVISIT"] == "Baseline")]
    given = given[(given["subject"] != 1) | (given["AVISIT"] != "Week 10")]
    given.loc[given["subject"] == 2, ["BASE", "CHG"]] = np.nan
    given = given[(given["subject"] != 2) | (given["AVISIT"] != "Baseline")]
    steps = pd.DataFrame([{"step": "data.attrition.arms", "n": 6, "A": 3, "B": 3}])
    made = continuous.attrition(
        steps, continuous.outcomes(given, people().assign(AGE=[1.0, 2, 3, 4, 5, None]), covariates=["AGE"])
    )
    assert made[["n", "A", "B"]].to_numpy().tolist() == [[6, 3, 3], [5, 3, 2], [4, 2, 2], [3, 2, 1], [2, 1, 1]]
    assert list(made["step"].str.split(".").str[-1]) == ["arms", "baseline", "covariates", "after", "main"]

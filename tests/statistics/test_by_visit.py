"""Outcomes at visits described: means, patterns of missing values, categories; and imputation asked in one call."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from evidence_lib.conventions import SAS, R
from evidence_lib.errors import InvalidInput
from evidence_lib.recalculation import means as twins
from evidence_lib.recalculation import proportions as twins_of_proportions
from evidence_lib.statistics import means, proportions
from tests.reference import data, needs_reference

CALL: dict[str, Any] = {
    "subject": "subject",
    "visit": "visit",
    "outcome": "outcome",
    "arm": "arm",
    "treatment": "A",
    "reference": "B",
    "covariates": ["base"],
}


def trial(seed: int, n: int = 60, visits: int = 3, lost: float = 0.25) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    rows = []
    for one in range(n):
        base, arm, gone = rng.normal(), "A" if one % 2 else "B", False
        for visit in range(1, visits + 1):
            gone = gone or rng.random() < lost / 2
            seen = not gone and rng.random() > lost / 2
            value = base + 0.5 * visit * (arm == "A") + rng.normal()
            rows.append((one, visit, arm, base, value if seen else np.nan))
    return pd.DataFrame(rows, columns=["subject", "visit", "arm", "base", "outcome"])


class TestMean:
    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.floats(-1e6, 1e6).map(lambda x: round(x, 3)), min_size=0, max_size=30), st.floats(0.5, 0.99))
    def test_statistic_and_twin_agree(self, values: list[float], level: float) -> None:
        ours, theirs = (module.mean(values, conf_level=level) for module in (means, twins))
        assert ours.status == theirs.status
        for name in ("estimate", "std_error", "conf_low", "conf_high"):
            one, other = getattr(ours, name), getattr(theirs, name)
            assert (one is None) == (other is None)
            if one is not None:
                assert one == pytest.approx(other, rel=1e-9, abs=1e-9)

    @needs_reference
    def test_against_r(self) -> None:
        """R 4.2.2: t.test(subset(read.csv("fev_data.csv"), AVISIT == "VIS4" & ARMCD == "PBO")$FEV1)."""
        frame = data("continuous/fev_data.csv")
        values = frame.loc[(frame["AVISIT"] == "VIS4") & (frame["ARMCD"] == "PBO"), "FEV1"].dropna()
        found = means.mean(values)
        assert found.n == R_MEAN["n"]
        for name, value in R_MEAN.items():
            assert getattr(found, name) == pytest.approx(value, rel=1e-7)

    def test_edges(self) -> None:
        assert means.mean([]).status == "not_estimable"
        one, same = means.mean([4.0]), means.mean([0.1, 0.1, 0.1])
        assert one.estimate == 4.0
        assert one.conf_low is None
        assert str(one.reason) == "only one patient has a value"
        assert same.estimate == pytest.approx(0.1)
        assert str(same.reason) == "all values are equal"
        with pytest.raises(InvalidInput, match="missing or infinite value in row 2"):
            means.mean([1.0, math.nan])


R_MEAN = {"n": 67, "estimate": 47.7633865463, "conf_low": 45.4627907014, "conf_high": 50.0639823913}


class TestDescription:
    def test_summary_by_brute_force(self) -> None:
        frame = trial(1)
        table = means.summary_by_visit(frame, visit="visit", arm="arm", variables=["outcome"], once=["base"])
        assert len(table) == 2 + 3 * 2
        for row in table.to_dict("records"):
            part = frame[frame["arm"] == row["arm"]]
            part = part[part["visit"] == (1 if row["variable"] == "base" else row["visit"])]
            values = part[row["variable"]].dropna()
            assert (row["n"], row["low"], row["high"]) == (len(values), values.min(), values.max())
            assert row["mean"] == pytest.approx(sum(values) / len(values))
            assert row["sd"] == pytest.approx(values.std())
            assert row["median"] == pytest.approx(values.median())
            low, high = stats.t.interval(0.95, len(values) - 1, values.mean(), stats.sem(values))
            assert (row["conf_low"], row["conf_high"]) == (pytest.approx(low), pytest.approx(high))

    def test_summary_of_few(self) -> None:
        frame = trial(2).assign(outcome=np.nan)
        frame.loc[0, "outcome"] = 3.0
        table = means.summary_by_visit(frame, visit="visit", arm="arm", variables=["outcome"])
        assert table["n"].tolist() == [1, 0, 0, 0, 0, 0]
        assert table["sd"].isna().all()
        assert table["mean"].tolist()[0] == 3.0

    @settings(max_examples=40, deadline=None)
    @given(st.lists(st.lists(st.booleans(), min_size=4, max_size=4), min_size=1, max_size=12), st.randoms())
    def test_patterns_by_definition(self, seen: list[list[bool]], random: Any) -> None:
        rows = [
            (one, visit, "A" if one % 2 else "B", 1.0 if there else np.nan)
            for one, row in enumerate(seen)
            for visit, there in enumerate(row)
        ]
        random.shuffle(rows)
        frame = pd.DataFrame(rows, columns=["subject", "visit", "arm", "outcome"])
        names = {"subject": "subject", "visit": "visit", "outcome": "outcome", "arm": "arm"}
        table = means.missing_by_visit(frame, **names)
        assert (table["observed"] + table["gap"] + table["left"] == table["subjects"]).all()
        for arm in frame["arm"].unique():
            mine = [row for one, row in enumerate(seen) if ("A" if one % 2 else "B") == arm]
            for visit in range(4):
                (found,) = table[(table["arm"] == arm) & (table["visit"] == visit)].to_dict("records")
                assert found["observed"] == sum(row[visit] for row in mine)
                assert found["gap"] == sum(not row[visit] and any(row[visit + 1 :]) for row in mine)
            patterns = means.missing_patterns(frame, **names)
            counts = patterns[patterns["arm"] == arm].set_index("pattern")["n"]
            assert counts.sum() == len(mine)
            assert counts["complete"] == sum(all(row) for row in mine)
            assert counts["nothing"] == sum(not any(row) for row in mine)
            monotone = sum(row == sorted(row, reverse=True) for row in mine)
            assert counts["complete"] + counts["drop-out"] + counts["nothing"] == monotone

    def test_reasons_the_most_frequent_first(self) -> None:
        frame = pd.DataFrame(
            {
                "arm": list("AABBAB"),
                "outcome": [1.0, None, None, None, None, None],
                "why": ["X", "Y", "Z", "Z", None, "Y"],
            }
        )
        table = means.reasons_of_missing(frame, outcome="outcome", arm="arm", reason="why")
        assert [(r["reason"], r["arm"], r["n"]) for r in table.to_dict("records")] == [
            ("Y", "A", 1),
            ("Y", "B", 1),
            ("Z", "A", 0),
            ("Z", "B", 2),
            (None, "A", 1),
            (None, "B", 0),
        ]

    def test_categories_add_up(self) -> None:
        frame = trial(3).assign(outcome=lambda f: f["outcome"].round())
        table = means.category_counts(frame, visit="visit", outcome="outcome", arm="arm")
        for (visit, arm), part in table.groupby(["visit", "arm"]):
            seen = frame[(frame["visit"] == visit) & (frame["arm"] == arm)]["outcome"].notna().sum()
            assert part["n"].sum() == seen
            assert part["share"].sum() == pytest.approx(1.0)

    def test_values_without_a_start_are_a_pattern_of_their_own(self) -> None:
        frame = pd.DataFrame(
            [(who, visit, "A", value, start) for who, start, row in
             (("a", 1.0, (1, 2)), ("b", None, (1, None)), ("c", None, (None, None)), ("d", 1.0, (None, None)))
             for visit, value in zip((1, 2), row, strict=True)],
            columns=["subject", "visit", "arm", "value", "start"],
        )  # fmt: skip
        found = means.missing_patterns(
            frame, subject="subject", visit="visit", outcome="value", arm="arm", baseline="start"
        ).set_index("pattern")["n"]
        assert found[found > 0].to_dict() == {"complete": 1, "nothing": 2, "no start": 1}

    @pytest.mark.parametrize("function", [means.missing_by_visit, means.missing_patterns])
    def test_a_missing_column_is_refused(self, function: Any) -> None:
        with pytest.raises(InvalidInput, match="no such column"):
            function(trial(4), subject="subject", visit="visit", outcome="nothing", arm="arm")


class TestInOneCall:
    def test_the_scan_is_that_of_its_parts(self) -> None:
        frame, deltas = trial(5), [-3.0, -1.0, 0.0, 2.0]
        options = {**CALL, "imputations": 20}
        found = means.delta_scan(frame, **options, deltas=deltas, rng=np.random.default_rng(1))
        made = means.impute(frame, **options, rng=np.random.default_rng(1))
        parts = means.tipping_point(made, deltas=deltas)
        assert [one.groups["delta"] for one in found.items] == deltas
        assert [one.estimate for one in found.items] == parts.table["estimate"].tolist()
        assert [one.conf_low for one in found.items] == parts.table["conf_low"].tolist()
        tip = means.tipping_delta(frame, **options, deltas=deltas, rng=np.random.default_rng(1))
        assert tip.items[0].estimate == parts.delta.items[0].estimate
        direct = means.multiple_imputation(frame, **options, delta={"A": -3.0}, rng=np.random.default_rng(1))
        assert found.items[0].estimate == pytest.approx(direct.items[0].estimate, rel=1e-12)
        shares = means.imputed_responders(
            frame, **options, threshold=0.5, responders="at-least", rng=np.random.default_rng(1)
        )
        again = means.responder_difference(made, threshold=0.5, responders="at-least")
        assert shares.items[0].estimate == again.items[0].estimate

    @pytest.mark.parametrize(
        ("strategy", "shifted"),
        [("mar", "missing"), ("jump-to-reference", "after-event"), ("copy-increments", "missing")],
    )
    def test_the_scan_and_its_twin(self, strategy: Any, shifted: Any) -> None:
        options = {**CALL, "strategy": strategy, "shifted": shifted, "deltas": [-4.0, 0.0, 4.0], "imputations": 400}
        frame = trial(6, 120)
        ours = means.delta_scan(frame, **options, rng=np.random.default_rng(7)).items
        theirs = twins.delta_scan(frame, **options, rng=np.random.default_rng(7)).items
        for one, other in zip(ours, theirs, strict=True):
            assert (one.analysis, one.groups) == (other.analysis, other.groups)
            for name in ("estimate", "std_error", "conf_low", "conf_high"):
                assert abs(getattr(one, name) - getattr(other, name)) < 0.25 * one.std_error
        # What a delta adds is exact: the share of imputed values in the treated arm times the step.
        slopes = [(late.estimate - early.estimate) / 4 for early, late in zip(ours, ours[1:], strict=False)]
        again = [(late.estimate - early.estimate) / 4 for early, late in zip(theirs, theirs[1:], strict=False)]
        assert slopes == pytest.approx(again, abs=1e-9)

    def test_nothing_to_impute_from(self) -> None:
        frame = trial(8)
        frame.loc[(frame["arm"] == "A") & (frame["visit"] == 3), "outcome"] = np.nan
        options = {**CALL, "deltas": [0.0, 1.0], "imputations": 20}
        ours, theirs = (m.delta_scan(frame, **options, rng=np.random.default_rng(1)).items for m in (means, twins))
        assert [one.status for one in ours] == ["not_estimable"] * 2 == [one.status for one in theirs]


class TestCochranMantelHaenszelTwin:
    @settings(max_examples=80, deadline=None)
    @given(
        st.lists(st.tuples(st.integers(0, 3), st.sampled_from("ABC"), st.integers(0, 2)), min_size=1, max_size=60),
        st.sampled_from(["general-association", "row-means"]),
        st.sampled_from(["table", "modified-ridit"]),
        st.sampled_from([R, SAS]),
    )
    def test_agrees(self, rows: list[Any], statistic: Any, scores: Any, convention: Any) -> None:
        event, group, strata = (np.array(column) for column in zip(*rows, strict=True))
        options = {"strata": strata, "statistic": statistic, "convention": convention}
        options["scores"] = scores if statistic == "row-means" else "table"
        ours, theirs = (m.cmh_test(event, group, **options) for m in (proportions, twins_of_proportions))
        assert (ours.status, ours.df, ours.groups, ours.n) == (theirs.status, theirs.df, theirs.groups, theirs.n)
        if ours.status == "ok":
            assert ours.test_statistic == pytest.approx(theirs.test_statistic, rel=1e-7, abs=1e-9)
            assert ours.p_value == pytest.approx(theirs.p_value, rel=1e-6)

    @pytest.mark.parametrize("correction", [None, True, False])
    def test_two_by_two_with_counts(self, correction: bool | None) -> None:
        event, group, strata = [1, 0, 1, 0] * 2, list("AABB") * 2, [1] * 4 + [2] * 4
        count = [8, 12, 3, 17, 5, 9, 4, 11]
        options = {"strata": strata, "count": count, "correction": correction, "treatment": "A", "reference": "B"}
        ours, theirs = (m.cmh_test(event, group, **options) for m in (proportions, twins_of_proportions))
        assert ours.test_statistic == pytest.approx(theirs.test_statistic, rel=1e-9)

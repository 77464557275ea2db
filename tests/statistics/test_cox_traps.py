"""Calls of other libraries that give a wrong number for a Cox model, beside ours."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from evidence_lib.statistics.cox import hazard_ratio, proportional_hazards_test


@pytest.fixture(scope="module")
def lung() -> pd.DataFrame:
    from lifelines.datasets import load_lung

    return load_lung()[["time", "status", "sex", "age"]].dropna()


def test_lifelines_proportional_hazard_test_is_the_approximation_of_1994(lung: pd.DataFrame) -> None:
    # cox.zph(coxph(Surv(time, status) ~ sex + age, lung)) in R 4.2.2, survival 3.5-3: p 0.106 (sex), 0.647 (age)
    from lifelines import CoxPHFitter
    from lifelines.statistics import proportional_hazard_test

    fitted = CoxPHFitter().fit(lung, "time", "status")
    theirs = proportional_hazard_test(fitted, lung, time_transform="km").summary["p"]
    found = proportional_hazards_test(lung["time"], lung["status"], lung["sex"], covariates=lung[["age"]]).items
    assert [round(e.p_value, 3) for e in found[:2]] == [0.106, 0.647]
    assert theirs["sex"] == pytest.approx(0.118, abs=1e-3)
    assert theirs["age"] == pytest.approx(0.723, abs=1e-3)


def test_lifelines_log_rank_with_weights_grows_with_their_size(lung: pd.DataFrame) -> None:
    # A weight is relative: ten times all of them is the same comparison, as it is for the robust Cox model.
    from lifelines.statistics import logrank_test

    rng = np.random.default_rng(3)
    weight = rng.uniform(0.5, 2.0, len(lung))
    one = lung["sex"] == 1

    def theirs(scale: float) -> float:
        sides = [part[rows] for rows in (one, ~one) for part in (lung["time"], lung["status"], weight * scale)]
        t1, e1, w1, t0, e0, w0 = sides
        return float(logrank_test(t1, t0, e1, e0, weights_A=w1, weights_B=w0).test_statistic)

    def ours(scale: float) -> float:
        choices = {"treatment": 2, "reference": 1, "weights": weight * scale, "robust": True}
        found = hazard_ratio(lung["time"], lung["status"], lung["sex"], **choices)
        return (math.log(found.estimate) / found.std_error) ** 2

    assert theirs(10.0) > 5 * theirs(1.0)
    assert ours(10.0) == pytest.approx(ours(1.0), rel=1e-8)

"""``principal_stratum_effect``: against R, on simulated trials whose truth is known, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from scipy.stats import binom

from evidence_lib.endpoints.estimand import principal_stratum_effect
from evidence_lib.errors import InvalidInput
from evidence_lib.results import Estimate

ARMS: dict[str, Any] = {"treatment": "A", "reference": "B"}


def by_formula() -> dict[str, Any]:
    """A trial of 120 by formulas that R and Python compute alike."""
    i = np.arange(120)
    treated = (i * 37) % 101 < 52
    x1 = ((7 * i) % 23) / 10 - 1
    stratum = ((i * 13) % 17) < 9 + 4 * x1
    return {
        "outcome": 2 * x1 + i % 3 + ((i * 29) % 31) / 10 + 1.5 * treated * stratum,
        "group": np.where(treated, "A", "B"),
        "stratum": np.where(treated, stratum, np.nan),
        "covariates": pd.DataFrame({"x1": x1, "x2": np.array(list("abc"))[i % 3]}),
    }


# R 4.2.2, stats: fit <- glm(s ~ x1 + x2, binomial, subset = z, control = list(epsilon = 1e-14)); e <- plogis(X %*%
# coef(fit)); mean(y[z & s]) - sum((e * y)[!z]) / sum(e[!z]); standard errors from solve(A) %*% B %*% t(solve(A)) with
# psi <- cbind(X * z * (s - e), z * s * (y - m1), (!z) * e * (y - m0)), B <- crossprod(psi), A by central differences.
REFERENCE = {
    "mean_difference": [(1.2086067575, 0.3649449779), (4.3864864865, 0.2683761237), (3.1778797290, 0.3440355161)],
    "risk_difference": [(0.29566062602, 0.09775020082), (0.75675675676, 0.07053386533), (0.46109613074, 0.08394079626)],
}


@pytest.mark.parametrize("measure", REFERENCE)
def test_estimates_and_sandwich_are_those_of_r(measure: Any) -> None:
    given = by_formula()
    if measure == "risk_difference":
        given["outcome"] = given["outcome"] > 3.5
    found = principal_stratum_effect(**given, **ARMS, measure=measure).items
    for one, (estimate, error) in zip(found, REFERENCE[measure], strict=True):
        assert one.estimate == pytest.approx(estimate, rel=1e-9)
        assert one.std_error == pytest.approx(error, rel=1e-7)
    assert [one.n for one in found] == [120, 37, 57]
    assert found[0].p_value is not None
    assert found[0].groups == {"treatment": "A", "reference": "B"}
    assert [one.groups for one in found[1:]] == [{"arm": "A"}, {"arm": "B"}]
    level = "mean" if measure == "mean_difference" else "risk"
    assert [one.analysis for one in found] == [f"principal_stratum.{name}" for name in (measure, level, level)]


def simulated(rng: np.random.Generator, *, size: int = 400, binary: bool = False) -> dict[str, Any]:
    """In the stratum the treated gain 1 (on the logit scale for risks); X decides stratum and outcome."""
    x = rng.normal(size=size)
    treated = rng.permutation(size) % 2 == 0
    stratum = rng.random(size) < expit(0.3 + x)
    linear = x + treated * np.where(stratum, 1.0, -0.5)
    outcome = (rng.random(size) < expit(linear)).astype(float) if binary else linear + rng.normal(size=size)
    group = np.where(treated, "A", "B")
    return {"outcome": outcome, "group": group, "stratum": stratum, "covariates": pd.DataFrame({"x": x})}


def true_risk_difference() -> float:
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    inside = weights * expit(0.3 + nodes)
    return float(inside @ (expit(nodes + 1) - expit(nodes)) / inside.sum())


@pytest.mark.parametrize("binary", [False, True])
def test_the_interval_covers_the_truth(binary: bool) -> None:
    rng, repeats, hits, naive = np.random.default_rng(20), 400, 0, []
    truth = true_risk_difference() if binary else 1.0
    measure: Any = "risk_difference" if binary else "mean_difference"
    for _ in range(repeats):
        trial = simulated(rng, binary=binary)
        found = principal_stratum_effect(**trial, **ARMS, measure=measure).items[0]
        assert found.conf_low is not None
        assert found.conf_high is not None
        hits += found.conf_low <= truth <= found.conf_high
        treated = trial["group"] == "A"
        members = trial["outcome"][treated & trial["stratum"]].mean()
        naive.append(members - trial["outcome"][~treated].mean())
    low, high = binom.ppf([0.0005, 0.9995], repeats, 0.95)
    assert low <= hits <= high
    # The comparison that it is not: members of the stratum against the whole reference arm.
    assert np.mean(naive) - truth > (0.03 if binary else 0.2)


def same(one: Estimate, other: Estimate, *, scale: float = 1.0, sign: int = 1) -> None:
    assert other.estimate == pytest.approx(sign * scale * one.estimate, rel=1e-9)  # type: ignore[operator]
    assert other.std_error == pytest.approx(scale * one.std_error, rel=1e-9)  # type: ignore[operator]


def test_the_stratum_of_the_reference_arm_is_never_looked_at() -> None:
    trial = simulated(np.random.default_rng(1))
    reference = trial["group"] == "B"
    first = principal_stratum_effect(**trial, **ARMS).items
    for value in (0.0, 1.0, np.nan, 7.0):
        stratum = np.where(reference, value, trial["stratum"])
        assert principal_stratum_effect(**{**trial, "stratum": stratum}, **ARMS).items == first


def test_rows_scales_and_other_arms_change_what_they_should() -> None:
    trial = simulated(np.random.default_rng(2))
    first = principal_stratum_effect(**trial, **ARMS)
    order = np.random.default_rng(3).permutation(400)
    mixed = {name: values.iloc[order] if name == "covariates" else values[order] for name, values in trial.items()}
    same(first.items[0], principal_stratum_effect(**mixed, **ARMS).items[0])
    for size in (1e-200, 2.0, 1e200):
        larger = principal_stratum_effect(**{**trial, "outcome": trial["outcome"] * size}, **ARMS)
        same(first.items[0], larger.items[0], scale=size)
        assert larger.items[0].p_value == pytest.approx(first.items[0].p_value, rel=1e-6)
    moved = trial["covariates"] * 1e5 + 3e5
    same(first.items[0], principal_stratum_effect(**{**trial, "covariates": moved}, **ARMS).items[0])
    more = {
        "outcome": np.append(trial["outcome"], np.nan),
        "group": np.append(trial["group"], "C"),
        "stratum": np.append(trial["stratum"].astype(float), np.nan),
        "covariates": pd.concat([trial["covariates"], pd.DataFrame({"x": [9.0]})]),
    }
    assert principal_stratum_effect(**more, **ARMS).items == first.items
    wide = principal_stratum_effect(**trial, **ARMS, conf_level=0.99).items[0]
    assert wide.conf_low is not None
    assert first.items[0].conf_low is not None
    assert wide.conf_low < first.items[0].conf_low


def test_a_covariate_that_tells_nothing_leaves_the_plain_means() -> None:
    """With a score that is constant the reference arm has equal weights."""
    outcome, group = [1, 2, 3, 4, 5, 6, 7, 8, 2, 4, 6, 8], ["A"] * 8 + ["B"] * 4
    stratum, x = [1, 0, 1, 0, 1, 0, 1, 0, 0, 0, 0, 0], [0, 0, 1, 1, 0, 0, 1, 1, 0, 1, 0, 1]
    found = principal_stratum_effect(outcome, group, stratum, **ARMS, covariates=pd.DataFrame({"x": x})).items
    assert [one.estimate for one in found] == pytest.approx([-1.0, 4.0, 5.0])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"stratum": np.ones(400)}, "200 are in the stratum and 0 are not"),
        ({"stratum": np.zeros(400)}, "0 are in the stratum"),
        ({"group": np.full(400, "A")}, "no subjects in B"),
        ({"group": np.full(400, "B")}, "no subjects in A"),
        ({"covariates": pd.DataFrame({"x": np.ones(400)})}, "no finite fit"),
    ],
)
def test_what_the_data_cannot_answer(changes: dict[str, Any], said: str) -> None:
    found = principal_stratum_effect(**{**simulated(np.random.default_rng(4)), **changes}, **ARMS).items
    assert [one.status for one in found] == ["not_estimable"] * 3
    assert all(one.estimate is None for one in found)
    assert said in str(found[0].reason)


def test_a_covariate_that_tells_the_stratum_and_an_outcome_that_does_not_vary() -> None:
    trial = simulated(np.random.default_rng(5))
    told = pd.DataFrame({"x": trial["stratum"].astype(float)})
    assert principal_stratum_effect(**{**trial, "covariates": told}, **ARMS).items[0].status == "not_estimable"
    flat = principal_stratum_effect(**{**trial, "outcome": np.ones(400)}, **ARMS).items[0]
    assert (flat.estimate, flat.std_error, flat.conf_low, flat.p_value) == (0.0, None, None, None)
    assert str(flat.reason) == "the outcome does not vary"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"outcome": np.full(400, np.nan)}, "outcome cannot be used"),
        ({"measure": "risk_difference"}, "outcome cannot be used.*0 or 1"),
        ({"measure": "hazard_ratio"}, "unknown measure"),
        ({"stratum": np.full(400, np.nan)}, "stratum cannot be used"),
        ({"stratum": np.ones(3)}, "stratum does not fit"),
        ({"covariates": pd.DataFrame({"x": [1.0]})}, "covariates do not fit"),
        ({"covariates": pd.DataFrame({"x": [np.nan] * 400})}, "a covariate cannot be used"),
        ({"reference": "A"}, "the same arm"),
        ({"conf_level": 95}, "not a confidence level"),
    ],
)
def test_refusals(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        principal_stratum_effect(**{**simulated(np.random.default_rng(6)), **ARMS, **changes})

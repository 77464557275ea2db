"""Multiplicity: R and published numbers, closed testing, properties, edges and refusals."""

from __future__ import annotations

import ast
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import evidence_lib.statistics
from evidence_lib.errors import InvalidInput
from evidence_lib.recalculation import multiplicity as twins
from evidence_lib.statistics.multiplicity import Multiplicity, adjust, graphical
from evidence_lib.statistics.multiplicity.dunnett import beyond, quantile

SIMPLE = ("bonferroni", "holm", "hochberg", "fixed-sequence")


def family(*p: float, **columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"hypothesis": [f"H{i}" for i in range(1, len(p) + 1)], "p_value": p, **columns})


def adjusted(found: Multiplicity) -> list[float | None]:
    return [estimate.p_value for estimate in found.adjusted.items]


def blood_counts() -> tuple[pd.DataFrame, int]:
    """Dunnett (1955): blood counts of animals on two drugs and a control of 6; sd and df of the pooled variance."""
    arms = [
        [7.40, 8.50, 7.20, 8.24, 9.84, 8.32],
        [9.76, 8.80, 7.68, 9.36],
        [12.80, 9.68, 12.16, 9.20, 10.55],
    ]
    within = sum(((np.array(arm) - np.mean(arm)) ** 2).sum() for arm in arms) / 12
    frame = pd.DataFrame(
        {
            "hypothesis": ["A", "B"],
            "estimate": [np.mean(arm) - np.mean(arms[0]) for arm in arms[1:]],
            "std_error": [math.sqrt(within * (1 / len(arm) + 1 / 6)) for arm in arms[1:]],
            "df": 12,
            "n": [4, 5],
        }
    )
    return frame, 6


# Reference


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        # p.adjust(c(.011, .04, .02, .3, .0049), method) in R 4.2.2
        ("bonferroni", [0.055, 0.2, 0.1, 1.0, 0.0245]),
        ("holm", [0.044, 0.08, 0.06, 0.3, 0.0245]),
        ("hochberg", [0.044, 0.08, 0.06, 0.3, 0.0245]),
    ],
)
def test_p_adjust(method: Any, expected: list[float]) -> None:
    assert adjusted(adjust(family(0.011, 0.04, 0.02, 0.3, 0.0049), method=method)) == pytest.approx(expected, abs=1e-15)


def test_holm_and_hochberg_differ_where_large_p_values_agree() -> None:
    # p.adjust(c(.03, .04, .05), "holm"), "hochberg" in R 4.2.2: 0.09 0.09 0.09; 0.05 0.05 0.05
    frame = family(0.03, 0.04, 0.05)
    assert adjusted(adjust(frame, method="holm")) == pytest.approx([0.09] * 3)
    assert adjusted(adjust(frame, method="hochberg")) == pytest.approx([0.05] * 3)
    assert list(adjust(frame, method="hochberg").table["rejected"]) == [True] * 3
    assert list(adjust(frame, method="holm").table["rejected"]) == [False] * 3


def test_dunnett_blood_counts() -> None:
    # summary(glht(aov(cells ~ g), linfct = mcp(g = "Dunnett"), alternative = ...)), confint: R 4.2.2, multcomp 1.4-22,
    # whose integral is drawn at random (1e-4); its calpha 2.5136
    frame, n_reference = blood_counts()
    found = adjust(frame, method="dunnett", n_reference=n_reference, unit="cells")
    assert adjusted(found) == pytest.approx([0.62010198, 0.00582536], abs=2e-4)
    limits = [(e.conf_low, e.conf_high) for e in found.intervals.items]
    assert limits[0] == pytest.approx((-1.25641165, 2.5564116), abs=2e-3)
    assert limits[1] == pytest.approx((0.83962735, 4.4163726), abs=2e-3)
    one_sided = adjust(frame, method="dunnett", n_reference=n_reference, unit="cells", alternative="greater")
    assert adjusted(one_sided) == pytest.approx([0.32497761, 0.00291388], abs=2e-4)
    assert [e.conf_low for e in one_sided.intervals.items] == pytest.approx([-0.95885912, 1.11875637], abs=2e-3)
    assert [e.conf_high for e in one_sided.intervals.items] == [None, None]
    step_down = adjust(frame, method="dunnett-step-down", n_reference=n_reference, unit="cells")
    # summary(glht(...), test = adjusted("free"))
    assert adjusted(step_down) == pytest.approx([0.40821702, 0.00582536], abs=2e-4)


@pytest.mark.parametrize(
    ("k", "df", "two_sided", "critical"),
    [
        # Dunnett (1964, Biometrics 20:482) tables, alpha 0.05, equal sizes: two-sided; Dunnett (1955): one-sided
        (1, 10, True, 2.23), (2, 10, True, 2.57), (3, 20, True, 2.54), (4, math.inf, True, 2.44),
        (2, 10, False, 2.15), (3, 20, False, 2.19), (4, math.inf, False, 2.16), (9, 60, True, 2.77),
    ],
)  # fmt: skip
def test_dunnett_tables(k: int, df: float, two_sided: bool, critical: float) -> None:
    assert quantile(0.05, np.full(k, 0.5), df, two_sided=two_sided) == pytest.approx(critical, abs=0.0051)


def test_dunnett_tail_of_unequal_sizes() -> None:
    # 1 - pmvt(lower = -2.3, upper = 2.3, df = 20, corr), 1 - pmvt(upper = 2.3, ...), 1 - pmvnorm(upper = 2.3, corr),
    # lambda^2 = n / (n + 12), n = 10, 20, 15: R 4.2.2, mvtnorm 1.1-3, GenzBretz(maxpts = 5e6, abseps = 1e-8)
    share = np.array([10, 20, 15]) / (np.array([10, 20, 15]) + 12)
    assert beyond(2.3, share, 20, two_sided=True) == pytest.approx(0.07916048, abs=2e-7)
    assert beyond(2.3, share, 20, two_sided=False) == pytest.approx(0.03960029, abs=2e-7)
    assert beyond(2.3, share, math.inf, two_sided=False) == pytest.approx(0.02768099, abs=2e-7)


@pytest.mark.parametrize("df", [1, 2, 5, 30, 1000, 1e6, math.inf])
def test_one_comparison_is_student_s_t(df: float) -> None:
    from scipy.stats import norm, t

    law = norm if math.isinf(df) else t(df)
    for value in (0.3, 2.0, 6.0):
        found = beyond(value, np.array([0.4]), df, two_sided=True)
        assert found == pytest.approx(2 * law.sf(value), abs=1e-12)


def test_a_graph_by_hand() -> None:
    # Two doses, two endpoints: half of alpha to each primary hypothesis, then to its secondary one, then across.
    g = [[0, 0, 1, 0], [0, 0, 0, 1], [0, 1, 0, 0], [1, 0, 0, 0]]
    found = graphical(family(0.01, 0.04, 0.02, 0.03), weights=[0.5, 0.5, 0, 0], transitions=g)
    # H1 at 0.01 <= 0.025, its half goes to H3: 0.02 <= 0.025, then to H2: 0.04 <= 0.05, and all of it to H4: 0.03.
    assert adjusted(found) == pytest.approx([0.02, 0.04, 0.04, 0.04])
    assert list(found.table["rejected"]) == [True] * 4
    assert list(found.table["order"]) == [1, 3, 2, 4]
    stopped = graphical(family(0.01, 0.06, 0.02, 0.0001), weights=[0.5, 0.5, 0, 0], transitions=g)
    assert list(stopped.table["rejected"]) == [True, False, True, False]
    assert stopped.graph is not None
    assert stopped.graph["weight"].to_list()[1] == pytest.approx(1.0)


# Second routes


def near(value: float | None) -> Any:
    return None if value is None else pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize("seed", range(12))
def test_closed_testing_gives_the_same_p_values(seed: int) -> None:
    rng = np.random.default_rng(seed)
    m = int(rng.integers(1, 6))
    p = rng.uniform(0, 0.1, m) ** rng.choice([1, 2])
    if seed % 3 == 0:
        p[rng.integers(m)] = np.nan
    if seed % 4 == 0:
        p[:] = np.round(p, 2)
    frame = family(*p)
    for method in SIMPLE:
        ours, second = adjust(frame, method=method).adjusted, twins.adjust(frame, method=method)
        assert [near(e.p_value) for e in second.items] == [e.p_value for e in ours.items]
        assert [e.status for e in ours.items] == [e.status for e in second.items]
    weights = rng.dirichlet(np.ones(m)) * rng.choice([0.8, 1.0])
    graph = rng.uniform(size=(m, m)) * (rng.random((m, m)) < 0.7)
    np.fill_diagonal(graph, 0)
    graph /= np.maximum(graph.sum(axis=1, keepdims=True), 1e-9) if seed % 2 else m
    choices = {"weights": weights, "transitions": graph}
    ours, second = graphical(frame, **choices).adjusted, twins.graphical(frame, **choices)
    assert [near(e.p_value) for e in second.items] == [e.p_value for e in ours.items]


@pytest.mark.parametrize(("df", "alternative"), [(3.0, "greater"), (12.0, "two-sided"), (math.nan, "less")])
def test_dunnett_by_nested_quadrature(df: float, alternative: Any) -> None:
    frame = pd.DataFrame(
        {
            "hypothesis": ["a", "b", "c"],
            "estimate": [2.5, -0.4, np.nan],
            "std_error": [0.9, 0.8, 1.0],
            "df": df,
            "n": [8, 20, 5],
        }
    )
    for method in ("dunnett", "dunnett-step-down"):
        choices: dict[str, Any] = {"method": method, "n_reference": 11, "unit": "points", "alternative": alternative}
        ours, second = adjust(frame, **choices).adjusted, twins.adjust(frame, **choices)
        for one, other in zip(ours.items, second.items, strict=True):
            assert one.status == other.status
            assert one.p_value == (None if other.p_value is None else pytest.approx(other.p_value, abs=1e-6))


def test_bonferroni_graphs_are_the_procedures_they_draw() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        frame = family(*rng.uniform(0, 0.1, 4))
        every = (np.ones((4, 4)) - np.eye(4)) / 3
        holm = graphical(frame, weights=np.full(4, 0.25), transitions=every)
        assert adjusted(holm) == pytest.approx(adjusted(adjust(frame, method="holm")))
        line = graphical(frame, weights=[1, 0, 0, 0], transitions=np.eye(4, k=1))
        assert adjusted(line) == pytest.approx(adjusted(adjust(frame, method="fixed-sequence")))
        none = graphical(frame, weights=np.full(4, 0.25), transitions=np.zeros((4, 4)))
        assert adjusted(none) == pytest.approx(adjusted(adjust(frame, method="bonferroni")))


@pytest.mark.parametrize(
    "method", ["bonferroni", "holm", "hochberg", "fixed-sequence", "graphical", "dunnett-step-down"]
)
def test_the_familywise_error_is_kept(method: str) -> None:
    # Three arms against one control, no effects: positively dependent normal statistics.
    rng = np.random.default_rng(11)
    from scipy.special import ndtr

    wrong, repeats = 0, 800
    for _ in range(repeats):
        means = rng.normal(size=4)
        z = (means[1:] - means[0]) / math.sqrt(2)
        frame = family(*ndtr(-z), estimate=z, std_error=1.0, n=50)
        if method == "graphical":
            found = graphical(
                family(*ndtr(-z)),
                weights=[0.5, 0.3, 0.2],
                transitions=(np.ones((3, 3)) - np.eye(3)) / 2,
                alternative="greater",
            )
        elif method.startswith("dunnett"):
            found = adjust(frame, method=method, n_reference=50, unit="z", alternative="greater")
        else:
            found = adjust(family(*ndtr(-z)), method=method, alternative="greater")
        wrong += bool(found.table["rejected"].any())
    limit = 0.05 + 4 * math.sqrt(0.05 * 0.95 / repeats)
    assert wrong / repeats < limit
    assert wrong > 0
    if method.startswith("dunnett"):
        assert wrong / repeats > 0.05 - 4 * math.sqrt(0.05 * 0.95 / repeats)


# Intervals


@pytest.mark.parametrize("alternative", ["less", "greater"])
@pytest.mark.parametrize("seed", range(6))
def test_intervals_fit_the_decisions(seed: int, alternative: Any) -> None:
    from scipy.special import ndtr

    rng = np.random.default_rng(seed)
    effects = rng.normal(1.8 if seed % 2 else 3.5, 1, 3) * (1 if alternative == "greater" else -1)
    p = ndtr(-effects if alternative == "greater" else effects)
    frame = family(*p, estimate=effects, std_error=1.0)
    choices: dict[str, Any] = {"alternative": alternative, "unit": "points", "alpha": 0.025}
    results = [adjust(frame, method=method, **choices) for method in ("holm", "fixed-sequence", "bonferroni")]
    graph = (np.ones((3, 3)) - np.eye(3)) / 2
    results.append(graphical(frame, weights=[0.6, 0.4, 0], transitions=graph, **choices))
    for found in results:
        for rejected, interval in zip(found.table["rejected"], found.intervals.items, strict=True):
            bound = interval.conf_low if alternative == "greater" else interval.conf_high
            other = interval.conf_high if alternative == "greater" else interval.conf_low
            assert other is None
            assert interval.conf_level == 0.975
            if bound is None:
                assert not rejected
            elif alternative == "greater":
                assert rejected == (bound >= 0)
            else:
                assert rejected == (bound <= 0)


def test_bonferroni_limits_and_ratios() -> None:
    frame = family(0.001, 0.2, estimate=[math.log(0.6), math.log(0.9)], std_error=[0.15, 0.1])
    found = adjust(frame, method="bonferroni", unit="ratio", scale="log")
    first = found.intervals.items[0]
    z = 2.241402727604945  # qnorm(1 - 0.05 / 4)
    assert (first.conf_low, first.estimate, first.conf_high) == pytest.approx(
        (0.6 * math.exp(-z * 0.15), 0.6, 0.6 * math.exp(z * 0.15)), rel=1e-9
    )
    assert (first.scale, first.unit, first.std_error) == ("log", "ratio", 0.15)
    assert found.table["conf_low"].iloc[0] == first.conf_low
    with_df = adjust(frame.assign(df=4), method="bonferroni", unit="ratio", scale="log").intervals.items[0]
    assert with_df.conf_low < first.conf_low


def test_a_null_value_other_than_zero_bounds_the_rejected() -> None:
    frame = family(0.001, 0.4, estimate=[0.0, -2.0], std_error=1.0, null=-3.0)
    found = adjust(frame, method="holm", alternative="greater", unit="points")
    assert [e.conf_low for e in found.intervals.items] == pytest.approx([-3.0, -2 - 1.6448536269514722])


def test_where_no_interval_is_known_the_reason_says_so() -> None:
    frame = family(0.01, 0.2, estimate=[2.0, 1.0], std_error=1.0, n=10)
    for method in ("hochberg", "holm", "fixed-sequence", "dunnett-step-down"):
        reference = {"n_reference": 10} if method.startswith("dunnett") else {}
        found = adjust(frame, method=method, unit="points", **reference)
        for interval in found.intervals.items:
            assert (interval.estimate, interval.conf_low, interval.status) == (interval.estimate, None, "ok")
            assert "no simple interval" in str(interval.reason)
    assert found.table["conf_low"].isna().all()


# Properties and edges


def test_adjusted_p_values_are_the_only_confirmatory_ones() -> None:
    found = adjust(family(0.01, 0.02), method="holm")
    assert {e.p_kind for e in found.adjusted.items} == {"confirmatory"}
    folder = Path(evidence_lib.statistics.__file__).parent
    where = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and node.value == "confirmatory":
                where.add(path.relative_to(folder).parts[0])
    assert where == {"multiplicity"}


@pytest.mark.parametrize("method", SIMPLE)
def test_one_hypothesis_needs_no_adjustment(method: Any) -> None:
    assert adjusted(adjust(family(0.037), method=method)) == [0.037]


@pytest.mark.parametrize("method", ["bonferroni", "holm", "hochberg"])
def test_the_order_of_rows_does_not_matter_but_to_a_sequence(method: Any) -> None:
    frame = family(0.01, 0.04, 0.02)
    turned = frame.iloc[::-1]
    assert adjusted(adjust(turned, method=method)) == adjusted(adjust(frame, method=method))[::-1]
    assert adjusted(adjust(turned, method="fixed-sequence")) != adjusted(adjust(frame, method="fixed-sequence"))[::-1]


def test_alpha_and_alternative_reach_every_answer() -> None:
    frame = family(0.03, 0.04, estimate=[1.9, 1.8], std_error=1.0)
    loose, strict = (adjust(frame, method="bonferroni", alpha=alpha, unit="points") for alpha in (0.1, 0.01))
    assert list(loose.table["rejected"]) == [True, True]
    assert list(strict.table["rejected"]) == [False, False]
    assert strict.intervals.items[0].conf_low < loose.intervals.items[0].conf_low
    assert (loose.alpha, loose.adjusted.items[0].alternative) == (0.1, "two-sided")
    assert adjust(frame, method="holm", alternative="less", unit="points").adjusted.items[0].alternative == "less"


def test_a_missing_p_value_counts_is_not_rejected_and_ends_a_sequence() -> None:
    frame = family(0.001, math.nan, 0.001)
    for method in SIMPLE:
        found = adjust(frame, method=method)
        missing = found.adjusted.items[1]
        assert (missing.status, missing.p_value) == ("not_estimable", None)
        assert "cannot be rejected" in str(missing.reason)
        assert not found.table["rejected"].iloc[1]
    assert adjusted(adjust(frame, method="bonferroni"))[0] == pytest.approx(0.003)
    assert list(adjust(frame, method="fixed-sequence").table["rejected"]) == [True, False, False]
    assert adjusted(adjust(frame, method="fixed-sequence"))[2] == 1.0


def test_p_values_at_the_ends() -> None:
    for method in SIMPLE:
        assert all(0 <= p <= 1 for p in adjusted(adjust(family(0.0, 1.0, 1.0), method=method)))
        assert adjusted(adjust(family(1e-300, 0.5), method=method))[0] > 0


def test_a_hypothesis_that_no_alpha_reaches_is_not_rejected() -> None:
    found = graphical(family(0.2, 1e-9), weights=[1, 0], transitions=np.zeros((2, 2)))
    assert list(found.table["rejected"]) == [False, False]
    assert adjusted(found) == [pytest.approx(0.2), 1.0]
    assert list(found.table["order"].isna()) == [True, True]


def test_a_loop_that_returns_all_its_alpha_is_left() -> None:
    found = graphical(family(0.001, 0.001, 0.04), weights=[0.5, 0.5, 0], transitions=[[0, 1, 0], [1, 0, 0], [0, 0, 0]])
    assert list(found.table["rejected"]) == [True, True, False]


# Refusals


@pytest.mark.parametrize(
    ("frame", "choices", "match"),
    [
        (pd.DataFrame({"p_value": [0.1]}), {}, "hypotheses cannot be used; expected a frame"),
        (family().iloc[:0], {}, "hypotheses cannot be used"),
        (pd.DataFrame({"hypothesis": ["a"]}), {}, "hypotheses: a column is missing; expected p_value"),
        (pd.DataFrame({"hypothesis": ["a", "a"], "p_value": [0.1, 0.2]}), {}, "names of their own"),
        (family(1.2), {}, "p_value cannot be used.*in row 1"),
        (family(-0.1), {}, "p_value cannot be used"),
        (family(0.1), {"method": "sidak"}, "unknown method; expected bonferroni"),
        (family(0.1), {"alpha": 0}, "not a confidence level"),
        (family(0.1), {"alternative": "both"}, "unknown alternative"),
        (family(0.1), {"scale": "ratio"}, "unknown scale"),
        (family(0.1), {"unit": "points"}, "simultaneous intervals need estimates"),
        (family(0.1, estimate=[1.0], std_error=[1.0]), {}, "simultaneous intervals need estimates"),
        (family(0.1, estimate=[1.0], std_error=[0.0]), {"unit": "points"}, "std_error cannot be used"),
        (family(0.1), {"n_reference": 5}, "n_reference belongs to Dunnett's test"),
        (family(0.1), {"method": "dunnett"}, "Dunnett's test needs estimates and the sizes"),
        (
            family(0.1, 0.1, estimate=1.0, std_error=1.0, n=5, df=[3, 4]),
            {"method": "dunnett", "unit": "points", "n_reference": 5},
            "Dunnett's test has one df",
        ),
        (
            family(0.1, estimate=1.0, std_error=1.0, n=0),
            {"method": "dunnett", "unit": "points", "n_reference": 5},
            "n cannot be used",
        ),
    ],
)
def test_wrong_arguments_are_refused(frame: pd.DataFrame, choices: dict, match: str) -> None:
    with pytest.raises(InvalidInput, match=match):
        adjust(frame, **{"method": "holm", **choices})


@pytest.mark.parametrize(
    ("weights", "transitions", "match"),
    [
        ([1.0], np.zeros((2, 2)), "weights do not fit the hypotheses; expected 2; found 1"),
        ([0.7, 0.7], np.zeros((2, 2)), "at most 1 in sum; found 1.4"),
        ([-0.1, 0.5], np.zeros((2, 2)), "weights cannot be used"),
        ([0.5, 0.5], np.zeros((3, 3)), "transitions do not fit"),
        ([0.5, 0.5], np.eye(2), "0 on the diagonal"),
        ([0.5, 0.5], [[0, 1.2], [0, 0]], "at most 1 in each row"),
        ([0.5, 0.5], [[0, -0.2], [0, 0]], "transitions cannot be used; expected zero or more"),
    ],
)
def test_wrong_graphs_are_refused(weights: list, transitions: Any, match: str) -> None:
    with pytest.raises(InvalidInput, match=match):
        graphical(family(0.1, 0.2), weights=weights, transitions=transitions)


@pytest.mark.parametrize("ratio", [100, 1000])
def test_dunnett_of_one_arm_much_larger_than_its_control_is_the_normal_test(ratio):
    from scipy.special import ndtr

    share = np.array([ratio / (ratio + 1)])
    for z in (0.03, 1.05, 1.96):
        assert beyond(z, share, np.inf, two_sided=True) == pytest.approx(2 * ndtr(-z), rel=1e-10)
        assert beyond(z, share, np.inf, two_sided=False) == pytest.approx(ndtr(-z), rel=1e-10)


def test_the_dunnett_limit_of_a_heavy_tail_and_a_small_level_is_found():
    assert quantile(1e-5, np.array([0.5]), 1, two_sided=True) == pytest.approx(2 / (np.pi * 1e-5), rel=1e-6)


@pytest.mark.parametrize(("n", "n_reference"), [(np.inf, 10), (10, np.inf), (10, "10")])
def test_dunnett_refuses_sizes_that_are_no_numbers_of_patients(n, n_reference):
    rows = pd.DataFrame({"hypothesis": ["a"], "estimate": [1.0], "std_error": [0.5], "n": [n]})
    with pytest.raises(InvalidInput, match="cannot be used"):
        adjust(rows, method="dunnett", n_reference=n_reference, unit="days")

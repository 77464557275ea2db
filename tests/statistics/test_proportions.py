"""Statistics of proportions: properties, edges, refusals, and agreement with an independent second route."""

from __future__ import annotations

import inspect
import itertools
import math
from fractions import Fraction
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evidence_lib.conventions import SAS
from evidence_lib.errors import InvalidInput
from evidence_lib.recalculation import proportions as twin
from evidence_lib.results import STATISTICS, Estimate, analyses
from evidence_lib.statistics import proportions

ARMS = {"treatment": "A", "reference": "B"}
PROPORTION = ["wilson", "wilson-cc", "clopper-pearson", "agresti-coull", "jeffreys", "wald"]
DIFFERENCE = ["miettinen-nurminen", "newcombe", "mee", "agresti-caffo", "wald", "mantel-haenszel"]
STRATIFIED = ["miettinen-nurminen", "newcombe", "mantel-haenszel"]
RATIO = ["log", "miettinen-nurminen", "koopman", "mantel-haenszel"]
ODDS = ["woolf", "exact", "miettinen-nurminen", "mantel-haenszel"]
Z = 1.959963984540054


@pytest.fixture(params=[proportions, twin], ids=["statistic", "twin"])
def x(request: pytest.FixtureRequest) -> ModuleType:
    return request.param


def table(x1: int, n1: int, x0: int, n0: int) -> dict[str, Any]:
    return {"event": [1, 0, 1, 0], "group": list("AABB"), "count": [x1, n1 - x1, x0, n0 - x0], **ARMS}


def strata_of_tables(*tables: tuple[int, int, int, int]) -> dict[str, Any]:
    parts = [table(*cells) for cells in tables]
    joined = {name: [v for part in parts for v in part[name]] for name in ("event", "group", "count")}
    return {**joined, "strata": np.repeat(np.arange(len(parts)), 4), **ARMS}


def trial(seed: int, n: int = 80, arms: str = "AB", risk: float = 0.4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Events, arms and strata of patients."""
    rng = np.random.default_rng(seed)
    return rng.binomial(1, risk, n), rng.choice(list(arms), n), rng.integers(0, 4, n)


def without_strata(cells: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in cells.items() if name != "strata"}


def every(x: ModuleType, cells: dict[str, Any], **level: Any) -> list[Estimate]:
    """All estimates that have a twin, of tables in strata."""
    plain = without_strata(cells)
    one_arm = {"count": cells.get("count"), **level}
    found = [x.proportion(cells["event"], method=method, **one_arm) for method in PROPORTION]
    for more in ({}, {"margin": -0.15}, {"margin": 0.2}, {"alternative": "less"}):
        found += [x.risk_difference(**plain, method=method, **more, **level) for method in DIFFERENCE]
        found += [x.risk_difference(**cells, method=method, **more, **level) for method in STRATIFIED]
        found += [x.risk_difference(**cells, weights="mn", **more, **level)]
    found += [x.risk_ratio(**plain, method=method, **level) for method in RATIO]
    found += [x.odds_ratio(**plain, method=method, **level) for method in ODDS]
    return [*found, x.risk_ratio(**cells, **level), x.odds_ratio(**cells, **level)]


def agree(first: list[Estimate], second: list[Estimate]) -> None:
    assert len(first) == len(second)
    for a, b in zip(first, second, strict=True):
        for name in ("analysis", "groups", "unit", "status", "scale", "is_test", "conf_level", "alternative"):
            assert getattr(a, name) == getattr(b, name), (a, name)
        for name in STATISTICS:
            u, v = getattr(a, name), getattr(b, name)
            assert (u is None) == (v is None), (a, b, name)
            if u is not None:
                slack = 1e-12 if name == "p_value" else 0
                assert abs(u - v) <= 1e-6 * max(abs(u), a.std_error or 0) + slack, (a.analysis, name, u, v)


def random_tables(rng: np.random.Generator) -> dict[str, Any]:
    """Tables with many zero cells, full cells and empty arms, from a patient to millions."""
    most = int(rng.choice([1, 2, 4, 10, 60, 400]))
    tables = []
    for _ in range(int(rng.choice([1, 2, 4]))):
        n1, n0 = (int(n) for n in rng.integers(0, most + 1, 2))
        tables.append(tuple(v for n in (n1, n0) for v in (int(rng.choice([0, n, rng.integers(0, n + 1)])), n)))
    return strata_of_tables(*tables)  # type: ignore[arg-type]


class TestTwins:
    @pytest.mark.parametrize("seed", range(25))
    def test_agree_on_random_tables(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        cells = random_tables(rng)
        level = float(rng.choice([0.8, 0.95, 0.99]))
        agree(every(proportions, cells, conf_level=level), every(twin, cells, conf_level=level))

    def test_agree_on_patients(self) -> None:
        e, g, s = trial(1, arms="ABC")
        cells = {"event": e, "group": g, "strata": s, **ARMS}
        agree(every(proportions, cells), every(twin, cells))

    @pytest.mark.parametrize(
        "cells",
        [
            (600_000, 1_000_000, 590_000, 1_000_000),
            (0, 1_000_000, 3, 900_000),
            (5, 400, 499_999, 500_000),
            (3, 10**9, 9, 10**9),
        ],
    )
    def test_agree_on_large_frequencies(self, cells: Any) -> None:
        one = strata_of_tables(cells, (30, cells[1] // 10, 20, cells[3] // 5))
        agree(every(proportions, one), every(twin, one))

    @pytest.mark.parametrize("seed", range(30))
    def test_adjusted(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        n = int(rng.choice([2, 6, 15, 40, 200]))
        e, g, s = trial(seed, n, arms="ABC" if seed % 3 == 0 else "AB")
        numbers = rng.normal(size=n) * float(rng.choice([1e-3, 1, 1e3])) + 100
        frame = pd.DataFrame({"number": numbers, "category": np.array(list("uvwu"))[s], "flag": rng.random(n) < 0.5})
        frame = frame[["number"]] if seed % 2 else frame
        options: dict[str, Any] = {
            **ARMS, "covariates": frame, "arms": ["two", "all"][seed % 4 > 1],
            "count": None if seed % 5 else rng.integers(0, 4, n),
        }  # fmt: skip
        choices: list[dict[str, Any]] = [{}, {"strata": s}, *({"variance": "ge", "hc": h} for h in ("model", "hc0"))]
        choices += [{"variance": "ge", "hc": h} for h in ("hc1", "hc2", "hc3")]
        pairs: list[list[Estimate]] = [[], []]
        for found, module in zip(pairs, (proportions, twin), strict=True):
            found += [module.adjusted_risk_difference(e, g, **options, **choice) for choice in choices]
        agree(*pairs)

    def test_every_twin_names_its_source_and_tolerance(self) -> None:
        assert set(twin.SOURCE) == set(twin.TOLERANCE) == set(twin.__all__) - {"SOURCE", "TOLERANCE"}
        for name in twin.SOURCE:
            ours, theirs = (inspect.signature(getattr(m, name)).parameters for m in (proportions, twin))
            assert list(ours) == list(theirs)
            assert [p.default for p in ours.values()] == [p.default for p in theirs.values()]
        others = {"fisher_exact", "chi_square", "number_needed_to_treat"}
        assert set(proportions.__all__) - set(twin.SOURCE) == others


class TestSecondRoutes:
    """An independent route to each statistic that has no twin."""

    def test_fisher_by_all_tables(self) -> None:
        rng = np.random.default_rng(1)
        for shape in ((2, 2), (2, 3), (3, 2), (3, 3), (2, 4)):
            for _ in range(6):
                cells = rng.integers(0, 4, shape)
                cells[0, 0] += 1
                cells[1, 1] += 1
                outcome, arm = np.indices(shape)[::-1]
                got = proportions.fisher_exact(outcome.ravel(), arm.ravel(), count=cells.ravel())
                assert got.p_value == pytest.approx(float(all_tables(cells)), rel=1e-9)

    def test_fisher_by_another_library(self) -> None:
        from scipy.stats import fisher_exact

        rng = np.random.default_rng(2)
        for _ in range(40):
            a, b, c, d = (int(v) for v in rng.integers(0, 40, 4))
            cells = table(a, a + b, c, c + d)
            got = proportions.fisher_exact(**{k: cells[k] for k in ("event", "group", "count")})
            assert got.p_value == pytest.approx(fisher_exact([[a, b], [c, d]])[1], rel=1e-7)

    def test_chi_square_by_another_library(self) -> None:
        from scipy.stats import chi2_contingency

        rng = np.random.default_rng(3)
        for shape in ((2, 2), (2, 3), (3, 4)):
            for correction in (True, False) if shape == (2, 2) else (None,):
                cells = rng.integers(1, 12, shape)
                outcome, arm = np.indices(shape)[::-1]
                got = proportions.chi_square(outcome.ravel(), arm.ravel(), count=cells.ravel(), correction=correction)
                expected = chi2_contingency(cells, correction=bool(correction))
                assert (got.test_statistic, got.df, got.p_value) == pytest.approx(
                    expected[:1] + expected[2:0:-1][:1] + expected[1:2]
                )

    def test_cmh_by_another_library(self) -> None:
        from statsmodels.stats.contingency_tables import StratifiedTable

        rng = np.random.default_rng(4)
        for _ in range(10):
            cells = rng.integers(1, 15, (2, 2, 4))
            arm, outcome, stratum = np.indices(cells.shape)
            joined = StratifiedTable(cells)
            for correction in (True, False):
                got = proportions.cmh_test(
                    outcome.ravel(), arm.ravel(), strata=stratum.ravel(), count=cells.ravel(), correction=correction
                )
                distance = abs(
                    (
                        joined.table[0, 0]
                        - joined.table[0].sum(0) * joined.table[:, 0].sum(0) / joined.table.sum((0, 1))
                    ).sum()
                )
                if correction and distance < 0.5:
                    continue
                assert got.test_statistic == pytest.approx(joined.test_null_odds(correction=correction).statistic)

    @pytest.mark.parametrize("scores", ["table", "modified-ridit"])
    def test_row_means_by_permutation(self, scores: Any) -> None:
        # The covariance of the sums of scores over all ways to hand out the arms within strata, by random permutation.
        rng = np.random.default_rng(5)
        stratum, arm, outcome = np.repeat([0, 1], [9, 7]), rng.integers(0, 3, 16), rng.integers(0, 4, 16) ** 2
        got = proportions.cmh_test(outcome, arm, strata=stratum, statistic="row-means", scores=scores)
        values = outcome.astype(float)
        if scores == "modified-ridit":
            for s in (0, 1):
                here = stratum == s
                values[here] = pd.Series(outcome[here]).rank().to_numpy() / (here.sum() + 1)

        def sums(arms: np.ndarray) -> list[float]:
            return [float(values[arms == a].sum()) for a in (0, 1)]

        draws = []
        for _ in range(8000):
            shuffled = arm.copy()
            for s in (0, 1):
                shuffled[stratum == s] = rng.permutation(shuffled[stratum == s])
            draws.append(sums(shuffled))
        away = np.array(sums(arm)) - np.mean(draws, axis=0)
        assert got.test_statistic == pytest.approx(away @ np.linalg.solve(np.cov(np.array(draws).T), away), rel=0.08)
        assert got.df == 2

    def test_general_association_of_two_outcomes_is_row_means(self) -> None:
        e, g, s = trial(6, n=120, arms="ABC")
        a = proportions.cmh_test(e, g, strata=s)
        b = proportions.cmh_test(e, g, strata=s, statistic="row-means")
        c = proportions.cmh_test(e, g, strata=s, statistic="row-means", scores="modified-ridit")
        assert (a.test_statistic, a.df) == pytest.approx((b.test_statistic, b.df), rel=1e-9)
        assert c.df == 2

    def test_exact_limits_have_their_tail_probabilities(self, x: ModuleType) -> None:
        for cells in ((3, 4, 1, 4), (7, 30, 2, 25), (1, 9, 8, 9)):
            got = x.odds_ratio(**table(*cells), method="exact", conf_level=0.9)
            x1 = cells[0]
            above, below = (tails(cells, odds) for odds in (got.conf_low, got.conf_high))
            assert sum(p for k, p in above.items() if k >= x1) == pytest.approx(0.05, rel=1e-8)
            assert sum(p for k, p in below.items() if k <= x1) == pytest.approx(0.05, rel=1e-8)
            assert sum(k * p for k, p in tails(cells, got.estimate).items()) == pytest.approx(x1, rel=1e-8)

    def test_number_needed_to_treat_by_hand(self) -> None:
        # Altman (1998): an absolute difference of 0.1 to 0.3 is a number needed to treat of 3.3 to 10.
        cells = table(20, 200, 60, 200)
        for method in DIFFERENCE:
            risk = proportions.risk_difference(**cells, method=method)
            got = proportions.number_needed_to_treat(**cells, event_is="harm", method=method)
            assert (got.estimate, got.conf_low, got.conf_high) == pytest.approx(
                (-1 / risk.estimate, -1 / risk.conf_low, -1 / risk.conf_high)
            )
            assert 0 < got.conf_low < got.estimate < got.conf_high
            harm = proportions.number_needed_to_treat(**cells, event_is="benefit", method=method)
            assert (harm.estimate, harm.conf_low, harm.conf_high) == pytest.approx(
                (-got.estimate, -got.conf_high, -got.conf_low)
            )


def all_tables(cells: np.ndarray) -> Fraction:
    """The probability of all tables with these margins that are no more likely, in exact fractions."""
    arms, outcomes = cells.sum(axis=1), cells.sum(axis=0)
    constant = Fraction(math.prod(math.factorial(int(v)) for v in [*arms, *outcomes]), math.factorial(int(cells.sum())))
    found = []
    for rows in itertools.product(*(compositions(int(arm), cells.shape[1]) for arm in arms)):
        if tuple(map(sum, zip(*rows, strict=True))) == tuple(outcomes):
            found.append(constant / math.prod(math.factorial(v) for row in rows for v in row))
    observed = constant / math.prod(math.factorial(int(v)) for v in cells.ravel())
    assert sum(found) == 1
    return sum((p for p in found if p <= observed), Fraction(0))


def compositions(total: int, parts: int) -> list[tuple[int, ...]]:
    if parts == 1:
        return [(total,)]
    return [(first, *rest) for first in range(total + 1) for rest in compositions(total - first, parts - 1)]


def tails(cells: tuple[int, ...], odds: float) -> dict[int, float]:
    """The conditional distribution of the treated events at an odds ratio."""
    x1, n1, x0, n0 = cells
    m = x1 + x0
    weights = {k: math.comb(n1, k) * math.comb(n0, m - k) * odds**k for k in range(max(0, m - n0), min(n1, m) + 1)}
    return {k: w / sum(weights.values()) for k, w in weights.items()}


class TestProperties:
    @pytest.mark.parametrize("seed", range(3))
    def test_counts_are_patients(self, x: ModuleType, seed: int) -> None:
        e, g, s = trial(seed, arms="ABC")
        frame = pd.DataFrame({"event": e, "group": g, "strata": s})
        short = frame.value_counts().rename("count").reset_index()
        long = {"event": e, "group": g, "strata": s, **ARMS}
        counted = {name: short[name].to_numpy() for name in ("event", "group", "strata", "count")} | ARMS
        agree(every(x, long), every(x, counted))

    @pytest.mark.parametrize("seed", range(3))
    def test_order_of_patients_does_not_matter(self, x: ModuleType, seed: int) -> None:
        e, g, s = trial(seed)
        order = np.random.default_rng(seed).permutation(e.size)
        a = every(x, {"event": e, "group": g, "strata": s, **ARMS})
        b = every(x, {"event": e[order], "group": g[order], "strata": s[order], **ARMS})
        agree(a, b)

    @pytest.mark.parametrize("method", DIFFERENCE)
    def test_swapped_arms_and_outcomes_change_the_sign(self, x: ModuleType, method: Any) -> None:
        e, g, s = trial(2, risk=0.25)
        strata = {"strata": s} if method in STRATIFIED else {}
        a = x.risk_difference(e, g, method=method, **ARMS, **strata)
        for b in (
            x.risk_difference(e, g, method=method, treatment="B", reference="A", **strata),
            x.risk_difference(1 - e, g, method=method, **ARMS, **strata),
        ):
            found = (-b.estimate, -b.conf_high, -b.conf_low, -b.test_statistic, b.p_value)
            expected = (a.estimate, a.conf_low, a.conf_high, a.test_statistic, a.p_value)
            assert found == pytest.approx(expected, rel=1e-6)

    def test_swapped_arms_invert_ratios(self, x: ModuleType) -> None:
        e, g, s = trial(3, risk=0.3)
        calls = [(x.risk_ratio, m, {}) for m in RATIO] + [(x.odds_ratio, m, {}) for m in ODDS]
        calls += [(x.risk_ratio, None, {"strata": s}), (x.odds_ratio, None, {"strata": s})]
        for function, method, strata in calls:
            a = function(e, g, method=method, **ARMS, **strata)
            b = function(e, g, method=method, treatment="B", reference="A", **strata)
            found = (1 / b.estimate, 1 / b.conf_high, 1 / b.conf_low, b.p_value)
            assert found == pytest.approx((a.estimate, a.conf_low, a.conf_high, a.p_value), rel=1e-6)

    def test_odds_ratio_of_the_other_outcome_is_the_reciprocal(self, x: ModuleType) -> None:
        e, g, _ = trial(4)
        for method in ODDS:
            a, b = (x.odds_ratio(v, g, method=method, **ARMS) for v in (e, 1 - e))
            assert (a.estimate, a.conf_low) == pytest.approx((1 / b.estimate, 1 / b.conf_high), rel=1e-6)

    def test_mirrored_proportion(self, x: ModuleType) -> None:
        for method in PROPORTION:
            a, b = (x.proportion([1, 0], count=c, method=method) for c in ([7, 23], [23, 7]))
            assert (a.conf_low, a.conf_high) == pytest.approx((1 - b.conf_high, 1 - b.conf_low), rel=1e-9)

    def test_direction_is_treated_against_reference(self, x: ModuleType) -> None:
        cells = table(8, 10, 2, 10)
        assert x.risk_difference(**cells).estimate == pytest.approx(0.6)
        assert x.risk_ratio(**cells).estimate == pytest.approx(4)
        assert x.odds_ratio(**cells).estimate == pytest.approx(16)
        assert x.risk_difference(**cells, alternative="greater").p_value < 0.01
        assert x.risk_difference(**cells, alternative="less").p_value > 0.99

    @pytest.mark.parametrize(
        ("call", "null"),
        [
            (lambda x, c, level: x.risk_difference(**c, conf_level=level), 0),
            (lambda x, c, level: x.risk_difference(**c, method="mee", conf_level=level), 0),
            (lambda x, c, level: x.risk_ratio(**c, method="miettinen-nurminen", conf_level=level), 1),
            (lambda x, c, level: x.risk_ratio(**c, method="koopman", conf_level=level), 1),
            (lambda x, c, level: x.odds_ratio(**c, method="miettinen-nurminen", conf_level=level), 1),
        ],
    )
    def test_the_interval_ends_where_the_test_rejects(self, x: ModuleType, call: Any, null: float) -> None:
        # At the level 1 - p of the two-sided score test one limit is the null itself.
        cells = table(14, 20, 9, 25)
        p = call(x, cells, 0.95).p_value
        got = call(x, cells, 1 - p)
        assert got.conf_low == pytest.approx(null, abs=1e-7)

    def test_margins_at_the_end_of_what_the_arms_can_have(self, x: ModuleType) -> None:
        # 3 of 3 against 11 of 20 with a margin of -0.7: the pooled risk lies at the end of the range. The restricted
        # proportions solve 3 / (q - 0.7) + 11 / q = 9 / (1 - q): q = 0.79771360973.
        q1, q0 = 0.09771360973, 0.79771360973
        z = (1 - 0.55 + 0.7) / math.sqrt(q1 * (1 - q1) / 3 + q0 * (1 - q0) / 20)
        got = x.risk_difference(**table(3, 3, 11, 20), margin=-0.7)
        assert got.test_statistic == pytest.approx(z, rel=1e-9)

    def test_the_margin_is_rejected_where_the_mee_limit_passes_it(self, x: ModuleType) -> None:
        for cells in ((80, 100, 82, 100), (45, 60, 52, 61), (9, 10, 9, 10)):
            got = x.risk_difference(**table(*cells), method="mee", conf_level=0.95)
            test = x.risk_difference(**table(*cells), margin=got.conf_low)
            assert test.alternative == "greater"
            assert (test.p_value, test.test_statistic) == pytest.approx((0.025, Z), rel=1e-6)
            test = x.risk_difference(**table(*cells), margin=got.conf_high)
            assert test.alternative == "less"
            assert test.p_value == pytest.approx(0.025, rel=1e-6)

    def test_one_stratum_is_no_stratum(self, x: ModuleType) -> None:
        e, g, _ = trial(5)
        for method in STRATIFIED:
            a = x.risk_difference(e, g, method=method, **ARMS)
            b = x.risk_difference(e, g, method=method, strata=np.zeros(80), **ARMS)
            for name in STATISTICS:
                u, v = getattr(a, name), getattr(b, name)
                assert u == v or u == pytest.approx(v, rel=1e-6), (method, name)
        a, b = (x.risk_ratio(e, g, method=m, **ARMS) for m in ("log", "mantel-haenszel"))
        assert (a.estimate, a.std_error) == pytest.approx((b.estimate, b.std_error), rel=1e-9)
        a, b = (x.odds_ratio(e, g, method=m, **ARMS) for m in ("woolf", "mantel-haenszel"))
        assert (a.estimate, a.std_error) == pytest.approx((b.estimate, b.std_error), rel=1e-9)

    def test_frames_cross_their_columns(self, x: ModuleType) -> None:
        e, g, _ = trial(6, n=200)
        a, b = np.arange(200) % 2, np.arange(200) % 3
        crossed = x.risk_difference(e, g, strata=pd.DataFrame({"a": a, "b": b}), **ARMS)
        assert crossed.conf_low == pytest.approx(x.risk_difference(e, g, strata=10 * a + b, **ARMS).conf_low)
        assert crossed.conf_low != pytest.approx(x.risk_difference(e, g, strata=a, **ARMS).conf_low)

    def test_strata_without_both_arms_contribute_nothing(self, x: ModuleType) -> None:
        full = strata_of_tables((5, 12, 2, 10), (3, 9, 4, 11))
        more = strata_of_tables((5, 12, 2, 10), (3, 9, 4, 11), (4, 6, 0, 0), (0, 0, 2, 2), (0, 0, 0, 0))
        for function, options in (
            (x.risk_difference, {}), (x.risk_difference, {"weights": "mn"}), (x.risk_ratio, {}), (x.odds_ratio, {}),
            (x.risk_difference, {"method": "newcombe"}), (x.risk_difference, {"method": "mantel-haenszel"}),
        ):  # fmt: skip
            a, b = function(**full, **options), function(**more, **options)
            found, expected = ((v.estimate, v.conf_low, v.conf_high, v.p_value) for v in (b, a))
            assert found == pytest.approx(expected, rel=1e-9)
            assert (a.n, b.n, a.events, b.events) == (42, 50, 14, 20)
        text = str(proportions.risk_difference(**more).method)
        assert "2 of 4 strata have patients in both arms; the others contribute nothing" in text
        a, b = (
            proportions.cmh_test(c["event"], c["group"], strata=c["strata"], count=c["count"]) for c in (full, more)
        )
        assert a.test_statistic == pytest.approx(b.test_statistic)
        assert "2 of 4 strata have two arms and two outcomes" in str(b.method)

    def test_other_arms_are_left_out(self, x: ModuleType) -> None:
        e, g, s = trial(7, arms="ABC")
        two = g != "C"
        agree(
            every(x, {"event": e, "group": g, "strata": s, **ARMS})[len(PROPORTION) :],
            every(x, {"event": e[two], "group": g[two], "strata": s[two], **ARMS})[len(PROPORTION) :],
        )
        a = proportions.fisher_exact(e, g, **ARMS)
        assert (a.p_value, a.n) == (proportions.fisher_exact(e[two], g[two]).p_value, two.sum())
        assert proportions.chi_square(e, g).df == 2
        assert proportions.chi_square(e, g, **ARMS).df == 1

    def test_limits_stay_in_range_and_hold_the_estimate(self, x: ModuleType) -> None:
        for seed in range(12):
            for got in every(x, random_tables(np.random.default_rng(100 + seed))):
                if got.conf_low is None or got.estimate is None:
                    continue
                least, most = (0, 1) if got.analysis.startswith("proportion") else (-1, 1)
                if got.unit == "ratio":
                    least, most = 0, math.inf
                high = math.inf if got.conf_high is None else got.conf_high
                assert least <= got.conf_low <= high <= most, got
                # Agresti's two intervals are centred on a shrunken estimate, and may leave one at the end out.
                if "agresti" not in got.analysis and "newcombe" not in got.analysis and "jeffreys" not in got.analysis:
                    assert got.conf_low - 1e-12 <= got.estimate <= high + 1e-12, got

    def test_same_risks_with_unadjusted_and_useless_covariate(self, x: ModuleType) -> None:
        # A covariate that is balanced in every arm and outcome changes nothing, and Ye's variance without an effect of
        # covariates is the sample variance in each arm over its size.
        cells = strata_of_tables((12, 40, 20, 44), (12, 40, 20, 44))
        frame = pd.DataFrame({"z": cells.pop("strata")})
        got = x.adjusted_risk_difference(**cells, covariates=frame)
        p1, p0, n1, n0 = 24 / 80, 40 / 88, 80, 88
        assert got.estimate == pytest.approx(p1 - p0)
        assert got.std_error**2 == pytest.approx(p1 * (1 - p1) / (n1 - 1) + p0 * (1 - p0) / (n0 - 1), rel=1e-6)

    def test_adjusted_units_and_order_do_not_matter(self, x: ModuleType) -> None:
        rng = np.random.default_rng(8)
        e, g, s = trial(8, n=150)
        z = rng.normal(size=150)
        base = x.adjusted_risk_difference(e, g, covariates=pd.DataFrame({"z": z, "s": s}), strata=s, **ARMS)
        order = rng.permutation(150)
        for got in (
            x.adjusted_risk_difference(e, g, covariates=pd.DataFrame({"s": s, "z": 1e4 * z - 7}), strata=s, **ARMS),
            x.adjusted_risk_difference(
                e[order], g[order], covariates=pd.DataFrame({"z": z[order], "s": s[order]}), strata=s[order], **ARMS
            ),
        ):
            assert (got.estimate, got.std_error) == pytest.approx((base.estimate, base.std_error), rel=1e-7)
        swapped = x.adjusted_risk_difference(
            e, g, covariates=pd.DataFrame({"z": z, "s": s}), strata=s, treatment="B", reference="A"
        )
        assert (swapped.estimate, swapped.std_error) == pytest.approx((-base.estimate, base.std_error), rel=1e-7)


class TestArguments:
    """Each argument changes the fields it should."""

    def test_conf_level_changes_the_limits_alone(self, x: ModuleType) -> None:
        e, g, s = trial(9, n=200)
        cells = {"event": e, "group": g, "strata": s, **ARMS}
        for a, b in zip(every(x, cells), every(x, cells, conf_level=0.8), strict=True):
            assert (a.estimate, a.p_value) == (b.estimate, b.p_value)
            assert a.conf_low < b.conf_low < b.conf_high < a.conf_high

    def test_every_method_is_another_interval(self, x: ModuleType) -> None:
        e, g, s = trial(9, risk=0.25)
        for function, methods in ((x.risk_difference, DIFFERENCE[:-1]), (x.risk_ratio, RATIO[:-1])):
            limits = {round(function(e, g, method=m, **ARMS).conf_low, 10) for m in methods}
            assert len(limits) == len(methods)
        assert len({round(x.odds_ratio(e, g, method=m, **ARMS).conf_low, 10) for m in ODDS[:-1]}) == 3
        assert len({round(x.proportion(e, method=m).conf_low, 10) for m in PROPORTION}) == len(PROPORTION)
        assert len({round(x.risk_difference(e, g, strata=s, method=m, **ARMS).conf_low, 10) for m in STRATIFIED}) == 3
        a, b = (x.risk_difference(e, g, strata=s, weights=w, **ARMS) for w in ("mh", "mn"))
        assert (a.estimate, a.conf_low, a.conf_high) != pytest.approx((b.estimate, b.conf_low, b.conf_high), rel=1e-6)

    def test_margin_and_alternative(self, x: ModuleType) -> None:
        cells = table(80, 100, 82, 100)
        plain = x.risk_difference(**cells)
        with_margin = x.risk_difference(**cells, margin=-0.1)
        assert with_margin.groups == {**ARMS, "delta": -0.1}
        assert (with_margin.conf_low, with_margin.conf_high) == (plain.conf_low, plain.conf_high)
        assert with_margin.alternative == "greater"
        assert with_margin.p_value < 0.1 < plain.p_value
        assert x.risk_difference(**cells, margin=0.1).alternative == "less"
        other = x.risk_difference(**cells, margin=-0.1, alternative="less")
        assert other.p_value == pytest.approx(1 - with_margin.p_value)
        one, two = (x.risk_difference(**cells, alternative=a) for a in ("less", "two-sided"))
        assert two.p_value == pytest.approx(2 * one.p_value)
        assert (plain.alternative, plain.p_value) == ("two-sided", two.p_value)

    def test_convention_and_correction(self) -> None:
        e, g, s = trial(10)
        e = np.where(g == "A", np.maximum(e, s % 2), e)
        for test in (proportions.chi_square, proportions.cmh_test):
            options = {} if test is proportions.chi_square else {"strata": s}
            ours, sas, off = (test(e, g, **options, **m) for m in ({}, {"convention": SAS}, {"correction": False}))
            assert ours.test_statistic < sas.test_statistic == off.test_statistic
            assert "with continuity correction" in str(ours.method)
            assert "without continuity correction" in str(sas.method)
            on = test(e, g, **options, convention=SAS, correction=True)
            assert on.test_statistic == ours.test_statistic
        rows, _, _ = trial(11, arms="ABC")
        assert "without continuity correction" in str(proportions.chi_square(rows, trial(11, arms="ABC")[1]).method)

    def test_method_says_the_choices(self) -> None:
        e, g, s = trial(12)
        for method, words in zip(
            DIFFERENCE,
            [
                "Miettinen-Nurminen score",
                "Newcombe's hybrid",
                "Mee's score",
                "Agresti-Caffo",
                "Wald",
                "Sato's variance",
            ],
            strict=True,
        ):
            assert words in str(proportions.risk_difference(e, g, method=method, **ARMS).method)
        strata = {"strata": s, **ARMS}
        assert "Mantel-Haenszel weights" in str(proportions.risk_difference(e, g, **strata).method)
        text = str(proportions.risk_difference(e, g, weights="mn", **strata).method)
        assert "iterated weights of Miettinen and Nurminen (1985)" in text
        assert "not the CL=SCORE of SAS" in text
        assert "Yan and Su" in str(proportions.risk_difference(e, g, method="newcombe", **strata).method)
        text = str(proportions.risk_difference(e, g, margin=-0.1, **ARMS).method)
        assert "Farrington-Manning score test against the hypothesis that the difference is -0.1 or less" in text
        assert "0.2 or more" in str(proportions.risk_difference(e, g, margin=0.2, **ARMS).method)
        frame = pd.DataFrame({"age": np.arange(80.0), "sex": s % 2})
        options: dict[str, Any] = {"covariates": frame, **ARMS}
        text = str(proportions.adjusted_risk_difference(e, g, variance="ge", hc="hc3", **options).method)
        assert "age and sex" in text
        assert "HC3" in text
        assert "HC0" in str(proportions.adjusted_risk_difference(e, g, variance="ge", **options).method)
        assert "permuted blocks" in str(proportions.adjusted_risk_difference(e, g, strata=s, **options).method)
        assert "all arms" in str(proportions.adjusted_risk_difference(e, g, arms="all", **options).method)

    def test_every_result_is_listed_and_in_words(self) -> None:
        e, g, s = trial(13)
        data: list[dict[str, Any]] = [
            {"event": e, "group": g, "strata": s, **ARMS},
            {"event": [], "group": [], "strata": [], **ARMS},
            strata_of_tables((0, 5, 0, 5), (0, 5, 0, 5)),
            strata_of_tables((5, 5, 5, 5)),
            strata_of_tables((3, 5, 0, 5), (1, 5, 0, 5)),
        ]
        for cells in data:
            found = every(proportions, cells)
            pair = {name: cells[name] for name in ("event", "group")}
            counted = {**pair, "count": cells.get("count")}
            found += [proportions.fisher_exact(**counted), proportions.chi_square(**counted)]
            found += [
                proportions.cmh_test(**counted, strata=cells["strata"], statistic=m)
                for m in ("general-association", "row-means")
            ]
            found += [proportions.number_needed_to_treat(**without_strata(cells), event_is="harm")]
            frame = pd.DataFrame({"z": np.asarray(cells["strata"], dtype=float)})
            found += [
                proportions.adjusted_risk_difference(**without_strata(cells), covariates=frame, variance=v)
                for v in ("ye", "ge")
            ]
            for one in found:
                assert analyses()[one.analysis].unit == one.unit
                assert str(one.method).endswith(".")
                assert one.reason is None or str(one.reason)
                if any(getattr(one, name) is None for name in one.stated()):
                    assert one.reason is not None, one


class TestEdges:
    def test_no_patients(self, x: ModuleType) -> None:
        for one in every(x, {"event": [], "group": [], "strata": [], **ARMS}):
            assert (one.status, one.n, one.events) == ("not_estimable", 0, 0)
            assert one.estimate is None
        frame = pd.DataFrame({"z": np.empty(0)})
        assert x.adjusted_risk_difference([], [], covariates=frame, **ARMS).status == "not_estimable"

    def test_one_arm_empty(self, x: ModuleType) -> None:
        cells = {"event": [1, 0, 1], "group": list("AAA"), "strata": [0, 0, 1], **ARMS}
        for one in every(x, cells)[len(PROPORTION) :]:
            assert (one.status, one.estimate, one.n, one.events) == ("not_estimable", None, 3, 2)
        assert "no patients in B" in str(proportions.risk_difference([1, 0], ["A", "A"], **ARMS).reason)
        assert "no patients in A" in str(proportions.odds_ratio([1, 0], ["B", "B"], **ARMS).reason)

    def test_no_stratum_with_both_arms(self, x: ModuleType) -> None:
        got = x.risk_difference([1, 0, 1, 0], list("AABB"), strata=[0, 0, 1, 1], **ARMS)
        assert (got.status, got.n) == ("not_estimable", 4)
        got = proportions.risk_difference([1, 0, 1, 0], list("AABB"), strata=[0, 0, 1, 1], **ARMS)
        assert "no stratum has patients in both arms" in str(got.reason)

    def test_single_patients(self, x: ModuleType) -> None:
        for method in PROPORTION[:-1]:
            got = x.proportion([1], method=method)
            assert (got.estimate, got.conf_high, got.n) == (1, 1, 1)
            assert 0 <= got.conf_low < 0.6
        got = x.proportion([1], method="clopper-pearson")
        assert got.conf_low == pytest.approx(0.025)
        got = x.risk_difference([1, 0], ["A", "B"], **ARMS)
        assert (got.estimate, got.conf_high, got.status) == (1, 1, "ok")
        assert -1 < got.conf_low < 0

    def test_exact_ends_of_one_proportion(self, x: ModuleType) -> None:
        for n in (1, 7, 1000, 10**6):
            for method in PROPORTION[:-1]:
                none, everybody = (x.proportion([1, 0], count=c, method=method) for c in ([0, n], [n, 0]))
                assert (none.estimate, none.conf_low) == (0, 0)
                assert (everybody.estimate, everybody.conf_high) == (1, 1)
            none = x.proportion([1, 0], count=[0, n], method="clopper-pearson")
            assert none.conf_high == pytest.approx(-math.expm1(math.log(0.025) / n), rel=1e-9)
            wald = x.proportion([1, 0], count=[0, n], method="wald")
            assert (wald.estimate, wald.std_error, wald.conf_low, wald.status) == (0, None, None, "ok")
            assert wald.reason is not None

    def test_zero_cells_of_differences(self, x: ModuleType) -> None:
        for cells in ((0, 10, 0, 12), (10, 10, 12, 12)):
            for method in ("miettinen-nurminen", "newcombe", "mee", "agresti-caffo"):
                got = x.risk_difference(**table(*cells), method=method)
                assert (got.estimate, got.status) == (0, "ok")
                assert -0.6 < got.conf_low < 0 < got.conf_high < 0.6
                assert (got.p_value, got.test_statistic) == (None, None)
                got = x.risk_difference(**table(*cells), method=method, margin=-0.2)
                assert 0 < got.p_value < 1
            for method in ("wald", "mantel-haenszel"):
                got = x.risk_difference(**table(*cells), method=method)
                assert (got.estimate, got.conf_low, got.p_value, got.status) == (0, None, None, "ok")
        got = x.risk_difference(**table(10, 10, 0, 12))
        assert (got.estimate, got.conf_high) == (1, 1)
        got = x.risk_difference(**table(0, 10, 12, 12))
        assert (got.estimate, got.conf_low) == (-1, -1)
        for sizes in ((10, 12), (458_038, 941_210)):
            got = x.risk_difference(**table(sizes[0], sizes[0], 0, sizes[1]), method="mantel-haenszel")
            assert (got.estimate, got.std_error, got.conf_low) == (1, None, None)
        got = x.risk_difference(**table(10, 10, 0, 12), method="newcombe")
        assert (got.estimate, got.conf_high) == (1, 1)

    def test_all_strata_without_information(self, x: ModuleType) -> None:
        cells = strata_of_tables((0, 5, 0, 4), (0, 3, 0, 9))
        for options in ({}, {"weights": "mn"}, {"method": "newcombe"}):
            got = x.risk_difference(**cells, **options)
            assert (got.estimate, got.p_value, got.status) == (0, None, "ok")
            assert got.conf_low < 0 < got.conf_high
        assert x.risk_difference(**cells, method="mantel-haenszel").conf_low is None
        assert x.risk_ratio(**cells).status == "not_estimable"
        assert x.odds_ratio(**cells).status == "not_estimable"
        got = proportions.cmh_test(cells["event"], cells["group"], strata=cells["strata"], count=cells["count"])
        assert (got.status, got.p_value) == ("not_estimable", None)
        assert "no stratum has two arms and two outcomes" in str(got.reason)

    def test_mixed_certain_strata(self, x: ModuleType) -> None:
        # Every stratum is certain, and they differ: the difference is not 0, and the score method still has limits.
        got = x.risk_difference(**strata_of_tables((4, 4, 0, 4), (0, 3, 0, 3), (5, 5, 5, 5)))
        assert got.estimate == pytest.approx(2 / (2 + 1.5 + 2.5))
        assert -1 < got.conf_low < got.estimate < got.conf_high < 1
        assert 0 < got.p_value < 1

    def test_ratios_with_zero_cells(self, x: ModuleType) -> None:
        got = x.risk_ratio(**table(0, 10, 3, 10))
        assert (got.estimate, got.std_error, got.conf_low, got.conf_high, got.status) == (0, None, None, None, "ok")
        for method in ("miettinen-nurminen", "koopman"):
            got = x.risk_ratio(**table(0, 10, 3, 10), method=method)
            assert (got.estimate, got.conf_low, got.status) == (0, 0, "ok")
            assert 0.5 < got.conf_high < 3
            got = x.risk_ratio(**table(3, 10, 0, 10), method=method)
            assert (got.estimate, got.conf_high, got.status) == (None, None, "not_estimable")
            assert 0.3 < got.conf_low < 2
            got = x.risk_ratio(**table(10, 10, 12, 12), method=method)
            assert (got.estimate, got.p_value) == (1, None)
            assert 0.6 < got.conf_low < 1 < got.conf_high < 1.6
        assert x.risk_ratio(**table(3, 10, 0, 10)).status == "not_estimable"
        assert x.risk_ratio(**table(0, 10, 0, 10)).status == "not_estimable"
        got = x.risk_ratio(**table(10, 10, 12, 12))
        assert (got.estimate, got.conf_low, got.std_error) == (1, None, None)
        for method in ("exact", "miettinen-nurminen"):
            for cells in ((0, 10, 3, 10), (4, 10, 10, 10)):
                got = x.odds_ratio(**table(*cells), method=method)
                assert (got.estimate, got.conf_low, got.status) == (0, 0, "ok")
                assert got.conf_high > 0
            for cells in ((3, 10, 0, 10), (10, 10, 4, 10)):
                got = x.odds_ratio(**table(*cells), method=method)
                assert (got.estimate, got.conf_high, got.status) == (None, None, "not_estimable")
                assert got.conf_low > 0
            for cells in ((0, 10, 0, 10), (10, 10, 12, 12)):
                assert x.odds_ratio(**table(*cells), method=method).status == "not_estimable"
        assert x.odds_ratio(**table(0, 10, 3, 10)).estimate == 0
        assert x.odds_ratio(**table(3, 10, 0, 10)).status == "not_estimable"

    def test_tests_that_have_no_answer(self) -> None:
        for test in (proportions.fisher_exact, proportions.chi_square):
            got = test([1, 0, 1], list("AAA"))
            assert (got.status, got.p_value) == ("not_estimable", None)
            assert "not two arms" in str(got.reason)
        # One possible table: the exact probability is 1, and a chi-square does not exist.
        assert proportions.fisher_exact([0, 0, 0], list("AAB")).p_value == 1
        got = proportions.chi_square([0, 0, 0], list("AAB"))
        assert "all patients have the same outcome" in str(got.reason)
        got = proportions.cmh_test([1, 0], ["A", "A"], strata=[1, 1])
        assert "not two arms" in str(got.reason)

    def test_a_level_that_only_other_arms_or_nobody_have(self) -> None:
        outcome, arm = ["x", "y", "x", "z", "y"], ["A", "A", "B", "C", "B"]
        assert proportions.chi_square(outcome, arm, **ARMS).df == 1
        assert proportions.chi_square(outcome, arm, count=[3, 2, 1, 0, 4]).df == 1
        rng = np.random.default_rng(3)
        e, g, _ = trial(14, arms="ABC", n=200)
        frame = pd.DataFrame({"region": np.where(g == "C", "only", rng.choice(["n", "s"], 200))})
        assert proportions.adjusted_risk_difference(e, g, covariates=frame, **ARMS).status == "ok"

    def test_too_many_tables(self) -> None:
        rng = np.random.default_rng(4)
        cells = rng.integers(50, 200, (5, 6))
        outcome, arm = np.indices(cells.shape)[::-1]
        got = proportions.fisher_exact(outcome.ravel(), arm.ravel(), count=cells.ravel())
        assert (got.status, got.p_value) == ("not_estimable", None)
        assert "too many tables" in str(got.reason)

    def test_p_values_are_never_zero(self, x: ModuleType) -> None:
        cells = table(900_000, 1_000_000, 100_000, 1_000_000)
        assert 0 < x.risk_difference(**cells).p_value < 1e-300
        assert 0 < x.risk_ratio(**cells).p_value < 1e-300
        assert 0 < proportions.fisher_exact(cells["event"], cells["group"], count=cells["count"]).p_value < 1e-300

    def test_disjoint_interval_of_the_number_needed_to_treat(self) -> None:
        cells = table(18, 100, 22, 100)
        risk = proportions.risk_difference(**cells)
        got = proportions.number_needed_to_treat(**cells, event_is="harm")
        assert got.estimate == pytest.approx(25)
        assert (got.conf_low, got.conf_high, got.status) == (None, None, "ok")
        text = str(got.reason)
        assert f"to benefit {-1 / risk.conf_low:.1f} to infinity" in text
        assert f"to harm {1 / risk.conf_high:.1f} to infinity" in text
        same = proportions.number_needed_to_treat(**table(20, 100, 20, 100), event_is="harm")
        assert (same.status, same.estimate) == ("not_estimable", None)
        assert "infinite" in str(same.reason)
        assert "two stretches" in str(same.reason)
        none = proportions.number_needed_to_treat([1], ["A"], event_is="harm", **ARMS)
        assert (none.status, none.n) == ("not_estimable", 1)
        wald = proportions.number_needed_to_treat(**table(0, 9, 9, 9), event_is="harm", method="wald")
        assert (wald.estimate, wald.conf_low) == (1, None)

    def test_separation_and_collinearity(self, x: ModuleType) -> None:
        e, g, _ = trial(15, n=60)
        z = np.linspace(-1, 1, 60)
        for covariates in (
            pd.DataFrame({"z": e}), pd.DataFrame({"z": z + 3 * e}), pd.DataFrame({"z": np.where(e, "x", "y")}),
            pd.DataFrame({"z": z, "zz": 2 * z + 1}), pd.DataFrame({"z": np.ones(60)}), pd.DataFrame({"z": g == "A"}),
        ):  # fmt: skip
            for variance in ("ye", "ge"):
                got = x.adjusted_risk_difference(e, g, covariates=covariates, variance=variance, **ARMS)
                assert (got.status, got.estimate, got.p_value) == ("not_estimable", None, None)
        got = x.adjusted_risk_difference(np.where(g == "A", 0, e), g, covariates=pd.DataFrame({"z": z}), **ARMS)
        assert got.status == "not_estimable"

    def test_reasons_of_a_model_without_fit(self) -> None:
        e, g, _ = trial(15, n=60)
        got = proportions.adjusted_risk_difference(e, g, covariates=pd.DataFrame({"marker": e}), **ARMS)
        assert "most of all that of marker" in str(got.reason)
        got = proportions.adjusted_risk_difference(e, g, covariates=pd.DataFrame({"z": np.ones(60)}), **ARMS)
        assert "constant, or a combination" in str(got.reason)

    def test_strong_but_finite_covariates_are_fitted(self, x: ModuleType) -> None:
        # Near separation, with one outlying covariate and a linear predictor of 112: glm(e ~ (g == "A") + z, binomial),
        # R 4.2.2, mean(m1 - m0) and the root of g' vcov(fit) g
        z = np.array([-3.0, -2.5, -2, -1.5, -1, -0.4, 0.1, 0.3, 0.2, 0.9, 1.4, 2, 2.6, 3, 60])
        e = np.array([0, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1])
        g = np.array(list("ABABABABABABABA"))
        got = x.adjusted_risk_difference(e, g, covariates=pd.DataFrame({"z": z}), variance="ge", hc="model", **ARMS)
        assert (got.estimate, got.std_error) == pytest.approx((0.213019058495, 0.147336877755), rel=1e-6)


class TestRefusals:
    @pytest.mark.parametrize(
        ("call", "text"),
        [
            (lambda: proportions.proportion([0, 2]), "event cannot be used; expected 0 .* in row 2"),
            (lambda: proportions.proportion([0, np.nan]), "event cannot be used"),
            (lambda: proportions.proportion(["yes"]), "event does not hold numbers"),
            (lambda: proportions.proportion([1, 0], count=[1]), "count does not fit the data"),
            (lambda: proportions.proportion([1, 0], count=[1, -1]), "count cannot be used; expected a whole number"),
            (lambda: proportions.proportion([1, 0], count=[1, 0.5]), "count cannot be used; expected a whole number"),
            (lambda: proportions.proportion([1, 0], count=[1, np.inf]), "count cannot be used"),
            (lambda: proportions.proportion([1, 0], count=[2.0**53, 1e4]), "too large to be summed exactly"),
            (lambda: proportions.proportion([1], method="score"), "unknown method; expected wilson or"),
            (lambda: proportions.proportion([1], conf_level=95), "conf_level is not a confidence level"),
            (lambda: proportions.risk_difference([1], ["A"], treatment="A", reference="A"), "the same arm"),
            (lambda: proportions.risk_difference([1, 0], ["A"], **ARMS), "group does not fit the data"),
            (lambda: proportions.risk_difference([1, 0], ["A", None], **ARMS), "a missing label"),
            (lambda: proportions.risk_difference([1], ["A"], strata=["x"], method="mee", **ARMS), "has no strata"),
            (lambda: proportions.risk_difference([1], ["A"], weights="mn", **ARMS), "weights mn are for stratified"),
            (
                lambda: proportions.risk_difference(
                    [1], ["A"], weights="mn", strata=[1], method="newcombe", **ARMS
                ),
                "weights mn are for stratified",
            ),
            (lambda: proportions.risk_difference([1], ["A"], weights="iv", **ARMS), "unknown weights"),
            (lambda: proportions.risk_difference([1], ["A"], margin=0, **ARMS), "margin is not a margin"),
            (lambda: proportions.risk_difference([1], ["A"], margin=10, **ARMS), "margin is not a margin"),
            (lambda: proportions.risk_difference([1], ["A"], margin=np.nan, **ARMS), "margin is not a margin"),
            (
                lambda: proportions.risk_difference([1], ["A"], margin=0.1, alternative="two-sided", **ARMS),
                "a margin is tested on one side",
            ),
            (lambda: proportions.risk_difference([1], ["A"], alternative="larger", **ARMS), "unknown alternative"),
            (lambda: proportions.risk_ratio([1], ["A"], method="wald", **ARMS), "unknown method"),
            (lambda: proportions.risk_ratio([1], ["A"], strata=[1], method="log", **ARMS), "has no strata"),
            (lambda: proportions.odds_ratio([1], ["A"], strata=[1], method="exact", **ARMS), "has no strata"),
            (lambda: proportions.fisher_exact([1, 0], ["A", "B"], treatment="A"), "one of treatment and reference"),
            (lambda: proportions.fisher_exact([1, None], ["A", "B"]), "a missing label"),
            (
                lambda: proportions.chi_square([1, 0, 1], list("ABC"), correction=True),
                "there is no continuity correction here",
            ),
            (
                lambda: proportions.cmh_test([1, 0], ["A", "B"], strata=[1, 1], statistic="row-means", correction=True),
                "there is no continuity correction here",
            ),
            (
                lambda: proportions.cmh_test(["a", "b"], ["A", "B"], strata=[1, 1], statistic="row-means"),
                "event does not hold numbers",
            ),
            (
                lambda: proportions.cmh_test([1, 0], ["A", "B"], strata=[1, 1], scores="modified-ridit"),
                "scores are for row-means",
            ),
            (lambda: proportions.cmh_test([1, 0], ["A", "B"], strata=[1, 1], statistic="trend"), "unknown statistic"),
            (lambda: proportions.number_needed_to_treat([1], ["A"], event_is="good", **ARMS), "unknown event_is"),
        ],
    )  # fmt: skip
    def test_wrong_arguments(self, call: Any, text: str) -> None:
        with pytest.raises(InvalidInput, match=text):
            call()

    @pytest.mark.parametrize(
        ("options", "text"),
        [
            ({"hc": "hc0"}, "hc is for the variance ge"),
            ({"variance": "ge", "strata": [1, 1]}, "strata are for the variance ye"),
            ({"variance": "delta"}, "unknown variance"),
            ({"variance": "ge", "hc": "hc4"}, "unknown hc"),
            ({"arms": "three"}, "unknown arms"),
            ({"covariates": pd.DataFrame({"z": [1.0]})}, "covariates do not fit"),
            ({"covariates": pd.DataFrame({"z": [1.0, np.nan]})}, "a missing value in row 2"),
            ({"covariates": [1, 2]}, "covariates do not fit"),
        ],
    )
    def test_wrong_arguments_of_the_adjusted_difference(self, options: dict[str, Any], text: str) -> None:
        given = {"covariates": pd.DataFrame({"z": [1.0, 2.0]}), **options}
        with pytest.raises(InvalidInput, match=text):
            proportions.adjusted_risk_difference([1, 0], ["A", "B"], **ARMS, **given)

"""Recurrent events against published results and R 4.2.2 (survival 3.5-3, MASS 7.3-58.2); commands stand beside.

All Cox fits of R with coxph.control(eps = 1e-13, iter.max = 50, toler.chol = 1e-14).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evidence_lib.results import Estimate
from evidence_lib.statistics.recurrent_events import (
    andersen_gill,
    mean_cumulative_at,
    mean_cumulative_difference,
    mean_cumulative_function,
    negative_binomial,
    pwp,
    wlw,
)
from tests.reference import case, data, needs_reference

pytestmark = needs_reference

RX: dict[str, Any] = {"treatment": 2, "reference": 1}
CGD: dict[str, Any] = {"treatment": "rIFN-g", "reference": "placebo"}


def bladder() -> tuple[tuple[pd.Series, ...], pd.DataFrame]:
    frame = data("survival/bladder2.csv")
    return (frame["id"], frame["start"], frame["stop"], frame["event"], frame["rx"]), frame


def cgd() -> tuple[tuple[pd.Series, ...], pd.DataFrame]:
    frame = data("survival/cgd.csv")
    return (frame["id"], frame["tstart"], frame["tstop"], frame["status"], frame["treat"]), frame


def bladder1() -> pd.DataFrame:
    """All intervals with a length; a recurrence has status 1, a death 2 or 3."""
    frame = data("survival/bladder1.csv")
    return frame[frame["stop"] > frame["start"]].assign(event=lambda f: f["status"] == 1)


def totals(frame: pd.DataFrame, stop: str, event: str, arm: str) -> pd.DataFrame:
    grouped = frame.groupby("id")
    return pd.DataFrame({"count": grouped[event].sum(), "exposure": grouped[stop].max(), "arm": grouped[arm].first()})


def pair(estimate: Estimate) -> tuple[float, float | None]:
    assert estimate.estimate is not None
    return math.log(estimate.estimate), estimate.std_error


def test_cases_of_the_reference_collection() -> None:
    expected = case("C10")
    rows, frame = bladder()
    options: dict[str, Any] = {**RX, "covariates": frame[["size", "number"]], "ties": "breslow"}
    found = {
        "wlw_rx": wlw(*rows, **options).items[0],
        "ag_rx": andersen_gill(*rows, **options),
        "pwp_tt_rx": pwp(*rows, **options, time_scale="total"),
        "pwp_gap_rx": pwp(*rows, **options, time_scale="gap"),
    }
    rows, frame = cgd()
    found["cgd_ag"] = andersen_gill(*rows, **CGD)
    table = totals(frame, "tstop", "status", "treat")
    found["cgd_nb"] = negative_binomial(table["count"], table["exposure"], table["arm"], **CGD).items[0]
    assert set(found) == set(expected)
    for name, estimate in found.items():
        assert pair(estimate) == pytest.approx(tuple(expected[name]), abs=1e-6), name


@pytest.mark.parametrize(
    ("ties", "logs", "errors", "average", "common"),
    [
        (
            "breslow",
            [-0.5176209042471, -0.6194404087336, -0.6998771000489, -0.6507934598914],
            [0.3074979859169, 0.3639070450391, 0.4151611628442, 0.4897051880481],
            (-0.5488880718589, 0.2852775022449, 3.9667813285618),
            (-0.5798608205293, 0.3034352901208),
        ),
        (
            "efron",
            [-0.5259843574841, -0.6323108973535, -0.6984915444372, -0.6354389565762],
            [0.3152394550175, 0.3683116461604, 0.4203823311046, 0.4972851470177],
            (-0.5567521643018, 0.2907435881429, 3.9061402030464),
            (-0.5847934587384, 0.3079462581726),
        ),
    ],
)
def test_wlw_of_the_bladder_tumours(
    ties: Any,
    logs: list[float],
    errors: list[float],
    average: tuple[float, float, float],
    common: tuple[float, float],
) -> None:
    # bladder: f <- coxph(Surv(stop, event) ~ (rx + size + number):factor(enum) + strata(enum), cluster = id, ties = .);
    # with b and V the rx part of coef and var: b, sqrt(diag(V)); sum(rowSums(solve(V)) * b) / sum(solve(V)),
    # 1 / sqrt(sum(solve(V))), b %*% solve(V) %*% b; then ~ rx + size + number + strata(enum)
    rows, frame = bladder()
    found = wlw(*rows, **RX, covariates=frame[["size", "number"]], ties=ties).items
    assert [pair(e)[0] for e in found[1:5]] == pytest.approx(logs, abs=1e-9)
    assert [pair(e)[1] for e in found[1:5]] == pytest.approx(errors, abs=1e-9)
    assert (*pair(found[5]), found[6].test_statistic) == pytest.approx(average, abs=1e-8)
    assert pair(found[0]) == pytest.approx(common, abs=1e-9)
    assert [(e.groups.get("event_number"), e.n, e.events) for e in found] == [
        (None, 85, 112), (1, 85, 47), (2, 85, 29), (3, 85, 22), (4, 85, 14), (None, 85, 112), (None, 85, 112),
    ]  # fmt: skip
    assert found[6].df == 4


def test_wlw_of_two_tumours() -> None:
    # the same with enum <= 2, ~ rx:factor(enum) + strata(enum) and ~ rx + strata(enum)
    rows, _ = bladder()
    found = wlw(*rows, **RX, max_events=2).items
    expected = [
        (-0.4448133820595, 0.3010286656494),
        (-0.3706064382849, 0.3043219922621),
        (-0.5656545838634, 0.3768292653099),
        (-0.4129845419552, 0.2974706493428),
    ]
    for one, other in zip(found[:4], expected, strict=True):
        assert pair(one) == pytest.approx(other, abs=1e-9)
    assert found[4].test_statistic == pytest.approx(2.3630057703082, abs=1e-8)


def test_granulomatous_disease() -> None:
    # cgd, tr <- treat == "rIFN-g"; cluster = id: Surv(tstart, tstop, status) ~ tr + age + strata(hos.cat); ~ tr without
    # cluster; ~ tr + strata(enum) by both ties; Surv(tstop - tstart, status) ~ tr + strata(enum) by both; enum <= 2
    # alone, total time ~ tr + strata(enum), gap time ~ tr + age + strata(enum)
    rows, frame = cgd()
    found = andersen_gill(*rows, **CGD, covariates=frame[["age"]], strata=frame["hos.cat"])
    assert pair(found) == pytest.approx((-1.1148651679837, 0.2998965909021), abs=1e-9)
    assert (found.n, found.events) == (128, 76)
    model = andersen_gill(*rows, **CGD, robust=False)
    assert pair(model) == pytest.approx((-1.0952867352618, 0.2610143205314), abs=1e-9)
    table = {
        ("total", "efron"): (-0.8601421424156, 0.2919042746097),
        ("gap", "efron"): (-0.8759609514716, 0.2809464531456),
        ("total", "breslow"): (-0.8593865619341, 0.2919998333972),
        ("gap", "breslow"): (-0.8759269559215, 0.2808898270689),
    }
    for (scale, ties), expected in table.items():
        assert pair(pwp(*rows, **CGD, time_scale=scale, ties=ties)) == pytest.approx(expected, abs=1e-9)  # type: ignore[arg-type]
    two = pwp(*rows, **CGD, time_scale="total", max_events=2)
    assert pair(two) == pytest.approx((-0.8249333881441, 0.3149314011175), abs=1e-9)
    two = pwp(*rows, **CGD, time_scale="gap", max_events=2, covariates=frame[["age"]])
    assert pair(two) == pytest.approx((-0.8823203475157, 0.3187960155008), abs=1e-9)


def test_three_arms_of_the_bladder_trial() -> None:
    # bladder1 with stop > start, a recurrence where status is 1; coxph(Surv(start, stop, recurrence) ~ treatment,
    # cluster = id); per subject glm.nb(recurrences ~ treatment + offset(log(last stop)))
    frame = bladder1()
    rows = (frame["id"], frame["start"], frame["stop"], frame["event"], frame["treatment"])
    cox = {"pyridoxine": (0.009132215856453, 0.324891215205003), "thiotepa": (-0.4193162466257, 0.2961391505723)}
    counted = {"pyridoxine": (0.1298048210555, 0.3312450908324), "thiotepa": (-0.2841995777528, 0.3223991080690)}
    table = totals(frame, "stop", "event", "treatment")
    for arm in cox:
        found = andersen_gill(*rows, treatment=arm, reference="placebo")
        assert pair(found) == pytest.approx(cox[arm], abs=1e-9)
        ratio, dispersion = negative_binomial(
            table["count"], table["exposure"], table["arm"], treatment=arm, reference="placebo"
        ).items
        assert pair(ratio) == pytest.approx(counted[arm], abs=1e-7)
        assert dispersion.estimate == pytest.approx(1.347192534287, rel=1e-6)


def test_negative_binomial_with_covariates() -> None:
    # per subject of cgd: f <- glm.nb(y ~ treat + age + sex + offset(log(T)), control = glm.control(epsilon = 1e-12,
    # maxit = 100)); 1 / f$theta
    _, frame = cgd()
    table = totals(frame, "tstop", "status", "treat")
    covariates = frame.groupby("id")[["age", "sex"]].first()
    ratio, dispersion = negative_binomial(
        table["count"], table["exposure"], table["arm"], **CGD, covariates=covariates
    ).items
    assert pair(ratio) == pytest.approx((-1.04309033344120, 0.31041850851241), abs=1e-7)
    assert dispersion.estimate == pytest.approx(0.8065165593979, rel=1e-6)
    assert (ratio.n, ratio.events) == (128, 76)


def test_mean_cumulative_functions() -> None:
    # summary(survfit(Surv(tstart, tstop, status) ~ treat, cgd, id = id), times = c(100, 200, 300, 350)): cumhaz and
    # std.chaz; bladder1 by treatment at 6, 12, 24, 40 (months)
    _, frame = cgd()
    table = {
        "placebo": ([0.24664224664225, 0.40793256922289, 0.89297155917386, 1.26265779399167],
                    [0.06544297297055, 0.09346326361399, 0.16818917898424, 0.25183847868364]),
        "rIFN-g": ([0.03174603174603, 0.16028304500013, 0.27948020662340, 0.33211178557076],
                   [0.02208864579925, 0.05638520225933, 0.07302112743915, 0.10291047663278]),
    }  # fmt: skip
    for arm, (means, errors) in table.items():
        here = frame[frame["treat"] == arm]
        rows = (here["id"], here["tstart"], here["tstop"], here["status"])
        found = mean_cumulative_at(*rows, times=[100, 200, 300, 350]).items
        assert [e.estimate for e in found] == pytest.approx(means, abs=1e-12)
        assert [e.std_error for e in found] == pytest.approx(errors, abs=1e-12)
        curve = mean_cumulative_function(*rows)
        last = curve[curve["time"] <= 300].iloc[-1]
        assert (last["mean_events"], last["std_error"]) == pytest.approx((means[2], errors[2]), abs=1e-12)
    rows = (frame["id"], frame["tstart"], frame["tstop"], frame["status"], frame["treat"])
    (difference,) = mean_cumulative_difference(*rows, **CGD, times=[300]).items
    assert difference.estimate == pytest.approx(0.27948020662340 - 0.89297155917386, abs=1e-12)
    assert difference.std_error == pytest.approx(math.hypot(0.16818917898424, 0.07302112743915), abs=1e-12)
    tumours = bladder1()
    arms = {
        "placebo": [0.0844649998685, 0.1405843740499, 0.2442323020236, 0.3713699072126],
        "pyridoxine": [0.1260503250990, 0.1928156735446, 0.3764979240596, 0.6955854196977],
        "thiotepa": [0.1053137767469, 0.1565060758246, 0.2250524224736, 0.4313464044751],
    }
    for arm, errors in arms.items():
        here = tumours[tumours["treatment"] == arm]
        found = mean_cumulative_at(here["id"], here["start"], here["stop"], here["event"], times=[6, 12, 24, 40]).items
        assert [e.std_error for e in found] == pytest.approx(errors, abs=1e-11)
        assert np.all(np.diff([e.estimate or 0 for e in found]) > 0)

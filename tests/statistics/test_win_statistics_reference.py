"""Win statistics against published results and R."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evidence_lib.statistics.win_statistics import (
    Continuous,
    Ordinal,
    Recurrent,
    TimeToEvent,
    net_benefit,
    win_odds,
    win_ratio,
    win_statistics,
)
from tests.reference import case, data, needs_reference

pytestmark = needs_reference
AB: dict[str, Any] = {"treatment": "A", "reference": "B"}


def hierarchy(name: str) -> list[Any]:
    numbers = (1, 2, 3)
    if name == "binary":
        return [Ordinal(value=f"Y_{k}") for k in numbers]
    if name == "continuous":
        return [Continuous(value=f"Y_{k}") for k in numbers]
    first = TimeToEvent(time="Y_1", event="Delta_1", margin=0.1)
    if name == "tte_tau0_1":
        return [first, *[TimeToEvent(time=f"Y_{k}", event=f"Delta_{k}", margin=0.1) for k in numbers[1:]]]
    return [first, *[Continuous(value=f"Y_{k}", margin=0.1) for k in numbers[1:]]]


@pytest.mark.parametrize("name", ["binary", "continuous", "tte_tau0_1", "mix"])
def test_c9_the_vignette_of_wins(name: str) -> None:
    frame = data(f"wins/data_{name.removesuffix('_tau0_1')}.csv")
    expected = case("C9")[name]
    found = win_statistics(frame, hierarchy(name), frame["arm"], **AB)
    values = [estimate.estimate for estimate in (found.win_ratio, found.net_benefit, found.win_odds)]
    assert values == pytest.approx(expected, abs=0.0005)
    separate = [function(frame, hierarchy(name), frame["arm"], **AB) for function in (win_ratio, net_benefit, win_odds)]
    assert separate == [found.win_ratio, found.net_benefit, found.win_odds]


def hfaction() -> pd.DataFrame:
    """HF-ACTION, one row per patient: end of follow-up, death, and the times of hospitalisations, in months."""
    rows = data("survival/hfaction_cpx9.csv")
    frame = rows[rows["status"] != 2].set_index("patid")
    stays = rows[rows["status"] == 2].groupby("patid")["time"].apply(list)
    frame["stays"] = [stays.get(patient, []) for patient in frame.index]
    frame["death"] = frame["status"] == 1
    frame["first"] = [min(times, default=end) for times, end in zip(frame["stays"], frame["time"], strict=True)]
    frame["any"] = frame["stays"].map(bool)
    return frame


DEATH = TimeToEvent(time="time", event="death")
# R package WR 1.0, vignette "Two-sample win ratio tests of possibly recurrent event and death":
# WRrec(ID = patid, time = time, status = status, trt = trt_ab, strata = age60, naive = TRUE), and with the first
# hospitalisation alone: per cent of pairs won and lost, win ratio, limits, p-value.
WR = {
    "last": ([50.4, 38.2], [1.32, 1.05, 1.66], 0.0189),
    "first": ([50.4, 38.3], [1.32, 1.04, 1.66], 0.0202),
    "none": ([47.0, 35.0], [1.34, 1.05, 1.72], 0.0193),
    "standard": ([49.5, 39.1], [1.27, 1.00, 1.60], 0.0494),
}


@pytest.mark.parametrize("rule", WR)
def test_hf_action_as_the_r_package_wr(rule: str) -> None:
    frame = hfaction()
    second: Any = Recurrent(times="stays", follow_up="time", then=rule) if rule != "standard" else None  # type: ignore[arg-type]
    second = second or TimeToEvent(time="first", event="any")
    found = win_statistics(
        frame, [DEATH, second], frame["trt_ab"], treatment=1, reference=0, strata=frame["age60"], weights="size"
    )
    ratio, benefit = found.win_ratio, found.net_benefit
    lost = benefit.estimate / (ratio.estimate - 1)
    shares, limits, p_value = WR[rule]
    assert [100 * (lost + benefit.estimate), 100 * lost] == pytest.approx(shares, abs=0.0501)
    assert [ratio.estimate, ratio.conf_low, ratio.conf_high] == pytest.approx(limits, abs=0.005)
    assert ratio.p_value == pytest.approx(p_value, abs=0.00005)
    assert ratio.n == 426


# R 4.2.2, survival 3.5-3: x <- concordance(formula, data, influence = 2, timewt = "n"); x$count[1:2];
# i <- x$influence; sqrt(sum((i[, 1] / x$count[1] - i[, 2] / x$count[2])^2)), with formula and data
# Surv(time, status == 2) ~ I(sex == 2), lung, without and with ymax = 365; Surv(rfstime, status) ~ hormon, gbsg;
# Surv(time, status) ~ I(rx == "Lev+5FU"), colon[etype == 2 & rx != "Lev", ]; ph.karno ~ I(sex == 2), lung without NA.
CONCORDANCE = {
    "lung": (6281, 3133, 0.195088982),
    "lung, a year": (5851, 2851, 0.210641858),
    "gbsg": (35796, 24282, 0.134135931),
    "colon": (39355, 27974, 0.122268772),
    "karno": (4772, 4633, 0.198644114),
}


def one_component(name: str) -> tuple[pd.DataFrame, Any, Any, float | None]:
    if name == "gbsg":
        frame = data("survival/gbsg.csv")
        return frame, TimeToEvent(time="rfstime", event="status"), frame["hormon"], None
    if name == "colon":
        frame = data("survival/colon.csv")
        frame = frame[(frame["etype"] == 2) & (frame["rx"] != "Lev")]
        return frame, TimeToEvent(time="time", event="status"), (frame["rx"] == "Lev+5FU").astype(int), None
    frame = data("survival/lung.csv")
    frame["death"] = frame["status"] == 2
    if name == "karno":
        frame = frame.dropna(subset="ph.karno")
        return frame, Ordinal(value="ph.karno"), frame["sex"] - 1, None
    return frame, TimeToEvent(time="time", event="death"), frame["sex"] - 1, 365 if "year" in name else None


@pytest.mark.parametrize("name", CONCORDANCE)
def test_one_component_as_concordance_of_the_r_package_survival(name: str) -> None:
    frame, component, group, tau = one_component(name)
    found = win_statistics(frame, [component], group, treatment=1, reference=0, tau=tau)
    wins, losses, error = CONCORDANCE[name]
    assert found.components[["wins", "losses"]].to_numpy().tolist() == [[wins, losses]]
    assert found.win_ratio.estimate == pytest.approx(wins / losses, rel=1e-12)
    assert found.win_ratio.std_error == pytest.approx(error, abs=1e-9)


def test_strata_as_concordance_with_the_sizes_of_strata_fixed() -> None:
    # As above with + strata(ph.ecog), lung[!is.na(ph.ecog) & ph.ecog < 3, ]: 2280, 1062 and 0.214554786, an
    # infinitesimal jackknife in which the sizes of the strata vary too.
    frame, component, _, _ = one_component("lung")
    frame = frame[frame["ph.ecog"] < 3]
    arms: dict[str, Any] = {"treatment": 2, "reference": 1}
    found = win_statistics(frame, [component], frame["sex"], **arms, strata=frame["ph.ecog"], weights="equal")
    assert found.components[["wins", "losses"]].to_numpy().tolist() == [[2280, 1062]]
    by_size = 0.0
    for _, part in frame.groupby("ph.ecog"):
        wins, losses = win_statistics(part, [component], part["sex"], **arms).components.loc[0, ["wins", "losses"]]
        own, other = (part["sex"] == 2).sum(), (part["sex"] == 1).sum()
        by_size += (wins / 2280 - losses / 1062) ** 2 * (1 / own + 1 / other)
    error = found.win_ratio.std_error
    assert error is not None
    assert math.sqrt(error**2 + by_size) == pytest.approx(0.214554786, abs=1e-9)


# R package WINS, R/unadjusted.win.stat.R: the variance and the strata written down from its formulas.
def wins_package(kernel: list[tuple[np.ndarray, np.ndarray]], weights: str) -> dict[str, tuple[float, float]]:
    """Statistic and variance, of the logarithm for ratios, from win and loss matrices of each stratum."""
    n1, n0 = (np.array([won.shape[axis] for won, _ in kernel], float) for axis in (0, 1))
    won, lost, spread = [], [], []
    for k, (win, loss) in enumerate(kernel):
        theta = (win.sum() + loss.sum()) / (2 * n1[k] * n0[k])
        parts = {}
        for a, b in (("K", "K"), ("L", "L"), ("K", "L")):
            x, y = ({"K": win, "L": loss}[letter] for letter in (a, b))
            row = (
                ((x - theta) * (y.sum(1, keepdims=True) - y - (n0[k] - 1) * theta)).sum() * n1[k] * n0[k] / (n0[k] - 1)
            )
            column = ((x - theta) * (y.sum(0) - y - (n1[k] - 1) * theta)).sum() * n1[k] * n0[k] / (n1[k] - 1)
            parts[a + b] = row / n1[k] + column / n0[k]
        won.append(win.sum())
        lost.append(loss.sum())
        spread.append(parts["KK"] + parts["LL"] - 2 * parts["KL"])
    w1, w0, sigma, pairs = np.array(won), np.array(lost), np.array(spread), n1 * n0
    n = n1 + n0
    if weights == "mean-by-size":
        share, p1, p0 = n / n.sum(), w1 / pairs, w0 / pairs
        tie = 1 - p1 - p0
        ratio, benefit, odds = share @ (w1 / w0), share @ (p1 - p0), share @ ((p1 + tie / 2) / (p0 + tie / 2))
        return {
            "win_ratio": (ratio, share**2 @ (sigma / ((w1 + w0) / 2) ** 2) / ratio**2),
            "net_benefit": (benefit, share**2 @ (sigma / pairs**2)),
            "win_odds": (odds, share**2 @ (sigma * (pairs / (2 * (pairs / 2) ** 2)) ** 2) / odds**2),
        }
    share = (1 / n) / (1 / n).sum() if weights == "mh" else np.full(n.size, 1 / n.size)
    p1, p0 = share @ w1 / (share @ pairs), share @ w0 / (share @ pairs)
    total = share**2 @ sigma
    return {
        "win_ratio": (p1 / p0, total / (share @ (w1 + w0) / 2) ** 2),
        "net_benefit": (p1 - p0, total / (share @ pairs) ** 2),
        "win_odds": ((p1 + (1 - p1 - p0) / 2) / (p0 + (1 - p1 - p0) / 2), total * (1 / (share @ pairs / 2)) ** 2),
    }


def kernel_of_mix(frame: pd.DataFrame) -> list[tuple[np.ndarray, np.ndarray]]:
    """Who wins in ``data_mix``, by stratum, from the rule of WINS: observed event and a difference above 0.1."""
    found = []
    for _, part in frame.groupby("stratum"):
        a, b = part[part["arm"] == "A"], part[part["arm"] == "B"]
        win, loss = (np.zeros((len(a), len(b))) for _ in range(2))
        for k in (1, 2, 3):
            x, y = a[f"Y_{k}"].to_numpy()[:, None], b[f"Y_{k}"].to_numpy()
            d1 = a["Delta_1"].to_numpy()[:, None] if k == 1 else 1
            d0 = b["Delta_1"].to_numpy() if k == 1 else 1
            left = 1 - win - loss
            win, loss = win + left * (x > y + 0.1) * d0, loss + left * (y > x + 0.1) * d1
        found.append((win, loss))
    return found


@pytest.mark.parametrize("weights", ["mh", "equal", "mean-by-size"])
def test_strata_and_null_variance_as_the_formulas_of_wins(weights: Any) -> None:
    frame = data("wins/data_mix_stratum.csv")
    found = win_statistics(
        frame, hierarchy("mix"), frame["arm"], **AB, strata=frame["stratum"], weights=weights, variance="null"
    )
    for name, (value, variance) in wins_package(kernel_of_mix(frame), weights).items():
        estimate = getattr(found, name)
        assert estimate.estimate == pytest.approx(value, rel=1e-12), name
        assert estimate.std_error == pytest.approx(math.sqrt(variance), rel=1e-9), name

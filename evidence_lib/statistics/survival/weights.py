"""The weights of weighted log-rank tests, as functions of the risk sets at the event times."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from evidence_lib.errors import InvalidInput
from evidence_lib.language import Message, message
from evidence_lib.statistics.inputs import Floats
from evidence_lib.statistics.survival.inputs import TIE, days, starts_of
from evidence_lib.statistics.survival.risk_table import RiskTable

WeightName = Literal["fleming-harrington", "modestly-weighted", "gehan", "tarone-ware", "peto-peto"]
NEEDED: dict[str, tuple[str, ...]] = {"fleming-harrington": ("rho", "gamma"), "modestly-weighted": ("t_star", "s_star")}


@dataclass(frozen=True)
class Weight:
    """A weight: its short name, its words for ``method``, and its values at the event times."""

    label: str
    words: Message
    values: Callable[[RiskTable], Floats]


def chosen_weight(
    weight: WeightName, *, rho: float | None, gamma: float | None, t_star: float | None, s_star: float | None
) -> Weight:
    """The weight of these choices. Raises InvalidInput for one that is unknown, missing, or not of this weight."""
    if weight not in get_args(WeightName):
        raise InvalidInput("unknown weight", expected=" or ".join(get_args(WeightName)), found=repr(weight))
    given = {"rho": rho, "gamma": gamma, "t_star": t_star, "s_star": s_star}
    for name, value in given.items():
        if value is not None and name not in NEEDED.get(weight, ()):
            raise InvalidInput(f"{name} is not a choice of this weight", where=weight, found=repr(value))
    if weight == "fleming-harrington":
        return fleming_harrington(rho, gamma)
    if weight == "modestly-weighted":
        return modest(t_star, s_star)
    return OTHERS[weight]


def fleming_harrington(rho: Any, gamma: Any) -> Weight:
    """S(t-)^rho (1 - S(t-))^gamma."""
    rho, gamma = (_number(value, name, "an exponent, zero or more") for name, value in (("rho", rho), ("gamma", gamma)))
    return Weight(
        f"FH({days(rho)}, {days(gamma)})",
        message("survival_statistics.weight.fleming-harrington", rho=days(rho), gamma=days(gamma)),
        lambda table: (before := survival_before(table)) ** rho * (1 - before) ** gamma,
    )


def modest(t_star: Any, s_star: Any) -> Weight:
    """1 / max(S(t-), S(t*-)), or 1 / max(S(t-), S*)."""
    if (t_star is None) == (s_star is None):
        raise InvalidInput("t_star and s_star exclude each other", expected="one of the two")
    if t_star is not None:
        time = _number(t_star, "t_star", "zero or more days")
        return Weight(
            f"MW(t*={days(time)})",
            message("survival_statistics.weight.modest_time", time=days(time)),
            lambda table: 1 / np.maximum(survival_before(table), _held_from(table, time)),
        )
    floor = _number(s_star, "s_star", "a probability", 1)
    return Weight(
        f"MW(S*={days(floor)})",
        message("survival_statistics.weight.modest_survival", survival=days(floor)),
        lambda table: 1 / np.maximum(survival_before(table), floor),
    )


def survival_before(table: RiskTable) -> Floats:
    """S(t-), the pooled Kaplan-Meier estimate just before each event time, within its stratum."""
    before = np.ones(table.time.size)
    staying = 1 - table.n_events / table.n_at_risk
    for start, end in _strata(table):
        np.cumprod(staying[start : end - 1], out=before[start + 1 : end])
    return before


def _held_from(table: RiskTable, time: float) -> Floats:
    """S(t*-) of each event time's stratum; 0 where all events of the stratum come before t*."""
    before = survival_before(table)
    held = np.zeros(table.time.size)
    for start, end in _strata(table):
        late = np.flatnonzero(table.time[start:end] >= time * (1 - TIE))
        held[start:end] = before[start + late[0]] if late.size else 0
    return held


def _peto(table: RiskTable) -> Floats:
    staying = 1 - table.n_events / (table.n_at_risk + 1)
    return np.concatenate([[], *(np.cumprod(staying[start:end]) for start, end in _strata(table))])


def _strata(table: RiskTable) -> list[tuple[int, int]]:
    starts = starts_of(table.stratum).tolist()
    return list(zip(starts, [*starts[1:], table.time.size], strict=True))


def _number(value: Any, name: str, expected: str, most: float = sys.float_info.max) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not 0 <= value <= most:
        raise InvalidInput(f"{name} cannot be used", expected=expected, found=repr(value))
    return float(value)


OTHERS: dict[str, Weight] = {
    "gehan": Weight("Gehan", message("survival_statistics.weight.gehan"), lambda table: table.n_at_risk),
    "tarone-ware": Weight(
        "Tarone-Ware", message("survival_statistics.weight.tarone-ware"), lambda table: np.sqrt(table.n_at_risk)
    ),
    "peto-peto": Weight("Peto-Peto", message("survival_statistics.weight.peto-peto"), _peto),
}

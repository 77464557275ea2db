"""What a comparison of all pairs says: the estimates with their sentences, and the contributions of the components."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evidence_lib.language import Message, message
from evidence_lib.results import Estimate
from evidence_lib.statistics.survival.inputs import days
from evidence_lib.statistics.win_statistics.comparison import Comparison
from evidence_lib.statistics.win_statistics.components import described, has_times, label_of
from evidence_lib.statistics.win_statistics.estimates import Effect, Kind, Variance, Weights, effect, estimate

UNITS: dict[Kind, str] = {"ratio": "ratio", "odds": "ratio", "net_benefit": "probability"}


@dataclass(frozen=True)
class WinStatistics:
    """The three statistics of one comparison, and what each component contributed.

    ``components`` has a row per component in their order: ``component`` (its name), ``pairs`` (those that the
    components before it left undecided), ``wins`` and ``losses`` of the treated, and ``ties``, the pairs that go on to
    the next. They are counts over all strata, each pair once; with ``censoring="ipcw"`` they are sums of the weights
    that stand for all pairs. It has no rows where nothing could be compared.
    """

    win_ratio: Estimate
    win_odds: Estimate
    net_benefit: Estimate
    components: pd.DataFrame


def reported(
    found: Comparison,
    treatment: str | float,
    reference: str | float,
    weights: Weights,
    variance: Variance,
    conf_level: float,
) -> WinStatistics:
    """The estimates of a comparison."""
    variant = "_".join(["ipcw"] * (found.censoring == "ipcw") + ["stratified"] * (found.factors is not None))
    time = {} if found.tau is None else {"time": days(found.tau)}

    def one(kind: Kind) -> Estimate:
        shared: dict[str, Any] = {
            "analysis": f"win.{kind}" + (f".{variant}" if variant else ""),
            "unit": UNITS[kind],
            "groups": {"treatment": treatment, "reference": reference, **time},
            "n": found.n,
            "conf_level": conf_level,
            "scale": "identity" if kind == "net_benefit" else "log",
            "method": _sentence(kind, found, weights, variance),
        }
        if found.reason is not None:
            return estimate(kind, Effect(None, None, found.reason), shared)
        return estimate(kind, effect(kind, found.strata, weights, variance), shared)

    return WinStatistics(one("ratio"), one("odds"), one("net_benefit"), _contributions(found))


def _contributions(found: Comparison) -> pd.DataFrame:
    """A row per component."""
    if not found.strata:
        return pd.DataFrame(columns=["component", "pairs", "wins", "losses", "ties"])
    wins, losses = (sum(getattr(stratum.tally, name) for stratum in found.strata) for name in ("wins", "losses"))
    total = sum(stratum.tally.all_pairs for stratum in found.strata)
    ties = total - np.cumsum(wins + losses)
    numbers = {"pairs": np.concatenate([[total], ties[:-1]]), "wins": wins, "losses": losses, "ties": ties}
    counted = found.censoring != "ipcw"
    columns = {name: values.astype(np.int64) if counted else values for name, values in numbers.items()}
    return pd.DataFrame({"component": [label_of(component) for component in found.components], **columns})


def _sentence(kind: Kind, found: Comparison, weights: Weights, variance: Variance) -> Message:
    return message(
        f"win_statistics.method.{kind}",
        components=[described(component) for component in found.components],
        pairs=_pairs(found, weights),
        follow_up=_follow_up(found) if any(map(has_times, found.components)) else "",
        missing=message(f"win_statistics.missing.{found.missing}"),
        variance=message(f"win_statistics.variance.{'ipcw' if found.censoring == 'ipcw' else variance}"),
    )


def _pairs(found: Comparison, weights: Weights) -> Message:
    if found.factors is None:
        return message("win_statistics.pairs.all")
    how = message(f"win_statistics.weights.{weights}")
    names = {"names": list(found.factors)} if found.factors else {}
    strata = message("win_statistics.strata.named", **names) if names else message("win_statistics.strata.unnamed")
    if found.without_pairs:
        return message("win_statistics.pairs.strata_left_out", strata=strata, weights=how, left_out=found.without_pairs)
    return message("win_statistics.pairs.strata", strata=strata, weights=how)


def _follow_up(found: Comparison) -> Message:
    if found.tau is None:
        return message(f"win_statistics.follow_up.{found.censoring}")
    source = message(f"win_statistics.tau.{'given' if found.tau_is_given else 'from_data'}")
    return message(f"win_statistics.follow_up.{found.censoring}_limit", tau=days(found.tau), source=source)

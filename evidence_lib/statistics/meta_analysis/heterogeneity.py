"""How much the effects of studies differ: Cochran's test, tau2, I2 and H2."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from evidence_lib.language import Message, message
from evidence_lib.results import Estimate
from evidence_lib.statistics.distributions import chi_square_p
from evidence_lib.statistics.meta_analysis.inputs import Studies
from evidence_lib.statistics.meta_analysis.model import (
    Data,
    Model,
    profile_limits,
    typical_variance,
    weighted,
)
from evidence_lib.statistics.not_estimable import NotEstimable

ISquared = Literal["tau2", "q"]


@dataclass(frozen=True)
class Heterogeneity:
    """Cochran's test, tau2 (None in the fixed model), I2 and H2."""

    test: Estimate
    tau_squared: Estimate | None
    i_squared: Estimate
    h_squared: Estimate


def heterogeneity(
    data: Data | Message, studies: Studies, *, tau2: float, model: Model, kind: ISquared, level: float
) -> Heterogeneity:
    """What the residuals of a weighted regression say, or why there are none.

    ``tau2`` is the model's estimate, ``kind`` the definition of I2.
    """
    groups = {"model": model}
    empty = data if isinstance(data, Message) else message("meta_statistics.reason.no_df") if data.df < 1 else None
    q, df = (0.0, 0) if isinstance(data, Message) or empty is not None else (weighted(data, 0.0).q, data.df)
    plain = of_q(q, df, groups, empty)
    if model == "fixed":
        return plain
    share = message(f"meta_statistics.method.i_squared.{kind}")
    shared: dict[str, Any] = {"groups": groups, "conf_level": level}
    tau_squared = {
        **shared,
        "analysis": "meta.tau_squared",
        "unit": "variance",
        "method": message("meta_statistics.method.tau_squared", model=message(f"meta_statistics.model.{model}")),
    }
    i_squared = {**shared, "analysis": "meta.i_squared", "unit": "probability", "method": share}
    h_squared = {**shared, "analysis": "meta.h_squared", "unit": "ratio", "method": share}
    if isinstance(data, Message) or empty is not None:
        return Heterogeneity(plain.test, *(_gap(one, empty) for one in (tau_squared, i_squared, h_squared)))
    typical, limits = typical_variance(data), profile_limits(data, level)
    ratios = None if limits is None else (limits[0] / typical + 1, limits[1] / typical + 1)
    ratio = tau2 / typical + 1 if kind == "tau2" else q / df
    return Heterogeneity(
        test=plain.test,
        tau_squared=_limited(tau_squared, tau2, limits, lambda one: studies.plain(studies.plain(one))),
        i_squared=_limited(i_squared, ratio, ratios, share_of),
        h_squared=_limited(h_squared, ratio, ratios, float),
    )


def of_q(q: float, df: int, groups: dict[str, Any], empty: Message | None) -> Heterogeneity:
    """Cochran's test, and I2 and H2 from its statistic, which have no limits; ``empty`` says why there is none."""
    test: dict[str, Any] = {
        "analysis": "meta.heterogeneity",
        "unit": "chi-square",
        "groups": groups,
        "is_test": True,
        "method": message("meta_statistics.method.heterogeneity"),
    }
    shared: dict[str, Any] = {"groups": groups, "method": message("meta_statistics.method.i_squared.q_only")}
    i_squared = {**shared, "analysis": "meta.i_squared", "unit": "probability"}
    h_squared = {**shared, "analysis": "meta.h_squared", "unit": "ratio"}
    if empty is not None:
        return Heterogeneity(_gap(test, empty), None, _gap(i_squared, empty), _gap(h_squared, empty))
    return Heterogeneity(
        test=Estimate(**test, test_statistic=q, df=df, p_value=chi_square_p(q, df)),
        tau_squared=None,
        i_squared=Estimate(**i_squared, estimate=share_of(q / df)),
        h_squared=Estimate(**h_squared, estimate=q / df),
    )


def _gap(shared: dict[str, Any], reason: Message | None) -> Estimate:
    return Estimate(**shared, status="not_estimable", reason=reason)


def share_of(h_squared: float) -> float:
    """I2 from H2, 0 where that is below 1."""
    return 1 - 1 / h_squared if h_squared > 1 else 0.0


def _limited(
    shared: dict[str, Any], value: float, limits: tuple[float, float] | None, show: Callable[[float], float]
) -> Estimate:
    try:
        if limits is None:
            return Estimate(**shared, estimate=show(value), reason=message("meta_statistics.reason.empty_profile"))
        return Estimate(**shared, estimate=show(value), conf_low=show(limits[0]), conf_high=show(limits[1]))
    except NotEstimable as gap:
        return Estimate(**shared, status="not_estimable", reason=gap.reason)

"""The hypotheses that go in, and the decisions that come out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from evidence_lib.errors import InvalidInput
from evidence_lib.language import Message, message
from evidence_lib.results import Estimate, Estimates
from evidence_lib.statistics.inputs import Floats, checked_level, numbers, refuse

Alternative = Literal["two-sided", "less", "greater"]
COLUMNS = ["hypothesis", "p_value", "adjusted_p", "rejected", "order", "estimate", "conf_low", "conf_high"]


@dataclass(frozen=True, eq=False)
class Hypotheses:
    """The hypotheses of a family; what was not given is NaN. ``null`` is the value that is tested against."""

    names: tuple[str, ...]
    p_value: Floats
    estimate: Floats
    std_error: Floats
    df: Floats
    null: Floats
    alpha: float
    alternative: Alternative
    unit: str | None
    scale: Literal["identity", "log"]

    @property
    def p_or_one(self) -> Floats:
        """The p-values, with 1 for a hypothesis that has none: it cannot be rejected."""
        return np.where(np.isnan(self.p_value), 1.0, self.p_value)

    @property
    def has_estimates(self) -> bool:
        """Whether intervals can be made."""
        return self.unit is not None


@dataclass(frozen=True, eq=False)
class Multiplicity:
    """The decisions of a procedure.

    ``table`` has a row per hypothesis in the order given: hypothesis, p_value (as given), adjusted_p, rejected (the
    adjusted p-value is at most alpha), order (1 for the first rejected, missing where it is not), estimate, conf_low
    and conf_high (simultaneous limits, missing where there are none). ``adjusted`` holds the adjusted p-values as
    confirmatory estimates, ``intervals`` the simultaneous intervals where estimates were given, and ``graph`` the local
    weights that are left after the last rejection (graphical procedures).
    """

    table: pd.DataFrame
    adjusted: Estimates
    intervals: Estimates
    alpha: float
    alternative: Alternative
    method: Message
    graph: pd.DataFrame | None = None


def checked_hypotheses(
    frame: Any,
    *,
    alpha: float,
    alternative: Alternative,
    unit: str | None,
    scale: str,
    p_needed: bool = True,
) -> Hypotheses:
    """The hypotheses of a frame. Raises InvalidInput; rows are named by number, from 1."""
    if not isinstance(frame, pd.DataFrame) or "hypothesis" not in frame or frame.empty:
        raise InvalidInput(
            "hypotheses cannot be used", expected="a frame with a row per hypothesis and a column hypothesis"
        )
    if alternative not in get_args(Alternative):
        raise InvalidInput("unknown alternative", expected=" or ".join(get_args(Alternative)), found=repr(alternative))
    if scale not in ("identity", "log"):
        raise InvalidInput("unknown scale", expected="identity or log", found=repr(scale))
    names = tuple(str(name) for name in frame["hypothesis"])
    if frame["hypothesis"].isna().any() or len(set(names)) < len(names):
        raise InvalidInput("hypotheses need names of their own", where="hypothesis", expected="each name once")
    level = checked_level(alpha)
    empty = np.full(len(names), np.nan)
    column = {
        name: numbers(frame[name], name) if name in frame else empty
        for name in ("p_value", "estimate", "std_error", "df", "null")
    }
    if p_needed and "p_value" not in frame:
        raise InvalidInput("a column is missing", where="hypotheses", expected="p_value")
    refuse(
        (column["p_value"] < 0) | (column["p_value"] > 1), "p_value", "between 0 and 1, or missing", "a value outside"
    )
    refuse(np.isinf(column["estimate"]), "estimate", "a finite number", "an infinite value")
    refuse(~(column["std_error"] > 0) & ~np.isnan(column["std_error"]), "std_error", "above 0", "another value")
    refuse(~(column["df"] > 0) & ~np.isnan(column["df"]), "df", "above 0", "another value")
    given = "estimate" in frame and "std_error" in frame
    if given != (unit is not None):
        raise InvalidInput(
            "simultaneous intervals need estimates, their standard errors and their unit",
            expected="columns estimate and std_error together with unit, or none of them",
        )
    return Hypotheses(
        names=names,
        p_value=column["p_value"],
        estimate=column["estimate"],
        std_error=column["std_error"],
        df=np.where(np.isnan(column["df"]), np.inf, column["df"]),
        null=np.where(np.isnan(column["null"]), 0.0, column["null"]),
        alpha=level,
        alternative=alternative,
        unit=unit,
        scale=scale,  # type: ignore[arg-type]
    )


def decided(
    family: Hypotheses,
    name: str,
    adjusted: Floats,
    method: Message,
    *,
    limits: tuple[Floats, Floats] | None,
    why_none: Message | None,
    order: Sequence[int] | None = None,
    graph: pd.DataFrame | None = None,
) -> Multiplicity:
    """The decisions of a procedure with these adjusted p-values, in the order of the family.

    ``limits`` are simultaneous limits on the scale of the estimates, infinite on a side that has none; ``why_none`` is
    said where there are none at all. ``order`` is the order of rejection; None takes that of the p-values.
    """
    known = ~np.isnan(family.p_value)
    rejected = known & (adjusted <= family.alpha * (1 + 1e-12))
    if order is None:
        order = [int(i) for i in np.lexsort((np.arange(adjusted.size), family.p_or_one, adjusted))]
    place = {number: rank for rank, number in enumerate([i for i in order if rejected[i]], start=1)}
    back = np.exp if family.scale == "log" else np.asarray
    low, high = (np.full(adjusted.size, np.nan),) * 2 if limits is None else limits
    with np.errstate(over="ignore"):
        shown = [np.where(np.isfinite(side), back(side), np.nan) for side in (low, high)]
    table = pd.DataFrame(
        {
            "hypothesis": family.names,
            "p_value": family.p_value,
            "adjusted_p": np.where(known, adjusted, np.nan),
            "rejected": rejected,
            "order": pd.array([place.get(i) for i in range(adjusted.size)], dtype="Int64"),
            "estimate": back(family.estimate),
            "conf_low": shown[0],
            "conf_high": shown[1],
        },
        columns=COLUMNS,
    )
    estimates = [
        _adjusted(family, name, i, float(adjusted[i]) if known[i] else None, method) for i in range(adjusted.size)
    ]
    intervals = (
        [_interval(family, name, i, low, high, method, why_none) for i in range(adjusted.size)]
        if family.has_estimates
        else []
    )
    return Multiplicity(
        table, Estimates(tuple(estimates)), Estimates(tuple(intervals)), family.alpha, family.alternative, method, graph
    )


def _adjusted(family: Hypotheses, name: str, i: int, value: float | None, method: Message) -> Estimate:
    shared: dict[str, Any] = {
        "analysis": f"multiplicity.{name}",
        "unit": "probability",
        "groups": {"hypothesis": family.names[i]},
        "method": method,
        "is_test": True,
        "alternative": family.alternative,
        "p_kind": "confirmatory",
    }
    if value is None:
        return Estimate(**shared, status="not_estimable", reason=message("multiplicity_statistics.reason.no_p_value"))
    return Estimate(**shared, p_value=value)


def _interval(
    family: Hypotheses, name: str, i: int, low: Floats, high: Floats, method: Message, why_none: Message | None
) -> Estimate:
    back = math.exp if family.scale == "log" else float
    shared: dict[str, Any] = {
        "analysis": f"multiplicity.interval.{name}",
        "unit": family.unit,
        "groups": {"hypothesis": family.names[i]},
        "method": method,
        "scale": family.scale,
        "conf_level": 1 - family.alpha,
    }
    if math.isnan(family.estimate[i]) or math.isnan(family.std_error[i]):
        reason = message("multiplicity_statistics.reason.no_estimate")
        return Estimate(**shared, status="not_estimable", reason=reason)
    value: dict[str, Any] = {"estimate": back(family.estimate[i]), "std_error": float(family.std_error[i])}
    if why_none is not None:
        return Estimate(**shared, **value, reason=why_none)
    limits = [back(side[i]) if math.isfinite(side[i]) else None for side in (low, high)]
    is_open = None in limits
    return Estimate(
        **shared,
        **value,
        conf_low=limits[0],
        conf_high=limits[1],
        reason=message("multiplicity_statistics.reason.one_sided") if is_open else None,
    )


def bounds(family: Hypotheses, level: Floats) -> tuple[Floats, Floats]:
    """Limits of each estimate with this chance of missing the truth; one-sided ones are infinite on the other side.

    ``level`` of 0 gives no limit at all.
    """
    from scipy.special import ndtri, stdtrit

    share = level / 2 if family.alternative == "two-sided" else level
    with np.errstate(divide="ignore", invalid="ignore"):
        finite = np.where(np.isinf(family.df), 1.0, family.df)
        half = -np.where(np.isinf(family.df), ndtri(share), stdtrit(finite, share)) * family.std_error
    half = np.where(share <= 0, np.inf, half)
    return one_or_both_sides(family, half)


def one_or_both_sides(family: Hypotheses, half: Floats) -> tuple[Floats, Floats]:
    """Estimate minus and plus ``half``, without the side that a one-sided alternative does not have."""
    none = np.full(half.size, np.inf)
    low = -none if family.alternative == "less" else family.estimate - half
    high = none if family.alternative == "greater" else family.estimate + half
    return low, high


def stepwise_bounds(family: Hypotheses, rejected: np.ndarray, left: Floats, first: Floats) -> tuple[Floats, Floats]:
    """Simultaneous limits that fit the decisions of a sequentially rejective procedure (Strassburger & Bretz 2008).

    ``left`` are the levels of the hypotheses not rejected. While some hypothesis stands, a rejected one is only known
    to be beyond its null value; once all are rejected each is beyond its limit at the level of ``first`` too, which
    may be any split of alpha that was fixed beforehand.
    """
    low, high = bounds(family, first if rejected.all() else left)
    if family.alternative == "greater":
        beyond = np.maximum(low, family.null) if rejected.all() else family.null
        return np.where(rejected, beyond, np.minimum(low, family.null)), high
    beyond = np.minimum(high, family.null) if rejected.all() else family.null
    return low, np.where(rejected, beyond, np.maximum(high, family.null))

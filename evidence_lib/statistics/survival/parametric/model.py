"""A fitted parametric model: its parameters, and what it says of survival, medians and means."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.errors import InvalidInput
from evidence_lib.language import Message, message
from evidence_lib.results import Estimate, Estimates
from evidence_lib.statistics.distributions import normal_quantile
from evidence_lib.statistics.inputs import Floats
from evidence_lib.statistics.survival.inputs import checked_times, days
from evidence_lib.statistics.survival.parametric.background import Background
from evidence_lib.statistics.survival.parametric.families import Family, natural

# A median that lies further out than this many times the longest follow-up is not looked for.
FURTHEST = 1e4
STEP = 1e-5
PANELS, NODES = 40, 12


@dataclass(frozen=True, eq=False)
class ParametricModel:
    """One fitted distribution.

    ``values`` are the free parameters (logarithms of positive ones, logits of shares) followed by the coefficients of
    ``terms``; ``covariance`` is the inverse of their observed information. Where the model has no maximum ``status`` is
    ``not_estimable``, ``reason`` says why, and numbers are NaN.
    """

    name: str
    family: Family | None
    terms: tuple[str, ...]
    values: Floats
    covariance: Floats
    log_likelihood: float
    n: int
    events: int
    last: float
    relative: bool
    conf_level: float
    method: Message
    status: Literal["ok", "not_estimable"] = "ok"
    reason: Message | None = None

    @property
    def aic(self) -> float:
        """Akaike's criterion, 2 k - 2 log L."""
        return 2 * self.values.size - 2 * self.log_likelihood

    @property
    def bic(self) -> float:
        """The Bayesian criterion, k log(n) - 2 log L with n patients, as R's BIC."""
        return self.values.size * math.log(self.n) - 2 * self.log_likelihood if self.n else math.nan

    def table(self) -> pd.DataFrame:
        """One row per parameter and term: parameter, scale, estimate, conf_low, conf_high, free, std_error.

        ``estimate`` and limits are on the natural scale; ``free`` and its ``std_error`` on the scale ``scale``, on
        which the limits are normal. A coefficient acts on the family's location parameter, on its free scale.
        """
        if self.family is None:
            return pd.DataFrame(
                columns=["parameter", "scale", "estimate", "conf_low", "conf_high", "free", "std_error"]
            )
        names = (*self.family.parameters, *self.terms)
        scales = (*self.family.scales, *("identity" for _ in self.terms))
        error = np.sqrt(np.diag(self.covariance))
        half = normal_quantile(self.conf_level) * error
        rows = [
            (name, scale, *(float(natural(scale, value)) for value in (at, at - by, at + by)), float(at), float(se))
            for name, scale, at, by, se in zip(names, scales, self.values, half, error, strict=True)
        ]
        return pd.DataFrame(
            rows, columns=["parameter", "scale", "estimate", "conf_low", "conf_high", "free", "std_error"]
        )

    def survival(
        self, times: ArrayLike, *, at: Mapping[str, float] | None = None, background: Background | None = None
    ) -> Estimates:
        """Probability of being event-free at times that may lie beyond follow-up: one ``parametric.survival`` each.

        Delta method on the scale log(-log S). ``at`` gives a value to every term; ``background`` is the mortality of
        the general population (see ``Background``). Raises InvalidInput for a term without a value, and for a model of
        the excess hazard without a background.

        Misreading: beyond follow-up the number is the model's, not the data's; models that fit alike differ there.
        """
        wanted = checked_times(times)
        if self.family is None:
            return Estimates(tuple(self._missing("parametric.survival", "probability", time=days(t)) for t in wanted))

        def hazard(values: Floats) -> Floats:
            return self._cumulative(np.asarray(wanted), values, at, background)

        total = hazard(self.values)
        error = np.sqrt(self._variance(lambda values: np.log(hazard(values))))
        half = normal_quantile(self.conf_level) * error
        found = []
        for t, h, se, by in zip(wanted, total, error, half, strict=True):
            shared = self._shared("parametric.survival", "probability", time=days(t))
            if h <= 0 or not math.isfinite(se):
                alone = message("parametric_statistics.reason.no_hazard_yet")
                found.append(Estimate(**shared, estimate=math.exp(-h), reason=alone))
                continue
            found.append(
                Estimate(
                    **shared,
                    estimate=math.exp(-h),
                    std_error=math.exp(-h) * h * se,
                    conf_low=math.exp(-h * math.exp(by)),
                    conf_high=math.exp(-h * math.exp(-by)),
                )
            )
        return Estimates(tuple(found))

    def median(self, *, at: Mapping[str, float] | None = None, background: Background | None = None) -> Estimate:
        """Time at which half have had the event, in days: ``parametric.median``, delta method on the log scale.

        Not estimable where the model's curve stays above one half (a cure fraction) as far as it is followed.

        Misreading: past the end of follow-up it is an extrapolation.
        """
        if self.family is None:
            return self._missing("parametric.median", "days")
        shared = self._shared("parametric.median", "days")

        def at_half(values: Floats) -> float:
            from scipy.optimize import brentq

            def gap(log_time: float) -> float:
                return float(self._cumulative(np.exp([log_time]), values, at, background)[0]) - math.log(2)

            low, high = math.log(self.last) - 30, math.log(self.last * FURTHEST)
            if not gap(high) > 0 or not gap(low) < 0:
                return math.nan
            return float(brentq(gap, low, high, xtol=1e-13, rtol=8.9e-16))

        log_median = at_half(self.values)
        if not math.isfinite(log_median):
            reason = message("parametric_statistics.reason.median_not_reached")
            return Estimate(**shared, status="not_estimable", reason=reason)
        error = math.sqrt(float(self._variance(lambda values: np.array([at_half(values)]))[0]))
        middle = math.exp(log_median)
        if not math.isfinite(error):
            reason = message("parametric_statistics.reason.median_not_reached")
            return Estimate(**shared, estimate=middle, reason=reason)
        half = normal_quantile(self.conf_level) * error
        return Estimate(
            **shared,
            estimate=middle,
            std_error=middle * error,
            conf_low=middle * math.exp(-half),
            conf_high=middle * math.exp(half),
        )

    def rmst(
        self, tau: float, *, at: Mapping[str, float] | None = None, background: Background | None = None
    ) -> Estimate:
        """Mean time event-free within the first ``tau`` days: ``parametric.rmst``, the area under the model's curve.

        Gauss-Legendre quadrature; delta method with a normal interval. ``tau`` may lie beyond follow-up.

        Misreading: with a tau beyond follow-up most of it may be the model's belief.
        """
        if isinstance(tau, bool) or not isinstance(tau, int | float | np.number) or not 0 < tau < math.inf:
            raise InvalidInput("tau is not a time horizon", expected="a number of days above 0", found=repr(tau))
        if self.family is None:
            return self._missing("parametric.rmst", "days", time=days(float(tau)))
        nodes, weights = _quadrature(float(tau))

        def area(values: Floats) -> Floats:
            return np.array([float(weights @ np.exp(-self._cumulative(nodes, values, at, background)))])

        error = math.sqrt(float(self._variance(area)[0]))
        half = normal_quantile(self.conf_level) * error
        mean = float(area(self.values)[0])
        return Estimate(
            **self._shared("parametric.rmst", "days", time=days(float(tau))),
            estimate=mean,
            std_error=error,
            conf_low=mean - half,
            conf_high=mean + half,
        )

    def cure_fraction(self) -> Estimate:
        """The share that never has the event: ``parametric.cure_fraction``, delta method on the logit scale.

        Raises InvalidInput for a model that has none.

        Misreading: it rests on the tail of the curve; without long follow-up and a plateau it is a guess.
        """
        if not self.name.startswith("cure-"):
            raise InvalidInput("this model has no cure fraction", expected="a model cure-...", found=self.name)
        if self.terms:
            raise InvalidInput("the cure fraction differs between patients", expected="a model without covariates")
        if self.family is None:
            return self._missing("parametric.cure_fraction", "probability")
        row = self.table().iloc[0]
        share = float(row["estimate"])
        return Estimate(
            **self._shared("parametric.cure_fraction", "probability"),
            estimate=share,
            std_error=float(row["std_error"]) * share * (1 - share),
            conf_low=float(row["conf_low"]),
            conf_high=float(row["conf_high"]),
        )

    def curve(
        self, times: ArrayLike, *, at: Mapping[str, float] | None = None, background: Background | None = None
    ) -> pd.DataFrame:
        """Columns model, time, survival, conf_low, conf_high, cumulative_hazard, hazard (per day), beyond_follow_up.

        Empty for a model without a maximum.
        """
        columns = ["model", "time", "survival", "conf_low", "conf_high", "cumulative_hazard", "hazard"]
        if self.family is None:
            return pd.DataFrame(columns=[*columns, "beyond_follow_up"])
        wanted = np.asarray(checked_times(times))
        estimates = self.survival(wanted, at=at, background=background).items
        frame = pd.DataFrame(
            {
                "model": self.name,
                "time": wanted,
                "survival": [e.estimate for e in estimates],
                "conf_low": [e.conf_low for e in estimates],
                "conf_high": [e.conf_high for e in estimates],
                "cumulative_hazard": self._cumulative(wanted, self.values, at, background),
                "hazard": self._hazard(wanted, self.values, at, background),
            }
        )
        return frame.assign(beyond_follow_up=wanted > self.last)

    def _cumulative(
        self, times: Floats, values: Floats, at: Mapping[str, float] | None, background: Background | None
    ) -> Floats:
        family, p = self._at(values, at)
        self._check(background)
        with np.errstate(all="ignore"):
            own = np.where(times > 0, family.cumulative_hazard(np.where(times > 0, times, 1.0), p), 0.0)
        if background is None:
            return own
        if self.relative:
            return own + background.cumulative(times)
        return own + background.shortfall(times, lambda t: self._own_hazard(t, family, p))

    def _hazard(
        self, times: Floats, values: Floats, at: Mapping[str, float] | None, background: Background | None
    ) -> Floats:
        family, p = self._at(values, at)
        own = self._own_hazard(times, family, p)
        if background is None:
            return own
        expected = background.at(times)
        return own + expected if self.relative else np.maximum(own, expected)

    def _own_hazard(self, times: Floats, family: Family, p: list[Any]) -> Floats:
        # At time 0 a hazard may be infinite or 0; the value just after it stands for it.
        with np.errstate(all="ignore"):
            return np.exp(family.log_hazard(np.maximum(times, 1e-6 * self.last), p)) + np.zeros_like(times)

    def _at(self, values: Floats, at: Mapping[str, float] | None) -> tuple[Family, list[Any]]:
        assert self.family is not None
        given = {} if at is None else dict(at)
        if set(given) != set(self.terms):
            raise InvalidInput(
                "the terms of the model need one value each",
                where="at",
                expected=", ".join(self.terms) or "none",
                found=", ".join(map(str, given)) or "none",
            )
        k = len(self.family.parameters)
        p = [float(value) for value in values[:k]]
        p[self.family.location] += sum(float(given[t]) * b for t, b in zip(self.terms, values[k:], strict=True))
        return self.family, p

    def _check(self, background: Background | None) -> None:
        if self.relative and background is None:
            raise InvalidInput(
                "the model is of the excess hazard, and survival needs the background too",
                where="background",
                mend="give the mortality of the general population",
            )

    def _variance(self, function: Callable[[Floats], Floats]) -> Floats:
        """The delta method: the gradient of each answer by central differences, around the covariance."""
        error = np.sqrt(np.diag(self.covariance))
        columns = []
        # At time 0 the logarithm of the hazard is infinite, and its variance no number: there are no limits there.
        with np.errstate(all="ignore"):
            for number, size in enumerate(error):
                step = np.zeros(error.size)
                step[number] = STEP * size
                columns.append((function(self.values + step) - function(self.values - step)) / (2 * STEP * size))
            gradient = np.column_stack(columns)
            return np.einsum("ij,jk,ik->i", gradient, self.covariance, gradient)

    def _shared(self, analysis: str, unit: str, **groups: float | str) -> dict[str, Any]:
        return {
            "analysis": analysis,
            "unit": unit,
            "groups": {"model": self.name, **groups},
            "conf_level": self.conf_level,
            "n": self.n,
            "events": self.events,
            "method": self.method,
        }

    def _missing(self, analysis: str, unit: str, **groups: float | str) -> Estimate:
        return Estimate(**self._shared(analysis, unit, **groups), status="not_estimable", reason=self.reason)

    def without_answer(self, reason: Message) -> ParametricModel:
        """The same model, not estimable for this reason."""
        nothing = np.full(0, np.nan)
        return replace(
            self,
            family=None,
            values=nothing,
            covariance=np.full((0, 0), np.nan),
            log_likelihood=math.nan,
            status="not_estimable",
            reason=reason,
        )


def _quadrature(tau: float) -> tuple[Floats, Floats]:
    """Nodes and weights on (0, tau): panels that grow from 0, where the curve of some models is steep."""
    edges = tau * np.concatenate([[0.0], np.geomspace(1e-6, 1.0, PANELS)])
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    width = np.diff(edges) / 2
    return (
        (edges[:-1, None] + width[:, None] * (1 + nodes)).ravel(),
        (width[:, None] * weights).ravel(),
    )

"""Parametric models of one arm, or of patients with covariates, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.errors import InvalidInput
from evidence_lib.language import Message, message
from evidence_lib.statistics.design import design
from evidence_lib.statistics.inputs import Flags, Floats, checked_level, numbers, refuse
from evidence_lib.statistics.not_estimable import NotEstimable
from evidence_lib.statistics.survival.inputs import checked, curve
from evidence_lib.statistics.survival.parametric.background import Background
from evidence_lib.statistics.survival.parametric.families import NAMES, ParametricName, family
from evidence_lib.statistics.survival.parametric.likelihood import Sample, maximise
from evidence_lib.statistics.survival.parametric.model import ParametricModel

STANDARD: tuple[ParametricName, ...] = (
    "exponential",
    "weibull",
    "gompertz",
    "log-normal",
    "log-logistic",
    "generalised-gamma",
)
INTERVALS = 10


@dataclass(frozen=True, eq=False)
class ParametricModels:
    """Models fitted to the same patients, in the order in which they were asked for.

    ``time`` and ``event`` are the patients' own, for the figures that set the models against the data.
    """

    items: tuple[ParametricModel, ...]
    time: Floats
    event: Flags

    def named(self, name: ParametricName) -> ParametricModel:
        """The model of this name. Raises InvalidInput where it was not fitted."""
        for model in self.items:
            if model.name == name:
                return model
        raise InvalidInput("no such model was fitted", expected=", ".join(m.name for m in self.items), found=repr(name))

    def comparison(self) -> pd.DataFrame:
        """One row per model: model, parameters (their number), log_likelihood, aic, bic, status, reason.

        Misreading: the criteria compare the fit within follow-up; they say nothing of the extrapolation.
        """
        rows = [
            (m.name, m.values.size, m.log_likelihood, m.aic, m.bic, m.status, "" if m.reason is None else str(m.reason))
            for m in self.items
        ]
        columns = ["model", "parameters", "log_likelihood", "aic", "bic", "status", "reason"]
        return pd.DataFrame(rows, columns=columns)

    def curves(
        self, times: ArrayLike, *, at: Mapping[str, float] | None = None, background: Background | None = None
    ) -> pd.DataFrame:
        """``ParametricModel.curve`` of every model that was fitted, one below the other."""
        found = [m.curve(times, at=at, background=background) for m in self.items if m.status == "ok"]
        return pd.concat(found, ignore_index=True) if found else pd.DataFrame()

    def hazards(self) -> pd.DataFrame:
        """The hazard seen in the data, for a figure beside the models': events per person-day in intervals of time.

        Ten intervals with about equally many events. Columns ``start``, ``stop`` (days), ``n_events``,
        ``person_days``, ``hazard`` (per day), ``conf_low``, ``conf_high`` (exact Poisson limits, level 0.95).
        """
        from scipy.special import gammaincinv

        if not self.event.any():
            return pd.DataFrame(columns=["start", "stop", "n_events", "person_days", "hazard", "conf_low", "conf_high"])
        inner = np.quantile(self.time[self.event], np.arange(1, INTERVALS) / INTERVALS)
        edges = np.unique(np.concatenate([[0.0], inner, [self.time.max()]]))
        start, stop = edges[:-1], edges[1:]
        place = np.clip(np.searchsorted(edges, self.time, side="left") - 1, 0, start.size - 1)
        events = np.bincount(place[self.event], minlength=start.size)
        lived = np.clip(self.time[:, None], start, stop) - start
        days = lived.sum(axis=0)
        low = np.where(events > 0, gammaincinv(np.maximum(events, 1), 0.025), 0.0)
        columns = {"start": start, "stop": stop, "n_events": events, "person_days": days, "hazard": events / days}
        return pd.DataFrame({**columns, "conf_low": low / days, "conf_high": gammaincinv(events + 1, 0.975) / days})

    def log_cumulative_hazard(self) -> pd.DataFrame:
        """log(-log S) of the Kaplan-Meier curve against log time: straight for Weibull, of slope 1 for exponential.

        Columns ``log_time``, ``log_cumulative_hazard``, ``log_odds`` (straight for log-logistic) and
        ``normal_quantile`` (straight for log-normal), at event times with 0 < S < 1.
        """
        from scipy.special import logit, ndtri

        fit = curve(self.time, self.event)
        used = (fit.n_events > 0) & (fit.survival > 0) & (fit.time > 0)
        survival = fit.survival[used]
        return pd.DataFrame(
            {
                "log_time": np.log(fit.time[used]),
                "log_cumulative_hazard": np.log(-np.log(survival)),
                "log_odds": -logit(survival),
                "normal_quantile": -ndtri(survival),
            }
        )


def parametric_models(
    time: ArrayLike,
    event: ArrayLike,
    *,
    models: Sequence[ParametricName] = STANDARD,
    covariates: pd.DataFrame | None = None,
    background_hazard: ArrayLike | None = None,
    conf_level: float = 0.95,
) -> ParametricModels:
    """Parametric survival models by maximum likelihood: sum of d log h(t) - H(t) over the patients.

    Hazards, in flexsurv's parameters: exponential h = rate; Weibull H = (t / scale)^shape; Gompertz
    h = rate exp(shape t); log-normal and log-logistic H = -log(1 - F) of log t; generalised gamma (mu, sigma, q) of
    Prentice (1974, Biometrika 61:539), log-normal at q = 0 and Weibull at q = 1; ``spline-<scale>-<k>`` a natural cubic
    spline of log t with k inner knots at quantiles of the log event times, for log H (``hazard``), the log odds of
    the event (``odds``) or the normal quantile (``normal``) (Royston & Parmar 2002, Stat Med 21:2175);
    ``cure-<model>`` a share that never has the event, mixed with that model (Boag 1949, J R Stat Soc B 11:15).

    Covariates add to one parameter on its free scale: the log rate, log scale, mu or gamma0, and the logit of the cure
    fraction: proportional hazards for exponential, Gompertz and spline-hazard, accelerated times for Weibull,
    log-normal, log-logistic and generalised gamma. With ``background_hazard`` b the model is of the excess hazard: an
    event contributes log(b + h) (Esteve et al. 1990, Stat Med 9:529).

    Misreading: the model with the smallest AIC fits best where there are data. Beyond follow-up models that fit
    alike may differ by years; show several, and say which is believed and why.

    Parameters
    ----------
    time, event : arrays of n
        As ``kaplan_meier``. A patient with time 0 adds nothing if censored, and is refused with the event.
    models : sequence of names
        Which models, in this order; each at most once.
    covariates : DataFrame of n rows, optional
        As ``cox``.
    background_hazard : array of n, optional
        Deaths per person-day of comparable people of the general population at each patient's own time.
    conf_level : float
        Of the limits of all that the models say.

    Returns
    -------
    ParametricModels
        One ``ParametricModel`` each, with parameters, survival at any time, median, restricted mean, AIC and BIC. A
        model without a maximum (no events, a parameter that runs away) is ``not_estimable`` with a reason.

    Raises
    ------
    InvalidInput
        As ``kaplan_meier`` and ``cox``; for an unknown model or one asked for twice, an event at time 0, negative or
        missing background hazards.
    """
    times, events = checked(time, event)
    level = checked_level(conf_level)
    refuse(events & (times == 0), "time", "an event after time 0", "an event at time 0")
    wanted = tuple(models)
    unknown = [name for name in wanted if name not in NAMES]
    if unknown or not wanted or len(set(wanted)) < len(wanted):
        raise InvalidInput("models cannot be used", expected=f"each once, of {', '.join(NAMES)}", found=repr(wanted))
    expected = None if background_hazard is None else numbers(background_hazard, "background_hazard")
    if expected is not None:
        if expected.size != times.size:
            raise InvalidInput(
                "background_hazard does not fit the times", expected=str(times.size), found=str(expected.size)
            )
        wrong = ~np.isfinite(expected) | (expected < 0)
        refuse(wrong, "background_hazard", "zero or more per day", "a negative or missing hazard")
    x = None if covariates is None else design(covariates, times.size)
    kept = times > 0
    sample = Sample(
        times[kept],
        events[kept],
        np.empty((int(kept.sum()), 0)) if x is None else x.matrix[kept],
        None if expected is None else expected[kept],
    )
    terms = () if x is None else x.names
    fitted = [_fitted(name, sample, terms, times.size, level) for name in wanted]
    return ParametricModels(tuple(fitted), times, events)


def _fitted(name: str, sample: Sample, terms: tuple[str, ...], n: int, level: float) -> ParametricModel:
    part = message("parametric_statistics.part.covariates", names=terms) if terms else ""
    kind = "relative" if sample.background is not None else "overall"
    empty = ParametricModel(
        name=name,
        family=None,
        terms=terms,
        values=np.empty(0),
        covariance=np.empty((0, 0)),
        log_likelihood=np.nan,
        n=n,
        events=int(sample.event.sum()),
        last=float(sample.time.max(initial=0.0)),
        relative=sample.background is not None,
        conf_level=level,
        method=message(f"parametric_statistics.method.{kind}", model=_described(name), covariates=part),
    )
    if not sample.event.any():
        return empty.without_answer(message("parametric_statistics.reason.no_events"))
    constant = [term for term, column in zip(terms, sample.x.T, strict=True) if np.ptp(column) == 0]
    if constant:
        return empty.without_answer(message("parametric_statistics.reason.constant", name=constant[0]))
    try:
        # A search passes places where a hazard overflows or is no number; they are left, not reported.
        with np.errstate(all="ignore"):
            chosen = family(name, sample.time, sample.event)
            found = maximise(chosen, sample)
    except NotEstimable as gap:
        return empty.without_answer(gap.reason)
    return replace(
        empty,
        family=chosen,
        values=found.values,
        covariance=found.covariance,
        log_likelihood=found.log_likelihood,
    )


def _described(name: str) -> Message:
    if name.startswith("spline-"):
        _, scale, count = name.split("-")
        return message(f"parametric_statistics.model.spline-{scale}", knots=count)
    if name.startswith("cure-"):
        return message("parametric_statistics.model.cure", model=_described(name.removeprefix("cure-")))
    return message(f"parametric_statistics.model.{name}")

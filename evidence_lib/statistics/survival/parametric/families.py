"""The survival distributions that are fitted: logarithm of the hazard, and cumulative hazard, of free parameters.

Parameters are free of bounds: a positive one is its logarithm, a share its logit. ``p`` is a list with one array (or
number) per parameter, broadcast against the times. Parameters are those of R's flexsurv where it has the family.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from scipy.special import expit, gammainc, gammaincc, gammaln, log_ndtr, logit, ndtri

from evidence_lib.language import message
from evidence_lib.statistics.inputs import Flags, Floats
from evidence_lib.statistics.not_estimable import NotEstimable
from evidence_lib.statistics.survival.inputs import curve

ParametricName = Literal[
    "exponential",
    "weibull",
    "gompertz",
    "log-normal",
    "log-logistic",
    "generalised-gamma",
    "spline-hazard-1",
    "spline-hazard-2",
    "spline-hazard-3",
    "spline-odds-1",
    "spline-odds-2",
    "spline-odds-3",
    "spline-normal-1",
    "spline-normal-2",
    "spline-normal-3",
    "cure-exponential",
    "cure-weibull",
    "cure-log-normal",
    "cure-log-logistic",
]
NAMES: tuple[str, ...] = get_args(ParametricName)

Parameters = Sequence[Any]
Scale = Literal["identity", "log", "logit"]
AS_IT_IS: Scale = "identity"
Function = Callable[[Floats, Parameters], Any]
# Below this |Q| the generalised gamma is the log-normal to more digits than a likelihood has.
NEARLY_NORMAL = 1e-5
# From this 1 / Q^2 on Stirling's series is exact to double precision.
STIRLING = 100.0


@dataclass(frozen=True)
class Family:
    """A distribution: its parameters, and the functions of time that they define.

    ``scales`` says how each free parameter is shown: ``log`` and ``logit`` are turned back, ``identity`` stays. The
    covariates act on the parameter with number ``location``. ``starts`` are places from which the search begins, and
    ``sizes`` (one per parameter) what counts as a change of ordinary size.
    """

    name: str
    parameters: tuple[str, ...]
    scales: tuple[Scale, ...]
    location: int
    log_hazard: Function
    cumulative_hazard: Function
    starts: tuple[tuple[float, ...], ...]
    sizes: tuple[float, ...]


def natural(scale: str, value: Any) -> Any:
    """A free parameter on the scale on which it is shown."""
    return np.exp(value) if scale == "log" else expit(value) if scale == "logit" else value


def family(name: str, time: Floats, event: Flags) -> Family:
    """The family of this name, with starting values from the data; needs an event and times above 0.

    Raises NotEstimable for a spline with more parameters than there are distinct event times.
    """
    if name.startswith("cure-"):
        return _cure(name, time, event)
    if name.startswith("spline-"):
        _, scale, knots = name.split("-")
        return _spline(name, scale, int(knots), time, event)
    log_time = np.log(time[event])
    rate = float(np.log(event.sum() / time.sum()))
    centre, spread = float(log_time.mean()), float(max(log_time.std(), 0.1))
    late = float(np.log(time).mean())
    if name == "exponential":
        return Family(
            name, ("rate",), ("log",), 0, lambda t, p: p[0] + 0 * t, lambda t, p: np.exp(p[0]) * t, ((rate,),), (1.0,)
        )
    if name == "weibull":
        starts = ((0.0, -rate), (float(-np.log(spread)), centre), (0.0, late))
        return Family(
            name, ("shape", "scale"), ("log", "log"), 1, _weibull_log_hazard, _weibull_hazard, starts, (1.0, 1.0)
        )
    if name == "gompertz":
        unit = 1 / float(time.mean())
        starts = ((0.0, rate), (unit / 2, rate - 0.5), (-unit / 2, rate + 0.5))
        return Family(
            name, ("shape", "rate"), ("identity", "log"), 1, _gompertz_log, _gompertz_hazard, starts, (unit, 1.0)
        )
    if name == "log-normal":
        starts = ((late, float(np.log(spread))), (centre, float(np.log(spread))), (-rate, 0.0))
        return Family(name, ("mu", "sigma"), ("identity", "log"), 0, _normal_log, _normal_hazard, starts, (1.0, 1.0))
    if name == "log-logistic":
        starts = ((0.0, late), (float(-np.log(spread * 0.55)), centre), (0.0, -rate))
        return Family(name, ("shape", "scale"), ("log", "log"), 1, _logistic_log, _logistic_hazard, starts, (1.0, 1.0))
    width = float(np.log(spread))
    return Family(
        name,
        ("mu", "sigma", "q"),
        ("identity", "log", "identity"),
        0,
        _gamma_log,
        _gamma_hazard,
        tuple((mu, width, q) for q in (1.0, 0.3, -0.5) for mu in (late, -rate)),
        (1.0, 1.0, 1.0),
    )


def _weibull_log_hazard(t: Floats, p: Parameters) -> Any:
    return p[0] - p[1] + np.expm1(p[0]) * (np.log(t) - p[1])


def _weibull_hazard(t: Floats, p: Parameters) -> Any:
    return np.exp(np.exp(p[0]) * (np.log(t) - p[1]))


def _gompertz_log(t: Floats, p: Parameters) -> Any:
    return p[1] + p[0] * t


def _gompertz_hazard(t: Floats, p: Parameters) -> Any:
    x = np.asarray(p[0] * t)
    small = np.abs(x) < 1e-8
    return np.exp(p[1]) * t * np.where(small, 1 + x / 2, np.expm1(x) / np.where(small, 1.0, x))


def _normal_log(t: Floats, p: Parameters) -> Any:
    z = (np.log(t) - p[0]) / np.exp(p[1])
    return -(z**2) / 2 - 0.5 * np.log(2 * np.pi) - p[1] - np.log(t) - log_ndtr(-z)


def _normal_hazard(t: Floats, p: Parameters) -> Any:
    return -log_ndtr(-(np.log(t) - p[0]) / np.exp(p[1]))


def _logistic_log(t: Floats, p: Parameters) -> Any:
    x = np.exp(p[0]) * (np.log(t) - p[1])
    return p[0] - np.log(t) + x - np.logaddexp(0, x)


def _logistic_hazard(t: Floats, p: Parameters) -> Any:
    return np.logaddexp(0, np.exp(p[0]) * (np.log(t) - p[1]))


def _gamma_hazard(t: Floats, p: Parameters) -> Any:
    """Generalised gamma of Prentice (1974): with a = Q^-2 and w = (log t - mu) / sigma, a exp(Q w) is gamma(a)."""
    q = float(np.ravel(p[2])[0])
    if abs(q) < NEARLY_NORMAL:
        return _normal_hazard(t, p)
    a, w = q**-2, (np.log(t) - p[0]) / np.exp(p[1])
    tail = gammaincc if q > 0 else gammainc
    return -np.log(tail(a, a * np.exp(q * w)))


def _gamma_log(t: Floats, p: Parameters) -> Any:
    q = float(np.ravel(p[2])[0])
    if abs(q) < NEARLY_NORMAL:
        return _normal_log(t, p)
    a, w = q**-2, (np.log(t) - p[0]) / np.exp(p[1])
    # log density of log t: the constant is Stirling's, since a log a - log Gamma(a) cancels for large a.
    if a > STIRLING:
        remainder = 1 / (12 * a) - 1 / (360 * a**3) + 1 / (1260 * a**5)
    else:
        remainder = gammaln(a) - ((a - 0.5) * np.log(a) - a + 0.5 * np.log(2 * np.pi))
    density = -0.5 * np.log(2 * np.pi) - remainder - a * (np.expm1(q * w) - q * w) - p[1] - np.log(t)
    return density + _gamma_hazard(t, p)


def _spline(name: str, scale: str, inner: int, time: Floats, event: Flags) -> Family:
    """Royston & Parmar (2002, Stat Med 21:2175): a natural cubic spline of log time on the scale of the link."""
    log_time = np.log(time[event])
    if np.unique(log_time).size < inner + 2:
        raise NotEstimable(message("parametric_statistics.reason.few_event_times", needed=inner + 2))
    low, high = log_time.min(), log_time.max()
    knots = np.quantile(log_time, np.arange(1, inner + 1) / (inner + 1))

    def basis(x: Floats) -> tuple[list[Floats], list[Floats]]:
        values, slopes = [np.ones_like(x), x], [np.zeros_like(x), np.ones_like(x)]
        for knot in knots:
            share = (high - knot) / (high - low)
            cubes = [np.maximum(x - place, 0) for place in (knot, low, high)]
            values.append(cubes[0] ** 3 - share * cubes[1] ** 3 - (1 - share) * cubes[2] ** 3)
            slopes.append(3 * (cubes[0] ** 2 - share * cubes[1] ** 2 - (1 - share) * cubes[2] ** 2))
        return values, slopes

    def spline(t: Floats, p: Parameters) -> tuple[Any, Any]:
        values, slopes = basis(np.log(t))
        return sum(g * v for g, v in zip(p, values, strict=True)), sum(g * v for g, v in zip(p, slopes, strict=True))

    def hazard(t: Floats, p: Parameters) -> Any:
        s, _ = spline(t, p)
        return np.exp(s) if scale == "hazard" else np.logaddexp(0, s) if scale == "odds" else -log_ndtr(-s)

    def log_hazard(t: Floats, p: Parameters) -> Any:
        s, slope = spline(t, p)
        # A curve that rises is no survival curve: the logarithm of a negative slope is no number.
        by_log_time = np.log(slope) - np.log(t)
        if scale == "hazard":
            return by_log_time + s
        if scale == "odds":
            return by_log_time + s - np.logaddexp(0, s)
        return by_log_time - s**2 / 2 - 0.5 * np.log(2 * np.pi) - log_ndtr(-s)

    starts = tuple(_spline_start(scale, basis, time, event, straight=straight) for straight in (False, True))
    names = tuple(f"gamma{number}" for number in range(inner + 2))
    sizes = (1.0, 1.0, *(1.0 / max((high - low) ** 2, 1e-2) for _ in knots))
    return Family(name, names, (AS_IT_IS,) * len(names), 0, log_hazard, hazard, starts, sizes)


def _spline_start(
    scale: str, basis: Callable[[Floats], tuple[list[Floats], list[Floats]]], time: Floats, event: Flags, straight: bool
) -> tuple[float, ...]:
    """The least-squares line (or spline) through the link of the Kaplan-Meier curve at the event times."""
    fit = curve(time, event)
    used = (fit.n_events > 0) & (fit.survival > 0)
    middle = (fit.survival + np.concatenate([[1.0], fit.survival[:-1]]))[used] / 2
    x = np.log(fit.time[used])
    link = {
        "hazard": lambda s: np.log(-np.log(s)),
        "odds": lambda s: -logit(s),
        "normal": lambda s: -ndtri(s),
    }[scale]
    columns, _ = basis(x)
    chosen = columns[:2] if straight or used.sum() <= len(columns) else columns
    y = link(np.minimum(middle, 1 - 1e-9))
    found = np.linalg.lstsq(np.column_stack(chosen), y, rcond=None)[0] if x.size > 1 else np.array([y.mean() - x[0], 1])
    if found[1] <= 0:
        found = np.array([float(y.mean() - x.mean()), 1.0])
    return tuple(float(value) for value in np.pad(found, (0, len(columns) - found.size)))


def _cure(name: str, time: Floats, event: Flags) -> Family:
    """A mixture: a share never has the event, the others follow the distribution named (Boag 1949)."""
    base = family(name.removeprefix("cure-"), time, event)

    def log_survival(t: Floats, p: Parameters) -> Any:
        return np.logaddexp(-np.logaddexp(0, -p[0]), -np.logaddexp(0, p[0]) - base.cumulative_hazard(t, p[1:]))

    def log_hazard(t: Floats, p: Parameters) -> Any:
        rest = base.log_hazard(t, p[1:]) - base.cumulative_hazard(t, p[1:])
        return -np.logaddexp(0, p[0]) + rest - log_survival(t, p)

    plateau = float(np.clip(curve(time, event).survival[-1], 0.05, 0.9))
    # Among those who had the event times are short: the distribution of their times alone is a start of its own.
    uncured = family(name.removeprefix("cure-"), time[event], event[event]).starts
    starts = tuple(
        (float(logit(share)), *start) for share in (plateau, plateau / 3) for start in (*uncured, *base.starts)
    )
    return Family(
        name,
        ("cure_fraction", *base.parameters),
        ("logit", *base.scales),
        0,
        log_hazard,
        lambda t, p: -log_survival(t, p),
        starts,
        (1.0, *base.sizes),
    )

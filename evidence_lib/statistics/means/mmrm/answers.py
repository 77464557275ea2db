"""From a fitted model to its estimates and tables."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evidence_lib.language import Message, message
from evidence_lib.results import Estimate, Estimates, plain
from evidence_lib.statistics.distributions import f_p, t_quantile, t_two_sided_p
from evidence_lib.statistics.inputs import Floats
from evidence_lib.statistics.means.mmrm.data import Rows
from evidence_lib.statistics.means.mmrm.degrees_of_freedom import DegreesOfFreedom, Inference
from evidence_lib.statistics.means.mmrm.design import Basis, Design, Margins
from evidence_lib.statistics.means.mmrm.fitting import Fit
from evidence_lib.statistics.means.mmrm.result import MMRM

UNIT = "outcome"
DF_TEXT: dict[DegreesOfFreedom, str] = {
    "satterthwaite": "mmrm_statistics.df.satterthwaite",
    "kenward-roger": "mmrm_statistics.df.kenward_roger",
    "kenward-roger-linear": "mmrm_statistics.df.kenward_roger_linear",
    "normal": "mmrm_statistics.df.normal",
}


@dataclass(frozen=True, eq=False)
class Fitted:
    """A fit and the way back from its units: outcome over ``scale``, coefficients in the coordinates of ``basis``."""

    data: Rows
    design: Design
    basis: Basis
    fit: Fit
    inference: Inference
    scale: float
    deviance: float

    def combination(self, weights: Floats, *, conf_level: float, tested: bool) -> dict[str, Any]:
        """The fields of the estimate of one combination (p,) of the coefficients."""
        if not self.basis.estimable(weights):
            return _gap(message("mmrm_statistics.reason.aliased"))
        values, errors, dfs = self.inference.estimates(self.basis.turned(weights[None]))
        value, error, df = float(values[0]) * self.scale, float(errors[0]) * self.scale, float(dfs[0])
        half = t_quantile(conf_level, df) * error if df > 0 else math.nan
        if not math.isfinite(value + half):
            return _gap(message("mmrm_statistics.reason.df"))
        found = {"estimate": value, "std_error": error, "conf_low": value - half, "conf_high": value + half}
        found |= {} if math.isinf(df) else {"df": df}
        if tested:
            found |= {"test_statistic": value / error, "p_value": t_two_sided_p(value / error, df)}
        return found


def answers(
    fitted: Fitted, said: Message, *, treatment: Hashable, reference: Hashable, margins: Margins, level: float
) -> MMRM:
    """Everything a fitted model answers; ``said`` is the model in words."""
    data, found = fitted.data, fitted.fit
    count = len(found.point.theta) + (0 if found.likelihood.restricted else fitted.basis.kept.size)
    differences, average = _contrasts(fitted, said, treatment, reference, level)
    return MMRM(
        ls_means=_ls_means(fitted, said, margins, level),
        contrasts=differences,
        average=average,
        interaction=_interaction(fitted, said),
        coefficients=_coefficients(fitted, level),
        covariance=_covariance(fitted),
        parameters=_parameters(fitted),
        structure=found.name,
        failed=found.failed,
        log_likelihood=-fitted.deviance / 2,
        deviance=fitted.deviance,
        aic=fitted.deviance + 2 * count,
        bic=fitted.deviance + math.log(data.subjects) * count,
        n_subjects=data.subjects,
        n_observations=data.outcome.size,
        n_missing=data.missing,
        iterations=found.iterations,
        decrement=found.decrement,
        conf_level=level,
        method=message("mmrm_statistics.method.model", model=said, df=_df_text(fitted)),
    )


def _ls_means(fitted: Fitted, said: Message, margins: Margins, level: float) -> Estimates:
    data = fitted.data
    method = message(
        "mmrm_statistics.method.ls_mean",
        model=said,
        margins=message(f"mmrm_statistics.margins.{margins}"),
        df=_df_text(fitted),
    )
    return Estimates(
        tuple(
            Estimate(
                analysis="mmrm.ls_mean",
                unit=UNIT,
                groups={"arm": _label(arm), "visit": _label(visit)},
                n=data.seen(a, v),
                conf_level=level,
                method=method,
                **fitted.combination(fitted.design.row(a, v, margins), conf_level=level, tested=False),
            )
            for a, arm in enumerate(data.arms)
            for v, visit in enumerate(data.visits)
        )
    )


def _contrasts(
    fitted: Fitted, said: Message, treatment: Hashable, reference: Hashable, level: float
) -> tuple[Estimates, Estimate]:
    """The difference at each visit, and their mean. Covariates cancel: margins do not matter."""
    data = fitted.data
    absent = [label for label in (treatment, reference) if label not in data.arms]
    compared = [data.arms.index(label) for label in (treatment, reference) if label not in absent]
    rows = np.zeros((len(data.visits), len(fitted.design.names)))
    if not absent:
        for v in range(len(data.visits)):
            one, other = (fitted.design.row(arm, v, "equal") for arm in compared)
            rows[v] = one - other
    pair = {"treatment": _label(treatment), "reference": _label(reference)}
    shared: dict[str, Any] = {"unit": UNIT, "conf_level": level}

    def fields(weights: Floats) -> dict[str, Any]:
        if absent:
            return _gap(message("mmrm_statistics.reason.no_patients", arm=str(absent[0])))
        return fitted.combination(weights, conf_level=level, tested=True)

    at_visits = tuple(
        Estimate(
            analysis="mmrm.contrast",
            groups={**pair, "visit": _label(visit)},
            n=sum(data.seen(arm, v) for arm in compared),
            method=message("mmrm_statistics.method.contrast", model=said, df=_df_text(fitted)),
            **shared,
            **fields(rows[v]),
        )
        for v, visit in enumerate(data.visits)
    )
    average = Estimate(
        analysis="mmrm.contrast.average",
        groups=pair,
        n=sum(data.seen(arm) for arm in compared),
        method=message("mmrm_statistics.method.average", model=said, df=_df_text(fitted)),
        **shared,
        **fields(rows.mean(axis=0)),
    )
    return Estimates(at_visits), average


def _interaction(fitted: Fitted, said: Message) -> Estimate:
    """The F test that all coefficients of arm by visit are 0; of chi-square / df under normal inference."""
    weights = fitted.design.interaction()
    shared: dict[str, Any] = {
        "analysis": "mmrm.interaction",
        "unit": "F",
        "is_test": True,
        "n": fitted.data.subjects,
    }

    def method(denominator: float) -> Message:
        finite = math.isfinite(denominator)
        told = message("mmrm_statistics.part.denominator", df=denominator) if finite else ""
        return message("mmrm_statistics.method.interaction", model=said, df=_df_text(fitted), denominator=told)

    reason = None
    if len(weights) == 0:
        reason = message("mmrm_statistics.reason.no_interaction")
    elif not all(fitted.basis.estimable(row) for row in weights):
        reason = message("mmrm_statistics.reason.aliased")
    joint = fitted.inference.joint(fitted.basis.turned(weights)) if reason is None else None
    if joint is None:
        reason = reason or message("mmrm_statistics.reason.df")
        return Estimate(**shared, method=method(math.inf), status="not_estimable", reason=reason)
    statistic, denominator = joint
    return Estimate(
        **shared,
        method=method(denominator),
        test_statistic=statistic,
        df=len(weights),
        p_value=f_p(statistic, len(weights), denominator),
    )


def _coefficients(fitted: Fitted, level: float) -> pd.DataFrame:
    names, base = fitted.design.names, fitted.basis
    values, errors, dfs = fitted.inference.estimates(base.turned(np.eye(len(names))[base.kept]))
    half = np.array([t_quantile(level, df) for df in dfs]) * errors
    found = {
        "estimate": values * fitted.scale,
        "std_error": errors * fitted.scale,
        "df": dfs,
        "conf_low": (values - half) * fitted.scale,
        "conf_high": (values + half) * fitted.scale,
        "test_statistic": values / errors,
        "p_value": [t_two_sided_p(t, df) for t, df in zip(values / errors, dfs, strict=True)],
    }
    table = pd.DataFrame({"term": names})
    for name, column in found.items():
        table[name] = pd.Series(column, index=base.kept).reindex(table.index)
    return table


def _covariance(fitted: Fitted) -> pd.DataFrame:
    data, found = fitted.data, fitted.fit
    labels = [_label(visit) for visit in data.visits]
    parts = [
        pd.DataFrame(v * fitted.scale**2, columns=labels).assign(arm=arm, visit=labels)
        for arm, v in zip(_groups(fitted), found.likelihood.covariances(found.point.theta), strict=True)
    ]
    return pd.concat(parts, ignore_index=True)[["arm", "visit", *labels]]


def _parameters(fitted: Fitted) -> pd.DataFrame:
    found = fitted.fit
    structure = found.likelihood.structure
    unit = np.where(structure.of_variance, fitted.scale**2, 1.0)
    errors = np.sqrt(np.diag(found.theta_covariance)).reshape(-1, unit.size)
    parts = [
        pd.DataFrame({"arm": arm, "parameter": structure.names, "estimate": one * unit, "std_error": error * unit})
        for arm, one, error in zip(_groups(fitted), found.likelihood.split(found.point.theta), errors, strict=True)
    ]
    return pd.concat(parts, ignore_index=True)


def _groups(fitted: Fitted) -> list[str | float]:
    """The arms that have covariance parameters of their own."""
    return ["all"] if fitted.fit.likelihood.data.groups == 1 else [_label(arm) for arm in fitted.data.arms]


def _df_text(fitted: Fitted) -> Message:
    return message(DF_TEXT[fitted.inference.method])


def _gap(reason: Message) -> dict[str, Any]:
    return {"status": "not_estimable", "reason": reason}


def _label(value: Any) -> str | float:
    """A label as groups hold it: a number or a text."""
    value = plain(value)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else str(value)

"""The mixed model for repeated measures of a trial."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from evidence_lib.errors import DataError, InvalidInput
from evidence_lib.language import Message, message
from evidence_lib.statistics.inputs import Counts, Floats, checked_level, choice
from evidence_lib.statistics.means.mmrm.answers import Fitted, answers
from evidence_lib.statistics.means.mmrm.data import Rows, rows
from evidence_lib.statistics.means.mmrm.degrees_of_freedom import DegreesOfFreedom, inference
from evidence_lib.statistics.means.mmrm.design import Design, Margins, basis, design
from evidence_lib.statistics.means.mmrm.fitting import fit
from evidence_lib.statistics.means.mmrm.result import MMRM
from evidence_lib.statistics.means.mmrm.structures import Covariance

Estimation = Literal["reml", "ml"]

# A residual spread below this share of the outcome's own size is rounding.
NO_SPREAD = 1e-13


def mmrm(
    frame: pd.DataFrame,
    *,
    subject: str,
    visit: str,
    outcome: str,
    arm: str,
    treatment: Hashable,
    reference: Hashable,
    covariates: Sequence[str] = (),
    by_visit: Sequence[str] = (),
    visits: Sequence[Hashable] | None = None,
    weights: str | None = None,
    covariance: Covariance = "un",
    covariance_by_arm: bool = False,
    fallback: Sequence[Covariance] = (),
    estimation: Estimation = "reml",
    df: DegreesOfFreedom = "satterthwaite",
    margins: Margins = "equal",
    conf_level: float = 0.95,
) -> MMRM:
    """Mixed model for repeated measures: least-squares means of each arm at each visit, and their differences.

    y_i = X_i b + e_i for the visits of subject i that were observed, e_i normal with the rows and columns of V that
    belong to them. X holds the covariates, arm, visit, arm by visit, and covariate by visit for those of
    ``by_visit``. V maximises the restricted (or full) likelihood by Newton's method with analytic derivatives, and
    b = (X'WX)^-1 X'W y with W the inverse covariance matrix (Laird & Ware 1982, Biometrics 38:963; Mallinckrodt et
    al. 2008, Drug Inf J 42:303). With m visits, V has m (m + 1) / 2 parameters ("un"), m ("toep"), 2 m - 1 ("toeph"),
    2 ("ar1", "cs") or m + 1 ("ar1h", "csh"); toep, cs and ar1 have one variance for all visits.

    A least-squares mean is X b of the arm at the visit with covariates at their means over the rows analysed, and
    categories alike ("equal", as SAS LSMEANS and emmeans) or as often as in those rows ("observed", as SAS OM and
    emmeans with proportional weights). Differences are treated minus reference; all arms of the frame enter one model.

    Inference is Student's t with df after Satterthwaite, or after Kenward and Roger with their covariance of b:
    "kenward-roger" with the second derivatives of V by SAS's parameters (SAS DDFM=KENWARDROGER),
    "kenward-roger-linear" without them (SAS DDFM=KENWARDROGER(FIRSTORDER), mmrm's Kenward-Roger-Linear); under un,
    cs and toep the two are the same. "normal" takes z and the unadjusted covariance. The test of arm by visit is F, its
    denominator df after Fai and Cornelius or Kenward and Roger, infinitely many under "normal".

    Assumes that values are missing at random given those observed, the arm and the covariates, and that residuals are
    normal. Misreading: the difference at the last visit is that of all patients had they stayed in the trial as those
    like them did. It is not the difference among those who stayed, and it does not say what happened to those who left.

    Parameters
    ----------
    frame : DataFrame
        One row per subject and visit. Rows without an outcome are left out, and ``method`` says how many.
    subject, visit, outcome, arm : str
        Names of its columns.
    treatment, reference : label
        The arms that are compared.
    covariates : sequence of str
        Columns of covariates, which may change from visit to visit: numbers and booleans enter as they are, categories
        as indicators of their levels, the first in order being the reference (that of a categorical, else sorted). A
        further term, such as a product, is a column of its own.
    by_visit : sequence of str
        Covariates, among ``covariates``, whose coefficients may differ from visit to visit.
    visits : sequence of labels
        The visits in the order of time. None takes that of an ordered or unordered categorical, of numbers, or of
        texts that differ in one number.
    weights : str
        A column of weights above 0, which divide the variances (WEIGHT in SAS, with the same estimates and standard
        errors but other df). None weighs all rows alike.
    covariance : "un", "toep", "toeph", "ar1", "ar1h", "cs" or "csh"
        The covariance structure of the visits.
    covariance_by_arm : bool
        Whether each arm has covariance parameters of its own (as GROUP= in SAS).
    fallback : sequence of covariance structures
        Tried in this order where ``covariance`` cannot be fitted; the one used is in ``structure`` and in ``method``.
    estimation : "reml" or "ml"
        Restricted or full maximum likelihood.
    df : "satterthwaite", "kenward-roger", "kenward-roger-linear" or "normal"
        How standard errors and degrees of freedom are found; Kenward-Roger needs REML.
    margins : "equal" or "observed"
        How levels of categorical covariates count in a least-squares mean.
    conf_level : float
        Level of the two-sided confidence intervals.

    Returns
    -------
    MMRM
        Least-squares means, differences at each visit and averaged over the visits with equal weights, the test of arm
        by visit, coefficients, covariance, likelihood. ``n`` counts the subjects with an outcome behind a result.
        A mean or difference without data (an arm not seen at a visit) is ``not_estimable``.

    Raises
    ------
    InvalidInput
        For columns that are not there, a wrong choice, two rows of one subject and visit, a subject in two arms,
        missing labels or covariates, infinite values, visits whose order cannot be told, Kenward-Roger under ML.
    DataError
        Where no structure can be fitted (no convergence, a singular covariance or information matrix, visits never seen
        together under "un"), saying what to try; with no outcome, or no residual variation.
    """
    level = checked_level(conf_level)
    _check_choices(covariance, fallback, estimation, df, margins)
    if treatment == reference:
        raise InvalidInput("treatment and reference are the same arm", expected="two arms", found=repr(treatment))
    fixed, changing = _names(covariates, "covariates"), _names(by_visit, "by_visit")
    if not set(changing) <= set(fixed):
        raise InvalidInput(
            "by_visit names no covariate", expected="some of covariates", found=", ".join(map(str, changing))
        )
    data = rows(
        frame,
        subject=subject,
        visit=visit,
        outcome=outcome,
        arm=arm,
        reference=reference,
        visits=visits,
        others=fixed,
        weights=weights,
    )
    if not data.subjects:
        raise DataError("there is no outcome to analyse", where=str(outcome), found=f"{data.missing} rows, all missing")
    model = design(
        data.frame,
        arm=data.arm,
        arm_names=[str(label) for label in data.arms],
        visit=data.visit,
        visit_names=[str(label) for label in data.visits],
        covariates=fixed,
        by_visit=changing,
    )
    fitted = _fitted(
        data,
        model,
        covariance=covariance,
        fallback=tuple(fallback),
        by_arm=covariance_by_arm,
        restricted=estimation == "reml",
        df=df,
    )
    said = _model_text(
        fitted, covariates=fixed, by_visit=changing, weights=weights, by_arm=covariance_by_arm, estimation=estimation
    )
    return answers(fitted, said, treatment=treatment, reference=reference, margins=margins, level=level)


def _fitted(
    data: Rows,
    model: Design,
    *,
    covariance: Covariance,
    fallback: Sequence[Covariance],
    by_arm: bool,
    restricted: bool,
    df: DegreesOfFreedom,
) -> Fitted:
    """The fit to the residuals of least squares in units of their spread: that changes no result, and keeps digits."""
    root = np.sqrt(data.weight)
    x = model.matrix * root[:, None]
    size = float(np.abs(data.outcome).max())
    y = data.outcome / (size if size > 0 else 1.0) * root
    first = basis(x)
    left = y - first.q @ (first.q.T @ y)
    free = y.size - first.kept.size
    spread = math.sqrt(float(left @ left) / free) if free > 0 else 0.0
    if spread <= NO_SPREAD * math.sqrt(float(y @ y) / y.size):
        raise DataError(
            "the mixed model leaves no residual variation",
            where="mmrm",
            expected="more observations than terms, and an outcome that the terms do not give exactly",
            found=f"{y.size} observations of {data.subjects} subjects, {first.kept.size} independent terms",
            mend="leave out terms of the model",
        )
    # Coordinates that are orthogonal to least squares weighted by visit: nearly so to the model, whatever the spreads.
    of_visit = _spreads(left, data.visit, spread)[data.visit]
    base = basis(x / of_visit[:, None])
    coordinates = base.q.T @ (y / of_visit)
    columns = base.q * of_visit[:, None]
    left = y - columns @ coordinates
    repeated = data.repeated(columns, left / spread, by_arm=by_arm)
    found = fit(repeated, chosen=covariance, fallback=fallback, restricted=restricted)
    scale = spread * size
    counted = y.size - base.kept.size if restricted else y.size
    deviance = found.point.value + counted * (math.log(2 * math.pi) + 2 * math.log(scale)) - np.log(data.weight).sum()
    if restricted:
        deviance += 2 * np.log(np.diag(base.r)).sum()
    told = inference(found, df, shift=coordinates / spread)
    return Fitted(data, model, base, found, told, scale, float(deviance))


def _spreads(left: Floats, visit: Counts, otherwise: float) -> Floats:
    """The root mean square of the residuals at each visit; of all where a visit has next to none."""
    number = np.bincount(visit)
    found = np.sqrt(np.bincount(visit, weights=left**2) / number)
    return np.where(found > 1e-6 * otherwise, found, otherwise)


def _check_choices(covariance: str, fallback: Any, estimation: str, df: str, margins: str) -> None:
    choice(covariance, Covariance, "covariance")
    choice(estimation, Estimation, "estimation")
    choice(df, DegreesOfFreedom, "df")
    choice(margins, Margins, "margins")
    if isinstance(fallback, str):
        raise InvalidInput("fallback is one text", expected="a sequence of structures", found=repr(fallback))
    for name in fallback:
        choice(name, Covariance, "fallback")
    tried = [covariance, *fallback]
    if len(set(tried)) < len(tried):
        raise InvalidInput("a covariance structure is to be tried twice", found=", ".join(tried))
    if estimation == "ml" and df.startswith("kenward-roger"):
        raise InvalidInput("Kenward-Roger inference needs REML", expected='estimation="reml"', found=repr(estimation))


def _names(columns: Any, what: str) -> list[str]:
    if isinstance(columns, str):
        raise InvalidInput(f"{what} is one text", expected="a sequence of column names", found=repr(columns))
    names = list(columns)
    if len(set(names)) < len(names):
        raise InvalidInput(f"{what} name a column twice", found=", ".join(map(str, names)))
    return names


def _model_text(
    fitted: Fitted, *, covariates: list[str], by_visit: list[str], weights: str | None, by_arm: bool, estimation: str
) -> Message:
    """The model in words: what every ``method`` says of it."""
    data, found = fitted.data, fitted.fit
    failed = [
        message("mmrm_statistics.part.failed_one", structure=structure_text(name), reason=reason)
        for name, reason in found.failed
    ]
    return message(
        "mmrm_statistics.part.model",
        estimation=message(f"mmrm_statistics.estimation.{estimation}"),
        structure=structure_text(found.name),
        by_arm=message("mmrm_statistics.part.by_arm") if by_arm else "",
        failed=message("mmrm_statistics.part.failed", failed=tuple(failed)) if failed else "",
        covariates=message("mmrm_statistics.part.covariates", names=tuple(map(str, covariates))) if covariates else "",
        by_visit=message("mmrm_statistics.part.by_visit", names=tuple(map(str, by_visit))) if by_visit else "",
        arms=message("mmrm_statistics.part.arms") if len(data.arms) > 2 else "",
        weights=message("mmrm_statistics.part.weights", name=str(weights)) if weights is not None else "",
        missing=message("mmrm_statistics.part.missing", number=data.missing) if data.missing else "",
    )


def structure_text(name: Covariance) -> Message:
    """A covariance structure in words."""
    return message(f"mmrm_statistics.structure.{name}")

"""Recalculation of the Cochran-Mantel-Haenszel tests: one row per patient, covariances of centred columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from evidence_lib.conventions import Convention, R
from evidence_lib.recalculation.proportions.sources import NOT_ESTIMABLE, SOURCE
from evidence_lib.results import Estimate


def cmh_test(
    event: ArrayLike,
    group: ArrayLike,
    *,
    strata: ArrayLike | pd.DataFrame,
    treatment: str | float | None = None,
    reference: str | float | None = None,
    statistic: str = "general-association",
    scores: str = "table",
    count: ArrayLike | None = None,
    correction: bool | None = None,
    convention: Convention = R,
) -> Estimate:
    """Twin of ``statistics.proportions.cmh_test``.

    Within a stratum the covariance of two sums over patients under random assignment is that of their centred columns,
    sum x x' sum y y' / (N - 1) (Hajek's theorem); a last arm and a last outcome carry no information of their own.
    """
    from scipy import stats

    rows = _rows(event, group, strata, count)
    if treatment is not None:
        rows = rows[rows["group"].isin([treatment, reference])]
    arms, outcomes = sorted(rows["group"].unique(), key=str), sorted(rows["event"].unique())
    ordered = statistic == "row-means"
    shared: dict[str, Any] = {
        "analysis": f"cmh.{statistic.replace('-', '_')}",
        "unit": "chi-square",
        "is_test": True,
        "n": len(rows),
        "method": SOURCE["cmh_test"],
        "groups": {} if treatment is None else {"treatment": treatment, "reference": reference},
    }
    score, variance = np.zeros(0), np.zeros((0, 0))
    for _, part in rows.groupby("stratum", sort=True):
        if part["group"].nunique() < 2 or part["event"].nunique() < 2:
            continue
        of_arm = _centred(np.column_stack([part["group"] == arm for arm in arms[:-1]]))
        of_outcome = _centred(_scored(part["event"], outcomes, scores, ordered=ordered))
        moved = np.einsum("ia,ib->ab", of_arm, of_outcome).ravel()
        spread = np.kron(of_arm.T @ of_arm, of_outcome.T @ of_outcome) / (len(part) - 1)
        score = moved if score.size == 0 else score + moved
        variance = spread if variance.size == 0 else variance + spread
    df = int(np.linalg.matrix_rank(variance, hermitian=True)) if variance.size else 0
    if df == 0:
        return Estimate(**shared, status="not_estimable", reason=NOT_ESTIMABLE)
    if _corrected(correction, convention, len(arms), len(outcomes), ordered=ordered) and abs(score[0]) >= 0.5:
        score = np.sign(score) * (np.abs(score) - 0.5)
    q = float(score @ np.linalg.pinv(variance, hermitian=True) @ score)
    return Estimate(**shared, test_statistic=q, df=df, p_value=float(stats.chi2.sf(q, df)))


def _rows(event: ArrayLike, group: ArrayLike, strata: Any, count: ArrayLike | None) -> pd.DataFrame:
    columns = strata if isinstance(strata, pd.DataFrame) else pd.DataFrame({"stratum": np.asarray(strata)})
    stratum = list(zip(*(columns[name].tolist() for name in columns), strict=True))
    rows = pd.DataFrame({"event": np.asarray(event), "group": np.asarray(group, dtype=object)})
    rows["stratum"] = pd.factorize(pd.Series(stratum, dtype=object))[0]
    if count is None:
        return rows
    return rows.loc[np.repeat(rows.index, np.asarray(count).astype(int))].reset_index(drop=True)


def _centred(columns: NDArray[Any]) -> NDArray[Any]:
    values = np.asarray(columns, dtype=float)
    return np.asarray(values - values.mean(axis=0), dtype=np.float64)


def _scored(events: pd.Series, outcomes: list[Any], scores: str, *, ordered: bool) -> NDArray[Any]:
    if not ordered:
        return np.asarray(np.column_stack([events == outcome for outcome in outcomes[:-1]]), dtype=np.float64)
    if scores == "table":
        return events.to_numpy(dtype=float)[:, None]
    return (events.rank(method="average") / (len(events) + 1)).to_numpy(dtype=float)[:, None]


def _corrected(correction: bool | None, convention: Convention, arms: int, outcomes: int, *, ordered: bool) -> bool:
    possible = arms == 2 and outcomes == 2 and not ordered
    wanted = convention.continuity_correction if correction is None else correction
    return bool(possible and wanted)

"""Hazard ratios within the levels of subgroups, and the test that they are the same."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.conventions import Convention, R, Ties
from evidence_lib.errors import InvalidInput
from evidence_lib.language import Message, message
from evidence_lib.results import Estimate, Estimates
from evidence_lib.statistics.cox.hazard_ratio import ratio_of_arms
from evidence_lib.statistics.cox.model import (
    TIES_NAME,
    chosen_ties,
    level_text,
    sorted_levels,
    stratified,
)
from evidence_lib.statistics.cox.partial_likelihood import (
    NotEstimable,
    PartialLikelihood,
    TieMethod,
    ever_at_risk,
    independent,
    maximise,
    standardised,
)
from evidence_lib.statistics.distributions import chi_square_p
from evidence_lib.statistics.inputs import Counts, Flags, Floats, checked_level, crossed, labelled
from evidence_lib.statistics.survival.inputs import checked


@dataclass(frozen=True, eq=False)
class _Patients:
    """The patients of the two arms compared, and the choices of the call."""

    time: Floats
    event: Flags
    labels: np.ndarray
    stratum: Counts
    strata_names: tuple[str, ...] | None
    treatment: Hashable
    reference: Hashable
    ties: TieMethod
    level: float

    def among(self, rows: Flags) -> dict[str, Any]:
        """What the model functions need of some of the patients."""
        return {"time": self.time[rows], "event": self.event[rows], "stratum": self.stratum[rows], "ties": self.ties}


def subgroup_effects(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    subgroups: pd.DataFrame,
    *,
    treatment: Hashable,
    reference: Hashable,
    strata: ArrayLike | pd.DataFrame | None = None,
    ties: Ties | None = None,
    conf_level: float = 0.95,
    convention: Convention = R,
) -> Estimates:
    """The hazard ratio within each level of each subgroup, and a likelihood-ratio test of interaction per subgroup.

    Within a level the model is fitted to its patients alone. The test compares, among all levels, a model with
    treatment, the subgroup's levels and their products with one without the products: twice the difference of the log
    partial likelihoods, chi-square with one df per product. Where the subgroup is also a stratum the strata take the
    place of its levels.

    Misreading: a level whose interval crosses 1 is not a level without effect, and one that does not is no proof of an
    effect of its own; only the interaction compares levels, with little power, and one in twenty is below 0.05 by
    chance.

    Parameters
    ----------
    time, event, group, strata, ties : as ``hazard_ratio``; only patients of the two arms enter
    subgroups : DataFrame of n rows, one column per subgroup
        Levels come in the order of an ordered or unordered categorical, else sorted. A patient without a value is left
        out of that subgroup, and ``method`` says how many were.

    Returns
    -------
    Estimates
        Per column: a ``cox.hazard_ratio.subgroup`` for each level (``subgroup`` the column, ``level`` its text), then
        one ``cox.interaction``. A level where the model has no answer is ``not_estimable``. One that says nothing about
        the effect (one arm, no events) is left out of the interaction, and ``method`` names it; with fewer than two
        levels left, or a level whose hazard ratio is infinite, the interaction is ``not_estimable``.

    Raises
    ------
    InvalidInput
        As ``hazard_ratio``; for subgroups without columns or of another length.
    """
    if treatment == reference:
        raise InvalidInput("treatment and reference are the same arm", expected="two arms", found=repr(treatment))
    times, events = checked(time, event)
    labels = labelled(group, "group", times.size)
    if not isinstance(subgroups, pd.DataFrame) or subgroups.shape[1] == 0 or len(subgroups) != times.size:
        raise InvalidInput(
            "subgroups do not fit the times",
            expected=f"a frame of {times.size} rows with a column or more",
            found=f"shape {np.shape(subgroups)}",
        )
    if not subgroups.columns.is_unique:
        raise InvalidInput("subgroups hold a column name twice", expected="each name once")
    stratum, names = crossed(strata, times.size)
    kept = (labels == treatment) | (labels == reference)
    patients = _Patients(
        times[kept],
        events[kept],
        labels[kept],
        stratum[kept],
        names,
        treatment,
        reference,
        chosen_ties(ties, convention),
        checked_level(conf_level),
    )
    found: list[Estimate] = []
    for column in subgroups.columns:
        found += _one_subgroup(patients, str(column), subgroups[column][kept].reset_index(drop=True))
    return Estimates(tuple(found))


def _one_subgroup(patients: _Patients, column: str, values: pd.Series) -> list[Estimate]:
    categorical = isinstance(values.dtype, pd.CategoricalDtype)
    levels = [x for x in values.cat.categories if (values == x).any()] if categorical else sorted_levels(values)
    missing = int(values.isna().sum())
    left_out = message("cox_statistics.part.missing", column=column, number=missing) if missing else ""
    rows = {level_text(level): (values == level).fillna(False).to_numpy(dtype=bool) for level in levels}
    within = {level: _within(patients, column, level, here, left_out) for level, here in rows.items()}
    return [*within.values(), _interaction(patients, column, rows, left_out)]


def _within(patients: _Patients, column: str, level: str, here: Flags, left_out: Message | str) -> Estimate:
    labels = patients.labels[here]
    return ratio_of_arms(
        **patients.among(here),
        labels=labels,
        treatment=patients.treatment,
        reference=patients.reference,
        x=(labels == patients.treatment).astype(float)[:, None],
        names=[str(patients.treatment)],
        level=patients.level,
        shared={
            "analysis": "cox.hazard_ratio.subgroup",
            "groups": {**_arms(patients), "subgroup": column, "level": level},
            "n": int(here.sum()),
            "events": int(patients.event[here].sum()),
            "conf_level": patients.level,
            "method": message(
                "cox_statistics.method.subgroup",
                ties=TIES_NAME[patients.ties],
                strata=stratified(patients.strata_names),
                missing=left_out,
            ),
        },
    )


def _interaction(patients: _Patients, column: str, rows: dict[str, Flags], left_out: Message | str) -> Estimate:
    gaps = {level: _gap(patients, here) for level, here in rows.items()}
    silent = tuple(level for level, gap in gaps.items() if gap is not None and not gap.informative)
    used = {level: here for level, here in rows.items() if level not in silent}
    all_rows = np.any(list(used.values()), axis=0) if used else np.zeros(patients.time.size, dtype=bool)
    shared: dict[str, Any] = {
        "analysis": "cox.interaction",
        "unit": "chi-square",
        "groups": {**_arms(patients), "subgroup": column},
        "n": int(all_rows.sum()),
        "events": int(patients.event[all_rows].sum()),
        "is_test": True,
        "method": message(
            "cox_statistics.method.interaction",
            column=column,
            ties=TIES_NAME[patients.ties],
            strata=stratified(patients.strata_names),
            missing=left_out,
            levels=message("cox_statistics.part.levels_left_out", names=silent) if silent else "",
        ),
    }
    try:
        if len(used) < 2:
            raise NotEstimable(message("cox_statistics.reason.one_level", column=column))
        for level in used:
            if gaps[level] is not None:
                raise NotEstimable(message("cox_statistics.reason.level_infinite", column=column, level=level))
        statistic, df = _likelihood_ratio(patients, {level: here[all_rows] for level, here in used.items()}, all_rows)
    except NotEstimable as gap:
        return Estimate(**shared, status="not_estimable", reason=gap.reason)
    return Estimate(**shared, test_statistic=statistic, df=df, p_value=chi_square_p(statistic, df))


def _gap(patients: _Patients, here: Flags) -> NotEstimable | None:
    """Why the level has no hazard ratio; None where it has."""
    treated = (patients.labels[here] == patients.treatment).astype(float)[:, None]
    try:
        maximise(**patients.among(here), x=treated, names=[str(patients.treatment)])
    except NotEstimable as gap:
        return gap
    return None


def _likelihood_ratio(patients: _Patients, levels: dict[str, Flags], rows: Flags) -> tuple[float, int]:
    """The likelihood-ratio statistic of treatment by level, and its degrees of freedom."""
    data = patients.among(rows)
    treated = (patients.labels[rows] == patients.treatment).astype(float)
    indicators = [here.astype(float) for here in list(levels.values())[1:]]
    names = list(levels)[1:]
    main = np.column_stack([treated, *indicators])
    whole = np.column_stack([main, *(treated * indicator for indicator in indicators)])
    # A level that the strata already set apart has no indicator left to estimate; R's coxph drops it as well.
    seen = ever_at_risk(data["time"], data["event"], data["stratum"])
    z = standardised(whole[seen])[0]
    null = PartialLikelihood(data["time"][seen], data["event"][seen], z, data["stratum"][seen], patients.ties)
    kept = independent(null.at(np.zeros(whole.shape[1])), data["event"])
    in_main = np.arange(whole.shape[1]) < main.shape[1]
    texts = np.array([str(patients.treatment), *names, *names], dtype=object)
    smaller, larger = (
        maximise(**data, x=whole[:, columns], names=list(texts[columns])) for columns in (kept & in_main, kept)
    )
    df = int((kept & ~in_main).sum())
    return max(0.0, 2 * (larger.log_likelihood - smaller.log_likelihood)), df


def _arms(patients: _Patients) -> dict[str, Any]:
    return {"treatment": patients.treatment, "reference": patients.reference}

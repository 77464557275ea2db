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
from evidence_lib.statistics.cox.inputs import TIES_NAME, Rows, checked_rows, chosen_approximation, stratified
from evidence_lib.statistics.cox.maximum import independent, problem
from evidence_lib.statistics.design import level_text, sorted_levels
from evidence_lib.statistics.distributions import chi_square_p
from evidence_lib.statistics.inputs import Flags, checked_level, labelled
from evidence_lib.statistics.levels import in_order
from evidence_lib.statistics.not_estimable import NotEstimable


@dataclass(frozen=True, eq=False)
class _Patients:
    """The patients of the two arms compared, and the choices of the call."""

    rows: Rows
    labels: np.ndarray
    treatment: Hashable
    reference: Hashable
    level: float

    @property
    def size(self) -> int:
        """The number of patients."""
        return self.labels.size

    def treated(self, here: Flags) -> np.ndarray:
        """The treatment's indicator among some of the patients (n, 1)."""
        return (self.labels[here] == self.treatment).astype(float)[:, None]


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
    time : array of n
        Days, zero or more.
    event : array of n
        1 or True for the event, 0 or False for censoring.
    group : array of n
        Arm labels; only patients of the two arms enter.
    subgroups : DataFrame of n rows
        One column per subgroup. Levels come in the order of an ordered or unordered categorical, else sorted. A patient
        without a value is left out of that subgroup, and ``method`` says how many were.
    treatment, reference : label
        The two arms compared.
    strata : array of n labels, or a frame of n rows, optional
        Each has a baseline hazard of its own; the columns of a frame are crossed.
    ties : "efron" or "breslow", optional
        None takes the convention's.
    conf_level : float
        Level of the intervals.
    convention : Convention
        The defaults of R or of SAS.

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
    rows = checked_rows(time, event, strata=strata, ties=chosen_approximation(ties, convention), convention=convention)
    labels, size = labelled(group, "group", rows.time.size), rows.time.size
    if not isinstance(subgroups, pd.DataFrame) or subgroups.shape[1] == 0 or len(subgroups) != size:
        raise InvalidInput(
            "subgroups do not fit the times",
            expected=f"a frame of {size} rows with a column or more",
            found=f"shape {np.shape(subgroups)}",
        )
    if not subgroups.columns.is_unique:
        raise InvalidInput("subgroups hold a column name twice", expected="each name once")
    kept = (labels == treatment) | (labels == reference)
    patients = _Patients(rows.of(kept), labels[kept], treatment, reference, checked_level(conf_level))
    found: list[Estimate] = []
    for column in subgroups.columns:
        found += _one_subgroup(patients, str(column), subgroups[column][kept].reset_index(drop=True))
    return Estimates(tuple(found))


def _one_subgroup(patients: _Patients, column: str, values: pd.Series) -> list[Estimate]:
    categorical = isinstance(values.dtype, pd.CategoricalDtype)
    levels = [x for x in values.cat.categories if (values == x).any()] if categorical else _from_low_to_high(values)
    missing = int(values.isna().sum())
    left_out = message("cox_statistics.part.missing", column=column, number=missing) if missing else ""
    rows = {level_text(level): (values == level).fillna(False).to_numpy(dtype=bool) for level in levels}
    within = {level: _within(patients, column, level, here, left_out) for level, here in rows.items()}
    return [*within.values(), _interaction(patients, column, rows, left_out)]


def _from_low_to_high(values: pd.Series) -> list[object]:
    by_text: dict[str, object] = {level_text(level): level for level in sorted_levels(values)}
    return [by_text[text] for text in in_order(by_text)]


def _within(patients: _Patients, column: str, level: str, here: Flags, left_out: Message | str) -> Estimate:
    return ratio_of_arms(
        patients.rows.of(here),
        patients.labels[here],
        patients.treated(here),
        [str(patients.treatment)],
        treatment=patients.treatment,
        reference=patients.reference,
        level=patients.level,
        shared={
            "analysis": "cox.hazard_ratio.subgroup",
            "groups": {**_arms(patients), "subgroup": column, "level": level},
            "n": int(here.sum()),
            "events": int(patients.rows.event[here].sum()),
            "conf_level": patients.level,
            "method": message(
                "cox_statistics.method.subgroup",
                ties=TIES_NAME[patients.rows.ties],
                strata=stratified(patients.rows.strata_names),
                missing=left_out,
            ),
        },
    )


def _interaction(patients: _Patients, column: str, rows: dict[str, Flags], left_out: Message | str) -> Estimate:
    gaps = {level: _gap(patients, here) for level, here in rows.items()}
    silent = tuple(level for level, gap in gaps.items() if gap is not None and not gap.informative)
    used = {level: here for level, here in rows.items() if level not in silent}
    all_rows = np.any(list(used.values()), axis=0) if used else np.zeros(patients.size, dtype=bool)
    shared: dict[str, Any] = {
        "analysis": "cox.interaction",
        "unit": "chi-square",
        "groups": {**_arms(patients), "subgroup": column},
        "n": int(all_rows.sum()),
        "events": int(patients.rows.event[all_rows].sum()),
        "is_test": True,
        "method": message(
            "cox_statistics.method.interaction",
            column=column,
            ties=TIES_NAME[patients.rows.ties],
            strata=stratified(patients.rows.strata_names),
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
    try:
        patients.rows.of(here).fit(patients.treated(here), [str(patients.treatment)])
    except NotEstimable as gap:
        return gap
    return None


def _likelihood_ratio(patients: _Patients, levels: dict[str, Flags], rows: Flags) -> tuple[float, int]:
    """The likelihood-ratio statistic of treatment by level, and its degrees of freedom."""
    data, treated = patients.rows.of(rows), patients.treated(rows)[:, 0]
    indicators = [here.astype(float) for here in list(levels.values())[1:]]
    names = list(levels)[1:]
    main = np.column_stack([treated, *indicators])
    whole = np.column_stack([main, *(treated * indicator for indicator in indicators)])
    # A level that the strata already set apart has no indicator left to estimate; R's coxph drops it as well.
    posed = problem(data.time, data.event, whole, data.stratum, data.ties)
    kept = independent(posed.likelihood.at(np.zeros(whole.shape[1])), posed.events)
    in_main = np.arange(whole.shape[1]) < main.shape[1]
    texts = np.array([str(patients.treatment), *names, *names], dtype=object)
    smaller, larger = (data.fit(whole[:, columns], list(texts[columns])) for columns in (kept & in_main, kept))
    df = int((kept & ~in_main).sum())
    return max(0.0, 2 * (larger.log_likelihood - smaller.log_likelihood)), df


def _arms(patients: _Patients) -> dict[str, Any]:
    return {"treatment": patients.treatment, "reference": patients.reference}

"""``attrition``: who of the population has the values that the analyses need."""

from __future__ import annotations

import pandas as pd

from evidence_lib.endpoints.continuous.outcomes import Outcomes


def attrition(steps: pd.DataFrame, measured: Outcomes) -> pd.DataFrame:
    """The attrition of a population, gone on with: a value at the start, every covariate, an outcome after it.

    Multiple imputation takes those with every covariate, a mixed model those of them with an outcome at some visit, an
    analysis of covariance those with one at the main visit.

    Parameters
    ----------
    steps : DataFrame
        step (a catalogue key), n, and one column of counts per arm.
    measured : Outcomes
        After the estimand: an outcome that it sets to missing is none.

    Returns
    -------
    DataFrame
        The same columns; a step that leaves nobody out is left out where it only repeats the one before.
    """
    people = measured.frame.drop_duplicates("subject").set_index("subject")["arm"]
    there = measured.frame.groupby("subject", sort=False)
    known = pd.Series(True, index=people.index)
    rows = []

    def add(step: str, here: pd.Series) -> None:
        arms = people[here.reindex(people.index)].value_counts()
        counts = {name: int(arms.get(name, 0)) for name in steps.columns if name not in ("step", "n")}
        rows.append({"step": step, "n": int(here.sum()), **counts})

    if "baseline" in measured.frame:
        known &= there["baseline"].first().notna()
        add("continuous.attrition.baseline", known)
    with_start = known
    if measured.factors:
        known = measured.frame[list(measured.factors)].notna().all(axis=1).groupby(measured.frame["subject"]).all()
    if (known != with_start).any():
        add("continuous.attrition.covariates", known)
    later = there["outcome"].count() > 0
    add("continuous.attrition.after", known & later)
    at_main = measured.at_main.set_index("subject")["outcome"].notna()
    add("continuous.attrition.main", known & at_main)
    return pd.concat([steps, pd.DataFrame(rows, columns=steps.columns)], ignore_index=True)

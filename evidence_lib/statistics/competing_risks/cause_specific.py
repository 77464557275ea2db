"""Cause-specific hazard ratios of all causes, side by side."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.conventions import Convention, R, Ties
from evidence_lib.language import message
from evidence_lib.results import Estimates
from evidence_lib.statistics.competing_risks.inputs import Label, observed
from evidence_lib.statistics.cox import hazard_ratio


def cause_specific(
    time: ArrayLike,
    cause: ArrayLike,
    group: ArrayLike,
    *,
    treatment: Hashable,
    reference: Hashable,
    strata: ArrayLike | pd.DataFrame | None = None,
    covariates: pd.DataFrame | None = None,
    censored: Label = 0,
    ties: Ties | None = None,
    conf_level: float = 0.95,
    convention: Convention = R,
) -> Estimates:
    """Cause-specific hazard ratio of ``treatment`` over ``reference`` for every cause that occurs, side by side.

    Of each cause k, exp(b) of Cox's model for the hazard of k among patients still free of every event: events of other
    causes leave the risk set as censorings do (Prentice et al. 1978, Biometrics 34:541). ``cox.hazard_ratio`` fits it.
    Below 1 favours the treatment for a bad event. Assumes proportional cause-specific hazards.

    Misreading: it is a ratio of rates among those still at risk, not of probabilities; whether more patients have the
    event also depends on the other causes (see ``fine_gray`` and ``cumulative_incidence``). One cause alone misleads.

    Parameters
    ----------
    time : array of n days, zero or more
        Time from the start to the first event of any cause, or to censoring.
    cause : array of n labels
        ``censored``, or the cause of the event.
    group : array of n labels
        The arms.
    treatment, reference : text or number
        The labels of the two arms.
    strata : array of n labels, or a frame of n rows
        The strata; the columns of a frame are crossed.
    covariates : DataFrame of n rows
        As ``cox.hazard_ratio``.
    censored : text or number
        The label of patients without an event.
    ties : "efron" or "breslow"
        The handling of ties; None takes the convention's.
    conf_level : float
        The level of the limits, between 0 and 1.
    convention : Convention
        Where ``ties`` comes from when it is None.

    Returns
    -------
    Estimates
        One ``cause_specific.hazard_ratio.*`` per cause, in ``groups["cause"]``, causes sorted: ``adjusted`` with
        covariates, else ``stratified`` with strata, else ``unstratified``. ``events`` counts those of the cause in the
        two arms; ``std_error`` is on the log scale. Status ``not_estimable`` as ``cox.hazard_ratio``. Empty without
        events.

    Raises
    ------
    InvalidInput
        As ``cox.hazard_ratio``, and for missing causes.
    """
    data = observed(time, cause, censored)
    items = []
    for number, label in enumerate(data.causes, start=1):
        found = hazard_ratio(
            data.time,
            data.code == number,
            group,
            treatment=treatment,
            reference=reference,
            strata=strata,
            covariates=covariates,
            ties=ties,
            conf_level=conf_level,
            convention=convention,
        )
        items.append(
            replace(
                found,
                analysis=found.analysis.replace("cox.", "cause_specific."),
                groups={**found.groups, "cause": label},
                method=message("competing_risks_statistics.method.cause_specific", model=found.method),
            )
        )
    return Estimates(tuple(items))

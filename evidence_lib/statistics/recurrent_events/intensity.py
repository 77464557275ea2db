"""Models of the next event given the past: Andersen-Gill (LWYY) and Prentice-Williams-Peterson."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.conventions import Convention, R, Ties
from evidence_lib.errors import InvalidInput
from evidence_lib.language import Message, message
from evidence_lib.results import Estimate
from evidence_lib.statistics.cox import hazard_ratio
from evidence_lib.statistics.cox.hazard_ratio import adjusted
from evidence_lib.statistics.cox.inputs import TIES_NAME, chosen_approximation, stratified
from evidence_lib.statistics.inputs import crossed, labelled
from evidence_lib.statistics.recurrent_events.inputs import Intervals, checked_intervals, of_subjects

TimeScale = Literal["total", "gap"]


def andersen_gill(
    subject: ArrayLike,
    start: ArrayLike,
    stop: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    treatment: Hashable,
    reference: Hashable,
    strata: ArrayLike | pd.DataFrame | None = None,
    covariates: pd.DataFrame | None = None,
    robust: bool = True,
    ties: Ties | None = None,
    conf_level: float = 0.95,
    convention: Convention = R,
) -> Estimate:
    """Rate ratio of two arms from the Andersen-Gill model; below 1 favours the treatment for a bad event.

    Every interval of observation enters Cox's model as a row at risk from ``start`` to ``stop`` (Andersen & Gill 1982,
    Ann Stat 10:1100). With the robust variance by subject it is the model of Lin, Wei, Yang & Ying (2000, J R Stat Soc
    B 62:711, eq. 2.8): the rate E dN(t) = exp(x' b) dM0(t) is modelled and nothing is assumed of the dependence between
    a subject's events. Without it (``robust=False``) they must be a Poisson process given the covariates.

    Assumes that the ratio of rates does not change with time. Misreading: it is a ratio of mean numbers of events among
    those under observation, not of risks, and where death stops the events it is not a ratio of what patients suffer.

    Parameters
    ----------
    subject : array of n labels
        Whose interval a row is.
    start, stop : array of n
        Days; the subject is observed after ``start``, up to and including ``stop``.
    event : array of n
        1 or True where an event happens at ``stop``, else 0 or False.
    group : array of n
        Arm labels, the same in all rows of a subject. All arms enter one model, as in ``cox.hazard_ratio``.
    treatment, reference : label
        The two arms compared.
    strata : array of n labels, or a frame of n rows, optional
        Each has a baseline rate of its own; the columns of a frame are crossed.
    covariates : DataFrame of n rows, optional
        Further terms of the model, as in ``cox``; they may change from interval to interval.
    robust : bool
        The robust variance by subject, or the model's.
    ties : "efron" or "breslow", optional
        None takes the convention's.
    conf_level : float
        Level of the interval.
    convention : Convention
        The defaults of R or of SAS.

    Returns
    -------
    Estimate
        ``andersen_gill.rate_ratio``: estimate and limits on the ratio scale, ``std_error`` on the log scale; ``n``
        counts subjects of the two arms, ``events`` their events. Status ``not_estimable`` where one arm has no events,
        and as ``cox``.

    Raises
    ------
    InvalidInput
        For intervals that cannot be used (see ``mean_cumulative_function``), an arm that changes within a subject, and
        as ``cox.hazard_ratio``.
    """
    given, labels = compared(subject, start, stop, event, group)
    variance = _variance(robust)
    chosen = chosen_approximation(ties, convention)
    found = hazard_ratio(
        given.stop,
        given.event,
        labels,
        treatment=treatment,
        reference=reference,
        entry=given.start,
        strata=strata,
        covariates=covariates,
        cluster=given.subject,
        robust=robust,
        ties=chosen,
        conf_level=conf_level,
    )
    method = message(
        "recurrent_events_statistics.method.andersen_gill",
        ties=TIES_NAME[chosen],
        strata=stratified(crossed(strata, labels.size)[1]),
        covariates=adjusted(covariates),
        variance=variance,
    )
    here = (labels == treatment) | (labels == reference)
    return replace(found, analysis="andersen_gill.rate_ratio", n=given.of(here).subjects, method=method)


def pwp(
    subject: ArrayLike,
    start: ArrayLike,
    stop: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    treatment: Hashable,
    reference: Hashable,
    time_scale: TimeScale,
    max_events: int | None = None,
    strata: ArrayLike | pd.DataFrame | None = None,
    covariates: pd.DataFrame | None = None,
    robust: bool = True,
    ties: Ties | None = None,
    conf_level: float = 0.95,
    convention: Convention = R,
) -> Estimate:
    """Hazard ratio of two arms for the next event, by number of earlier events; below 1 favours the treatment.

    Prentice, Williams & Peterson (1981, Biometrika 68:373): a Cox model with a baseline hazard for the first event, one
    for the second among those who have had the first, and so on, and one effect of treatment on all. Time is counted
    from time 0 throughout (``total``, their model 2) or anew from the latest event (``gap``, their model 3).

    Assumes that the number of earlier events carries what matters of the past. Misreading: from the second event on the
    arms compared are no longer those that were randomised, but those who had an event before; a treatment that prevents
    first events can look weaker here than it is.

    Parameters
    ----------
    subject : array of n labels
        Whose interval a row is.
    start, stop : array of n
        Days; the subject is observed after ``start``, up to and including ``stop``.
    event : array of n
        1 or True where an event happens at ``stop``, else 0 or False.
    group : array of n
        Arm labels, the same in all rows of a subject. All arms enter one model, as in ``cox.hazard_ratio``.
    treatment, reference : label
        The two arms compared.
    time_scale : "total" or "gap"
        From when time is counted. Before the first event both count from time 0.
    max_events : int, optional
        Events beyond this number, and the time at risk for them, are left out; None keeps all.
    strata : array of n labels, or a frame of n rows, optional
        Each has baseline hazards of its own; the columns of a frame are crossed.
    covariates : DataFrame of n rows, optional
        Further terms of the model, as in ``cox``; they may change from interval to interval.
    robust : bool
        The robust variance by subject, or the model's.
    ties : "efron" or "breslow", optional
        None takes the convention's.
    conf_level : float
        Level of the interval.
    convention : Convention
        The defaults of R or of SAS.

    Returns
    -------
    Estimate
        ``pwp.hazard_ratio.total`` or ``pwp.hazard_ratio.gap``: estimate and limits on the ratio scale, ``std_error`` on
        the log scale; ``n`` counts subjects of the two arms, ``events`` the events that entered. Status
        ``not_estimable`` where one arm has no events, and as ``cox``.

    Raises
    ------
    InvalidInput
        As ``andersen_gill``; for an unknown time scale or a ``max_events`` below 1.
    """
    given, labels = compared(subject, start, stop, event, group)
    if time_scale not in get_args(TimeScale):
        raise InvalidInput("unknown time_scale", expected=" or ".join(get_args(TimeScale)), found=repr(time_scale))
    variance = _variance(robust)
    chosen, most = chosen_approximation(ties, convention), checked_number(max_events)
    strata_number, strata_names = crossed(strata, labels.size)
    number = given.earlier_events()
    origin = given.last_event() if time_scale == "gap" else np.zeros(labels.size)
    kept = np.full(labels.size, True) if most is None else number < most
    if covariates is not None and isinstance(covariates, pd.DataFrame) and len(covariates) == labels.size:
        covariates = covariates[kept]
    found = hazard_ratio(
        (given.stop - origin)[kept],
        given.event[kept],
        labels[kept],
        treatment=treatment,
        reference=reference,
        entry=(given.start - origin)[kept],
        strata=pd.DataFrame({"stratum": strata_number, "number": number})[kept],
        covariates=covariates,
        cluster=given.subject[kept],
        robust=robust,
        ties=chosen,
        conf_level=conf_level,
    )
    method = message(
        "recurrent_events_statistics.method.pwp_total"
        if time_scale == "total"
        else "recurrent_events_statistics.method.pwp_gap",
        ties=TIES_NAME[chosen],
        strata=stratified(strata_names),
        covariates=adjusted(covariates),
        most=most_events(most),
        variance=variance,
    )
    here = kept & ((labels == treatment) | (labels == reference))
    return replace(found, analysis=f"pwp.hazard_ratio.{time_scale}", n=given.of(here).subjects, method=method)


def compared(
    subject: ArrayLike, start: ArrayLike, stop: ArrayLike, event: ArrayLike, group: ArrayLike
) -> tuple[Intervals, np.ndarray]:
    """Checked intervals and arm labels, which must not change within a subject."""
    given = checked_intervals(subject, start, stop, event)
    labels = labelled(group, "group", given.stop.size)
    of_subjects(given, labels, "group")
    return given, labels


def checked_number(max_events: int | None) -> int | None:
    """A number of events, 1 or more, or None."""
    wrong: Any = isinstance(max_events, bool) or not isinstance(max_events, int | np.integer) or max_events < 1
    if max_events is not None and wrong:
        raise InvalidInput(
            "max_events is not a number of events", expected="1 or more, or None", found=repr(max_events)
        )
    return None if max_events is None else int(max_events)


def most_events(most: int | None) -> Message | str:
    """The part of ``method`` that says where the events stop."""
    return "" if most is None else message("recurrent_events_statistics.part.most", number=most)


def _variance(robust: bool) -> Message:
    if not isinstance(robust, bool):
        raise InvalidInput("robust is not a choice", expected="True or False", found=repr(robust))
    return message(
        "recurrent_events_statistics.part.robust" if robust else "recurrent_events_statistics.part.model_variance"
    )

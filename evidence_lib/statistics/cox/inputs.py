"""What a Cox model asks of its arguments: rows with times, weights and clusters, and the choices that go with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.conventions import Convention
from evidence_lib.errors import InvalidInput
from evidence_lib.language import Message, message
from evidence_lib.statistics.cox.maximum import CoxTies, Fit, maximise
from evidence_lib.statistics.cox.partial_likelihood import TieMethod
from evidence_lib.statistics.inputs import Counts, Flags, Floats, crossed, numbers, refuse
from evidence_lib.statistics.survival.inputs import checked, join_ties

TIES_NAME = {"efron": "Efron", "breslow": "Breslow", "exact": "exact"}


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of a Cox model, and the choices of the call.

    ``cluster`` numbers the clusters from 0 and is given whenever ``robust`` is; ``clustered`` says that the caller
    named them, else each row is its own.
    """

    time: Floats
    event: Flags
    entry: Floats | None
    weights: Floats | None
    cluster: Counts | None
    clustered: bool
    robust: bool
    stratum: Counts
    strata_names: tuple[str, ...] | None
    ties: CoxTies

    def of(self, kept: Any) -> Rows:
        """Some of the rows, by flags or places."""
        return replace(
            self,
            time=self.time[kept],
            event=self.event[kept],
            entry=None if self.entry is None else self.entry[kept],
            weights=None if self.weights is None else self.weights[kept],
            cluster=None if self.cluster is None else self.cluster[kept],
            stratum=self.stratum[kept],
        )

    def fit(self, x: Floats, names: Sequence[str]) -> Fit:
        """The maximum for the columns of ``x`` (n, p), with the variance that was chosen. Raises NotEstimable."""
        found = maximise(
            self.time, self.event, x, names, self.stratum, self.ties, weights=self.weights, entry=self.entry
        )
        return found.robust(self.cluster) if self.robust and self.cluster is not None else found

    def choices(self) -> dict[str, Message | str]:
        """The parts of a ``method`` that say how the model was fitted."""
        variance: Message | str = ""
        if self.robust:
            variance = message("cox_statistics.part.robust_cluster" if self.clustered else "cox_statistics.part.robust")
        elif self.weights is not None:
            variance = message("cox_statistics.part.weights_as_counts")
        return {
            "ties": TIES_NAME[self.ties],
            "strata": stratified(self.strata_names),
            "entry": "" if self.entry is None else message("cox_statistics.part.entry"),
            "weights": "" if self.weights is None else message("cox_statistics.part.weights"),
            "variance": variance,
        }


def checked_rows(
    time: ArrayLike,
    event: ArrayLike,
    *,
    entry: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    cluster: ArrayLike | None = None,
    robust: bool | None = None,
    strata: ArrayLike | pd.DataFrame | None = None,
    ties: CoxTies | None,
    convention: Convention,
) -> Rows:
    """The arguments that all models share. Raises InvalidInput; rows are named by number, from 1."""
    times, events = checked(time, event)
    entries = None
    if entry is not None:
        times, entries = _observed(times, numbers(entry, "entry"))
    if robust is not None and not isinstance(robust, bool):
        raise InvalidInput("robust is not a choice", expected="True, False or None", found=repr(robust))
    chosen = chosen_ties(ties, convention)
    with_robust = (weights is not None or cluster is not None) if robust is None else robust
    if chosen == "exact" and (weights is not None or with_robust):
        raise InvalidInput(
            "exact ties take neither case weights nor a robust variance",
            expected="ties efron or breslow with them",
            mend="leave out weights, cluster and robust, or choose other ties",
        )
    stratum, names = crossed(strata, times.size)
    groups = None if cluster is None else clusters(cluster, times.size)
    if with_robust and groups is None:
        groups = np.arange(times.size)
    return Rows(
        time=times,
        event=events,
        entry=entries,
        weights=None if weights is None else case_weights(weights, times.size),
        cluster=groups,
        clustered=cluster is not None,
        robust=with_robust,
        stratum=stratum,
        strata_names=names,
        ties=chosen,
    )


def chosen_ties(ties: Any, convention: Convention, among: Any = CoxTies) -> Any:
    """The handling of ties that was given, else the convention's. Raises InvalidInput for one that is not available."""
    chosen = convention.cox_ties if ties is None else ties
    if chosen not in get_args(among):
        raise InvalidInput("unknown ties", expected=" or ".join(get_args(among)), found=repr(chosen))
    return chosen


def chosen_approximation(ties: Any, convention: Convention) -> TieMethod:
    """As ``chosen_ties``, for what exists with Efron's and Breslow's ties only."""
    return chosen_ties(ties, convention, TieMethod)  # type: ignore[no-any-return]


def case_weights(weights: ArrayLike, size: int) -> Floats:
    """One weight per row, zero or more. Raises InvalidInput."""
    values = numbers(weights, "weights")
    if values.size != size:
        raise InvalidInput("weights do not fit the data", expected=f"{size} weights", found=f"{values.size}")
    refuse(~np.isfinite(values), "weights", "a finite weight of each row", "a missing or infinite weight")
    refuse(values < 0, "weights", "zero or more", "a negative weight")
    return values


def clusters(cluster: ArrayLike, size: int) -> Counts:
    """The number of each row's cluster, from 0. Raises InvalidInput."""
    if np.ndim(cluster) != 1 or len(cluster) != size:  # type: ignore[arg-type]
        raise InvalidInput(
            "cluster does not fit the data", expected=f"{size} labels", found=f"an array of shape {np.shape(cluster)}"
        )
    codes = pd.factorize(cluster if isinstance(cluster, pd.Series) else pd.Series(cluster))[0]
    refuse(codes < 0, "cluster", "a label of each row", "a missing label")
    return codes.astype(np.int64)


def stratified(names: tuple[str, ...] | None) -> Message | str:
    """The part of ``method`` that names the strata."""
    if names is None:
        return ""
    return (
        message("cox_statistics.part.strata", names=names) if names else message("cox_statistics.part.strata_unnamed")
    )


def _observed(time: Floats, entry: Floats) -> tuple[Floats, Floats]:
    """Times and entries with floating-point ties joined across both."""
    if entry.size != time.size:
        raise InvalidInput("entry does not fit the times", expected=f"{time.size} entry times", found=f"{entry.size}")
    refuse(~np.isfinite(entry), "entry", "a finite number of days", "a missing or infinite time")
    refuse(entry < 0, "entry", "zero or more days", "a negative time")
    joined = join_ties(np.concatenate([time, entry]))
    time, entry = joined[: time.size], joined[time.size :]
    refuse(entry >= time, "entry", "an entry before the time", "an entry that is not before the time")
    return time, entry

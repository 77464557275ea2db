"""The public functions: win ratio, win odds and net benefit, alone or together."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.errors import InvalidInput
from evidence_lib.results import Estimate
from evidence_lib.statistics.inputs import checked_level, choice
from evidence_lib.statistics.win_statistics.comparison import Censoring, compare
from evidence_lib.statistics.win_statistics.components import Component
from evidence_lib.statistics.win_statistics.estimates import Variance, Weights
from evidence_lib.statistics.win_statistics.outcomes import Missing
from evidence_lib.statistics.win_statistics.reporting import WinStatistics, reported


def win_statistics(
    data: pd.DataFrame,
    components: Sequence[Component],
    group: ArrayLike,
    *,
    treatment: str | float,
    reference: str | float,
    strata: ArrayLike | pd.DataFrame | None = None,
    weights: Weights = "mh",
    tau: float | None = None,
    censoring: Censoring = "common-follow-up",
    variance: Variance = "unrestricted",
    missing: Missing = "refuse",
    conf_level: float = 0.95,
) -> WinStatistics:
    """Win ratio, win odds and net benefit of one comparison of all pairs, and the contribution of each component.

    Every treated patient is compared with every reference patient by the first component, tied pairs by the next, and
    so on (Buyse 2010, Stat Med 29:3245; Pocock et al. 2012, Eur Heart J 33:176). Times and recurrent events are
    compared within the follow-up that the two patients share, up to ``tau``. With W and L the shares of pairs won and
    lost by the treated: win ratio W / L, win odds (W + T / 2) / (L + T / 2) with T = 1 - W - L, net benefit W - L.

    Variance: W and L are two-sample U-statistics with covariance sum_i a_i a_i' / n1^2 + sum_j b_j b_j' / n0^2, where
    a_i holds the shares of pairs that treated patient i won and lost less their means, and b_j those of reference
    patient j (Hoeffding's projection; Bebu & Lachin 2016, Biostatistics 17:178; as R's WR), then the delta method, on
    the log scale for the ratios. ``null``: V0, the variance of W - L if W = L, n0 / (n0 - 1) [sum_i d_i^2 - D] + n1 /
    (n1 - 1) [sum_j d_j^2 - D] over (n1 n0)^2, d being wins less losses of a patient and D the pairs decided, with
    derivatives at W = L (Dong et al. 2016, Pharm Stat 15:430; as R's WINS).

    Strata: pairs are made within them. With n patients of a stratum, n1 of them treated and n0 not, each pair counts
    1 / n in ``mh`` (Dong et al. 2018, J Biopharm Stat 28:778), 1 in ``equal``, n / (n1 n0) in ``size`` (as R's WR);
    ``mean-by-size`` and ``mean-by-events`` are means of the strata's statistics weighted by their patients, or by their
    patients with an event (``wt.stratum1`` and ``wt.stratum2`` of WINS).

    Censoring: in the shared follow-up of ``common-follow-up`` the shares depend on how long patients were followed.
    ``ipcw`` estimates the shares as if all were followed to ``tau``: a pair decided by the first component, whose event
    ends follow-up, counts 1 / (P(C >= event) P(C' >= event + margin)), C being the loser's time of censoring and C' the
    winner's; a pair decided by another counts if both patients are known to tau or to that event, 1 over the
    probabilities of that (Dong et al. 2020, J Biopharm Stat 30:882). Probabilities are Kaplan-Meier estimates in each
    arm of each stratum; the variance counts that they are estimated.

    Misreading: 1.3 does not mean a 30 % lower risk or 30 % more time; a win may come from the least important
    component, which the contributions show, and another length of follow-up or order of components gives another value.

    Parameters
    ----------
    data : DataFrame of n rows
        One row per patient, with the columns that the components name.
    components : list
        ``TimeToEvent``, ``Recurrent``, ``Continuous`` and ``Ordinal``, the most important first.
    group : array of n
        Arm labels; patients of other arms are left out.
    treatment, reference : str or float
        The labels of the two arms.
    strata : array of n labels, or DataFrame of n rows, or None
        Pairs are made within strata; the columns of a frame are crossed. A stratum without patients in both arms has no
        pairs.
    weights : {"mh", "equal", "size", "mean-by-size", "mean-by-events"}
        How strata are put together; see ``win_statistics``.
    tau : number of days above 0, or None
        Time limit: later events do not count. None is no limit; with ``ipcw`` None is exploratory, the smallest of the
        largest times in the arms.
    censoring : {"common-follow-up", "ipcw"}
        Whether pairs are compared in the follow-up they share, or weighted as if all were followed to tau.
    variance : {"unrestricted", "null"}
        Whether the variance leaves the shares free or takes them as equal; ``null`` is not for ``ipcw``.
    missing : {"refuse", "tie"}
        What a missing value in a component is: an error, or a tie there with every other patient.
    conf_level : float
        Of the two-sided interval.

    Returns
    -------
    WinStatistics
        ``win.ratio``, ``win.odds`` and ``win.net_benefit`` as the functions of these names return them, from one pass
        over the pairs, and the contributions of the components.

    Raises
    ------
    InvalidInput
        For missing columns or values, times below 0, events other than 0 and 1, recurrent events outside follow-up,
        equal arms, missing labels, two components of one name, and choices that do not exist or do not go together.
    """
    level = checked_level(conf_level)
    choice(weights, Weights, "weights")
    choice(variance, Variance, "variance")
    if variance == "null" and censoring == "ipcw":
        raise InvalidInput('variance="null" does not count that weights are estimated', expected="unrestricted")
    found = compare(
        data,
        components,
        group,
        treatment=treatment,
        reference=reference,
        strata=strata,
        tau=tau,
        censoring=censoring,
        missing=missing,
    )
    return reported(found, treatment, reference, weights, variance, level)


def win_ratio(
    data: pd.DataFrame,
    components: Sequence[Component],
    group: ArrayLike,
    *,
    treatment: str | float,
    reference: str | float,
    strata: ArrayLike | pd.DataFrame | None = None,
    weights: Weights = "mh",
    tau: float | None = None,
    censoring: Censoring = "common-follow-up",
    variance: Variance = "unrestricted",
    missing: Missing = "refuse",
    conf_level: float = 0.95,
) -> Estimate:
    """Win ratio: pairs won by the treated over pairs lost, down a hierarchy of components.

    W / L of ``win_statistics``, with W and L the shares of pairs of a treated and a reference patient that the treated
    patient wins and loses (Pocock et al. 2012, Eur Heart J 33:176); tied pairs count nowhere. Var(log(W / L)) = V11 /
    W^2 + V22 / L^2 - 2 V12 / (W L) with the covariance V given there; for ``null`` V0 / ((W + L) / 2)^2 with its V0.

    Misreading: it leaves out ties, so 2 may stand for 2 % against 1 % of the pairs; and it is no hazard ratio, though
    with a single time to event and proportional hazards it is near 1 over that.

    Parameters
    ----------
    data : DataFrame of n rows
        One row per patient, with the columns that the components name.
    components : list
        ``TimeToEvent``, ``Recurrent``, ``Continuous`` and ``Ordinal``, the most important first.
    group : array of n
        Arm labels; patients of other arms are left out.
    treatment, reference : str or float
        The labels of the two arms.
    strata : array of n labels, or DataFrame of n rows, or None
        Pairs are made within strata; the columns of a frame are crossed. A stratum without patients in both arms has no
        pairs.
    weights : {"mh", "equal", "size", "mean-by-size", "mean-by-events"}
        How strata are put together; see ``win_statistics``.
    tau : number of days above 0, or None
        Time limit: later events do not count. None is no limit; with ``ipcw`` None is exploratory, the smallest of the
        largest times in the arms.
    censoring : {"common-follow-up", "ipcw"}
        Whether pairs are compared in the follow-up they share, or weighted as if all were followed to tau.
    variance : {"unrestricted", "null"}
        Whether the variance leaves the shares free or takes them as equal; ``null`` is not for ``ipcw``.
    missing : {"refuse", "tie"}
        What a missing value in a component is: an error, or a tie there with every other patient.
    conf_level : float
        Of the two-sided interval.

    Returns
    -------
    Estimate
        ``win.ratio``, with ``.stratified``, ``.ipcw`` or ``.ipcw_stratified``: unit ratio, above 1 where the treated
        fare better, ``scale="log"``, normal interval and two-sided p-value on the log scale, ``n`` the patients in
        pairs, ``groups["time"]`` tau. Status ``not_estimable`` without pairs, where no pair is lost, and with ``ipcw``
        where follow-up ends before tau. No standard error, limits or p-value where no pair is won (0), where a stratum
        has a single patient in an arm, and where nothing varies.

    Raises
    ------
    InvalidInput
        For missing columns or values, times below 0, events other than 0 and 1, recurrent events outside follow-up,
        equal arms, missing labels, two components of one name, and choices that do not exist or do not go together.
    """
    return win_statistics(
        data,
        components,
        group,
        treatment=treatment,
        reference=reference,
        strata=strata,
        weights=weights,
        tau=tau,
        censoring=censoring,
        variance=variance,
        missing=missing,
        conf_level=conf_level,
    ).win_ratio


def win_odds(
    data: pd.DataFrame,
    components: Sequence[Component],
    group: ArrayLike,
    *,
    treatment: str | float,
    reference: str | float,
    strata: ArrayLike | pd.DataFrame | None = None,
    weights: Weights = "mh",
    tau: float | None = None,
    censoring: Censoring = "common-follow-up",
    variance: Variance = "unrestricted",
    missing: Missing = "refuse",
    conf_level: float = 0.95,
) -> Estimate:
    """Win odds: as the win ratio, with half of the tied pairs on each side.

    (W + T / 2) / (L + T / 2) = (1 + B) / (1 - B) of ``win_statistics``, with T = 1 - W - L the share of tied pairs and
    B = W - L the net benefit (Dong et al. 2020, Stat Biopharm Res 12:99; Brunner, Vandemeulebroecke & Muetze 2021, Stat
    Med 40:3367). Var(log odds) = Var(B) [2 / (1 - B^2)]^2; for ``null`` 4 V0.

    Misreading: the odds are those that a treated patient fares better than a reference patient, not the odds of an
    event; the more ties, the nearer they are to 1.

    Parameters
    ----------
    data : DataFrame of n rows
        One row per patient, with the columns that the components name.
    components : list
        ``TimeToEvent``, ``Recurrent``, ``Continuous`` and ``Ordinal``, the most important first.
    group : array of n
        Arm labels; patients of other arms are left out.
    treatment, reference : str or float
        The labels of the two arms.
    strata : array of n labels, or DataFrame of n rows, or None
        Pairs are made within strata; the columns of a frame are crossed. A stratum without patients in both arms has no
        pairs.
    weights : {"mh", "equal", "size", "mean-by-size", "mean-by-events"}
        How strata are put together; see ``win_statistics``.
    tau : number of days above 0, or None
        Time limit: later events do not count. None is no limit; with ``ipcw`` None is exploratory, the smallest of the
        largest times in the arms.
    censoring : {"common-follow-up", "ipcw"}
        Whether pairs are compared in the follow-up they share, or weighted as if all were followed to tau.
    variance : {"unrestricted", "null"}
        Whether the variance leaves the shares free or takes them as equal; ``null`` is not for ``ipcw``.
    missing : {"refuse", "tie"}
        What a missing value in a component is: an error, or a tie there with every other patient.
    conf_level : float
        Of the two-sided interval.

    Returns
    -------
    Estimate
        ``win.odds``, with ``.stratified``, ``.ipcw`` or ``.ipcw_stratified``: unit ratio, above 1 where the treated
        fare better, ``scale="log"``, normal interval and two-sided p-value on the log scale, ``n`` the patients in
        pairs, ``groups["time"]`` tau. Status ``not_estimable`` without pairs, where all pairs are won, and with
        ``ipcw`` where follow-up ends before tau. No standard error, limits or p-value where all pairs are lost (0),
        where a stratum has a single patient in an arm, and where nothing varies.

    Raises
    ------
    InvalidInput
        For missing columns or values, times below 0, events other than 0 and 1, recurrent events outside follow-up,
        equal arms, missing labels, two components of one name, and choices that do not exist or do not go together.
    """
    return win_statistics(
        data,
        components,
        group,
        treatment=treatment,
        reference=reference,
        strata=strata,
        weights=weights,
        tau=tau,
        censoring=censoring,
        variance=variance,
        missing=missing,
        conf_level=conf_level,
    ).win_odds


def net_benefit(
    data: pd.DataFrame,
    components: Sequence[Component],
    group: ArrayLike,
    *,
    treatment: str | float,
    reference: str | float,
    strata: ArrayLike | pd.DataFrame | None = None,
    weights: Weights = "mh",
    tau: float | None = None,
    censoring: Censoring = "common-follow-up",
    variance: Variance = "unrestricted",
    missing: Missing = "refuse",
    conf_level: float = 0.95,
) -> Estimate:
    """Net benefit: the share of pairs won by the treated less the share lost.

    W - L of ``win_statistics``, treated minus reference, between -1 and 1 (Buyse 2010, Stat Med 29:3245). Var(W - L) =
    V11 + V22 - 2 V12 with the covariance given there, or its V0 for ``null``. With one uncensored outcome it is 2 A -
    1, A being the area under the ROC curve (Mann-Whitney); for a yes and no the risk difference.

    Misreading: 0.1 is not the share of patients who benefit: it is that of pairs won less that lost, and 0 may be many
    of each.

    Parameters
    ----------
    data : DataFrame of n rows
        One row per patient, with the columns that the components name.
    components : list
        ``TimeToEvent``, ``Recurrent``, ``Continuous`` and ``Ordinal``, the most important first.
    group : array of n
        Arm labels; patients of other arms are left out.
    treatment, reference : str or float
        The labels of the two arms.
    strata : array of n labels, or DataFrame of n rows, or None
        Pairs are made within strata; the columns of a frame are crossed. A stratum without patients in both arms has no
        pairs.
    weights : {"mh", "equal", "size", "mean-by-size", "mean-by-events"}
        How strata are put together; see ``win_statistics``.
    tau : number of days above 0, or None
        Time limit: later events do not count. None is no limit; with ``ipcw`` None is exploratory, the smallest of the
        largest times in the arms.
    censoring : {"common-follow-up", "ipcw"}
        Whether pairs are compared in the follow-up they share, or weighted as if all were followed to tau.
    variance : {"unrestricted", "null"}
        Whether the variance leaves the shares free or takes them as equal; ``null`` is not for ``ipcw``.
    missing : {"refuse", "tie"}
        What a missing value in a component is: an error, or a tie there with every other patient.
    conf_level : float
        Of the two-sided interval.

    Returns
    -------
    Estimate
        ``win.net_benefit``, with ``.stratified``, ``.ipcw`` or ``.ipcw_stratified``: unit probability, above 0 where
        the treated fare better; normal interval cut at -1 and 1, two-sided p-value, ``n`` the patients in pairs,
        ``groups["time"]`` tau. Status ``not_estimable`` without pairs, and with ``ipcw`` where follow-up ends before
        tau. No standard error, limits or p-value where a stratum has a single patient in an arm, and where nothing
        varies.

    Raises
    ------
    InvalidInput
        For missing columns or values, times below 0, events other than 0 and 1, recurrent events outside follow-up,
        equal arms, missing labels, two components of one name, and choices that do not exist or do not go together.
    """
    return win_statistics(
        data,
        components,
        group,
        treatment=treatment,
        reference=reference,
        strata=strata,
        weights=weights,
        tau=tau,
        censoring=censoring,
        variance=variance,
        missing=missing,
        conf_level=conf_level,
    ).net_benefit

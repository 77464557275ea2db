"""What a meta-analysis answers."""

from __future__ import annotations

from dataclasses import dataclass, fields

import pandas as pd

from evidence_lib.results import Estimate, Estimates


@dataclass(frozen=True, eq=False, kw_only=True)
class MetaAnalysis:
    """A pooled effect and what the studies say of their differences.

    ``effect`` is one of ``meta.effect.*``; ``prediction`` (``meta.prediction``) has the limits of the effect in a new
    study and ``tau_squared`` (``meta.tau_squared``) the variance between studies, both None for a model without one;
    ``heterogeneity`` is Cochran's test, ``i_squared`` the share of the variance that is between studies and
    ``h_squared`` the variance over that within studies. ``groups["model"]`` names the model in each.

    ``studies`` has a row per study: study, estimate, std_error, conf_low, conf_high (normal, at the level of the
    effect) and weight, its share in the pooled effect; ratios are ratios, their std_error is of the logarithm.
    """

    effect: Estimate
    prediction: Estimate | None
    tau_squared: Estimate | None
    i_squared: Estimate
    h_squared: Estimate
    heterogeneity: Estimate
    studies: pd.DataFrame

    @property
    def items(self) -> tuple[Estimate, ...]:
        """Every estimate, in the order in which they are reported."""
        return tuple(value for f in fields(self) if isinstance(value := getattr(self, f.name), Estimate))


@dataclass(frozen=True, eq=False, kw_only=True)
class MetaRegression:
    """A meta-regression.

    ``coefficients`` holds ``meta.coefficient`` of the intercept and of each column of the moderators, by
    ``groups["variable"]``; ``moderators`` is the test that all of them but the intercept are 0, ``heterogeneity``
    Cochran's test of what they leave; ``tau_squared`` is the variance that they leave between studies, ``i_squared``
    and ``h_squared`` belong to it, and ``r_squared`` is the share that they explain. The fixed model has neither
    ``tau_squared`` nor ``r_squared``.
    """

    coefficients: Estimates
    moderators: Estimate
    heterogeneity: Estimate
    tau_squared: Estimate | None
    i_squared: Estimate
    h_squared: Estimate
    r_squared: Estimate | None

    @property
    def items(self) -> tuple[Estimate, ...]:
        """Every estimate, in the order in which they are reported."""
        rest = tuple(value for f in fields(self) if isinstance(value := getattr(self, f.name), Estimate))
        return (*self.coefficients.items, *rest)


@dataclass(frozen=True, eq=False, kw_only=True)
class Funnel:
    """A funnel plot and tests of its asymmetry.

    ``points`` has a row per study (study, estimate, std_error, filled), and after them one per study that trim and
    fill added; ``region`` (std_error, low, high) is where an effect falls with the given chance if all studies estimate
    ``centre``, the pooled effect. ``egger`` is the slope of the effect on its standard error, ``rank_correlation``
    Kendall's tau of effects and variances, ``trim_and_fill`` the pooled effect with ``added`` studies.
    """

    points: pd.DataFrame
    region: pd.DataFrame
    centre: Estimate
    egger: Estimate
    rank_correlation: Estimate
    trim_and_fill: Estimate
    added: int

    @property
    def items(self) -> tuple[Estimate, ...]:
        """Every estimate, in the order in which they are reported."""
        return (self.centre, self.egger, self.rank_correlation, self.trim_and_fill)

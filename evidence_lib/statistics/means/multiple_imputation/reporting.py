"""What a result after imputation says of itself: its groups, how its values were imputed, its interval and test."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from evidence_lib.language import Message, message
from evidence_lib.statistics.design import level_text
from evidence_lib.statistics.means.multiple_imputation.analysis import Analysed
from evidence_lib.statistics.means.multiple_imputation.imputation import Imputed
from evidence_lib.statistics.means.multiple_imputation.pooling import Pooled, pooled
from evidence_lib.statistics.means.multiple_imputation.strategies import REFERENCE_BASED

UNIT = "outcome"


def delta_text(made: Imputed, position: int) -> str:
    """The deltas that act at a visit, by arm: what tells one shift from another among results."""
    data, parts = made.trial, []
    earliest = 0 if made.growth == "accumulating" else position
    for arm in data.arms:
        given = made.delta.get(arm, 0.0)
        if isinstance(given, Mapping):
            acting = [(label, given.get(label, 0.0)) for label in data.visits[earliest : position + 1]]
            shown = ", ".join(f"{value:+g} at {level_text(label)}" for label, value in acting if value)
        else:
            shown = f"{given:+g}" if given else ""
        if shown:
            parts.append(f"{level_text(arm)} {shown}")
    return "; ".join(parts)


def procedure(made: Imputed, position: int) -> Message:
    """How the values of a visit were imputed, as a part of a method's sentence."""
    if made.trial.observed[:, position].all():
        return message("imputation_statistics.procedure.nothing_missing")
    names, deltas = list(made.covariates), delta_text(made, position)
    return message(
        "imputation_statistics.procedure.imputed",
        imputations=made.imputations,
        model=message(
            f"imputation_statistics.model.{made.model}",
            covariance=message(f"imputation_statistics.covariance.{made.covariance}"),
            covariates=message("imputation_statistics.part.covariates", names=names) if names else "",
            burn_in=made.burn_in,
            thin=made.thin,
        ),
        strategy=message(f"imputation_statistics.strategy.{made.strategy}", reference=level_text(made.reference)),
        event=message(f"imputation_statistics.event.{'given' if made.event else 'dropout'}"),
        delta=message(f"imputation_statistics.delta.{made.growth}", deltas=deltas) if deltas else "",
    )


def groups(made: Imputed, place: int) -> dict[str, str | float]:
    """Visit, strategy and delta of a result."""
    shown = delta_text(made, made.at[place])
    model = made.strategy if made.model == "joint" else f"{made.strategy} {made.model}"
    return {"visit": plain(made.visits[place]), "model": model} | ({"delta": shown} if shown else {})


def plain(label: Hashable) -> str | float:
    """A label as a group's value: a number, or a text."""
    return label if isinstance(label, str | int | float) else str(label)


def caution(made: Imputed, place: int) -> Message | str:
    """The part of a method that warns of Rubin's variance."""
    based = made.strategy in REFERENCE_BASED and made.missing[:, place].any()
    return message("imputation_statistics.part.conservative") if based else ""


def pool(analysed: Analysed, level: float) -> Pooled:
    """Pool the analyses of the completed data sets."""
    return pooled(analysed.estimates, analysed.variances, analysed.df, level)


def interval(answer: Pooled) -> dict[str, Any]:
    """The fields of an estimate that a pooled answer gives; without variance the estimate alone, and why."""
    if answer.conf_low is None:
        reason = message("imputation_statistics.reason.no_variance")
        return {"estimate": answer.estimate, "reason": reason}
    return {
        "estimate": answer.estimate,
        "std_error": answer.std_error,
        "conf_low": answer.conf_low,
        "conf_high": answer.conf_high,
    }


def tested(answer: Pooled) -> dict[str, Any]:
    """The two-sided test of no effect."""
    if answer.p_value is None:
        return {}
    return {"test_statistic": answer.estimate / answer.std_error, "p_value": answer.p_value}

"""``planned``: the analyses that a report declares, each with its role and the choices of its statistic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import pandas as pd

from evidence_lib.endpoints.continuous.outcomes import VALUE, Outcomes
from evidence_lib.errors import DataError, ParameterError

Role = Literal["main", "sensitivity", "supplementary"]
ROLES: tuple[Role, ...] = ("main", "sensitivity", "supplementary")
STRATEGIES = (
    *("mar", "jump-to-reference", "copy-reference", "copy-increments", "last-mean-carried-forward"),
    "retrieved-dropout",
)
REFERENCE_BASED = STRATEGIES[1:5]
# Structures with fewer and fewer parameters, for data that do not carry the unstructured one.
FALLBACK = ("un", "toeph", "ar1h", "csh", "cs")


class Recorder(Protocol):
    """What keeps the results: the report object of a notebook."""

    def record(self, statistic: Callable[..., Any], frame: pd.DataFrame, /, *, role: Role, **choices: Any) -> Any:
        """Compute a statistic and keep what it gives."""


@dataclass(frozen=True)
class Planned:
    """The analyses of a report.

    ``roles`` says of each analysis what it is to the estimand; ``choices`` holds the arguments of its statistic.
    """

    roles: Mapping[str, Role]
    choices: Mapping[str, Mapping[str, Any]]

    def record(
        self, rep: Recorder, statistic: Callable[..., Any], frame: pd.DataFrame, *names: str, **more: Any
    ) -> None:
        """Record the statistic for those of these analyses that are declared, each with its role and choices."""
        for name in names:
            if name in self.roles:
                rep.record(statistic, frame, role=self.roles[name], **self.choices[name], **more)

    @property
    def differences(self) -> tuple[str, ...]:
        """The declared analyses that estimate a difference of means."""
        return tuple(name for name in self.roles if name in ("ancova", "mmrm", *STRATEGIES))

    @property
    def imputing(self) -> tuple[str, ...]:
        """The declared analyses that impute values by a strategy."""
        return tuple(name for name in self.roles if name in STRATEGIES)


def planned(measured: Outcomes, parameters: Mapping[str, Any], *, arms: int, compared: bool) -> Planned:
    """The declared analyses of outcomes at visits, ready for their statistics.

    The main analysis and those of ``sensitivity`` and ``supplementary`` have these covariates: the baseline value (by
    visit in the mixed model), the strata, the declared covariates. ``imputation`` as the main analysis is the strategy
    that follows from the estimand (``Outcomes.imputation``). Without a comparison nothing is planned.

    Parameters
    ----------
    measured : Outcomes
        The outcomes, after the estimand.
    parameters : mapping
        The report's parameters.
    arms : int
        How many arms are compared.
    compared : bool
        Whether there is a reference.

    Raises
    ------
    ParameterError
        For an analysis declared twice, a tipping point without ``deltas``, responders without ``responder`` or
        ``higher_is``, and ordinal outcomes without strata.
    DataError
        Where the doses of an arm differ.
    """
    if not compared:
        return Planned({}, {})
    roles = _roles(measured, parameters)
    if "tipping-point" in roles and not parameters["deltas"]:
        raise ParameterError("a tipping point needs its deltas", where="deltas", mend="give the deltas to be tried")
    if "responders" in roles and (parameters["responder"] is None or parameters["higher_is"] is None):
        raise ParameterError(
            "responders need a threshold and a direction",
            where="responder and higher_is",
            mend="give the outcome from which on somebody has responded, and whether higher is better",
        )
    if "cmh" in roles and not parameters["strata"]:
        raise ParameterError("a test within strata needs strata", where="strata", mend="name the strata")
    choices = {name: _choices(name, measured, parameters, arms=arms) for name in roles}
    return Planned(roles, choices)


def _roles(measured: Outcomes, parameters: Mapping[str, Any]) -> dict[str, Role]:
    main = parameters["analysis"]
    roles: dict[str, Role] = {measured.imputation if main == "imputation" else main: "main"}
    for role in ROLES[1:]:
        for name in parameters[role] or ():
            if name in roles:
                raise ParameterError(
                    "an analysis that is declared already", where=role, found=f"{name} as {roles[name]} analysis"
                )
            roles[name] = role
    return roles


def _choices(name: str, measured: Outcomes, parameters: Mapping[str, Any], *, arms: int) -> dict[str, Any]:
    factors = list(measured.factors)
    if name == "ancova":
        dose = _doses(measured.frame, parameters["dose"])
        many = {"contrasts": "pairwise"} if arms > 2 else {}
        return {"outcome": "outcome", "covariates": factors or None, **many, **({"dose": dose} if dose else {})}
    if name == "mmrm":
        first = parameters["covariance"]
        return {
            "visits": list(measured.visits),
            "covariates": factors,
            "by_visit": ["baseline"] if "baseline" in factors else [],
            "covariance": first,
            "fallback": [other for other in FALLBACK if other != first],
            "df": parameters["df"],
        }
    if name == "cmh":
        return {"event": "outcome", "strata": list(parameters["strata"]), "statistic": "row-means"}
    strategy = name if name in STRATEGIES else measured.imputation
    shared = {
        "visits": list(measured.visits),
        "at": [measured.main],
        "covariates": factors,
        "event": measured.event,
        "strategy": strategy,
        "imputations": parameters["imputations"],
    }
    if name == "tipping-point":
        return {**shared, "deltas": parameters["deltas"], "shifted": "missing"}
    if name == "responders":
        better = parameters["higher_is"] == "better"
        return {
            **shared,
            "threshold": parameters["responder"],
            "responders": "at-least" if better else "at-most",
        }
    return shared


def _doses(frame: pd.DataFrame, column: str | None) -> dict[str, float]:
    if column is None:
        return {}
    found = frame.groupby("arm")[column].agg(["nunique", "first"])
    if (found["nunique"] != 1).any():
        raise DataError("an arm without one dose of its own", where=f"ADSL, {column}", expected="one number per arm")
    return {str(arm): float(dose) for arm, dose in found["first"].items()}


def facts(measured: Outcomes, parameters: Mapping[str, Any], plan: Planned) -> pd.DataFrame:
    """What the texts of a report on outcomes at visits need to know beside its numbers: one row per analysis.

    Columns ``analysis`` and ``role`` (missing where nothing is compared), and, the same in every row: ``visit`` (the
    main one), ``change`` (whether the outcome is a change from the start), ``ordinal``, ``carried`` (whether values
    imputed in the data set are analysed), ``imputation``, ``higher_is``, ``important_difference``, ``responder``.
    """
    shared = {
        "visit": measured.main,
        "change": parameters["outcome"] != VALUE,
        "ordinal": parameters["analysis"] == "cmh",
        "carried": bool(parameters["imputed_records"]),
        "imputation": measured.imputation,
        "higher_is": parameters["higher_is"],
        "important_difference": parameters["important_difference"],
        "responder": parameters["responder"],
    }
    declared: list[tuple[str | None, str | None]] = [*plan.roles.items()] or [(None, None)]
    return pd.DataFrame([{"analysis": name, "role": role, **shared} for name, role in declared]).astype(object)

"""The regions of a multi-regional trial: who belongs to which, which are compared, and with what."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from evidence_lib.errors import DataError, ParameterError
from evidence_lib.language import Message, message
from evidence_lib.results import Estimate, Estimates

NEXT_THERAPY = "NEWTRTDT"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What was decided about regions before the results: the column, the region of interest, the rule, the plan.

    ``retained`` is the share of the overall effect that a region is to keep (``method`` 1; 2: all regions point to one
    side), ``power`` or ``effect`` what the whole trial was planned with, ``smallest`` the patients below which a region
    is shown and not compared, ``alpha`` the one-sided level.
    """

    column: str
    focus: str | None
    retained: float
    method: Literal[1, 2]
    smallest: float
    power: float | None
    effect: float | None
    alpha: float

    @property
    def is_given(self) -> bool:
        """Whether the study declares what the whole trial was planned with."""
        return self.power is not None or self.effect is not None

    def table(self) -> pd.DataFrame:
        """The plan as one row, for the results."""
        return pd.DataFrame([asdict(self)])


def plan(parameters: Mapping[str, Any]) -> Plan:
    """The plan as the report's parameters say.

    Raises ParameterError for a plan that is given twice, and a planned effect that is none.
    """
    power, effect = parameters["power"], parameters["planned_effect"]
    if power is not None and effect is not None:
        raise ParameterError("the plan is given twice", where="power and planned_effect", mend="give one of them")
    if effect == 1:
        raise ParameterError("the planned effect is none", where="planned_effect", found=f"{effect:g}")
    return Plan(
        column=parameters["region"],
        focus=parameters["focus"],
        retained=parameters["retained"],
        method=2 if parameters["consistency_method"] == 2 else 1,
        smallest=parameters["smallest_region"],
        power=power,
        effect=effect,
        alpha=(1 - parameters["conf_level"]) / 2,
    )


@dataclass(frozen=True, eq=False)
class Regions:
    """The subjects who are compared, by region.

    ``frame`` is the analysis frame of the subjects with a region, ``people`` those subjects with the columns of ADSL;
    both have the column ``column`` with the region as text. ``table`` has one row per region, the region of interest
    first, then the larger ones: region, n, events, compared, reason (a catalogue key).
    """

    column: str
    frame: pd.DataFrame
    people: pd.DataFrame
    table: pd.DataFrame
    notes: tuple[Message, ...] = ()

    @property
    def each(self) -> dict[str, str]:
        """What ``rep.record`` takes as ``each``."""
        return {"region": self.column}

    @property
    def later(self) -> pd.DataFrame:
        """The subjects with ``next_therapy`` (1: a later treatment); without rows where the data do not tell."""
        known = "next_therapy" in self.people
        return self.people if known else self.people.iloc[:0].assign(next_therapy=0)

    def at(self, milestone: int | None) -> list[int]:
        """The milestone as a list of times; empty for none."""
        return [] if milestone is None else [milestone]


@dataclass(frozen=True, eq=False)
class Comparison:
    """The hazard ratios of one treatment in the regions that are compared.

    ``effects`` has a row per region: region, estimate, std_error. ``whole`` are the overall effect and its standard
    error as ``regional.retention`` takes them: none where it is not more precise than each region's, and the mean of
    the regions stands for it. ``information`` and ``patients`` are the regions' shares of the inverse variances and of
    the patients, ``size_of_trial`` the patients of these regions, ``log_ratio`` and ``std_error`` those of the whole.
    """

    groups: Mapping[str, str]
    effects: pd.DataFrame
    whole: Mapping[str, Any]
    information: np.ndarray
    patients: np.ndarray
    log_ratio: float
    std_error: float
    size_of_trial: int
    columns: Mapping[str, Any] = field(
        default_factory=lambda: {"scale": "log", "estimate": "estimate", "std_error": "std_error", "region": "region"}
    )

    @property
    def sign(self) -> dict[str, Any]:
        """The overall effect as ``regional.sign_agreement`` takes it."""
        return {"overall": self.whole["overall"]} if self.whole else {}

    @property
    def size(self) -> int:
        """The number of regions."""
        return len(self.effects)


def regions(frame: pd.DataFrame, people: pd.DataFrame, plan: Plan) -> Regions:
    """Assign subjects to regions, and say which regions are large enough to be compared.

    ``frame`` has one row per analysed subject, ``people`` the columns of ADSL; ``subject`` joins them. Subjects without
    a region are left out, and a note says how many. A region that is too small by the plan is shown, not compared.

    Raises DataError where there is no such column or nobody has a region, ParameterError for a region of
    interest that is none of them.
    """
    column = plan.column
    if column not in people:
        raise DataError("no such column", where="ADSL, region", found=column, mend="name the column with the region")
    known = people[_stated(people[column])]
    known = known.assign(**{column: known[column].map(_text)})
    named = frame.drop(columns=[column], errors="ignore").merge(known[["subject", column]], on="subject", how="inner")
    if named.empty:
        raise DataError("nobody has a region", where=f"ADSL, {column}", mend="name the column with the region")
    known = known[known["subject"].isin(named["subject"])]
    if NEXT_THERAPY in known:
        known = known.assign(next_therapy=_stated(known[NEXT_THERAPY]).astype(int))
    table = _table(named, plan)
    without = len(frame) - len(named)
    notes = (message("regional.note.without", count=without, column=column),) if without else ()
    order = list(table["region"])
    return Regions(column, _in_order(named, column, order), _in_order(known, column, order), table, notes)


def _table(named: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """The regions with their numbers: that of interest first, then the larger ones."""
    sizes = named[plan.column].value_counts()
    if plan.focus is not None and plan.focus not in sizes:
        raise ParameterError("no such region", where="focus", expected=", ".join(sorted(sizes.index)), found=plan.focus)
    order = sorted(sizes.index, key=lambda region: (region != plan.focus, -sizes[region], region))
    events = [named.loc[named[plan.column] == region, "event"].sum() for region in order]
    small = [bool(sizes[region] < plan.smallest) for region in order]
    return pd.DataFrame(
        {
            "region": order,
            "n": [int(sizes[region]) for region in order],
            "events": [int(number) for number in events],
            "compared": [not is_small for is_small in small],
            "reason": ["regional.reason.small" if is_small else None for is_small in small],
        }
    )


def _in_order(frame: pd.DataFrame, column: str, order: list[str]) -> pd.DataFrame:
    """The rows by region, so that results come in the order of the table."""
    place = frame[column].map({region: rank for rank, region in enumerate(order)}).to_numpy()
    return frame.iloc[np.argsort(place, kind="stable")].reset_index(drop=True)


def comparisons(by_region: Estimate | Estimates, overall: Estimate | Estimates, regions: Regions) -> list[Comparison]:
    """For each treatment the effects of the regions that are compared: large enough, and with an estimate.

    ``by_region`` are the effects that ``rep.record`` gave in each region, ``overall`` those of the whole trial. A
    treatment without an estimate in any region is left out.
    """
    used = list(regions.table.loc[regions.table["compared"], "region"])
    size = regions.table.set_index("region")["n"]
    found = []
    for treatment in dict.fromkeys(str(one.groups["treatment"]) for one in _items(by_region)):
        own = {str(one.groups["region"]): one for one in _items(by_region) if one.groups["treatment"] == treatment}
        rows = [(region, own[region]) for region in used if region in own and _known(own[region])]
        if not rows:
            continue
        effects = pd.DataFrame(
            [{"region": region, "estimate": one.estimate, "std_error": one.std_error} for region, one in rows]
        )
        (whole,) = (one for one in _items(overall) if one.groups["treatment"] == treatment)
        precision = (effects["std_error"].min() / effects["std_error"].to_numpy()) ** 2
        patients = size[effects["region"]].to_numpy(dtype=float)
        mean = float((precision * np.log(effects["estimate"].to_numpy())).sum() / precision.sum())
        error = float(effects["std_error"].min() / math.sqrt(precision.sum()))
        given: dict[str, Any] = {}
        if whole.estimate is not None and whole.std_error and whole.std_error <= float(effects["std_error"].min()):
            given = {"overall": whole.estimate, "overall_std_error": whole.std_error}
            mean, error = math.log(whole.estimate), whole.std_error
        found.append(
            Comparison(
                groups={"treatment": treatment, "reference": str(whole.groups["reference"])},
                effects=effects,
                whole=given,
                information=precision / precision.sum(),
                patients=patients / patients.sum(),
                size_of_trial=int(patients.sum()),
                log_ratio=mean,
                std_error=error,
            )
        )
    return found


def kept_shares(kept: Estimate | Estimates) -> list[float] | None:
    """The shares of the overall effect that the regions kept; None where there is no overall effect to share."""
    values = [one.estimate for one in _items(kept)]
    return None if any(value is None for value in values) else [float(value) for value in values if value is not None]


def planned(one: Comparison, plan: Plan) -> dict[str, Any]:
    """What was planned for the whole trial, as the probabilities of ``statistics.regional`` take it; {} for nothing."""
    if plan.power is not None:
        return {"power": plan.power, "alpha": plan.alpha}
    if plan.effect is None:
        return {}
    return {"effect": abs(math.log(plan.effect)), "std_error": one.std_error, "alpha": plan.alpha}


def truths(one: Comparison, plan: Plan) -> dict[str, dict[str, Any]]:
    """The true effects, the same in every region, under which patterns are judged: the planned, the estimated one."""
    given = planned(one, plan)
    return {**({"planned": given} if given else {}), "estimated": {"effect": one.log_ratio, "std_error": one.std_error}}


def _items(answer: Estimate | Estimates) -> Iterable[Estimate]:
    return (answer,) if isinstance(answer, Estimate) else answer.items


def _known(one: Estimate) -> bool:
    return one.status == "ok" and one.estimate is not None and bool(one.std_error)


def _stated(values: pd.Series) -> pd.Series:
    """Whether each value is there and not empty."""
    return values.notna() & (values.astype("string").str.strip().fillna("") != "")


def _text(value: Any) -> str:
    """A region as text; a whole number without its decimals."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()

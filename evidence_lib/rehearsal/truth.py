"""The true effects of a design: each estimand computed from a million generated patients per arm.

The patients are generated in parts of equal size. A true value is the mean over the parts (of the logarithm, for a
ratio), and its Monte Carlo standard error the standard deviation over the parts by the root of their number. Where an
estimand depends on how long patients are followed, or on when they are seen, it is computed from what the trial would
have seen of them: the same recruitment, cut-off, losses, assessments and censoring rules.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from evidence_lib.errors import InvalidInput
from evidence_lib.rehearsal.design import CONTROL, TREATED, TrialDesign
from evidence_lib.rehearsal.patients import Counts, Flags
from evidence_lib.rehearsal.safety import terms
from evidence_lib.rehearsal.times import STOPPED, Times, progression_free, treatment_stop
from evidence_lib.rehearsal.trial import Happenings, happen
from evidence_lib.rehearsal.tumour import PR, best_response
from evidence_lib.statistics.cox import hazard_ratio
from evidence_lib.statistics.survival import kaplan_meier

__all__ = ["NAMED_TERMS", "Effect", "effects", "truth", "truth_text"]

MILESTONES = {"12": 365, "24": 731}  # months: days, as the report rounds 30.4375 days a month
TAU = 731
STOPPED_BY = 365
NAMED_TERMS = ("Nausea", "Rash", "Hypothyroidism", "Pneumonitis", "Neutropenia")
SEEN = "as the trial sees it"
OS_LATENT = "death from any cause; without censoring"
Values = dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Effect:
    """One effect that the design implies.

    ``analysis`` is the name of the statistic that estimates it, ``groups`` says of which arm, endpoint, time and
    subgroup. ``scale`` is "log" for ratios: ``std_error`` is then that of the logarithm. ``how`` says what was computed
    from the generated patients.
    """

    name: str
    analysis: str
    groups: Mapping[str, str]
    unit: str
    scale: str
    value: float
    std_error: float
    how: str


@dataclass(frozen=True, kw_only=True)
class _Entry:
    analysis: str
    unit: str
    how: str
    groups: Mapping[str, str]
    scale: str = "identity"


def truth(design: TrialDesign, *, n_per_arm: int = 1_000_000, seed: int, parts: int = 20) -> dict[str, Any]:
    """The true effects of a design, ready to be written beside its data.

    Misreading: these are the effects that went into generated data. They are the yardstick of an analysis, and say
    nothing about any medicine.

    Parameters
    ----------
    design : TrialDesign
        The trial.
    n_per_arm : int
        Generated patients per arm, over all parts.
    seed : int
        Zero or more; the patients differ from those of the trial with the same seed.
    parts : int
        How many parts, 2 or more: the Monte Carlo standard errors come from their spread.

    Returns
    -------
    dict
        ``design``, ``n_per_arm``, ``parts``, ``seed``, and ``effects``: a list of the fields of ``Effect``.

    Raises
    ------
    InvalidInput
        For fewer than 2 parts, or fewer than 500 patients per arm in a part.
    """
    if parts < 2 or n_per_arm < 500 * parts:
        raise InvalidInput(
            "too few patients",
            expected="2 or more parts of 500 or more patients per arm",
            found=f"{n_per_arm}, {parts}",
        )
    found = effects(design, n_per_arm=n_per_arm, seed=seed, parts=parts)
    return {
        "study": design.study,
        "treatment": design.arms[TREATED],
        "reference": design.arms[CONTROL],
        "n_per_arm": n_per_arm,
        "parts": parts,
        "seed": seed,
        "effects": [asdict(effect) for effect in found],
    }


def truth_text(found: Mapping[str, Any]) -> str:
    """The true effects as JSON text, the same for the same numbers."""
    return json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def effects(design: TrialDesign, *, n_per_arm: int, seed: int, parts: int) -> list[Effect]:
    """The true effects, in the order of the list; see ``truth``."""
    listed = _listed(design)
    found = [
        _part(design, happen(design, seed=_part_seed(seed, part), n=2 * n_per_arm // parts)) for part in range(parts)
    ]
    result = []
    for name, entry in listed.items():
        values = np.array([one[name] for one in found])
        values = np.log(values) if entry.scale == "log" else values
        mean, error = float(values.mean()), float(values.std(ddof=1) / np.sqrt(parts))
        result.append(
            Effect(
                name=name,
                analysis=entry.analysis,
                groups=dict(entry.groups),
                unit=entry.unit,
                scale=entry.scale,
                value=float(np.exp(mean)) if entry.scale == "log" else mean,
                std_error=error,
                how=entry.how,
            )
        )
    return result


def _part_seed(seed: int, part: int) -> int:
    """A seed of its own for each part, far from the small numbers that trials are given."""
    return int(np.random.SeedSequence([seed, part, 0x7121]).generate_state(1, np.uint64)[0])


def _listed(design: TrialDesign) -> dict[str, _Entry]:
    """What is computed, by name."""
    treated, control = design.arms
    compared = {"treatment": treated, "reference": control}
    by_arm = {"treated": {"arm": treated}, "control": {"arm": control}}
    listed: dict[str, _Entry] = {}

    def add(name: str, analysis: str, unit: str, how: str, groups: Mapping[str, str], scale: str = "identity") -> None:
        listed[name] = _Entry(analysis=analysis, unit=unit, how=how, groups=groups, scale=scale)

    strata = "Cox model (Efron) stratified by region, PD-L1 group and histology"
    rules = {"OS": "overall survival", "PFS": "progression-free survival by the FDA rule", "PFSEMA": "by the EMA rule"}
    for code, what in rules.items():
        add(
            f"{code}.hazard_ratio", "cox.hazard_ratio.stratified", "ratio", f"{strata}; {what}, {SEEN}",
            {**compared, "endpoint": code}, "log",
        )  # fmt: skip
    for region in design.regions:
        add(
            f"OS.hazard_ratio.{region}", "cox.hazard_ratio.unstratified", "ratio",
            f"Cox model (Efron) within the region; overall survival, {SEEN}",
            {**compared, "endpoint": "OS", "subgroup": "REGION1", "level": region}, "log",
        )  # fmt: skip
    for code, how in (("OS", OS_LATENT), ("PFS", f"Kaplan-Meier; {rules['PFS']}, {SEEN}")):
        for arm, groups in by_arm.items():
            add(f"{code}.median.{arm}", "km.median", "days", how, {**groups, "endpoint": code})
            for months, days in MILESTONES.items():
                add(
                    f"{code}.survival_{months}.{arm}", "km.survival", "probability", how,
                    {**groups, "endpoint": code, "time": str(days)},
                )  # fmt: skip
        for months, days in MILESTONES.items():
            add(
                f"{code}.survival_{months}.difference", "milestone.difference", "probability", how,
                {**compared, "endpoint": code, "time": str(days)},
            )  # fmt: skip
        add(
            f"{code}.rmst_difference", "rmst.difference", "days", how,
            {**compared, "endpoint": code, "time": str(TAU)},
        )  # fmt: skip
    for code, kind in (("CBOR", "confirmed"), ("BOR", "unconfirmed")):
        how = f"share of the randomised with a complete or partial response, {kind}, {SEEN}"
        for arm, groups in by_arm.items():
            add(f"{code}.rate.{arm}", "proportion.clopper_pearson", "probability", how, {**groups, "endpoint": code})
        add(
            f"{code}.difference", "rd.miettinen_nurminen.unstratified", "probability", how,
            {**compared, "endpoint": code},
        )  # fmt: skip
    add(
        "QLGHS.difference", "mmrm.contrast", "points",
        "mean change from baseline of all randomised, treated minus reference, had everybody been asked: treatment "
        "policy for the end of treatment, hypothetical (as if it had not happened) for death and for leaving",
        {**compared, "endpoint": "QLGHS", "visit": f"Week {design.quality_main_day // 7}"},
    )  # fmt: skip
    how = f"share of the treated with an event from the first dose to 30 days after the last, {SEEN}"
    for name in ("any grade 3 or more", "any serious", *NAMED_TERMS):
        add(f"AE.{name}.difference", "rd.miettinen_nurminen.unstratified", "probability", how,
            {**compared, "endpoint": name})  # fmt: skip
    how = f"share of the treated who stopped treatment by day {STOPPED_BY} for a reason other than death"
    for arm, groups in by_arm.items():
        add(f"TTD.stopped_12.{arm}", "aalen_johansen.cumulative_incidence", "probability", how,
            {**groups, "endpoint": "TTD", "time": str(STOPPED_BY)})  # fmt: skip
    add("TTD.stopped_12.difference", "aalen_johansen.difference", "probability", how,
        {**compared, "endpoint": "TTD", "time": str(STOPPED_BY)})  # fmt: skip
    return listed


def _part(design: TrialDesign, happened: Happenings) -> Values:
    """Every effect of the list in one part."""
    arm = happened.patients.arm
    course, tumours = happened.course, happened.tumours
    pfs = progression_free(design, course, tumours, rule="FDA")
    found: Values = {}
    seen = {"OS": happened.survival, "PFS": pfs, "PFSEMA": progression_free(design, course, tumours, rule="EMA")}
    for code, times in seen.items():
        found[f"{code}.hazard_ratio"] = _ratio(times, arm, happened.patients.stratum)
    for position, region in enumerate(design.regions):
        here = happened.patients.region == position
        found[f"OS.hazard_ratio.{region}"] = _ratio(happened.survival, arm, None, here)
    found |= _survival("OS", course.death + 1, np.ones(arm.size, dtype=bool), arm)
    found |= _survival("PFS", pfs.day + 1, pfs.event, arm)
    for code, confirmed in (("CBOR", True), ("BOR", False)):
        found |= _shares(
            f"{code}.rate", f"{code}.difference", best_response(tumours, course, confirmed=confirmed) <= PR, arm
        )
    quality = happened.quality
    main = design.quality_days.index(design.quality_main_day)
    change = quality.score[:, main] - quality.score[:, 0]
    found["QLGHS.difference"] = float(change[arm == TREATED].mean() - change[arm == CONTROL].mean())
    found |= _adverse(happened)
    return found | _stopped(happened)


def _ratio(times: Times, arm: np.ndarray, strata: np.ndarray | None, here: Flags | None = None) -> float:
    kept = np.ones(arm.size, dtype=bool) if here is None else here
    found = hazard_ratio(
        times.day[kept] + 1, times.event[kept], arm[kept], treatment=TREATED, reference=CONTROL, strata=strata
    )
    if found.estimate is None:
        raise InvalidInput("a hazard ratio is not estimable", found=str(found.reason))
    return found.estimate


def _survival(code: str, time: Counts, event: Flags, arm: np.ndarray) -> Values:
    """Median, survival at the milestones and restricted mean of both arms, from Kaplan-Meier curves of this size."""
    found: Values = {}
    area = {}
    for label, position in (("treated", TREATED), ("control", CONTROL)):
        here = arm == position
        curve = kaplan_meier(time[here], event[here])
        days, survival = curve["time"].to_numpy(), curve["survival"].to_numpy()
        found[f"{code}.median.{label}"] = float(days[np.argmax(survival <= 0.5)])
        for months, day in MILESTONES.items():
            found[f"{code}.survival_{months}.{label}"] = float(survival[np.searchsorted(days, day, side="right") - 1])
        inside = days < TAU
        steps = np.diff(np.concatenate([[0.0], days[inside], [TAU]]))
        area[label] = float(steps @ np.concatenate([[1.0], survival[inside]]))
    for months in MILESTONES:
        name = f"{code}.survival_{months}"
        found[f"{name}.difference"] = found[f"{name}.treated"] - found[f"{name}.control"]
    found[f"{code}.rmst_difference"] = area["treated"] - area["control"]
    return found


def _shares(rate: str, difference: str, flags: Flags, arm: np.ndarray) -> Values:
    treated, control = float(flags[arm == TREATED].mean()), float(flags[arm == CONTROL].mean())
    return {f"{rate}.treated": treated, f"{rate}.control": control, difference: treated - control}


def _adverse(happened: Happenings) -> Values:
    events, treated = happened.adverse, happened.course.treated
    arm = happened.patients.arm[treated]
    which = {"any grade 3 or more": events.grade >= 3, "any serious": events.serious}
    names = terms()["term"].to_numpy()
    for name in NAMED_TERMS:
        which[name] = events.term == int(np.flatnonzero(names == name)[0])
    found: Values = {}
    for name, flags in which.items():
        has = np.zeros(treated.size, dtype=bool)
        has[events.patient[flags]] = True
        share = _shares("", "difference", has[treated], arm)
        found[f"AE.{name}.difference"] = share["difference"]
    return found


def _stopped(happened: Happenings) -> Values:
    course = happened.course
    times = treatment_stop(course)
    # By 12 months nobody has reached the cut-off: whoever has not stopped or died by then is still on treatment.
    stopped = (times.ended_by == STOPPED) & (times.day + 1 <= STOPPED_BY)
    arm = happened.patients.arm[course.treated]
    return _shares("TTD.stopped_12", "TTD.stopped_12.difference", stopped[course.treated], arm)

"""The design of a rehearsed trial: every number that patients are generated from.

Times are days since randomisation unless said otherwise; rates are per year of 365.25 days. The values are those of
the demonstration: an invented medicine in a disease course of plausible size, taken from no trial.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field

from evidence_lib.errors import InvalidInput
from evidence_lib.rehearsal.places import places

TREATED, CONTROL = 0, 1


@dataclass(frozen=True, kw_only=True)
class Transition:
    """The hazard of one move of the illness-death model.

    ``rate`` per year in the reference arm for a patient with all log ratios 0. ``ratio`` multiplies it in the treated
    arm from day ``delay`` on; before it the arms are alike. ``log_ratios`` act by covariate, ``frailty`` by one
    standard deviation of the latent frailty.
    """

    rate: float
    ratio: float
    delay: float
    frailty: float
    log_ratios: Mapping[str, float] = field(default_factory=dict)


_PROGNOSIS = {"ecog": 0.20, "liver": 0.30, "squamous": 0.10, "high": -0.25, "mutated": 0.15}


@dataclass(frozen=True, kw_only=True)
class TrialDesign:
    """A randomised, double-blind trial of two arms with progression, death, tumour size, safety and quality of life.

    ``patients``: randomised. ``regions``: share of the patients by region. ``first`` to ``last`` day of recruitment,
    ``cutoff`` of the data. ``assessments``: scheduled days of tumour assessment. ``quality_days`` and
    ``quality_difference``: scheduled days of the questionnaire, and the true difference of the change from baseline,
    treated minus reference.
    """

    study: str = "LUNG-DEMO"
    arms: tuple[str, str] = ("Wexolimab + chemotherapy", "Placebo + chemotherapy")
    medicines: tuple[str, str] = ("Wexolimab", "Placebo")
    patients: int = 600
    block: int = 4
    regions: Mapping[str, float] = field(
        default_factory=lambda: {
            "China": 0.20, "East Asia excl. China": 0.15, "Europe": 0.30, "North America": 0.20, "Rest of world": 0.15,
        }
    )  # fmt: skip
    first: datetime.date = datetime.date(2023, 1, 16)
    last: datetime.date = datetime.date(2024, 6, 14)
    cutoff: datetime.date = datetime.date(2026, 6, 30)

    progression: Transition = Transition(
        rate=1.35, ratio=0.45, delay=28, frailty=0.55, log_ratios={**_PROGNOSIS, "high": -0.35}
    )
    death: Transition = Transition(rate=0.14, ratio=0.90, delay=60, frailty=0.45, log_ratios=_PROGNOSIS)
    death_after: Transition = Transition(rate=0.85, ratio=1.0, delay=60, frailty=0.40, log_ratios=_PROGNOSIS)

    assessments: tuple[int, ...] = (*range(42, 337, 42), *range(399, 1282, 63))
    window: int = 6
    missed: tuple[float, float, float] = (0.03, 0.30, 0.06)  # usual, in careless patients, share of careless patients
    unevaluable: float = 0.015
    shrinkage: tuple[float, float] = (0.55, 0.35)  # mean log shrinkage of target lesions at best, by arm
    shrinkage_frailty: float = -0.30
    shrinkage_high: float = 0.12
    shrinkage_sd: float = 0.48

    untreated: float = 0.01
    adverse_stop: tuple[float, float] = (0.20, 0.11)
    withdrawn_stop: float = 0.05
    physician_stop: float = 0.03
    cycle: int = 21
    cycles: int = 52
    chemotherapy_cycles: int = 4
    withdrawal: float = 0.025
    lost: float = 0.012
    next_therapy: tuple[float, float] = (0.65, 0.25)  # after progression, after another reason
    crossover: float = 0.25

    quality_days: tuple[int, ...] = (0, 42, 84, 126, 168, 210, 252)
    quality_difference: tuple[float, ...] = (0.0, 1.5, 3.0, 4.0, 5.0, 5.0, 5.0)
    quality_course: tuple[float, ...] = (0.0, -2.0, -2.5, -2.0, -2.0, -3.0, -3.5)
    quality_main_day: int = 168
    quality_mean: float = 60.0
    quality_sd: float = 16.0
    screened_per_randomised: float = 1.25

    @property
    def recruiting(self) -> int:
        """Days from the first randomisation to the last."""
        return (self.last - self.first).days

    def __post_init__(self) -> None:
        _check(self)


def _check(design: TrialDesign) -> None:
    def need(right: bool, what: str, expected: str, found: object) -> None:
        if not right:
            raise InvalidInput(what, expected=expected, found=repr(found))

    whole = isinstance(design.patients, int) and not isinstance(design.patients, bool)
    need(whole and design.patients >= 2, "too few patients", "a whole number, 2 or more", design.patients)
    need(design.block >= 2 and design.block % 2 == 0, "the block cannot be halved", "2, 4, 6, ...", design.block)
    need(len(set(design.arms)) == 2, "the arms are not two", "two names", design.arms)
    shares = list(design.regions.values())
    right = bool(shares) and min(shares) > 0 and abs(sum(shares) - 1) < 1e-9
    need(right, "the shares of the regions are wrong", "shares above 0 that sum to 1", dict(design.regions))
    known = {row[0] for row in places()}
    need(set(design.regions) <= known, "a region has no countries", ", ".join(sorted(known)), list(design.regions))
    order = design.first <= design.last < design.cutoff
    need(order, "the dates are out of order", "first <= last < cutoff", (design.first, design.last, design.cutoff))
    for name, first in (("assessments", design.window), ("quality_days", -1)):
        days = (first, *getattr(design, name))
        apart = len(days) > 2 and all(b - a > design.window for a, b in zip(days[1:], days[2:], strict=False))
        need(apart and days[1] > days[0], f"{name} are wrong", "days in order, further apart than the window", days[1:])
    lengths = {len(design.quality_days), len(design.quality_difference), len(design.quality_course)}
    need(len(lengths) == 1, "the questionnaire has another number of means than days", "one mean a day", lengths)
    main = design.quality_main_day
    need(main in design.quality_days[1:], "the main visit is not scheduled", f"one of {design.quality_days[1:]}", main)
    for name in _SHARES:
        values = getattr(design, name)
        values = values if isinstance(values, tuple) else (values,)
        need(all(0 <= value <= 1 for value in values), f"{name} is no share", "0 to 1", values)
    for name in _RATES:
        values = getattr(design, name)
        values = values if isinstance(values, tuple) else (values,)
        need(all(0 < value < 100 for value in values), f"{name} is no rate", "above 0 a year", values)
    for name in ("progression", "death", "death_after"):
        move = getattr(design, name)
        right = move.rate > 0 and move.ratio > 0 and move.delay >= 0
        need(right, f"the hazard of {name} is wrong", "rate and ratio above 0, delay 0 or more", move)
        need(set(move.log_ratios) <= set(_PROGNOSIS), "unknown covariate", ", ".join(_PROGNOSIS), list(move.log_ratios))


_SHARES = ("missed", "unevaluable", "untreated", "next_therapy", "crossover")
_RATES = ("adverse_stop", "withdrawn_stop", "physician_stop", "withdrawal", "lost")

LUNG_DEMO = TrialDesign()

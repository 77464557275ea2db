"""The choices that decide what counts as an event of progression and when the others are censored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args, get_type_hints

import numpy as np

from evidence_lib.endpoints.time_to_event.source import Days
from evidence_lib.errors import InvalidInput
from evidence_lib.study.checking import described

RuleSet = Literal["FDA", "EMA"]


@dataclass(frozen=True, kw_only=True)
class CensoringRules:
    """What is done about new therapy, missed assessments and a missing baseline, and how progression is dated.

    ``new_therapy``: a new anticancer therapy before the event is of no account (``ignore``), censors at the last
    adequate assessment on or before its day (``censor``), or is an event itself (``event``). A progression found on
    the day on which the therapy starts counts.
    ``missed``: an event after missed assessments counts (``ignore``), is censored at the last adequate assessment
    before the gap (``censor``), or counts, with a progression dated at the first assessment that was missed
    (``backdate``; a death keeps its date).
    ``no_baseline``: without an adequate baseline assessment events count (``ignore``), or the subject is censored on
    the day of the start, unless death comes before assessments count as missed (``censor``).
    ``progression_date``: the day of the assessment (``observed``), or of the scheduled visit it belongs to, or of the
    next one between visits (``scheduled``).
    """

    new_therapy: Literal["ignore", "censor", "event"] = "ignore"
    missed: Literal["ignore", "censor", "backdate"] = "ignore"
    no_baseline: Literal["ignore", "censor"] = "ignore"
    progression_date: Literal["observed", "scheduled"] = "observed"

    def __post_init__(self) -> None:
        for name, choices in get_type_hints(type(self)).items():
            if getattr(self, name) not in get_args(choices):
                raise InvalidInput(
                    f"unknown choice for {name}",
                    expected=" or ".join(get_args(choices)),
                    found=described(getattr(self, name)),
                )

    @property
    def needs_schedule(self) -> bool:
        """Whether the rules ask when assessments were due."""
        return (self.missed, self.no_baseline, self.progression_date) != ("ignore", "ignore", "observed")


RULES: dict[RuleSet, CensoringRules] = {
    "FDA": CensoringRules(new_therapy="censor", missed="censor", no_baseline="censor"),
    "EMA": CensoringRules(),
}


@dataclass(frozen=True, kw_only=True)
class VisitSchedule:
    """When assessments are due, in days: every ``interval`` days, up to ``allowance`` days late.

    ``later`` are changes of the interval, (days since the start of the schedule, new interval) in order. ``missed`` is
    the number of assessments in a row whose absence counts: an event is after missed assessments where it is later than
    the last adequate assessment by more than ``missed`` intervals and the allowance.
    """

    interval: int
    allowance: int
    missed: int = 2
    later: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        for name, lowest in (("interval", 1), ("allowance", 0), ("missed", 1)):
            _whole(getattr(self, name), name, lowest)
        if not isinstance(self.later, tuple) or not all(isinstance(p, tuple) and len(p) == 2 for p in self.later):
            raise InvalidInput("later is not a list of changes", expected="pairs (days since the start, interval)")
        for day, interval in self.later:
            _whole(day, "later", 1)
            _whole(interval, "later", 1)
        days = [day for day, _ in self.later]
        if sorted(set(days)) != days:
            raise InvalidInput("later is not in order", expected="rising days")
        if self.allowance >= min([self.interval, *(interval for _, interval in self.later)]):
            raise InvalidInput("the allowance is as long as an interval", expected="an allowance below every interval")

    def due_after(self, start: Days, date: Days) -> Days:
        """The day on which the assessment after one on ``date`` is due."""
        since, interval = date - start, np.full(date.shape, self.interval, dtype=np.int64)
        for day, changed in self.later:
            interval = np.where(since >= day, changed, interval)
        return date + interval

    def limit(self, start: Days, last: Days) -> Days:
        """The last day on which an event after an assessment on ``last`` is not after missed assessments."""
        for _ in range(self.missed):
            last = self.due_after(start, last)
        return last + self.allowance

    def visit(self, start: Days, date: Days) -> Days:
        """The day of the scheduled visit within whose allowance ``date`` is, else of the next one."""
        longest = int((date - start).max(initial=0))
        days = [self.interval]
        while days[-1] < longest:
            last = np.array([days[-1]], dtype=np.int64)
            days.append(int(self.due_after(np.zeros(1, dtype=np.int64), last)[0]))
        due = np.array(days, dtype=np.int64)
        return start + due[np.searchsorted(due, date - start - self.allowance, side="left")]


def _whole(value: object, name: str, lowest: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= 36_525:
        raise InvalidInput(
            f"{name} is not a number of {'assessments' if name == 'missed' else 'days'}",
            expected=f"a whole number of {lowest} or more",
            found=described(value),
        )

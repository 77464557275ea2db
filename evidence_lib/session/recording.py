"""``Recorder``: statistics in, rows and tables of the results out, each number with its independent recalculation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Literal

from evidence_lib.conventions import DAYS_PER_UNIT
from evidence_lib.errors import InvalidInput
from evidence_lib.language import Message, message
from evidence_lib.results import Estimate, Estimates, Gate, ResultSet, rows_of
from evidence_lib.session import calls, estimands

if TYPE_CHECKING:
    import pandas as pd

    from evidence_lib.endpoints.estimand import Estimand
    from evidence_lib.report.context import Context

Role = Literal["main", "sensitivity", "supplementary"]
NO_ENDPOINT = "any"  # of results that belong to no one endpoint, such as counts of subjects
IDENTIFYING = ("SUBJECT", "SUBJID", "USUBJID")


@dataclass(frozen=True)
class _Given:
    """What a call adds to its results: groups, and the endpoint and population that they belong to."""

    groups: Mapping[str, str | float]
    endpoint: str
    population: str
    role: Role = "main"


@dataclass
class Recorder:
    """The results of a report while they are made.

    ``context`` holds the fixed facts of the report, ``results`` is the analysis results dataset so far, ``asked`` the
    estimand that the main analyses must answer (None in a report that only describes).
    """

    context: Context
    results: ResultSet
    asked: Estimand | None = None
    _withheld: dict[str, Message] = field(default_factory=dict)
    _told: list[Message] = field(default_factory=list)

    @property
    def _endpoint(self) -> str:
        return self.context.endpoint or NO_ENDPOINT

    @property
    def arms(self) -> list[str]:
        """All arms in display order, the reference last."""
        return list(self.context.arms)

    @property
    def treatments(self) -> list[str]:
        """The arms that are compared with the reference; none in a single-arm study or a blinded report."""
        return list(self.context.treatments)

    def told(self, notes: Iterable[Message]) -> None:
        """Keep what was decided about the data, for the reader."""
        self._told += [note for note in notes if note not in self._told]

    def record(
        self,
        statistic: Callable[..., Any],
        frame: pd.DataFrame,
        /,
        *,
        by: str | None = None,
        each: Mapping[str, str] | None = None,
        groups: Mapping[str, str | float] | None = None,
        endpoint: str | None = None,
        population: str | None = None,
        role: Role = "main",
        table: str | None = None,
        **choices: Any,
    ) -> Any:
        """Compute a statistic and its independent twin, compare the two, and keep them as rows (or as a table).

        ``by="arm"`` computes it in every arm; ``each={"region": "REGION1"}`` in every level of a column, which becomes
        that group of the results (several: every combination that occurs); ``groups`` are added to all of them. A
        comparison is made for each treatment against the reference. ``endpoint`` and ``population`` name another one
        than the report's. ``role`` says what the analysis is to the estimand: the results of a sensitivity or
        supplementary one carry it as a group. A statistic that gives a frame is kept as the ``table`` of that name.

        ``strata``, ``covariates``, ``subgroups`` and ``variables`` name columns of ``frame``, and an empty list means
        that the study declares none: then nothing is computed (None: the statistic does without). What a statistic
        takes by row (``event``, ``outcome``, ``cause`` ...) is a column too. Other choices go to the statistic.
        Recording the same key again replaces it. Raises RecalculationError (exit 4) where the two values differ.
        """
        if not calls.takes_frame(statistic) and any(
            choices.get(name) is not None and not choices[name] for name in calls.NAMED_COLUMNS
        ):
            return None
        given = _Given(
            groups={**(groups or {}), **({} if role == "main" else {"role": role})},
            role=role,
            endpoint=self._endpoint if endpoint is None else endpoint,
            population=self.context.population if population is None else population,
        )
        name = table or calls.TABLE_OF.get(statistic.__name__)
        if name is not None:
            return self._record_table(name, statistic, frame, by, choices)
        answers: list[Estimate] = []
        for levels, part in calls.parts(frame, each or {}):
            within = replace(given, groups={**given.groups, **levels})
            for arm in self.arms if by == "arm" else [None]:
                of_arm = part if arm is None else part[part["arm"] == arm]
                for treatment in calls.selected(statistic, self.context.treatments):
                    answers += self._record_once(statistic, of_arm, treatment, arm, choices, within)
        return answers[0] if len(answers) == 1 else Estimates(tuple(answers))

    def _record_once(
        self,
        statistic: Callable[..., Any],
        part: pd.DataFrame,
        treatment: str | None,
        arm: str | None,
        choices: Mapping[str, Any],
        within: _Given,
    ) -> list[Estimate]:
        given = calls.arguments(statistic, part, self.context, treatment, choices)
        answer, twin = statistic(**given), calls.twin_of(statistic)
        groups = {**calls.default_groups(self.context, treatment, arm, "group" in given), **within.groups}
        if twin is None:
            found = [calls.grouped(estimate, groups) for estimate in calls.items(answer)]
            for estimate in found:
                self._add(estimate, within=within)
            return found
        again = calls.arguments(statistic, part, self.context, treatment, choices)  # a generator of random numbers anew
        found = []
        for estimate, second in calls.pairs(answer, twin.function(**again), statistic.__name__):
            named = calls.grouped(estimate, groups)
            self._add(named, second=second, source=twin.source, tolerance=twin.tolerance, within=within)
            found.append(named)
        return found

    def keep(self, name: str, frame: pd.DataFrame) -> pd.DataFrame:
        """Keep a frame as a table of the results, for a figure or a table to be made of, and give it back by name.

        It holds what readers may see: no identifier, and rows in an order that points to nobody.
        Raises InvalidInput for a column that names subjects.
        """
        named = [str(column) for column in frame.columns if str(column).upper() in IDENTIFYING]
        if named:
            raise InvalidInput("a table of the results names no subjects", where=name, found=", ".join(named))
        self.results.add_table(name, frame)
        return self.table(name)

    def add(
        self,
        estimates: Any,
        *,
        endpoint: str | None = None,
        population: str | None = None,
        second: Estimate | None = None,
        source: str = "",
    ) -> None:
        """Keep estimates that were made elsewhere; ``second`` is the recalculation of a single one, from ``source``."""
        within = _Given(
            groups={},
            endpoint=self._endpoint if endpoint is None else endpoint,
            population=self.context.population if population is None else population,
        )
        for estimate in calls.items(estimates):
            self._add(estimate, second=second, source=source, within=within)

    def _record_table(
        self, name: str, statistic: Callable[..., Any], frame: pd.DataFrame, by: str | None, choices: Mapping[str, Any]
    ) -> pd.DataFrame:
        import pandas as pd

        parts = []
        for arm in self.arms if by == "arm" else [None]:
            part = frame if arm is None else frame[frame["arm"] == arm]
            for treatment in calls.selected(statistic, self.context.treatments):
                table = statistic(**calls.arguments(statistic, part, self.context, treatment, choices))
                for position, (column, value) in enumerate((("arm", arm), ("treatment", treatment))):
                    if value is not None:
                        table.insert(min(position, len(table.columns)), column, value)
                parts.append(table)
        if parts:
            self.results.add_table(name, pd.concat(parts, ignore_index=True))
        return self.table(name)

    def table(self, name: str) -> pd.DataFrame:
        """A stored table of the results, such as ``km.curve``; ``show`` records it by its name.

        A table of which the study declares nothing is empty.
        """
        import pandas as pd

        frame = self.results.table(name) if name in self.results.tables else pd.DataFrame()
        frame.attrs["evidence_table"] = name
        return frame

    def gate(
        self,
        id: str,
        measure: float | None,
        *,
        limit: float | None,
        governs: str | None = None,
        at_least: bool = False,
        judged: bool = True,
        reason: Message | None = None,
    ) -> Gate:
        """Record a check: ``measure`` may be at most ``limit`` (or at least it, with ``at_least``).

        Without a limit, or not ``judged``, the check is informational; without a measure it cannot be evaluated. In
        a comparison that was not randomised a failed check withholds the results that ``governs`` names
        (``cox.hazard_ratio.*, rmst.difference``): call it before they are recorded. In a randomised one it only warns.
        """
        if measure is None:
            result = "not_evaluable"
        elif limit is None or not judged:
            result = "informational"
        else:
            result = "pass" if (measure >= limit if at_least else measure <= limit) else "fail"
        gate = Gate(id=id, result=result, measure=measure, limit=limit, governs=governs, reason=reason)  # type: ignore[arg-type]
        self.results.gates[id] = gate
        if result == "fail" and governs and self.context.design != "randomised":
            reason = message("session.withheld", check=message(f"check.{id}.name"))
            self._withheld.update(dict.fromkeys(governs.split(", "), reason))
        return gate

    def _count(self, frame: pd.DataFrame) -> None:
        """The number of subjects, and of events where the frame has them, of each arm and of all."""
        for arm in [*self.arms, "all"]:
            part = frame if arm == "all" else frame[frame["arm"] == arm]
            counts = {"count.subjects": len(part)}
            if "event" in frame:
                counts["count.events"] = int(part["event"].sum())
            for name, value in counts.items():
                estimate = Estimate(
                    analysis=name,
                    unit="subjects",
                    method=message("session.counted"),
                    groups={"arm": arm},
                    estimate=value,
                )
                self._add(estimate, second=replace(estimate, estimate=_recount(frame, arm, name)), source="plain count")

    def _add(
        self,
        estimate: Estimate,
        *,
        second: Estimate | None = None,
        source: str = "",
        tolerance: float = 1e-6,
        within: _Given | None = None,
    ) -> None:
        note = estimands.fits(self.asked, estimate.analysis, within.role if within else "main")
        self.told([note] if note else [])
        agrees = None
        if second is not None:
            agrees = calls.compare(estimate, second, tolerance)
            calls.refuse_disagreement(estimate, second, agrees, source)
        reason = next((why for pattern, why in self._withheld.items() if fnmatchcase(estimate.analysis, pattern)), None)
        if reason is not None:
            estimate, second, agrees = calls.withheld(estimate, reason), None, None
        self.results.add(
            rows_of(
                estimate,
                endpoint=within.endpoint if within else self._endpoint,
                population=within.population if within else self.context.population,
                days_per_unit=DAYS_PER_UNIT[self.context.unit],
                second=second,
                second_source=source or None,
                agrees=agrees,
            )
        )


def _recount(frame: pd.DataFrame, arm: str, name: str) -> int:
    arms = frame["arm"].tolist()
    counted = [1] * len(arms) if name == "count.subjects" else [int(event == 1) for event in frame["event"].tolist()]
    return sum(one for of, one in zip(arms, counted, strict=True) if arm in ("all", of))

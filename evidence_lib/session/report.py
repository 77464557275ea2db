"""``Report``: statistics in, records and page material out."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from evidence_lib.conventions import DAYS_PER_UNIT
from evidence_lib.errors import InvalidInput, NotebookError, StudyError
from evidence_lib.language import Message, message
from evidence_lib.report.page import CONTEXT_MIME, PAGE_FOLLOWS, SHOW_MIME, display_name, display_of, item_kind
from evidence_lib.results import Estimate, Estimates, Gate, ResultSet, Row, analyses, rows_of
from evidence_lib.session import calls

if TYPE_CHECKING:
    import pandas as pd

    from evidence_lib.data.adam import AdamData, AnalysisFrame
    from evidence_lib.data.findings import Finding
    from evidence_lib.data.subjects import Subjects
    from evidence_lib.report.context import Context

Role = Literal["main", "sensitivity", "supplementary"]
IDENTIFYING = ("SUBJECT", "SUBJID", "USUBJID")


@dataclass(frozen=True)
class _Given:
    """What a call adds to its results: groups, and the endpoint and population that they belong to."""

    groups: Mapping[str, str | float]
    endpoint: str
    population: str


@dataclass
class Report:
    """One report while its notebook runs. Made by ``open_report``; see DESIGN for how a notebook uses it.

    ``results`` is the analysis results dataset so far, ``context`` the fixed facts of the report, ``people`` the
    subjects of its population, ``analysis`` the time-to-event data of its endpoint (None where it has none),
    ``parameters`` every parameter with its value, ``at_risk_times`` the times (days) of the at-risk table.
    """

    context: Context
    results: ResultSet
    language: str
    folder: Path
    data: AdamData
    people: Subjects
    parameters: Mapping[str, Any]
    analysis: AnalysisFrame | None = None
    at_risk_times: list[int] = field(default_factory=list)
    baseline: list[str] = field(default_factory=list)
    balance_limit: float | None = None
    _withheld: dict[str, Message] = field(default_factory=dict)
    _items: dict[str, int] = field(default_factory=dict)
    _outputs: set[str] = field(default_factory=set)

    @property
    def strata(self) -> list[str]:
        """The stratification factors of the report."""
        return list(self.context.strata)

    @property
    def covariates(self) -> list[str]:
        """The covariates of the adjusted analysis."""
        return list(self.context.covariates)

    @property
    def subgroups(self) -> list[str]:
        """The variables of the subgroup analysis."""
        return list(self.context.subgroups)

    @property
    def estimand(self) -> Mapping[str, Any]:
        """The estimand as the study file states it."""
        return self.context.estimand

    @property
    def treatments(self) -> list[str]:
        """The arms that are compared with the reference; none in a single-arm study or a blinded report."""
        return list(self.context.treatments)

    @property
    def arms(self) -> list[str]:
        """All arms in display order, the reference last."""
        return list(self.context.arms)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the checks of the data found, of the subjects and of the endpoint."""
        return tuple(dict.fromkeys([*self.people.findings, *(self.analysis.findings if self.analysis else ())]))

    def analysis_frame(self) -> pd.DataFrame:
        """The time-to-event data of the endpoint: one row per analysed subject.

        Columns: subject (a number that stands for the identifier), time (days), event (1 = event), arm, and the
        declared variables. Records the attrition, and the number of subjects and events of each arm and of all.
        Raises InvalidInput in a report without an endpoint.
        """
        if self.analysis is None:
            raise InvalidInput("this report has no time-to-event endpoint", mend="give endpoint in the study file")
        frame = self.analysis.frame
        self.results.add_table("attrition", self.analysis.attrition)
        self._count(frame)
        return frame

    def subjects(self) -> pd.DataFrame:
        """The subjects of the report's population: one row each, with subject, arm and the columns of ADSL.

        ``subject`` is a number that stands for the identifier in the frames of ``records`` too. Records the attrition,
        and the number of subjects of each arm and of all.
        """
        frame = self.people.frame
        self.results.add_table("attrition", self.people.attrition)
        self._count(frame)
        return frame.copy()

    def enrolled(self) -> pd.DataFrame:
        """Everybody of ADSL, whether or not in the report's population: arm (missing where none) and ADSL's columns."""
        from evidence_lib.data.subjects import identifying

        frame = self.data.typed("ADSL")
        made = frame.drop(columns=identifying(frame)).reset_index(drop=True)
        made.insert(0, "arm", made[self.people.arm_variable])
        return made

    def flow_columns(self, enrolled: pd.DataFrame) -> dict[str, str]:
        """The columns from which the flow of participants is made: flags of ADSL that are there, and declared ones."""
        flags = {"randomised": "RANDFL", "treated": "SAFFL", "analysed": self.people.population_flag}
        declared = {name: self.parameters[name] for name in ("completed", "reason", "not_randomised_reason")}
        named = {**{step: flag for step, flag in flags.items() if flag in enrolled}, **declared}
        return {step: str(column) for step, column in named.items() if column is not None}

    def has(self, dataset: str) -> bool:
        """Whether the study has this data set, such as ADAE."""
        return self.data.has(dataset)

    def records(self, dataset: str, *, parameter: str | list[str] | None = None) -> pd.DataFrame:
        """The records of a data set that belong to the report's subjects: subject, arm, and the data set's columns.

        ``parameter`` keeps the records of these PARAMCD only. Raises DataError where the data set is missing or a check
        of severity error fails.
        """
        from evidence_lib.data.subjects import records

        return records(self.data, dataset, self.people, parameter=parameter)

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

    def record(
        self,
        statistic: Callable[..., Any],
        frame: pd.DataFrame,
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
        that the study declares none: then nothing is computed. What a statistic takes by row (``event``, ``outcome``,
        ``cause`` ...) is a column too. Other choices go to the statistic.
        Recording the same key again replaces it. Raises RecalculationError (exit 4) where the two values differ.
        """
        if not calls.takes_frame(statistic) and any(
            name in choices and not choices[name] for name in calls.NAMED_COLUMNS
        ):
            return None
        given = _Given(
            groups={**(groups or {}), **({} if role == "main" else {"role": role})},
            endpoint=self.context.endpoint if endpoint is None else endpoint,
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

    def add(self, estimates: Any, *, endpoint: str | None = None, population: str | None = None) -> None:
        """Keep estimates that a model gave beside its main answer, without a recalculation of their own."""
        within = _Given(
            groups={},
            endpoint=self.context.endpoint if endpoint is None else endpoint,
            population=self.context.population if population is None else population,
        )
        for estimate in calls.items(estimates):
            self._add(estimate, within=within)

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

    def check(self, id: str, frame: pd.DataFrame) -> Gate:
        """Measure and record a check of ``session.checks``: data, balance, follow_up or proportional_hazards."""
        from evidence_lib.session.checks import CHECKS

        return CHECKS[id](self, frame)

    def show(
        self, function: Callable[..., Any], *content: Any, when: object = True, id: str | None = None, **options: Any
    ) -> None:
        """Show a table, figure or passage made from results, and record how to make it again in any language.

        ``content`` is a table of the results (``rep.table(...)``) or plain JSON material such as ``rep.estimand``.
        Where ``when`` is empty or false a sentence says that the study declares nothing of the kind. ``id`` is the name
        under which the study file's ``tlf`` speaks of this output; without it the function's own name.
        """
        if not when:
            self.say("not_declared")
            return
        name = display_name(function)
        kind = item_kind(function)
        self._items[kind] = self._items.get(kind, 0) + 1
        output = id or function.__name__
        record: dict[str, Any] = {
            "item": f"{kind}{self._items[kind]}",
            "id": output,
            "function": name,
            "content": [_reference(part) for part in content],
            "options": options,
        }
        self._outputs.add(output)
        self._display(record)

    def say(self, key: str) -> None:
        """Show a passage of the narrative, such as ``survival.effect``: sentences made from the results."""
        from evidence_lib.report import narrative

        self.show(narrative.passage, key)

    def complete(self) -> None:
        """The last call of a notebook: the checks of the whole, then results and completion record on disk.

        The completion record holds the hash of the results file and its number of rows; a runner takes a report as
        done only when it is there and right.
        """
        self._refuse_unknown_outputs()
        headline: dict[Any, dict[str, Row]] = {}
        for row in self.results.rows.values():
            if analyses()[row.analysis].headline:
                headline.setdefault(row.key[:-1], {})[row.statistic] = row
        leading = [rows[lead] for rows in headline.values() if (lead := calls.leading(rows))]
        unchecked = {row.analysis for row in leading if row.status == "ok" and not row.agrees}
        self.gate("recalculation", float(len(unchecked)), limit=0.0)
        text = self.results.to_json()
        self.folder.mkdir(parents=True, exist_ok=True)
        report = self.context.report
        (self.folder / f"{report}.complete.json").unlink(missing_ok=True)
        _write(self.folder / f"{report}.results.json", text)
        record = {
            "report": report,
            "results_sha256": hashlib.sha256(text.encode()).hexdigest(),
            "rows": len(self.results.rows),
        }
        _write(self.folder / f"{report}.complete.json", json.dumps(record) + "\n")
        self._publish({"text/plain": f"{report}: complete", CONTEXT_MIME: self._finished_context().to_json()})

    def _finished_context(self) -> Context:
        """The context with what is known only now: the files that were read, and what was decided while reading."""
        prints = [table.fingerprint.to_json() for table in self.data.read]
        notes = [*self.data.notes, *self.people.notes, *(self.analysis.notes if self.analysis else ())]
        return replace(
            self.context,
            sources=tuple(
                {"name": str(found["file"]), **{k: v for k, v in found.items() if k != "file"}} for found in prints
            ),
            notes=tuple(note.to_json() for note in dict.fromkeys(notes)),
        )

    def _refuse_unknown_outputs(self) -> None:
        unknown = sorted(set(self.context.tlf) - self._outputs)
        if unknown:
            raise StudyError(
                "tlf names an output that the report does not have",
                where=f"report {self.context.report}, tlf",
                expected=", ".join(sorted(self._outputs)),
                found=", ".join(unknown),
            )

    def _add(
        self,
        estimate: Estimate,
        *,
        second: Estimate | None = None,
        source: str = "",
        tolerance: float = 1e-6,
        within: _Given | None = None,
    ) -> None:
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
                endpoint=within.endpoint if within else self.context.endpoint,
                population=within.population if within else self.context.population,
                days_per_unit=DAYS_PER_UNIT[self.context.unit],
                second=second,
                second_source=source or None,
                agrees=agrees,
            )
        )

    def _display(self, record: dict[str, Any]) -> None:
        from evidence_lib.report.context import view
        from evidence_lib.report.html import render

        at = view(self._finished_context(), self.results, self.language, record["item"])
        display = display_of(record, at)  # what is wrong with it is an error of this cell, also where a page follows
        bundle: dict[str, Any] = {"text/plain": record["item"], SHOW_MIME: record}
        if PAGE_FOLLOWS not in os.environ:
            bundle["text/html"] = render(display, record["item"], at)
        self._publish(bundle)

    def _publish(self, bundle: dict[str, Any]) -> None:
        from IPython.display import display

        display(bundle, raw=True)


def _reference(content: Any) -> dict[str, Any]:
    name = getattr(content, "attrs", {}).get("evidence_table")
    if name is not None:
        return {"table": name}
    if hasattr(content, "columns"):
        raise InvalidInput("show takes a table of the results", expected='rep.table("km.curve")', found="a frame")
    return {"value": content}


def _recount(frame: pd.DataFrame, arm: str, name: str) -> int:
    arms = frame["arm"].tolist()
    counted = [1] * len(arms) if name == "count.subjects" else [int(event == 1) for event in frame["event"].tolist()]
    return sum(one for of, one in zip(arms, counted, strict=True) if arm in ("all", of))


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise NotebookError(f"cannot write {path.name}", found=type(error).__name__) from error

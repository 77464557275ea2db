"""``Report``: statistics in, records and page material out."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evidence_lib.errors import InvalidInput, NotebookError, StudyError
from evidence_lib.report.page import CONTEXT_MIME, PAGE_FOLLOWS, SHOW_MIME
from evidence_lib.report.recorded import display_name, display_of, item_kind
from evidence_lib.results import Gate, Row, analyses
from evidence_lib.session import calls, estimands, event_times, families, further
from evidence_lib.session.recording import Recorder

if TYPE_CHECKING:
    import pandas as pd

    from evidence_lib.data.adam import AdamData, AnalysisFrame
    from evidence_lib.data.findings import Finding
    from evidence_lib.data.subjects import Subjects
    from evidence_lib.endpoints.continuous import Outcomes
    from evidence_lib.report.context import Context


FLOW_COLUMNS = ("completed", "reason", "not_randomised_reason", "not_treated_reason")


@dataclass(kw_only=True)
class Report(Recorder):
    """One report while its notebook runs. Made by ``open_report``; see DESIGN for how a notebook uses it.

    ``data`` are the study's, ``people`` the subjects of the report's population, ``analysis`` the time-to-event data of
    its endpoint (None where it has none); ``sibling`` opens another report of the study; ``parameters`` holds every
    parameter with its value, ``at_risk_times`` the times (days) of the at-risk table.
    """

    language: str
    folder: Path
    data: AdamData
    people: Subjects
    sibling: Callable[[str], Report]
    parameters: Mapping[str, Any]
    analysis: AnalysisFrame | None = None
    at_risk_times: list[int] = field(default_factory=list)
    baseline: list[str] = field(default_factory=list)
    balance_limit: float | None = None
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
    def competing(self) -> bool:
        """Whether other events compete with that of the endpoint: one has the strategy while on treatment."""
        return self.asked is not None and bool(self.asked.with_strategy("while on treatment"))

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the checks of the data found, of the subjects and of the endpoint."""
        return tuple(dict.fromkeys([*self.people.findings, *(self.analysis.findings if self.analysis else ())]))

    def analysis_frame(self) -> pd.DataFrame:
        """The time-to-event data of the endpoint: one row per analysed subject.

        Columns: subject (a number that stands for the identifier), time (days), event (1 = event), arm, the declared
        variables, and ended (1 = any event); where others compete, ``cause`` (0 censored, 1 the event, 2 and more the
        others, named by ``context.causes``). Records the attrition, how follow-up ended, and the number of subjects and
        events of each arm and of all. Raises InvalidInput in a report without an endpoint.
        """
        if self.analysis is None:
            raise InvalidInput("this report has no time-to-event endpoint", mend="give endpoint in the study file")
        frame = event_times.analysed(self, self.analysis.frame)
        self.results.add_table("attrition", self.analysis.attrition)
        self._count(frame)
        return frame

    def name_endpoint(self, records: pd.DataFrame) -> None:
        """Call the endpoint by PARAM of its records where the study file has no label for it."""
        context = self.context
        if context.endpoint_label != context.endpoint or "PARAM" not in records:
            return
        names = records["PARAM"].dropna().unique()
        if len(names) == 1:
            self.context = replace(context, endpoint_label=str(names[0]))

    def outcomes(self) -> Outcomes:
        """The outcomes of the report's parameter at visits, one row per subject and visit, under the estimand.

        Keeps the counts of intercurrent events, and what was done about them, for the reader.
        """
        return estimands.outcomes(self)

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
        declared = {name: self.parameters[name] for name in FLOW_COLUMNS}
        named = {**{step: flag for step, flag in flags.items() if flag in enrolled}, **declared}
        return {step: str(column) for step, column in named.items() if column is not None}

    def further_analyses(self, frame: pd.DataFrame) -> None:
        """The supplementary and sensitivity analyses of a time to an event that the study file declares.

        Weighted log-rank tests, hazard ratios by period, the restricted mean adjusted for covariates, and the endpoint
        under other rules of censoring.
        """
        further.record(self, frame)

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
        output = id or function.__name__
        self._outputs.add(output)  # also where the data leave it out: the study file may name it all the same
        if not when:
            self.say("not_declared")
            return
        name = display_name(function)
        kind = item_kind(function)
        self._items[kind] = self._items.get(kind, 0) + 1
        record: dict[str, Any] = {
            "item": f"{kind}{self._items[kind]}",
            "id": output,
            "function": name,
            "content": [_reference(part) for part in content],
            "options": options,
        }
        self._display(record)

    def say(self, key: str) -> None:
        """Show a passage of the narrative, such as ``survival.effect``: sentences made from the results."""
        from evidence_lib.report import narrative

        self.show(narrative.passage, key)

    def formal_testing(self) -> pd.DataFrame:
        """The adjusted p-values of the families that test a hypothesis of this report, kept and given as a table.

        Where the report is in no family the table is empty: its tests are nominal.
        """
        families.record_families(self)
        return self.table(families.TESTED)

    def complete(self) -> None:
        """The last call of a notebook: the checks of the whole, then results and completion record on disk.

        The completion record holds the hash of the results file and its number of rows; a runner takes a report as
        done only when it is there and right.
        """
        self._refuse_unknown_outputs()
        if families.TESTED not in self.results.tables:
            self.formal_testing()
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
        notes = [*self.data.notes, *self.people.notes, *(self.analysis.notes if self.analysis else ()), *self._told]
        return replace(
            self.context,
            sources=tuple(
                {"name": str(found["file"]), **{k: v for k, v in found.items() if k != "file"}} for found in prints
            ),
            notes=tuple(note.to_json() for place, note in enumerate(notes) if note not in notes[:place]),
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


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise NotebookError(f"cannot write {path.name}", found=type(error).__name__) from error

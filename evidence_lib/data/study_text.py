"""The text of a proposed study file: strict YAML with every guess marked in a comment above its line."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evidence_lib.language import Message, message


@dataclass(frozen=True, kw_only=True)
class ReportPlan:
    """One proposed report; times in ``unit``."""

    endpoint: str
    label: str
    treatments: tuple[str, ...]
    reference: str
    unit: str
    tau: int
    times: tuple[int, ...]
    covariates: tuple[str, ...]
    subgroups: tuple[str, ...]
    population_flag: str | None = None


@dataclass(frozen=True, kw_only=True)
class StudyPlan:
    """A proposed study: ``allocation`` names the column that speaks for randomisation, None for observational."""

    id: str
    source: str
    path: str
    allocation: str | None
    labels: Mapping[str, str]
    reports: tuple[ReportPlan, ...]
    guesses: tuple[Message, ...]


def quoted(text: str) -> str:
    """A YAML double-quoted scalar that holds exactly this text, whatever characters are in it."""
    plain = json.dumps(text, ensure_ascii=False)
    return "".join(char if char.isprintable() else _escaped(char) for char in plain)


def study_text(plan: StudyPlan) -> str:
    """The study file of a plan. The same plan gives the same text."""
    label = plan.reports[0].label
    lines = [
        "# A proposal made from the data. Every line under a GUESS needs your eye before the first run.",
        *(_guess(guess) for guess in plan.guesses),
        "version: 1",
        "study:",
        f"  id: {plan.id}",
        _guess(message("data.guess.title"), 2),
        f"  title: {_said('title', label=label, source=plan.source)}",
        _guess(_design_guess(plan.allocation), 2),
        f"  design: {'observational' if plan.allocation is None else 'randomised'}",
        "  convention: R",
        "  languages: [en]",
        "data:",
        "  kind: adam",
        f"  path: {quoted(plan.path)}",
        _guess(message("data.guess.cutoff"), 2),
        f"  cutoff: {{unknown: {_said('cutoff')}}}",
        *(_blinding() if plan.allocation is not None else ()),
    ]
    if plan.labels:
        lines += ["labels:", *(f"  {name}: {quoted(label)}" for name, label in plan.labels.items())]
    lines += [
        _guess(message("data.guess.disclosure")),
        f"disclosure: {{preset: none, reason: {_said('reason')}}}",
        "reports:",
    ]
    taken: set[str] = set()
    for report in plan.reports:
        lines += _report(report, taken)
    return "\n".join(lines) + "\n"


def _blinding() -> list[str]:
    """Data that name the arms are taken as unblinded: the person who looks at the proposal must say so or not."""
    return [
        _guess(message("data.guess.blinding"), 2),
        "  blinding:",
        "    unblinded:",
        f"      date: {{unknown: {_said('unblinded')}}}",
        f"      person: {_said('unblinded')}",
        f"      reason: {_said('unblinded')}",
    ]


def slug(text: str, fallback: str, *, taken: Sequence[str] | set[str] = ()) -> str:
    """An id of a to z, 0 to 9 and -, at most 64 long, different from those taken."""
    plain = "".join(char if char.isascii() and char.isalnum() else "-" for char in text.lower())
    base = "-".join(part for part in plain.split("-") if part)[:56].strip("-") or fallback
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base}-{number}"
    return name


def _report(report: ReportPlan, taken: set[str]) -> list[str]:
    id = slug(report.label, slug(report.endpoint, "report"), taken={*taken, "index"})
    taken.add(id)
    arms = [*report.treatments, report.reference]
    treatment = quoted(arms[0]) if len(report.treatments) == 1 else f"[{', '.join(map(quoted, report.treatments))}]"
    summary = _said("summary", time=report.times[0], unit=message(f"data.unit.{report.unit}"))
    population = "population_all" if report.population_flag is None else "population_itt"
    lines = [
        f"  - id: {id}",
        _guess(message("data.guess.title"), 4),
        f"    title: {_said('question', label=report.label, arms=arms)}",
        "    notebook: trial/survival",
        "    parameters:",
        f"      endpoint: {quoted(report.endpoint)}",
        f"      treatment: {treatment}",
        _guess(message("data.guess.reference", reference=report.reference), 6),
        f"      reference: {quoted(report.reference)}",
        _guess(message("data.guess.unit", unit=message(f"data.unit.{report.unit}")), 6),
        f"      unit: {report.unit}",
        _guess(message("data.guess.tau"), 6),
        f"      tau: {report.tau}",
        _guess(message("data.guess.times"), 6),
        f"      times: [{', '.join(map(str, report.times))}]",
    ]
    if report.population_flag is not None:
        lines.append(f"      population_flag: {report.population_flag}")
    for name in ("covariates", "subgroups"):
        columns = getattr(report, name)
        if columns:
            lines += [_guess(message(f"data.guess.{name}"), 6), f"      {name}: [{', '.join(columns)}]"]
    return [
        *lines,
        _guess(message("data.guess.measure"), 4),
        "    primary_measure: survival_difference",
        _guess(message("data.guess.estimand"), 4),
        "    estimand:",
        f"      treatment: {_said('treatment', treatments=list(report.treatments), reference=report.reference)}",
        f"      population: {_said(population)}",
        f"      variable: {_said('variable', label=report.label)}",
        "      intercurrent_events:",
        f"        - {{event: {_said('event')}, strategy: treatment policy, text: {_said('event_text')}}}",
        f"      summary: {summary}",
    ]


def _design_guess(allocation: str | None) -> Message:
    if allocation is None:
        return message("data.guess.design_observational")
    return message("data.guess.design_randomised", column=allocation)


def _said(key: str, **values: object) -> str:
    return quoted(str(message(f"data.proposal.{key}", **values)))


def _guess(guess: Message, indent: int = 0) -> str:
    text = "".join(char if char.isprintable() else " " for char in str(guess))
    return f"{' ' * indent}# GUESS: {text}"


def _escaped(char: str) -> str:
    code = ord(char)
    return f"\\U{code:08X}" if code > 0xFFFF else f"\\u{code:04X}"

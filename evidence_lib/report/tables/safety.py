"""Tables of adverse events: the overview, organ classes and terms, grades, and rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evidence_lib.report import cells
from evidence_lib.report.context import View
from evidence_lib.report.display import Table
from evidence_lib.report.tables.safety_cells import (
    DIFFERENCE,
    NOT_CODED,
    Place,
    at,
    difference_heading,
    grade_name,
    heading_of,
    incidence_cell,
    index,
    name_of,
    places,
    points_cell,
    rate_cell,
    window,
)

if TYPE_CHECKING:
    import pandas as pd

STOPPED = "discontinuation"
GRADES = (NOT_CODED, "0", "1", "2", "3", "4", "5", "MILD", "MODERATE", "SEVERE", "LIFE THREATENING", "FATAL")


def adverse_event_overview(*, view: View) -> Table:
    """Subjects with an adverse event of each category, the number of events, and the risk differences.

    Parameters
    ----------
    view : View
        ``ae.incidence``, ``ae.events`` and the risk differences with a category are read from its results.

    Notes
    -----
    Misreading: categories overlap, so that they do not add up; and related means judged to be so by the investigator.
    """
    categories = [key for key in places(view, "ae.incidence") if key[0] and not key[1]]
    lines = [(view.words(f"safety.category.{key[0]}"), key) for key in categories]
    notes = [view.words("safety.overview.how_to_read")]
    days, later = window(view)
    notes += [view.words("safety.window.counted", days=days), *later]
    notes += _related_notes(view) if any(key[0] == "related" for key in categories) else []
    return _incidence_table(view, view.words("safety.overview.title"), lines, None, notes)


def adverse_event_rates(terms: pd.DataFrame, *, view: View, categories: bool = False) -> Table:
    """First events per 100 patient-years in each arm, and the differences and ratios of these rates.

    Parameters
    ----------
    terms : DataFrame
        ``safety.shown``: soc and term, in the order of the table.
    view : View
        ``rate.incidence``, ``rate.difference.score`` and ``rate.ratio.exact`` are read from its results.
    categories : bool
        The categories of the overview instead of the terms.

    Notes
    -----
    Misreading: a rate is no share of patients; where events come early, a long treatment lowers it.
    """
    rates = index(view, "rate.incidence", "arm")
    differences, ratios = (index(view, name, "treatment") for name in ("rate.difference.score", "rate.ratio.exact"))
    if categories:
        found = dict.fromkeys(key for key, _ in rates if key[0] and not key[1])
        lines = [(view.words(f"safety.category.{key[0]}"), key) for key in found]
    else:
        lines = [(name_of(view, term), at(soc=soc, term=term)) for soc, term in _pairs(terms) if term]
    rows, used = [], []
    for heading, key in lines:
        of_arms = [rates.get((key, arm)) for arm in view.context.arms]
        compared = [
            row
            for treatment in view.context.treatments
            for row in (differences.get((key, treatment)), ratios.get((key, treatment)))
        ]
        rows.append((heading, *(rate_cell(view, row) for row in (*of_arms, *compared))))
        used += [*of_arms, *compared]
    columns = [view.words("safety.term" if not categories else "safety.category")]
    columns += [heading_of(view, arm) for arm in view.context.arms]
    for treatment in view.context.treatments:
        versus = cells.versus(view, treatment, view.context.reference)
        columns += [view.words("safety.rates.difference", comparison=versus)]
        columns += [view.words("safety.rates.ratio", comparison=versus)]
    title = "safety.rates.title_categories" if categories else "safety.rates.title"
    days, later = window(view)
    notes = [view.words("safety.rates.how_to_read", level=cells.level(view), days=days), *later]
    notes += [view.words("safety.rates.stopped")] if any(key[0] == STOPPED for _, key in lines) else []
    return Table(
        title=view.words(title),
        columns=columns,
        rows=rows,
        footnotes=[*notes, *cells.footnotes(view, used)],
    )


def adverse_events_by_term(terms: pd.DataFrame, *, view: View, category: str = "") -> Table:
    """Subjects and events by organ class and preferred term, the most frequent first.

    Parameters
    ----------
    terms : DataFrame
        ``safety.shown``: soc, term and min_percent; organ classes and the terms in them, in the order of the table. An
        organ class has a row with an empty term.
    view : View
        ``ae.incidence`` and ``ae.events`` are read from its results, with the risk differences and p-values of Fisher's
        exact test where they were asked for.
    category : str
        Only events of this category: serious, discontinuation.

    Notes
    -----
    Misreading: a subject counts once in the class and once in each of its terms, so that terms do not add up to their
    class. With hundreds of terms some differ between arms by chance alone, whatever the interval or the p-value says.
    """
    lines, groups = [], []
    for soc, term in _pairs(terms):
        key = at(category=category, soc=soc, term=term)
        lines.append((name_of(view, term) if term else view.words("safety.terms.any"), key))
        groups.append(name_of(view, soc))
    least = float(terms["min_percent"].iloc[0]) if len(terms) and "min_percent" in terms else 0.0
    notes = [view.words("safety.terms.how_to_read")]
    notes += [view.words("safety.terms.threshold", percent=least)] if least else []
    title = view.words(f"safety.terms.title_{category}" if category else "safety.terms.title")
    return _incidence_table(view, title, lines, groups, notes)


def adverse_events_by_grade(counts: pd.DataFrame, *, view: View) -> Table:
    """Subjects by the worst grade, or severity, of each term.

    Parameters
    ----------
    counts : DataFrame
        ``safety.grades``: soc, term, grade, arm, n (subjects) and of (subjects of the arm).
    view : View
        The words.

    Notes
    -----
    Misreading: each subject stands once in a term, under its worst grade there.
    """
    grades = sorted(dict.fromkeys(counts["grade"]), key=_grade_rank) if len(counts) else []
    found = {(r["soc"], r["term"], r["grade"], r["arm"]): r for r in counts.to_dict("records")}
    arms = view.context.arms
    rows, groups = [], []
    for soc, term in _pairs(counts):
        values = [found.get((soc, term, grade, arm)) for arm in arms for grade in grades]
        rows.append((name_of(view, term), *(_share_cell(view, record) for record in values)))
        groups.append(name_of(view, soc))
    spanners = {
        heading_of(view, arm): list(range(1 + i * len(grades), 1 + (i + 1) * len(grades)))
        for i, arm in enumerate(arms)
        if grades
    }
    return Table(
        title=view.words("safety.grades.title"),
        columns=(view.words("safety.term"), *(grade_name(view, grade) for _ in arms for grade in grades)),
        rows=rows,
        groups=groups,
        spanners=spanners,
        footnotes=[view.words("safety.grades.how_to_read")],
    )


def _incidence_table(
    view: View,
    title: str,
    lines: Sequence[tuple[str, Place]],
    groups: Sequence[str] | None,
    notes: Sequence[str],
) -> Table:
    """Subjects and events per arm, the risk differences where they were recorded, and p-values where asked for."""
    shares, events = index(view, "ae.incidence", "arm"), index(view, "ae.events", "arm")
    differences, tests = index(view, DIFFERENCE, "treatment"), index(view, "fisher_exact", "treatment", "p_value")
    keys = {key for _, key in lines}
    compared = view.context.treatments if any(key in keys for key, _ in differences) else ()
    tested = view.context.treatments if any(key in keys for key, _ in tests) else ()
    rows, used = [], []
    for heading, key in lines:
        of_arms = [shares.get((key, arm)) for arm in view.context.arms]
        counts = [events.get((key, arm)) for arm in view.context.arms]
        apart = [differences.get((key, treatment)) for treatment in compared]
        p_values = [tests.get((key, treatment)) for treatment in tested]
        rows.append(
            (
                heading,
                *(incidence_cell(view, row, count) for row, count in zip(of_arms, counts, strict=True)),
                *(points_cell(view, row) for row in apart),
                *(cells.value_text(view, row) for row in p_values),
            )
        )
        used += [*of_arms, *counts, *apart, *p_values]
    reference = view.context.reference
    return Table(
        title=title,
        columns=(
            view.words("safety.category" if groups is None else "safety.term"),
            *(heading_of(view, arm) for arm in view.context.arms),
            *(difference_heading(view, cells.versus(view, t, reference)) for t in compared),
            *(view.words("safety.terms.p", comparison=cells.versus(view, t, reference)) for t in tested),
        ),
        rows=rows,
        groups=groups,
        footnotes=[*notes, view.words("safety.terms.cell"), *cells.footnotes(view, used)],
    )


def _related_notes(view: View) -> list[str]:
    """The rule, and which answers in the data count as related or not."""
    answers = view.results.table("safety.relation").to_dict("records")
    notes = [view.words("safety.overview.related")]
    for key, related in (("safety.overview.unrelated_answers", False), ("safety.overview.related_answers", True)):
        found = [
            one["answer"] or view.words("safety.overview.no_answer") for one in answers if one["related"] == related
        ]
        notes += [view.words(key, answers=found)] if found else []
    return notes


def _grade_rank(grade: str) -> tuple[int, str]:
    return (GRADES.index(grade) if grade in GRADES else len(GRADES), grade)


def _pairs(frame: pd.DataFrame) -> list[tuple[str, str]]:
    """Organ class and term of each row, each pair once."""
    if not len(frame):
        return []
    return list(dict.fromkeys(zip(frame["soc"].astype(str), frame["term"].astype(str), strict=True)))


def _share_cell(view: View, record: Mapping[Any, Any] | None) -> str:
    if record is None or not record["n"]:
        return view.words.number(0)
    return view.words("safety.cell", x=record["n"], share=record["share"])

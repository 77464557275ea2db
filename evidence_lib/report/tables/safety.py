"""Tables of adverse events: the overview, organ classes and terms, grades, rates, first events, and deaths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evidence_lib.report import cells
from evidence_lib.report.context import View
from evidence_lib.report.display import Table
from evidence_lib.results import Row

if TYPE_CHECKING:
    import pandas as pd

Place = tuple[str, ...]
ALL_LEVELS = ("category", "soc", "term", "cause")
DIFFERENCE = "rd.miettinen_nurminen.unstratified"
NOT_CODED = "not_coded"
CAUSES = ("event", "discontinuation", "death")
GRADES = (NOT_CODED, "0", "1", "2", "3", "4", "5", "MILD", "MODERATE", "SEVERE", "LIFE THREATENING", "FATAL")


def index(view: View, analysis: str, side: str, statistic: str = "estimate") -> dict[tuple[Place, str], Row]:
    """The rows of an analysis by place (category, organ class, term, cause) and by arm or treatment (``side``)."""
    found: dict[tuple[Place, str], Row] = {}
    for row in view.results.select(analysis, statistic):
        if side in row.groups:
            found.setdefault((place(row.groups), str(row.groups[side])), row)
    return found


def place(groups: Mapping[str, Any]) -> Place:
    """Where in the safety results a row belongs: what it has no level of is empty."""
    return tuple(str(groups.get(name, "")) for name in ALL_LEVELS)


def at(*, category: str = "", soc: str = "", term: str = "", cause: str = "") -> Place:
    """The place with these levels."""
    return (category, soc, term, cause)


def name_of(view: View, term: str) -> str:
    """A term or organ class as printed."""
    return view.words("safety.not_coded") if term == NOT_CODED else view.label(term)


def exposure(summary: pd.DataFrame, *, view: View) -> Table:
    """How long and how much each arm was treated.

    Parameters
    ----------
    summary : DataFrame
        ``safety.exposure``: variable, arm, n, mean, sd, median, q1, q3, low, high.
    view : View
        The words; ``exposure.patient_years`` is read from its results.

    Notes
    -----
    Misreading: an arm that was treated for longer had more time for adverse events to be seen.
    """
    arms = view.context.arms
    rows: list[tuple[str, ...]] = []
    groups: list[str] = []
    for variable in dict.fromkeys(summary["variable"]) if len(summary) else ():
        lines = {record["arm"]: record for record in summary[summary["variable"] == variable].to_dict("records")}
        heading = view.words(f"safety.exposure.{variable}")
        for key, names in (
            ("safety.exposure.n", ("n",)),
            ("safety.exposure.mean", ("mean", "sd")),
            ("safety.exposure.median", ("median", "q1", "q3")),
            ("safety.exposure.range", ("low", "high")),
        ):
            rows.append((view.words(key), *(_summary_cell(view, lines.get(arm), names) for arm in arms)))
            groups.append(heading)
    years = [view.results.find("exposure.patient_years", arm=arm) for arm in arms]
    if any(row is not None for row in years):
        rows.append((view.words("safety.exposure.total"), *(_one_decimal(view, row) for row in years)))
        groups.append(view.words("safety.exposure.patient_years"))
    return Table(
        title=view.words("safety.exposure.title"),
        columns=(view.words("table.quantity"), *(heading_of(view, arm) for arm in arms)),
        rows=rows,
        groups=groups,
        footnotes=cells.footnotes(view, years),
    )


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
    places = [key for key in _places(view, "ae.incidence") if key[0] and not key[1]]
    lines = [(view.words(f"safety.category.{key[0]}"), key) for key in places]
    notes = [view.words("safety.overview.how_to_read")]
    notes += [view.words("safety.overview.related")] if any(key[0] == "related" for key in places) else []
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
        rows.append((heading, *(_rate_cell(view, row) for row in (*of_arms, *compared))))
        used += [*of_arms, *compared]
    columns = [view.words("safety.term" if not categories else "safety.category")]
    columns += [heading_of(view, arm) for arm in view.context.arms]
    for treatment in view.context.treatments:
        versus = cells.versus(view, treatment, view.context.reference)
        columns += [view.words("safety.rates.difference", comparison=versus)]
        columns += [view.words("safety.rates.ratio", comparison=versus)]
    title = "safety.rates.title_categories" if categories else "safety.rates.title"
    return Table(
        title=view.words(title),
        columns=columns,
        rows=rows,
        footnotes=[view.words("safety.rates.how_to_read", level=cells.level(view)), *cells.footnotes(view, used)],
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


def first_event(*, view: View) -> Table:
    """The probability of a first event by each time, death and stopping treatment competing, and its difference.

    Parameters
    ----------
    view : View
        ``aalen_johansen.cumulative_incidence`` and ``aalen_johansen.difference`` are read from its results.

    Notes
    -----
    Misreading: it is the share that had the event while on treatment, not what would be seen if nobody stopped or died.
    """
    rows, groups, used = [], [], []
    arms, reference = view.context.arms, view.context.reference
    found = view.results.select("aalen_johansen.cumulative_incidence")
    causes = {str(row.groups["cause"]) for row in found}
    for cause in [cause for cause in CAUSES if cause in causes]:
        for time in dict.fromkeys(float(row.groups["time"]) for row in found):
            of_arms = [
                view.results.find("aalen_johansen.cumulative_incidence", arm=arm, cause=cause, time=time)
                for arm in arms
            ]
            compared = [
                view.results.find("aalen_johansen.difference", treatment=treatment, cause=cause, time=time)
                for treatment in view.context.treatments
            ]
            rows.append(
                (
                    cells.duration(view, time),
                    *(cells.estimate_text(view, row) for row in of_arms),
                    *(_points(view, row) for row in compared),
                )
            )
            groups.append(view.words(f"safety.cause.{cause}"))
            used += [*of_arms, *compared]
    return Table(
        title=view.words("safety.first.title"),
        columns=(
            view.words("safety.first.time"),
            *(heading_of(view, arm) for arm in arms),
            *(_difference_heading(view, cells.versus(view, t, reference)) for t in view.context.treatments),
        ),
        rows=rows,
        groups=groups,
        footnotes=[followed(view), view.words("safety.first.how_to_read"), *cells.footnotes(view, used)],
    )


def followed(view: View) -> str:
    """What the first event is: the declared terms, or the category that was taken."""
    if "safety.selected" not in view.results.tables:
        return ""
    chosen = view.results.table("safety.selected").to_dict("records")
    what = view.words(f"safety.selected.{chosen[0]['what']}")
    terms = [name_of(view, str(record["term"])) for record in chosen if record["term"]]
    if terms:
        return view.words("safety.selected.sentence_terms", what=what, terms=terms)
    return view.words("safety.selected.sentence", what=what)


def deaths(*, view: View) -> Table:
    """Who died: in all, by when, and by cause.

    Parameters
    ----------
    view : View
        ``death.incidence`` is read from its results.
    """
    rows: list[tuple[str, ...]] = []
    groups: list[str] = []
    used: list[Row | None] = []
    found = index(view, "death.incidence", "arm")
    for key in _places(view, "death.incidence"):
        category, _, _, cause = key
        if cause:
            heading, group = name_of(view, cause), view.words("safety.deaths.by_cause")
        elif category:
            heading, group = view.words(f"safety.deaths.{category}"), view.words("safety.deaths.by_time")
        else:
            heading, group = view.words("safety.deaths.any"), view.words("safety.deaths.all")
        of_arms = [found.get((key, arm)) for arm in view.context.arms]
        rows.append((heading, *(incidence_cell(view, row, None) for row in of_arms)))
        groups.append(group)
        used += of_arms
    return Table(
        title=view.words("safety.deaths.title"),
        columns=(view.words("safety.deaths.column"), *(heading_of(view, arm) for arm in view.context.arms)),
        rows=rows,
        groups=groups,
        footnotes=[view.words("safety.deaths.how_to_read"), *cells.footnotes(view, used)],
    )


def heading_of(view: View, arm: str) -> str:
    """An arm with its number of subjects."""
    row = view.results.find("count.subjects", arm=arm)
    n = row.value if row is not None else None
    return view.words("safety.arm", arm=view.label(arm), n=n)


def incidence_cell(view: View, row: Row | None, events: Row | None, *, of: bool = False) -> str:
    """``76 (90.5%) [433]``: subjects, share and events; without events where they are not counted.

    With ``of`` it is ``76 of 80 (95.0%)``, for a line about fewer subjects than the arm has.
    """
    if row is None or row.value is None:
        return cells.value_text(view, row)
    x, n = cells.statistic(view, row, "events"), cells.statistic(view, row, "n")
    values = {"x": x.value if x is not None else None, "share": row.value}
    if of:
        return view.words("safety.cell.of", n=n.value if n is not None else None, **values)
    if events is None or events.value is None:
        return view.words("safety.cell", **values)
    return view.words("safety.cell_events", events=events.value, **values)


def grade_name(view: View, grade: str) -> str:
    """A grade or severity as printed."""
    if grade == NOT_CODED:
        return view.words("safety.grade.none")
    if grade.isdigit():
        return view.words("safety.grade", grade=grade)
    return view.label(grade).capitalize()


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
                *(_points(view, row) for row in apart),
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
            *(_difference_heading(view, cells.versus(view, t, reference)) for t in compared),
            *(view.words("safety.terms.p", comparison=cells.versus(view, t, reference)) for t in tested),
        ),
        rows=rows,
        groups=groups,
        footnotes=[*notes, view.words("safety.terms.cell"), *cells.footnotes(view, used)],
    )


def _grade_rank(grade: str) -> tuple[int, str]:
    return (GRADES.index(grade) if grade in GRADES else len(GRADES), grade)


def _difference_heading(view: View, comparison: str) -> str:
    return view.words("safety.terms.difference", comparison=comparison, level=cells.level(view))


def _points(view: View, row: Row | None) -> str:
    """A difference in percentage points with its limits; the heading says what it is."""
    limits = [cells.statistic(view, row, name) for name in ("conf_low", "conf_high")] if row is not None else []
    if row is None or row.value is None or None in limits:
        return cells.points_text(view, row)
    low, high = (limit.value if limit is not None else None for limit in limits)
    return view.words("safety.cell.points", value=row.value, low=low, high=high)


def _rate_cell(view: View, row: Row | None) -> str:
    """A rate or a difference of rates with one decimal and its limits; a ratio with two."""
    if row is None or row.unit == "ratio" or not isinstance(row.value, int | float):
        return cells.estimate_text(view, row)
    limits = [cells.statistic(view, row, name) for name in ("conf_low", "conf_high")]
    low, high = (limit.value if limit is not None else None for limit in limits)
    return view.words("safety.cell.rate", value=row.value, low=low, high=high)


def _places(view: View, analysis: str) -> list[Place]:
    return list(dict.fromkeys(place(row.groups) for row in view.results.select(analysis)))


def _pairs(frame: pd.DataFrame) -> list[tuple[str, str]]:
    """Organ class and term of each row, each pair once."""
    if not len(frame):
        return []
    return list(dict.fromkeys(zip(frame["soc"].astype(str), frame["term"].astype(str), strict=True)))


def _share_cell(view: View, record: Mapping[Any, Any] | None) -> str:
    if record is None or not record["n"]:
        return view.words.number(0)
    return view.words("safety.cell", x=record["n"], share=record["share"])


def _summary_cell(view: View, record: Mapping[Any, Any] | None, names: Sequence[str]) -> str:
    values = [None if record is None else record[name] for name in names]
    if values[0] is None:
        return view.words("table.none")
    if names == ("n",):
        return view.words.number(float(values[0]))
    texts = [view.words("table.none") if value is None else view.words.number(float(value), 1) for value in values]
    key = {"mean": "safety.cell.mean", "median": "safety.cell.median", "low": "safety.cell.range"}[names[0]]
    return view.words(key, a=texts[0], b=texts[1], c=texts[-1])


def _one_decimal(view: View, row: Row | None) -> str:
    if row is None or not isinstance(row.value, int | float):
        return cells.value_text(view, row)
    return view.words.number(row.value, 1)

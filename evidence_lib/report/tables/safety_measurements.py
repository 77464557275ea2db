"""Tables of laboratory values and vital signs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from evidence_lib.report import cells
from evidence_lib.report.context import View
from evidence_lib.report.display import Table
from evidence_lib.report.tables.safety_cells import heading_of, incidence_cell, present

if TYPE_CHECKING:
    import pandas as pd

RANGES = ("low", "normal", "high", "low_and_high")


def laboratory_shifts(counts: pd.DataFrame, *, view: View, visit: str = "worst") -> Table:
    """Subjects by category at baseline and on treatment, for each laboratory value.

    Parameters
    ----------
    counts : DataFrame
        ``safety.shifts``: parameter, label, visit, arm, baseline, category, n, of.
    view : View
        The words.
    visit : str
        The visit that is shown; worst is the worst value on treatment.

    Notes
    -----
    Misreading: with many values and visits some cross a limit by chance; the worst of many visits is worse than one.
    """
    of = counts[counts["visit"] == visit] if len(counts) else counts
    found = {(r["label"], r["baseline"], r["category"], r["arm"]): r for r in of.to_dict("records")}
    rows, groups = [], []
    arms = view.context.arms
    for parameter in sorted({str(key[0]) for key in found}):
        pairs = sorted({key[1:3] for key in found if key[0] == parameter}, key=_rank)
        for baseline, category in pairs:
            bases = {arm: _of(found, parameter, baseline, arm) for arm in arms}
            rows.append(
                (
                    view.words(
                        "safety.shifts.line", baseline=_category(view, baseline), category=_category(view, category)
                    ),
                    *(_shift(view, found.get((parameter, baseline, category, arm)), bases[arm]) for arm in arms),
                )
            )
            groups.append(parameter)
    return Table(
        title=view.words("safety.shifts.title"),
        columns=(
            view.words("safety.shifts.from_to"),
            *(heading_of(view, arm) for arm in arms),
        ),
        rows=rows,
        groups=groups,
        footnotes=[view.words("safety.shifts.how_to_read")],
    )


def liver(*, view: View) -> Table:
    """Subjects in each quadrant of the highest liver values, and the potential cases of Hy's law.

    Parameters
    ----------
    view : View
        ``liver.incidence`` is read from its results.

    Notes
    -----
    Misreading: a potential case needs a clinical judgement that excludes other causes before it is one.
    """
    rows, used = [], []
    found = view.results.select("liver.incidence")
    for category in dict.fromkeys(str(row.groups["category"]) for row in found):
        of_arms = [view.results.find("liver.incidence", arm=arm, category=category) for arm in view.context.arms]
        rows.append(
            (view.words(f"safety.liver.{category}"), *(incidence_cell(view, row, None, of=True) for row in of_arms))
        )
        used += of_arms
    return Table(
        title=view.words("safety.liver.title"),
        columns=(view.words("safety.liver.quadrant"), *(heading_of(view, arm) for arm in view.context.arms)),
        rows=rows,
        footnotes=[view.words("safety.liver.how_to_read"), *cells.footnotes(view, used)],
    )


def vital_signs(summary: pd.DataFrame, *, view: View) -> Table:
    """Means and mean changes from baseline by visit.

    Parameters
    ----------
    summary : DataFrame
        ``safety.vital_signs``: parameter, label, position, visit, arm, what (value or change), n,
        mean, sd, median, low, high.
    view : View
        The words.

    Notes
    -----
    Misreading: those who stop are no longer measured, so that the means of different visits are of different people.
    """
    arms = view.context.arms
    found = {(r["label"], r["position"], r["visit"], r["arm"], r["what"]): r for r in summary.to_dict("records")}
    rows, groups = [], []
    for parameter, position, visit in dict.fromkeys(key[:3] for key in found):
        of_arms = [
            _mean(view, found.get((parameter, position, visit, arm, what)))
            for arm in arms
            for what in ("value", "change")
        ]
        rows.append((str(visit), *of_arms))
        label = str(parameter)
        groups.append(view.words("safety.vital.position", label=label, position=position) if position else label)
    return Table(
        title=view.words("safety.vital.title"),
        columns=(
            view.words("safety.vital.visit"),
            *(view.words(f"safety.vital.{what}") for _ in arms for what in ("value", "change")),
        ),
        rows=rows,
        groups=groups,
        spanners={heading_of(view, arm): [1 + 2 * i, 2 + 2 * i] for i, arm in enumerate(arms)},
        footnotes=[view.words("safety.vital.how_to_read")],
    )


def _rank(pair: tuple[str, str]) -> tuple[tuple[int, str], ...]:
    return tuple((RANGES.index(name) if name in RANGES else -1, name) for name in pair)


def _category(view: View, name: str) -> str:
    return view.words(f"safety.range.{name}") if name in RANGES else view.words("safety.grade", grade=name)


def _of(found: Mapping[Any, Any], parameter: str, baseline: str, arm: str) -> int | None:
    """How many of an arm had this baseline category; None where nobody had."""
    return next(
        (int(r["of"]) for key, r in found.items() if key[:2] == (parameter, baseline) and key[3] == arm),
        None,
    )


def _shift(view: View, record: Mapping[Any, Any] | None, of: int | None) -> str:
    if of is None:
        return view.words("table.none")
    if record is None:
        return view.words("safety.cell.of", x=0, n=of, share=0.0)
    return view.words("safety.cell.of", x=int(record["n"]), n=of, share=float(record["share"]))


def _mean(view: View, record: Mapping[Any, Any] | None) -> str:
    if record is None:
        return view.words("table.none")
    spread = present(record, "sd")
    sd = view.words("table.none") if spread is None else view.words.number(spread, 1)
    mean = view.words.number(float(record["mean"]), 1)
    return view.words("safety.cell.mean_n", mean=mean, sd=sd, n=int(record["n"]))

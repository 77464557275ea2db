"""Tables of a report on regions: who is in them, what was seen in each, and what they say together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evidence_lib.report import cells
from evidence_lib.report import regional as read
from evidence_lib.report.context import View
from evidence_lib.report.display import Table
from evidence_lib.results import Row

if TYPE_CHECKING:
    import pandas as pd


def regional_baseline(summary: pd.DataFrame, *, view: View) -> Table:
    """Characteristics of the patients of each region before treatment, both arms together.

    Parameters
    ----------
    summary : DataFrame
        ``regional.baseline``: one row per variable, level and region (in the column ``arm``).
    view : View
        The context, the results and the words.

    Notes
    -----
    Misreading: regions that differ at the start need not differ in what the treatment does, and the other way round.
    """
    say = view.words
    regions = [str(line["region"]) for line in read.region_lines(view)]
    rows, groups = [], []
    for variable in dict.fromkeys(summary["variable"]):
        of = summary[summary["variable"] == variable]
        for level in dict.fromkeys(of["level"].where(of["level"].notna(), None)):
            lines = of[of["level"].isna()] if level is None else of[of["level"] == level]
            found = {str(line["arm"]): line for line in lines.to_dict("records")}
            heading = say("regional.table.baseline.mean") if level is None else view.label(str(level))
            rows.append((heading, *(_baseline_cell(view, found.get(region), level is None) for region in regions)))
            groups.append(view.label(str(variable)))
    sizes = {str(line["region"]): line["n"] for line in read.region_lines(view)}
    return Table(
        title=say("regional.table.baseline.title"),
        columns=(
            say("regional.table.baseline.characteristic"),
            *(say("regional.table.region_n", region=view.label(region), n=sizes[region]) for region in regions),
        ),
        rows=rows,
        groups=groups,
        footnotes=[say("regional.table.baseline.how_to_read")],
    )


def _baseline_cell(view: View, line: dict[str, Any] | None, is_number: bool) -> str:
    name = "mean" if is_number else "share"
    if line is None or line[name] is None or line[name] != line[name]:
        return view.words("table.none")
    if is_number:
        sd = None if line["sd"] != line["sd"] else line["sd"]  # of one patient: a null, which a frame reads as NaN
        return view.words("table.baseline.mean_cell", mean=line["mean"], sd=sd)
    return view.words("table.baseline.count_cell", count=line["count"], share=line["share"])


def regional_arms(regions: pd.DataFrame, *, view: View) -> Table:
    """Patients, events, median and survival at the milestone of each arm in each region.

    Parameters
    ----------
    regions : DataFrame
        ``regional.regions``: region, n, events, compared, reason.
    view : View
        ``km.median`` and ``km.survival`` by region are read from its results.
    """
    say, at = view.words, view.context.milestone
    rows, groups, used = [], [], []
    for line in regions.to_dict("records"):
        region = str(line["region"])
        for arm in view.context.arms:
            median = view.results.find("km.median", arm=arm, region=region)
            n, events = (view.results.find("km.median", name, arm=arm, region=region) for name in ("n", "events"))
            survival = view.results.find("km.survival", arm=arm, region=region) if at is not None else None
            share = () if at is None else (cells.estimate_text(view, survival),)
            counts = (cells.value_text(view, n), cells.value_text(view, events))
            rows.append((view.label(arm), *counts, cells.estimate_text(view, median), *share))
            used += [median, survival]
            note = cells.text(view, line["reason"])
            name = view.label(region)
            groups.append(say("regional.table.group_note", region=name, note=note) if note else name)
    unit = say(cells.UNIT_NAMES[view.context.unit])
    milestone = () if at is None else (say("table.survival_at", time=cells.duration(view, at)),)
    return Table(
        title=say("regional.table.arms.title"),
        columns=(
            say("table.arm"),
            say("table.subjects"),
            say("table.events"),
            say("table.median", unit=unit),
            *milestone,
        ),
        rows=rows,
        groups=groups,
        footnotes=[say("table.intervals_are", level=cells.level(view)), *cells.footnotes(view, used)],
    )


def regional_effects(*, view: View) -> Table:
    """The effect in each region, where chance would put it, shrunken towards the others, and without the region.

    Parameters
    ----------
    view : View
        The hazard ratios by region, ``regional.expected.ratio``, ``regional.shrunken.ratio`` and
        ``regional.leave_one_out.ratio`` are read from its results.

    Notes
    -----
    Misreading: the interval of a small region that includes 1 does not show that the treatment fails there.
    """
    say = view.words
    rows: list[tuple[str, ...]] = []
    groups: list[str] = []
    used: list[Row | None] = []
    for treatment in view.context.treatments:
        whole = read.whole_row(view, treatment)
        rows.append(_effect_line(view, say("regional.table.whole"), whole, [None] * 3))
        used.append(whole)
        for line in read.region_lines(view):
            region = str(line["region"])
            own = read.own_row(view, treatment, region)
            together = [
                view.results.find(f"regional.{name}.ratio", treatment=treatment, region=region)
                for name in ("expected", "shrunken", "leave_one_out")
            ]
            rows.append(_effect_line(view, view.label(region), own, together))
            used += [own, *together]
        versus = cells.versus(view, treatment, view.context.reference)
        groups += [versus] * (len(rows) - len(groups))
    notes = [say("regional.table.effects.how_to_read")]
    if any(not line["compared"] for line in read.region_lines(view)):
        notes.append(say("regional.table.not_compared", n=read.plan_of(view)["smallest"]))
    return Table(
        title=say("regional.table.effects.title"),
        columns=(
            say("regional.table.region"),
            say("regional.table.events_of_n"),
            say("regional.table.ratio", level=cells.level(view)),
            say("regional.table.expected", level=cells.level(view)),
            say("regional.table.shrunken", level=cells.level(view)),
            say("regional.table.without", level=cells.level(view)),
            say("table.second"),
        ),
        rows=rows,
        groups=groups if len(view.context.treatments) > 1 else None,
        footnotes=[*notes, *cells.footnotes(view, used)],
    )


def _effect_line(view: View, heading: str, own: Row | None, together: list[Row | None]) -> tuple[str, ...]:
    expected, shrunken, without = together
    n, events = (cells.statistic(view, own, name) if own is not None else None for name in ("n", "events"))
    counts = view.words("figure.forest.counts", events=cells.value_text(view, events), n=cells.value_text(view, n))
    return (
        heading,
        counts,
        read.effect_text(view, own),
        cells.interval_text(view, expected),
        read.effect_text(view, shrunken),
        read.effect_text(view, without),
        cells.agreement_text(view, [own, *together]),
    )


def next_therapy(*, view: View) -> Table:
    """The share of each arm of each region that had a later treatment.

    Parameters
    ----------
    view : View
        ``proportion.wilson`` by region is read from its results.

    Notes
    -----
    Misreading: it describes what happened after randomisation; more of it in one arm can follow from what it did.
    """
    say = view.words
    rows, used = [], []
    for line in read.region_lines(view):
        region = str(line["region"])
        found = [view.results.find("proportion.wilson", arm=arm, region=region) for arm in view.context.arms]
        rows.append((view.label(region), *(_share_cell(view, row) for row in found)))
        used += found
    return Table(
        title=say("regional.table.therapy.title"),
        columns=(say("regional.table.region"), *(view.label(arm) for arm in view.context.arms)),
        rows=rows,
        footnotes=[say("table.intervals_are", level=cells.level(view)), *cells.footnotes(view, used)],
    )


def _share_cell(view: View, row: Row | None) -> str:
    if row is None or row.value is None:
        return cells.value_text(view, row)
    events, n = (cells.value_text(view, cells.statistic(view, row, name)) for name in ("events", "n"))
    interval = cells.interval_text(view, row)
    return view.words("regional.table.therapy.cell", events=events, n=n, share=row.value, interval=interval)

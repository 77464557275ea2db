"""Tables of outcomes at visits: what was seen, what is missing and why, and the categories of an ordinal outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evidence_lib.report import cells
from evidence_lib.report.context import View
from evidence_lib.report.display import Table
from evidence_lib.report.mean_differences import facts

if TYPE_CHECKING:
    import pandas as pd

PATTERN_KEYS = {
    "complete": "continuous.pattern.complete",
    "drop-out": "continuous.pattern.drop_out",
    "gaps": "continuous.pattern.gaps",
    "gaps and drop-out": "continuous.pattern.gaps_and_drop_out",
    "nothing": "continuous.pattern.nothing",
    "no start": "continuous.pattern.no_start",
}


def visit_summary(summary: pd.DataFrame, *, view: View) -> Table:
    """Number, mean, median and range at the start and at each visit, and the mean change, by arm.

    Parameters
    ----------
    summary : DataFrame
        ``continuous.summary``: variable (baseline, value, observed), visit, arm, n, mean, sd, se, conf_low, conf_high,
        median, low, high.
    view : View
        The context, the results and the words.

    Notes
    -----
    Misreading: these are the patients who were seen at each visit; where some left, the means of two visits are not of
    the same patients.
    """
    say, change = view.words, facts(view).change
    rows, groups = [], []
    for visit in [None, *dict.fromkeys(summary.loc[summary["visit"].notna(), "visit"])]:
        of = summary[summary["visit"].isna()] if visit is None else summary[summary["visit"] == visit]
        for arm in cells.present_arms(view, of["arm"].unique()):
            here: dict[str, Any] = {str(row["variable"]): row for row in of[of["arm"] == arm].to_dict("records")}
            shown = here.get("baseline" if visit is None else "value" if change else "observed")
            if shown is None:
                continue
            row = (
                view.label(arm),
                say.number(shown["n"]),
                _mean_sd(view, shown),
                _median_range(view, shown),
            )
            rows.append((*row, *(_change(view, here.get("observed")) if change else _mean_interval(view, shown))))
            groups.append(say("continuous.table.start") if visit is None else str(visit))
    level = cells.level(view)
    last = (
        (
            say("continuous.table.n_change"),
            say("continuous.table.change"),
            say("continuous.table.change_interval", level=level),
        )
        if change
        else (say("continuous.table.mean_interval", level=level),)
    )
    return Table(
        title=say("continuous.table.summary.title", endpoint=view.context.endpoint_label),
        columns=(
            say("continuous.table.arm"),
            say("continuous.table.n"),
            say("continuous.table.mean_sd"),
            say("continuous.table.median_range"),
            *last,
        ),
        rows=rows,
        groups=groups,
        footnotes=[say("continuous.table.summary.seen")],
    )


def _mean_sd(view: View, row: dict[str, Any]) -> str:
    if row["mean"] is None or row["mean"] != row["mean"]:
        return view.words("table.none")
    return view.words("continuous.table.mean_sd_of", mean=row["mean"], sd=_present(row["sd"]))


def _median_range(view: View, row: dict[str, Any]) -> str:
    if _present(row["median"]) is None:
        return view.words("table.none")
    return view.words("continuous.table.median_range_of", median=row["median"], low=row["low"], high=row["high"])


def _change(view: View, row: dict[str, Any] | None) -> tuple[str, str, str]:
    none = view.words("table.none")
    if row is None or _present(row["mean"]) is None:
        return (none, none, none)
    return (view.words.number(row["n"]), _mean_sd(view, row), *_mean_interval(view, row))


def _mean_interval(view: View, row: dict[str, Any]) -> tuple[str]:
    if _present(row["conf_low"]) is None:
        return (view.words("table.none"),)
    return (view.words("table.interval", low=_two(view, row["conf_low"]), high=_two(view, row["conf_high"])),)


def _two(view: View, value: float) -> str:
    return view.words.number(value, 2)


def _present(value: Any) -> Any:
    return None if value is None or value != value else value


def missing_values(by_visit: pd.DataFrame, *, view: View) -> Table:
    """How many were seen at each visit, and how the others lack a value.

    Parameters
    ----------
    by_visit : DataFrame
        ``continuous.missing``: visit, arm, subjects, observed, gap, left.
    view : View
        The context, the results and the words.
    """
    say = view.words
    arms = cells.present_arms(view, by_visit["arm"].unique())
    rows = []
    for visit in dict.fromkeys(by_visit["visit"]):
        row = [str(visit)]
        for arm in arms:
            here = by_visit[(by_visit["visit"] == visit) & (by_visit["arm"] == arm)].to_dict("records")[0]
            share = here["observed"] / here["subjects"] if here["subjects"] else None
            row += [say("continuous.table.seen_of", n=here["observed"], share=share)]
            row += [say.number(here["gap"]), say.number(here["left"])]
        rows.append(tuple(row))
    kinds = [say("continuous.table.seen"), say("continuous.table.gap"), say("continuous.table.left")]
    return Table(
        title=say("continuous.table.missing.title"),
        columns=(say("continuous.table.visit"), *(kind for _ in arms for kind in kinds)),
        rows=rows,
        spanners={view.label(arm): range(1 + 3 * place, 4 + 3 * place) for place, arm in enumerate(arms)},
        footnotes=[say("continuous.table.missing.read")],
    )


def missing_patterns(patterns: pd.DataFrame, reasons: pd.DataFrame, *, view: View) -> Table:
    """Which patterns the missing values make, and the stated reasons of those without a value at the main visit.

    Parameters
    ----------
    patterns, reasons : DataFrame
        ``continuous.patterns`` (pattern, arm, n) and ``continuous.reasons`` (reason, arm, n; empty where no column of
        reasons is declared).
    view : View
        The context, the results and the words.
    """
    say = view.words
    arms = cells.present_arms(view, patterns["arm"].unique())
    rows, groups = [], []

    def add(frame: pd.DataFrame, column: str, value: Any, label: str, group: str) -> None:
        of = frame[frame[column].isna()] if value is None else frame[frame[column] == value]
        counts = [int(of.loc[of["arm"] == arm, "n"].sum()) for arm in arms]
        rows.append((label, *(say.number(count) for count in counts)))
        groups.append(group)

    for pattern in dict.fromkeys(patterns["pattern"]):
        add(patterns, "pattern", pattern, say(PATTERN_KEYS[str(pattern)]), say("continuous.table.pattern"))
    heading = say("continuous.table.reason", visit=facts(view).visit)
    for reason in dict.fromkeys(reasons["reason"]) if len(reasons) else []:
        stated = _present(reason)
        label = say("continuous.table.no_reason") if stated is None else view.label(str(stated))
        add(reasons, "reason", stated, label, heading)
    return Table(
        title=say("continuous.table.patterns.title"),
        columns=("", *(view.label(arm) for arm in arms)),
        rows=rows,
        groups=groups,
    )


def categories(counts: pd.DataFrame, *, view: View) -> Table:
    """How many had which value of an ordinal outcome at each visit, with the test of the arms within strata.

    Parameters
    ----------
    counts : DataFrame
        ``continuous.categories``: visit, category, arm, n, share.
    view : View
        ``cmh.row_means`` is read from its results.

    Notes
    -----
    Misreading: the test looks for a shift of mean scores in the same direction in all strata; a large p-value does not
    show that the arms are alike.
    """
    say = view.words
    arms = cells.present_arms(view, counts["arm"].unique())
    rows, groups, used = [], [], []
    for visit in dict.fromkeys(counts["visit"]):
        of = counts[counts["visit"] == visit]
        for category in dict.fromkeys(of["category"]):
            texts = []
            for arm in arms:
                here = of[(of["category"] == category) & (of["arm"] == arm)]
                n, share = (here[name].iloc[0] if len(here) else 0 for name in ("n", "share"))
                texts.append(say("continuous.table.seen_of", n=int(n), share=float(share)))
            rows.append((view.label(str(category)), *texts))
            groups.append(str(visit))
        for test in view.results.select("cmh.row_means", "p_value", visit=str(visit)):
            overall = "treatment" not in test.groups
            name = say("continuous.table.cmh_all") if overall else cells.comparison(view, test)
            text = say("continuous.table.cmh", comparison=name)
            rows.append((text, cells.value_text(view, test), *("" for _ in arms[1:])))
            groups.append(str(visit))
            used.append(test)
    return Table(
        title=say("continuous.table.categories.title", endpoint=view.context.endpoint_label),
        columns=(say("continuous.table.category"), *(view.label(arm) for arm in arms)),
        rows=rows,
        groups=groups,
        footnotes=cells.footnotes(view, used),
    )

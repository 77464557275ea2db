"""Tables of differences of means: the analyses by role, the mixed model by visit, the tipping point, responders."""

from __future__ import annotations

from evidence_lib.report import cells
from evidence_lib.report.context import View
from evidence_lib.report.display import Table
from evidence_lib.report.mean_differences import analysed, difference_row, facts, mean_row
from evidence_lib.results import Row

ROLES = ("main", "sensitivity", "supplementary")
TRENDS = ("ancova.dose_trend.regression", "ancova.dose_trend.contrast")


def mean_differences(*, view: View) -> Table:
    """Least-squares means and their differences at the main visit: main, sensitivity and supplementary analyses apart.

    Parameters
    ----------
    view : View
        ``ancova``, ``mmrm`` and ``imputation`` contrasts and means are read from its results.

    Notes
    -----
    Misreading: a sensitivity analysis asks the same question under other assumptions; a supplementary one may ask
    another question, so that its number need not agree with the main one.
    """
    say, found = view.words, facts(view)
    rows, groups, used = [], [], []
    for role in ROLES:
        for name in [name for name in found.differences if found.roles[name] == role]:
            lines = [(treatment, view.context.reference) for treatment in view.context.treatments]
            lines += _between_treatments(view, name)
            for treatment, reference in lines:
                row = difference_row(view, name, treatment, reference)
                if row is None:
                    continue
                pair = [mean_row(view, name, arm) for arm in (treatment, reference)]
                many = len(view.context.arms) > 2
                label = say(f"continuous.analysis.{name}")
                if many:
                    versus = cells.versus(view, treatment, reference)
                    label = say("continuous.table.analysis_of", analysis=label, comparison=versus)
                size = cells.value_text(view, analysed(view, name, row))
                rows.append((label, size, *(cells.value_text(view, one) for one in pair), *_difference(view, row)))
                groups.append(say(f"continuous.role.{role}"))
                used.append(row)
        if found.roles.get("ancova") == role:
            for trend in [row for name in TRENDS for row in view.results.select(name)]:
                none = say("table.none")
                size = cells.value_text(view, cells.statistic(view, trend, "n"))
                rows.append((say("continuous.table.dose_trend"), size, none, none, *_difference(view, trend, digits=4)))
                groups.append(say(f"continuous.role.{role}"))
                used.append(trend)
    return Table(
        title=say("continuous.table.differences.title", visit=found.visit, endpoint=view.context.endpoint_label),
        columns=(
            say("continuous.table.analysis"),
            say("continuous.table.patients"),
            *_means_headings(view),
            say("continuous.table.difference"),
            say("table.interval_of", level=cells.level(view)),
            say("table.p_value"),
            say("table.second"),
        ),
        rows=rows,
        groups=groups,
        footnotes=[
            say("continuous.table.differences.roles"),
            say("continuous.table.differences.patients"),
            *cells.footnotes(view, used),
        ],
    )


def _means_headings(view: View) -> tuple[str, str]:
    if len(view.context.arms) > 2:
        return view.words("continuous.table.mean_first"), view.words("continuous.table.mean_second")
    labels = [view.label(arm) for arm in (*view.context.treatments, view.context.reference)]
    return view.words("continuous.table.mean_of", arm=labels[0]), view.words("continuous.table.mean_of", arm=labels[-1])


def _between_treatments(view: View, name: str) -> list[tuple[str, str]]:
    """Pairs of treatments that an analysis compares too, such as a high dose with a low one."""
    if name != "ancova":
        return []
    pairs = [
        (str(row.groups["treatment"]), str(row.groups["reference"])) for row in view.results.select("ancova.contrast")
    ]
    return [pair for pair in dict.fromkeys(pairs) if pair[1] != view.context.reference]


def _difference(view: View, row: Row, digits: int = 2) -> tuple[str, str, str, str]:
    """A difference with its standard error, its interval, p-value and second calculation."""
    every = [row, *(cells.statistic(view, row, name) for name in ("std_error", "conf_low", "conf_high"))]
    known = [one.value for one in every if one is not None and isinstance(one.value, int | float)]
    shown, interval = cells.value_text(view, row), cells.interval_text(view, row)
    if len(known) == len(every):
        value, error, low, high = (view.words.number(one, digits) for one in known)
        shown = view.words("continuous.table.with_error", value=value, error=error)
        interval = view.words("table.interval", low=low, high=high)
    return (
        shown,
        interval,
        cells.p_text_of(view, row),
        cells.agreement_text(view, [row]),
    )


def mixed_model_visits(*, view: View) -> Table:
    """Least-squares means and differences at every visit by the mixed model, and the test that they are alike.

    Parameters
    ----------
    view : View
        ``mmrm.ls_mean``, ``mmrm.contrast``, ``mmrm.contrast.average`` and ``mmrm.interaction`` are read from it.

    Notes
    -----
    Misreading: the difference at a visit is that of all patients had they stayed as those like them did.
    """
    say = view.words
    rows, groups, used = [], [], []
    for treatment in view.context.treatments:
        heading = cells.versus(view, treatment, view.context.reference)
        for row in view.results.select("mmrm.contrast", treatment=treatment):
            visit = str(row.groups["visit"])
            pair = [
                view.results.find("mmrm.ls_mean", arm=arm, visit=visit) for arm in (treatment, view.context.reference)
            ]
            rows.append((visit, *(cells.value_text(view, one) for one in pair), *_difference(view, row)))
            groups.append(heading)
            used.append(row)
        average = view.results.find("mmrm.contrast.average", treatment=treatment)
        if average is not None:
            none = say("table.none")
            rows.append((say("continuous.table.average"), none, none, *_difference(view, average)))
            groups.append(heading)
            used.append(average)
    test = view.results.find("mmrm.interaction", "p_value")
    if test is not None:
        none = say("table.none")
        rows.append(
            (
                say("continuous.table.interaction"),
                none,
                none,
                none,
                none,
                cells.value_text(view, test),
                cells.agreement_text(view, [test]),
            )  # fmt: skip
        )
        groups.append(say("table.all_arms"))
        used.append(test)
    return Table(
        title=say("continuous.table.visits.title", endpoint=view.context.endpoint_label),
        columns=(
            say("continuous.table.visit"),
            say("continuous.table.mean_first"),
            say("continuous.table.mean_second"),
            say("continuous.table.difference"),
            say("table.interval_of", level=cells.level(view)),
            say("table.p_value"),
            say("table.second"),
        ),
        rows=rows,
        groups=groups,
        footnotes=cells.footnotes(view, used),
    )


def tipping_point(*, view: View) -> Table:
    """The difference with the treated arm's imputed values made worse step by step, and the step that tips.

    Parameters
    ----------
    view : View
        ``imputation.shifted`` and ``imputation.tipping_point`` are read from its results.

    Notes
    -----
    Misreading: no line estimates what happened to those who left.
    """
    say = view.words
    rows, groups, used = [], [], []
    for treatment in view.context.treatments:
        for row in view.results.select("imputation.shifted", treatment=treatment):
            rows.append((say("continuous.table.delta_of", delta=row.groups["delta"]), *_difference(view, row)))
            groups.append(cells.versus(view, treatment, view.context.reference))
            used.append(row)
    return Table(
        title=say("continuous.table.tipping.title", visit=facts(view).visit),
        columns=(
            say("continuous.table.delta"),
            say("continuous.table.difference"),
            say("table.interval_of", level=cells.level(view)),
            say("table.p_value"),
            say("table.second"),
        ),
        rows=rows,
        groups=groups,
        footnotes=cells.footnotes(view, used),
    )


def responders(*, view: View) -> Table:
    """The difference of the shares of responders after imputation.

    Parameters
    ----------
    view : View
        ``imputation.responder_difference`` is read from its results.
    """
    say = view.words
    found = view.results.select("imputation.responder_difference")
    return Table(
        title=say("continuous.table.responders.title", visit=facts(view).visit),
        columns=(
            say("continuous.table.comparison"),
            say("continuous.table.rule"),
            say("continuous.table.points", level=cells.level(view)),
            say("table.p_value"),
        ),
        rows=[
            (
                cells.comparison(view, row),
                say("continuous.table.response", rule=cells.rule_text(row.groups["level"])),
                cells.points_text(view, row),
                cells.p_text_of(view, row),
            )
            for row in found
        ],
        footnotes=cells.footnotes(view, found),
    )
